"""One exam: its views read, its findings assessed, its report put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from calcscope import lexicon
from calcscope.assess import FindingAssessment, Reason, assess_exam, assess_finding
from calcscope.breast import Foreign
from calcscope.describe.model import GroupDescription
from calcscope.errors import UnreadableInput
from calcscope.exam import Exam, Failure, View
from calcscope.exam.model import Laterality, Points
from calcscope.groups import Group
from calcscope.priors.choose import choose_priors
from calcscope.reading.changes import change_model, earlier_finding, prior_models, trend_models
from calcscope.reading.comparison import (
    Became,
    Comparison,
    Earlier,
    Gone,
    LeftOut,
    Offered,
    Placed,
    became,
    compare_exams,
    deciding,
    gone,
    to_be_compared,
)
from calcscope.reading.facts import facts_of
from calcscope.reading.faults import fault
from calcscope.reading.findings import Found, Seen, collect
from calcscope.reading.settings import ReadSettings
from calcscope.reading.view import ViewReading, read_view
from calcscope.reading.workers import IN_THREADS, Workers
from calcscope.report import model


def read_exam(
    exam: Exam,
    settings: ReadSettings,
    progress: Callable[[str], None] = lambda what: None,
    offered: Sequence[Offered] = (),
    left_out: Sequence[LeftOut] = (),
    workers: Workers = IN_THREADS,
) -> tuple[model.ExamReport | None, list[Failure]]:
    """Read an exam.

    Parameters
    ----------
    exam : the views
    settings : how to read
    progress : told what is being done
    offered : earlier exams to compare it with; what is found does not depend on them
    left_out : what was given as an earlier exam and is none
    workers : who reads the views

    Returns
    -------
    The exam's report, None when no view could be read; and the views that could not, with reasons, those of
    earlier exams too
    """
    wanted = [view for view in exam.views if not _is_raw_twin(view, exam)]
    compare = bool(choose_priors(replace(exam, views=tuple(wanted)), [one.exam for one in offered])[0])
    listing = to_be_compared(settings) if compare else settings
    read = workers.read(lambda view: _read(view, listing, progress, compare), wanted)
    views = [_with_warnings(each, exam) for each in read if isinstance(each, ViewReading)]
    failures = [each for each in read if isinstance(each, Failure)]
    if not views:
        return None, failures

    found = collect(views, settings)
    comparison, changes, lost = _compared(exam, views, found, offered, settings, progress, workers)
    comparison = replace(comparison, left_out=(*comparison.left_out, *left_out))
    listed = [_listed(i, view, found, settings) for i, view in enumerate(views)]
    shown = [_view(view, ids) for view, ids in zip(views, listed, strict=True)]
    priors = prior_models(comparison, views)
    described = [_described(item, since, views, listed) for item, since in zip(found, changes, strict=True)]
    judged = [
        assess_finding(facts, settings.mode, settings.assess) for facts in facts_of(described, shown, priors)
    ]
    verdict = assess_exam(
        judged,
        settings.mode,
        bool(comparison.earlier),
        {view.info.laterality for view in views},
        settings.assess,
        _untold(found, judged, changes, views),
    )
    order = sorted(range(len(found)), key=lambda n: _urgency(found[n], judged[n]))
    report = model.ExamReport(
        study_uid=exam.study_uid,
        patient_id=exam.patient_id,
        date=exam.date,
        mode=settings.mode,
        priors=priors,
        views=shown,
        findings=[
            _finding(f"F{n + 1}", found[k], described[k], judged[k], trend_models(exam.date, changes[k]))
            for n, k in enumerate(order)
        ],
        earlier_findings=[earlier_finding(f"E{n + 1}", one, views, listed) for n, one in enumerate(lost)],
        assessment=model.ExamAssessment.model_validate(
            {
                "left": verdict.left,
                "right": verdict.right,
                "overall": verdict.overall,
                "reasons": [reason_model(r) for r in verdict.reasons],
            }
        ),
        next_steps=[
            model.NextStep(code=s.code, text=s.text, due_days=s.due_days) for s in verdict.next_steps
        ],
    )
    return report, [*failures, *comparison.failures]


def _compared(
    exam: Exam,
    views: list[ViewReading],
    found: list[Found],
    offered: Sequence[Offered],
    settings: ReadSettings,
    progress: Callable[[str], None],
    workers: Workers,
) -> tuple[Comparison, list[list[Became]], list[Gone]]:
    """The earlier exams, what became of each finding since each of them, and what only they show.

    A fault in comparing costs neither the exam that is read nor the other earlier ones.
    """
    if not offered:
        return Comparison(), [[] for _ in found], []
    present = {view.info.sop_uid for view in views}
    current = replace(exam, views=tuple(view for view in exam.views if view.info.sop_uid in present))
    comparison = compare_exams(current, views, offered, settings, _read_earlier, workers, progress)
    used: list[Earlier] = []
    left_out = list(comparison.left_out)
    changes: list[list[Became]] = [[] for _ in found]
    lost: list[Gone] = []
    places: Placed = []
    for earlier in comparison.earlier:
        try:
            since = [became(item, earlier) for item in found]
            only_then, places = gone(earlier, since, places, settings)
        except Exception as error:
            left_out.append(LeftOut.after_fault(error, earlier.chosen, earlier.source))
            continue
        used.append(earlier)
        lost += only_then
        for of_finding, one in zip(changes, since, strict=True):
            of_finding.append(one)
    return replace(comparison, earlier=tuple(used), left_out=tuple(left_out)), changes, lost


def _untold(
    found: Sequence[Found],
    judged: Sequence[FindingAssessment],
    changes: Sequence[Sequence[Became]],
    views: Sequence[ViewReading],
) -> list[str]:
    """Labels of the views that show a finding for which earlier films would be asked, and of which no earlier
    exam told anything."""
    labels = [
        views[seen.view].info.label
        for item, verdict, since in zip(found, judged, changes, strict=True)
        if verdict.category == "0" and not any(one.change.terms for one in since)
        for seen in item.seen
    ]
    return list(dict.fromkeys(labels))


def _read(
    view: View, settings: ReadSettings, progress: Callable[[str], None], compare: bool
) -> ViewReading | Failure:
    """One view, or why it could not be read: a fault in one view must not cost the others."""
    try:
        return read_view(view, settings, progress, compare=compare)
    except UnreadableInput as error:
        return Failure(error.source, error.reason)
    except Exception as error:
        return Failure(view.info.source, fault(error, "reading a view"))


def _read_earlier(
    view: View, settings: ReadSettings, progress: Callable[[str], None]
) -> ViewReading | Failure:
    return _read(view, settings, progress, True)


def _is_raw_twin(view: View, exam: Exam) -> bool:
    """Whether a For Processing image has its For Presentation version in the exam."""
    return view.info.processing == "processing" and any(
        other.info.processing == "presentation" and other.info.label == view.info.label
        for other in exam.views
    )


def _with_warnings(reading: ViewReading, exam: Exam) -> ViewReading:
    """The reading with what the reader must know of it beside what the file said."""
    warnings = list(reading.info.warnings)
    if any(_is_raw_twin(view, exam) and view.info.label == reading.info.label for view in exam.views):
        warnings.append("The unprocessed version of this view was left out; the processed one was read.")
    if not reading.breast.mask.any():
        warnings.append("No breast was found in this image: nothing was searched.")
    if reading.info.slices > 1:
        warnings.append("Tomosynthesis is read slice by slice; this is experimental.")
    return replace(reading, info=replace(reading.info, warnings=tuple(warnings)))


def _urgency(found: Found, judged: FindingAssessment) -> tuple[int, int, int]:
    order = lexicon.categories().overall_order
    kind = ("group", "vascular", "kind", "lone").index(found.what)
    return order.index(judged.category), kind, -found.facts.count


def _listed(i: int, view: ViewReading, found: list[Found], settings: ReadSettings) -> dict[int, str]:
    """Ids of the calcifications that the report lists: those of findings, and what was asked for."""
    wanted = np.zeros(len(view.specks), dtype=bool)
    for item in found:
        for seen in item.seen:
            if seen.view == i:
                wanted[seen.specks] = True
    if settings.min_probability is not None:
        wanted |= view.specks.probability >= settings.min_probability
    for group in view.more_groups:
        wanted[group.members] = True
    return {int(n): f"C{k + 1}" for k, n in enumerate(np.flatnonzero(wanted))}


def _view(view: ViewReading, ids: dict[int, str]) -> model.ViewReport:
    info, breast, specks = view.info, view.breast, view.specks
    sizes = lexicon.sizes()
    groups = [*zip(view.groups, view.descriptions, strict=True)]
    more = [*zip(view.more_groups, view.more_descriptions, strict=True)]
    group_of = {int(n): f"G{k + 1}" for k, (group, _) in enumerate(groups) for n in group.members}
    vascular = {int(n) for vessel in view.vessels for n in vessel}

    def calcification(n: int, name: str) -> model.Calcification:
        ((x, y),) = _source(view, specks.xy[n : n + 1])
        diameter = float(specks.diameter_mm[n])
        small = sizes.size_pixels.value * info.pixel_mm
        return model.Calcification(
            id=name,
            x=x,
            y=y,
            slice=int(specks.slice[n]) if specks.slice[n] >= 0 else None,
            probability=float(specks.probability[n]),
            diameter_mm=diameter,
            length_mm=float(specks.length_mm[n]),
            width_mm=float(specks.width_mm[n]),
            area_mm2=float(specks.area_mm2[n]),
            contrast=float(specks.contrast[n]),
            snr=float(specks.snr[n]),
            size_class=(
                "micro"
                if diameter < sizes.micro_below_mm.value
                else "macro"
                if diameter >= sizes.macro_from_mm.value
                else "between"
            ),
            size_is_upper_bound=float(specks.width_mm[n]) < small,
            kind="vascular" if n in vascular else view.kinds[n],
            outline=_source(view, specks.outlines[n]),
            group=group_of.get(n),
        )

    def group_model(name: str, group: Group, description: GroupDescription) -> model.Group:
        ((x, y),) = _source(view, np.array([[group.x, group.y]]))
        return model.Group(
            id=name,
            x=x,
            y=y,
            span_mm=group.span_mm,
            count=group.count,
            few=group.few,
            density_per_cm2=group.density_per_cm2,
            probability=group.probability,
            distribution=description.distribution,
            distribution_probabilities=dict(description.distribution_probabilities),
            morphology=description.morphology,
            morphology_probabilities=dict(description.morphology_probabilities),
            typical_kind=description.typical_kind,
            outline=_source(view, group.hull),
        )

    return model.ViewReport(
        source=info.source,
        sop_uid=info.sop_uid,
        laterality=info.laterality,
        view=info.view,
        modifiers=list(info.modifiers),
        rows=info.rows,
        columns=info.columns,
        pixel_mm=info.pixel_mm,
        breast_area_cm2=breast.area_cm2,
        warnings=list(info.warnings),
        anatomy=_anatomy(view),
        morphology_assessable=info.pixel_mm <= sizes.fine_shape_pixel_mm.value,
        experimental=info.slices > 1,
        calcifications=[calcification(n, name) for n, name in ids.items()],
        groups=[group_model(f"G{k + 1}", g, d) for k, (g, d) in enumerate(groups + more)],
        mimics=_mimics(view),
        left_out=_left_out(view),
    )


def _source(view: ViewReading, points: Points) -> list[tuple[float, float]]:
    """Canonical points as (x, y) of the source image."""
    return [(float(x), float(y)) for x, y in view.orientation.to_source(points)]


def _anatomy(view: ViewReading) -> model.Anatomy:
    breast = view.breast

    nipple = None if breast.nipple is None else _source(view, np.array([breast.nipple]))[0]
    line = None if breast.pectoral_line is None else _source(view, breast.pectoral_line)
    return model.Anatomy(
        outline=_source(view, breast.outline),
        pectoral_line=None if line is None else (line[0], line[1]),
        nipple=nipple,
        nipple_certainty=None if nipple is None else breast.nipple_certainty,
    )


def _mimics(view: ViewReading) -> list[model.Mimic]:
    """What looks like a calcification and is none: told by its look, or found beforehand (metal)."""
    result = []
    for mimic in view.mimics:
        ((x, y),) = _source(view, np.array([[mimic.x, mimic.y]]))
        result.append(model.Mimic(x=x, y=y, kind=mimic.kind, extent_mm=mimic.extent_mm))
    known = lexicon.terms().mimics
    result += [model.Mimic(**_placed(view, item)) for item in view.breast.foreign if item.kind in known]
    return result


def _left_out(view: ViewReading) -> list[model.LeftOut]:
    """What else lies in the image and is no breast: nobody would take it for a calcification."""
    known = lexicon.terms().mimics
    return [model.LeftOut(**_placed(view, item)) for item in view.breast.foreign if item.kind not in known]


def _placed(view: ViewReading, item: Foreign) -> dict[str, Any]:
    ((x, y),) = _source(view, np.array([[item.x, item.y]]))
    outline = _source(view, item.outline)
    return {"x": x, "y": y, "kind": item.kind, "extent_mm": item.extent_mm, "outline": outline}


class Described(model.Model):
    """A finding as the report tells of it, before it is judged."""

    laterality: Laterality
    members: list[model.Member]
    distribution: str | None
    morphology: str | None
    typical_kind: str | None
    count: int
    span_mm: model.Length | None
    skin_mm: model.Length | None
    location: model.Location
    change: model.Change | None


def _described(
    found: Found, changes: Sequence[Became], views: list[ViewReading], listed: list[dict[int, str]]
) -> Described:
    facts = found.facts

    def member(seen: Seen) -> model.Member:
        return model.Member(
            view=views[seen.view].info.sop_uid,
            group=None if seen.group is None else f"G{seen.group + 1}",
            calcifications=[listed[seen.view][int(n)] for n in seen.specks],
        )

    since = deciding(changes)
    apart = [(each.view, each.specks[k : k + 1]) for each in found.seen for k in range(len(each.specks))]
    alone = apart if found.what in ("kind", "lone") else []
    return Described(
        laterality=facts.laterality,
        members=[member(seen) for seen in found.seen],
        distribution=facts.distribution,
        morphology=facts.morphology,
        typical_kind=facts.typical_kind,
        count=facts.count,
        span_mm=facts.span_mm,
        skin_mm=facts.skin_mm,
        location=model.Location.model_validate(vars(facts.place)),
        change=None if since is None else change_model(since, views, listed, alone),
    )


def _finding(
    name: str, found: Found, described: Described, judged: FindingAssessment, trend: list[model.Moment]
) -> model.Finding:
    kind = described.typical_kind or ("group" if found.what == "group" else "single")
    return model.Finding.model_validate(
        {
            **{field: getattr(described, field) for field in Described.model_fields},
            "id": name,
            "kind": kind,
            "benign": judged.category == "2",
            "trend": trend,
            "malignancy": None if judged.malignancy is None else vars(judged.malignancy),
            "provisional_suspicion": judged.provisional_suspicion,
            "assessment": {"category": judged.category, "basis": judged.basis},
            "next_step": vars(judged.next_step),
            "reasons": [reason_model(r) for r in judged.reasons],
            "sentence": judged.sentence,
        }
    )


def reason_model(reason: Reason) -> model.Reason:
    """A rule that fired, as the report has it."""
    unverified = lexicon.load("notices")["not_verified"] in reason.source
    return model.Reason(rule=reason.rule, text=reason.text, source=reason.source, verified=not unverified)
