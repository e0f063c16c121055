"""The tree of a Mammography CAD SR (PS3.16, TID 4000 to 4020), template by template.

What the templates have no code for goes into the texts of the impressions (:mod:`wording`).

The body of an individual impression (TID 4002: assessment, change, words, follow-up) hangs on its
first feature: decision "The body of an impression hangs on its first feature".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from itertools import groupby

from highdicom.sr import ContentItem

from calcscope import lexicon
from calcscope.lexicon.model import Code
from calcscope.report import words
from calcscope.report.model import (
    Calcification,
    EarlierCalcification,
    EarlierFinding,
    Finding,
    Group,
    Member,
    Mimic,
    NextStep,
    Place,
    ViewReport,
)
from calcscope.standards.cad_sr import items
from calcscope.standards.cad_sr.items import Picture, Points, Relation
from calcscope.standards.cad_sr.library import Library
from calcscope.standards.cad_sr.wording import earlier_text, finding_text, overall_text
from calcscope.standards.codes import of_group
from calcscope.standards.outlines import speck_tracking, tracking
from calcscope.standards.subject import Subject

DETECTION = "Calcscope calcification detection"
GROUPING = "Calcscope grouping and description"
ASSESSMENT = "Calcscope assessment by rules"
NON_LESIONS = 6401
"""The context group whose objects are in CID 6040 too."""
HELD: Relation = "HAS PROPERTIES"
"""How an impression holds its body."""
NOT_SEEN_THEN = ("new", "not_comparable")
"""Where the earlier image shows no more than doubtful marks, or nothing can be said of it."""
MONTH = 30.4375
MONTHS_FROM_DAYS = 60
"""From here on an interval is said in months, as the recommendations of the atlas are."""


@dataclass(frozen=True)
class _How:
    """How a feature stands in the tree.

    Parameters
    ----------
    tracking : identifier and UID by which it is followed, through all objects of the exam
    cancer : probability of cancer
    """

    relation: Relation
    intent: str
    tracking: tuple[str, str] | None = None
    cancer: float | None = None

    def below(self) -> _How:
        """The same for what the feature is inferred from."""
        return replace(self, relation="INFERRED FROM", cancer=None)


@dataclass(frozen=True)
class Content:
    """The content items of one exam."""

    subject: Subject

    @cached_property
    def library(self) -> Library:
        """The images spoken of."""
        return Library(self.subject)

    @cached_property
    def _views(self) -> dict[str, ViewReport]:
        return {view.sop_uid: view for view in self.subject.exam.views}

    def root(self) -> ContentItem:
        """The document (TID 4000)."""
        return items.container(
            None,
            "report",
            items.code("HAS CONCEPT MOD", "language", items.value("english")),
            self.library.item(),
            self._overall(),
            self._detections(),
            self._analyses(),
            template="4000",
        )

    # Impressions

    def _overall(self) -> ContentItem:
        """Overall impression and recommendation (TID 4001)."""
        exam = self.subject.exam
        result = "all_succeeded" if not self._failed_pairs else "not_all_succeeded"
        result += "_with_findings" if exam.findings else "_without_findings"
        sides = {view.laterality for view in exam.views}
        side = lexicon.terms().sides[sides.pop()].codes[0] if len(sides) == 1 else items.value("both_breasts")
        return items.code(
            "CONTAINS",
            "findings_summary",
            items.value(result),
            *self._impression(
                exam.assessment.overall,
                side,
                overall_text(self.subject),
                exam.next_steps,
                _interval(exam.next_steps[0] if exam.next_steps else None),
            ),
            *self._algorithm("HAS PROPERTIES", ASSESSMENT),
            *self._individual(),
        )

    def _individual(self) -> Iterator[ContentItem]:
        """Individual impressions and recommendations (TID 4003)."""
        exam = self.subject.exam
        for finding in exam.findings:
            body = self._impression(
                finding.assessment.category,
                lexicon.terms().sides[finding.laterality].codes[0],
                finding_text(finding, self._groups(finding)),
                [finding.next_step],
                self._due(finding.next_step),
                _change_code(finding),
            )
            intent = "optional" if finding.benign else "required"
            yield self._container(intent, body, list(self._finding(finding)))
        for earlier in exam.earlier_findings:
            if seen := list(self._earlier(earlier)):
                yield self._container("optional", _remark(earlier_text(earlier), earlier.laterality), seen)
        yield from self._others()
        yield from self._mimics()

    def _container(
        self, intent: str, body: Iterable[ContentItem], features: Sequence[ContentItem]
    ) -> ContentItem:
        features[0].ContentSequence.extend(body)
        return items.container("INFERRED FROM", "individual_impression", _intent(intent), *features)

    def _impression(
        self,
        category: str,
        side: Code,
        said: str,
        steps: Sequence[NextStep],
        when: ContentItem | None,
        change: Code | None = None,
    ) -> Iterator[ContentItem]:
        """The body of an impression (TID 4002)."""
        graded = of_group(lexicon.categories().categories[category].codes, 6027)
        if graded is not None:
            yield items.code(HELD, "assessment", graded, items.code("HAS CONCEPT MOD", "laterality", side))
        if change is not None:
            yield items.code(HELD, "impression", change, items.code("HAS CONCEPT MOD", "laterality", side))
        yield items.text(HELD, "impression_description", said)
        for coded in dict.fromkeys(filter(None, map(_step_code, steps))):
            yield items.code(HELD, "follow_up", coded, items.code("HAS CONCEPT MOD", "laterality", side))
        if when is not None:
            yield when

    def _due(self, step: NextStep) -> ContentItem | None:
        """The day by which a step is due; the interval where the exam has no date. TID 4002 holds one of
        the two."""
        day = self.subject.exam.date
        if not step.due_days or day is None:  # the day is to be later than the exam's own
            return _interval(step)
        return items.date(HELD, "follow_up_date", date.fromisoformat(day) + timedelta(step.due_days))

    # Features

    def _finding(self, finding: Finding) -> Iterator[ContentItem]:
        """A finding: composite features where it is one thing in several views or at several times (TID
        4004), else the single image findings."""
        how = _How(
            "CONTAINS",
            "optional" if finding.benign else "required",
            tracking(self.subject, finding),
            None if finding.malignancy is None else finding.malignancy.probability,
        )
        if any(member.group is None and len(member.calcifications) != 1 for member in finding.members):
            for member in finding.members:
                yield from self._marks(how, member, finding)
        elif len(finding.members) == 1:
            yield self._through_time(how, finding.members[0], finding)
        else:
            parts = [self._through_time(how.below(), member, finding) for member in finding.members]
            grouped = any(member.group is not None for member in finding.members)
            yield self._composite(how, "related_spatially", grouped, parts)

    def _through_time(self, how: _How, member: Member, finding: Finding) -> ContentItem:
        """What one view shows of a finding, with what the earlier view shows of it where it does."""
        then = self._then(member, finding)
        if then is None:
            return next(self._marks(how, member, finding))
        now = next(self._marks(how.below(), member, finding))
        return self._composite(how, "related_temporally", member.group is not None, [now, then])

    def _composite(
        self, how: _How, relation: str, grouped: bool, parts: Iterable[ContentItem]
    ) -> ContentItem:
        """A composite feature (TID 4004)."""
        return items.code(
            how.relation,
            "composite_feature",
            items.value("calcification_cluster" if grouped else "individual_calcification"),
            *_standing(how),
            items.code("HAS PROPERTIES", "composite_type", items.value(relation)),
            items.code("HAS PROPERTIES", "scope", items.value("on_several_images")),
            *self._algorithm("HAS PROPERTIES", GROUPING),
            *_cancer(how.cancer),
            *parts,
        )

    def _marks(self, how: _How, member: Member, finding: Finding) -> Iterator[ContentItem]:
        """The single image findings of one view (TID 4006)."""
        view = self._views[member.view]
        own = {each.id: each for each in view.calcifications}
        specks = [own[one] for one in member.calcifications]
        if member.group is not None:
            group = next(each for each in view.groups if each.id == member.group)
            yield self._cluster(how, view, group, specks, finding)
        elif len(specks) == 1:
            yield self._speck(how, view, specks[0])
        else:
            for speck in specks:
                yield self._speck(self._named(how, view, speck, finding), view, speck)

    def _cluster(
        self, how: _How, view: ViewReport, group: Group, specks: Sequence[Calcification], finding: Finding
    ) -> ContentItem:
        """A calcification cluster (TID 4010) with its calcifications."""
        place = self.library.picture(view.sop_uid)
        distribution = of_group(lexicon.terms().distribution[group.distribution].codes, 6012)
        return self._single(
            how,
            "calcification_cluster",
            GROUPING,
            group.probability,
            *_where((group.x, group.y), group.outline, place),
            _maybe("calcification_type", _type_code(group.typical_kind, group.morphology)),
            _maybe("calcification_distribution", distribution),
            items.num("HAS PROPERTIES", "number_of_calcifications", group.count, "no_units"),
            *(self._speck(self._named(how.below(), view, each, finding), view, each) for each in specks),
        )

    def _speck(self, how: _How, view: ViewReport, speck: Calcification) -> ContentItem:
        """An individual calcification (TID 4009)."""
        place = self.library.picture(view.sop_uid, speck.slice)
        return self._single(
            how,
            "individual_calcification",
            DETECTION,
            speck.probability,
            *_where((speck.x, speck.y), speck.outline, place),
            _maybe("calcification_type", _type_code(speck.kind) or _size_code(speck)),
        )

    def _single(
        self, how: _How, kind: str, algorithm: str, certainty: float | None, *properties: ContentItem | None
    ) -> ContentItem:
        """A single image finding (TID 4006)."""
        sure = []
        if certainty is not None:
            sure.append(items.percent("HAS PROPERTIES", "certainty_of_finding", certainty))
        return items.code(
            how.relation,
            "single_image_finding",
            items.value(kind),
            *_standing(how),
            *self._algorithm("HAS PROPERTIES", algorithm),
            *sure,
            *_cancer(how.cancer),
            *(each for each in properties if each is not None),
        )

    def _named(
        self, how: _How, view: ViewReport, speck: Calcification, finding: Finding | None = None
    ) -> _How:
        """The same for one of several calcifications, which is followed by a name of its own."""
        return replace(how, tracking=speck_tracking(self.subject, view, speck, finding))

    def _then(self, member: Member, finding: Finding) -> ContentItem | None:
        """What the earlier view shows of a finding; None where it shows none of it or is not at hand."""
        change = finding.change
        if change is None or change.status[0] in NOT_SEEN_THEN:
            return None
        places = [one for one in change.places if one.view == member.view and one.earlier]
        places = [one for one in places if one.prior_view == places[0].prior_view]
        seen = [each for place in places for each in place.earlier]
        if not seen or not self.library.holds(places[0].prior_view):
            return None
        how = _How("INFERRED FROM", "optional", tracking(self.subject, finding))
        if member.group is None and len(seen) > 1:
            return None
        if member.group is None:
            picture = self.library.picture(places[0].prior_view)
            return self._single(
                how,
                "individual_calcification",
                DETECTION,
                seen[0].probability,
                *_where((seen[0].x, seen[0].y), seen[0].outline, picture),
            )
        return self._cluster_then(how, places[0], seen, len(seen))

    def _cluster_then(
        self, how: _How, place: Place, seen: Sequence[EarlierCalcification], count: int
    ) -> ContentItem:
        """A calcification cluster in an earlier image."""
        picture = self.library.picture(place.prior_view)
        around = hull([point for each in seen for point in each.outline])
        return self._single(
            how,
            "calcification_cluster",
            GROUPING,
            None,
            *_where((place.x, place.y), around, picture),
            items.num("HAS PROPERTIES", "number_of_calcifications", count, "no_units"),
        )

    def _earlier(self, finding: EarlierFinding) -> Iterator[ContentItem]:
        """Where an earlier image shows what is no finding any more."""
        how = _How("CONTAINS", "optional", tracking(self.subject, finding))
        for place in finding.change.places:
            if self.library.holds(place.prior_view):
                yield self._cluster_then(how, place, place.earlier, len(place.earlier) or finding.count)

    def _others(self) -> Iterator[ContentItem]:
        """The calcifications that the reading took for real and that belong to no finding."""
        exam, threshold = self.subject.exam, self.subject.report.settings.get("operating_point")
        least = threshold if isinstance(threshold, float | int) else 0.0
        told = {
            (m.view, one) for finding in exam.findings for m in finding.members for one in m.calcifications
        }
        for side, views in groupby(exam.views, lambda view: view.laterality):
            marks = [
                self._speck(self._named(_How("CONTAINS", "optional"), view, speck), view, speck)
                for view in views
                for speck in view.calcifications
                if speck.probability >= least and (view.sop_uid, speck.id) not in told
            ]
            if marks:
                said = f"{len(marks)} marks of calcifications that belong to no finding."
                yield self._container("optional", _remark(said, side), marks)

    def _mimics(self) -> Iterator[ContentItem]:
        """What is no calcification: non-lesions (TID 4012), whose kind the words name too."""
        found = sorted(
            (
                (view.laterality, mimic.kind, view, mimic)
                for view in self.subject.exam.views
                for mimic in view.mimics
            ),
            key=lambda one: one[:2],
        )
        for (side, kind), same in groupby(found, lambda one: one[:2]):
            marks = [self._mimic(view, mimic) for _, _, view, mimic in same]
            said = f"{words.term(kind)}, no calcification; {words.advice(kind)}."
            yield self._container("optional", _remark(said, side), marks)

    def _mimic(self, view: ViewReport, mimic: Mimic) -> ContentItem:
        """A non-lesion; what no code names is an unspecified one, which the words name."""
        place, at = self.library.picture(view.sop_uid), (mimic.x, mimic.y)
        radius = max(mimic.extent_mm / view.pixel_mm / 2, 0.5)
        kind = of_group(lexicon.terms().mimics[mimic.kind].codes, NON_LESIONS)
        return self._single(
            _How("CONTAINS", "optional"),
            "non_lesion",
            DETECTION,
            None,
            items.point(HELD, "center", at, place),
            items.polygon(HELD, "outline", mimic.outline, place)
            or items.circle(HELD, "outline", at, radius, place),
            items.code(HELD, "object_type", kind or items.value("unspecified_object")),
        )

    def _groups(self, finding: Finding) -> list[tuple[ViewReport, Group]]:
        return [
            (view, group)
            for member in finding.members
            for view in [self._views[member.view]]
            for group in view.groups
            if group.id == member.group
        ]

    # What was done

    def _detections(self) -> ContentItem:
        """Summary of detections (TID 4015): every view of the exam was searched."""
        pictures = [self.library.picture(view.sop_uid) for view in self.subject.exam.views]
        done = [
            items.code(
                "CONTAINS",
                "detection_performed",
                items.value(kind),
                *self._algorithm("HAS PROPERTIES", algorithm, parameters=True),
                *(items.reference("HAS PROPERTIES", picture.position) for picture in pictures),
            )
            for kind, algorithm in (
                ("individual_calcification", DETECTION),
                ("calcification_cluster", GROUPING),
            )
        ]
        return items.code(
            "CONTAINS",
            "summary_of_detections",
            items.value("succeeded"),
            items.container("INFERRED FROM", "successful_detections", *done),
        )

    def _analyses(self) -> ContentItem:
        """Summary of analyses (TID 4016): impressions, views against one another, this exam against an
        earlier one."""
        exam = self.subject.exam
        every = [view.sop_uid for view in exam.views]
        done = [("individual_impressions", every), ("overall_impression", every)]
        for _, views in groupby(exam.views, lambda view: view.laterality):
            own = list(views)
            if {"CC", "MLO"} <= {view.view for view in own}:
                done.append(("spatial_collocation", [view.sop_uid for view in own]))
        done += [("temporal_correlation", pair) for pair in self._compared_pairs]
        failed = [("temporal_correlation", pair) for pair in self._failed_pairs]
        parts = [
            items.container("INFERRED FROM", what, *(self._analysis(*one) for one in some))
            for what, some in (("successful_analyses", done), ("failed_analyses", failed))
            if some
        ]
        result = items.value("partially_succeeded" if failed else "succeeded")
        return items.code("CONTAINS", "summary_of_analyses", result, *parts)

    def _analysis(self, what: str, pictures: Iterable[str]) -> ContentItem:
        algorithm = ASSESSMENT if what.endswith(("impression", "impressions")) else GROUPING
        return items.code(
            "CONTAINS",
            "analysis_performed",
            items.value(what),
            *self._algorithm("HAS PROPERTIES", algorithm, parameters=True),
            *(items.reference("HAS PROPERTIES", self.library.picture(one).position) for one in pictures),
        )

    @property
    def _compared_pairs(self) -> list[list[str]]:
        return self._pairs(failed=False)

    @property
    def _failed_pairs(self) -> list[list[str]]:
        return self._pairs(failed=True)

    def _pairs(self, failed: bool) -> list[list[str]]:
        """Views with the earlier ones that were, or could not be, laid on them; of an earlier image that is
        not at hand nothing can be said, since nothing can name it."""
        return [
            [laid.view, laid.prior_view]
            for prior in self.subject.exam.priors
            for laid in (prior.views if prior.used else ())
            if (laid.reason is not None) == failed and self.library.holds(laid.prior_view)
        ]

    def _algorithm(
        self, relation: Relation, algorithm: str, parameters: bool = False
    ) -> Iterator[ContentItem]:
        """Name, version and parameters of an algorithm (TID 4019)."""
        report = self.subject.report
        yield items.text(relation, "algorithm_name", algorithm)
        yield items.text(relation, "algorithm_version", report.calcscope_version)
        if parameters:
            for model, digest in sorted(report.models.items()):
                yield items.text(relation, "algorithm_parameters", f"{model} sha256 {digest}")
            settings = ", ".join(f"{key}={held}" for key, held in sorted(report.settings.items()))
            if settings:
                yield items.text(relation, "algorithm_parameters", settings)


def _remark(said: str, side: str) -> list[ContentItem]:
    """An impression that holds words alone."""
    return [items.text(HELD, "impression_description", f"{words.SIDES[side]} breast: {said}")]


def _where(at: tuple[float, float], outline: Points, picture: Picture) -> list[ContentItem | None]:
    """Centre and outline of a mark."""
    return [
        items.point("HAS PROPERTIES", "center", at, picture),
        items.polygon("HAS PROPERTIES", "outline", outline, picture),
    ]


def _standing(how: _How) -> list[ContentItem]:
    """Whether a feature is to be shown, and what it is followed by (TID 4108)."""
    if how.tracking is None:
        return [_intent(how.intent)]
    identifier, uid = how.tracking
    return [
        _intent(how.intent),
        items.text("HAS OBS CONTEXT", "tracking_identifier", identifier),
        items.uid("HAS OBS CONTEXT", "tracking_uid", uid),
    ]


def _intent(intent: str) -> ContentItem:
    return items.code("HAS CONCEPT MOD", "rendering_intent", items.value(intent))


def _cancer(probability: float | None) -> list[ContentItem]:
    if probability is None:
        return []
    return [items.percent("HAS PROPERTIES", "probability_of_cancer", probability)]


def _maybe(what: str, held: Code | None) -> ContentItem | None:
    return None if held is None else items.code("HAS PROPERTIES", what, held)


def _type_code(kind: str | None, morphology: str | None = None) -> Code | None:
    """The code of CID 6010 for a typically benign kind, else for a shape."""
    words_ = lexicon.terms()
    term = words_.typical_kinds.get(kind or "") or words_.morphology.get(morphology or "")
    return None if term is None else of_group(term.codes, 6010)


def _size_code(speck: Calcification) -> Code | None:
    return of_group(lexicon.terms().size_classes[speck.size_class].codes, 6010)


def _step_code(step: NextStep) -> Code | None:
    known = lexicon.next_steps().steps.get(step.code)
    return None if known is None else of_group(known.codes, 6028)


def _interval(step: NextStep | None) -> ContentItem | None:
    if step is None or step.due_days is None:
        return None
    if step.due_days < MONTHS_FROM_DAYS:
        return items.num(HELD, "follow_up_interval", step.due_days, "day")
    return items.num(HELD, "follow_up_interval", round(step.due_days / MONTH), "month")


def _change_code(finding: Finding) -> Code | None:
    """The most telling change that CID 6002 has a code for.

    None where an increase is likelier than none: the code for no change would say that it is stable.
    """
    known = lexicon.terms().change
    if finding.change is None or finding.change.may_have_grown:
        return None
    for status in finding.change.status:
        found = of_group(known[status].codes, 6002) if status in known else None
        if found is not None:
            return found
    return None


def hull(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Convex hull of points (Andrew's monotone chain), counter-clockwise; the points where they are few."""
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return ordered

    def half(some: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
        chain: list[tuple[float, float]] = []
        for x, y in some:
            while len(chain) > 1:
                (ax, ay), (bx, by) = chain[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                chain.pop()
            chain.append((x, y))
        return chain[:-1]

    return half(ordered) + half(reversed(ordered))
