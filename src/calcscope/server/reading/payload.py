"""What the page of the viewer is given; see ``docs/reference/viewer.md``."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext

from calcscope.report.model import EarlierFinding, ExamReport, ViewReport
from calcscope.server.exams.models import Exam, Image
from calcscope.server.people.models import User
from calcscope.server.reading.models import Draft
from calcscope.server.reading.signing import blind_readings, has_read
from calcscope.server.reading.words import terms, words

CALCIFICATION = {"id", "x", "y", "slice", "probability", "diameter_mm", "outline", "kind", "group"}
GROUP = {"id", "outline", "count", "span_mm", "probability", "morphology", "distribution"}
MIMIC = {"x", "y", "kind", "extent_mm", "outline"}


def payload(exam: Exam, draft: Draft, reader: User, csrf: str) -> dict[str, Any]:
    """The exam with its images, findings and draft, its earlier exams, and the terms to choose from."""
    report = draft.based_on.report()
    content = draft.read()
    earlier = [each for each in exam.comparable() if each.reading is not None]
    given = {
        "exam": {
            "id": str(exam.uuid),
            "date": exam.date and exam.date.isoformat(),
            "mode": exam.mode,
            "mode_name": exam.get_mode_display(),
            "state": exam.state,
            "state_name": exam.get_state_display(),
            "woman": exam.woman.display,
            "born": exam.woman.birth_date and exam.woman.birth_date.isoformat(),
        },
        "reader": {"name": reader.display, "may_sign": not has_read(exam, reader)},
        "csrf": csrf,
        "urls": {
            name: reverse(f"reading:{name}", args=[exam.uuid])
            for name in ("draft", "sign", "release", "preview")
        }
        | {"back": reverse("exams:worklist"), "sign_in": reverse("people:sign-in")},
        "exams": [
            _exam(exam, report, current=True),
            *(_exam(each, each.reading.report(), current=False) for each in earlier if each.reading),
        ],
        "maps": [
            {"view": pair.view, "prior_view": pair.prior_view, "map": pair.map}
            for prior in report.priors
            for pair in prior.views
            if pair.map is not None
        ],
        "terms": terms(),
        "words": words(),
        "content": content.model_dump(by_alias=True, mode="json"),
        "revision": draft.revision,
        "versions": _visible(exam, reader),
        "earlier_findings": [_earlier_finding(each) for each in report.earlier_findings],
    }
    if exam.doubt:
        given["doubt"] = {
            "text": exam.doubt,
            "names": exam.other_names,
            "page": reverse("exams:woman", args=[exam.woman.uuid]),
            "to_page": gettext("See her page"),
        }
    left_out = exam.earlier().filter(other_name=True)
    if exam.other_name and exam.earlier().exists():
        given["not_compared"] = [
            gettext("Her earlier exams are not shown and not compared until it is known whose this one is.")
        ]
    elif left_out:
        said = gettext("The exam of {date} is not shown and not compared. {why}")
        given["not_compared"] = [said.format(date=each.date, why=each.doubt) for each in left_out]
    readings = blind_readings(exam, reader)
    if readings:
        given["readings"] = [
            {
                "who": version.author.display,
                **version.read().model_dump(
                    by_alias=True, mode="json", include={"findings", "assessment", "comment"}
                ),
            }
            for version in readings
        ]
    return given


def _earlier_finding(finding: EarlierFinding) -> dict[str, Any]:
    """What an earlier exam shows and this one no longer, with its places there."""
    change = finding.change
    return finding.model_dump(mode="json", exclude={"change"}) | {
        "date": change.date,
        "status": change.status,
        "words": change.words,
        "places": [
            {
                "view": place.view,
                "prior_view": place.prior_view,
                "x": place.x,
                "y": place.y,
                "error_mm": place.error_mm,
                "map": place.map,
                "outlines": [each.outline for each in place.earlier],
            }
            for place in change.places
        ],
    }


def _visible(exam: Exam, reader: User) -> int:
    """How many signed versions the reader may know of: the other blind reading is none of them."""
    return sum(1 for one in exam.versions.all() if one.kind != "reading" or one.author_id == reader.pk)


def _exam(exam: Exam, report: ExamReport, current: bool) -> dict[str, Any]:
    images = {image.sop_uid: image for image in exam.images.all()}
    return {
        "id": str(exam.uuid),
        "date": exam.date and exam.date.isoformat(),
        "current": current,
        "views": [_view(view, images[view.sop_uid]) for view in report.views if view.sop_uid in images],
    }


def _view(view: ViewReport, image: Image) -> dict[str, Any]:
    return {
        "uid": view.sop_uid,
        "laterality": view.laterality,
        "view": view.view,
        "modifiers": view.modifiers,
        "label": view.label,
        "rows": view.rows,
        "columns": view.columns,
        "pixel_mm": view.pixel_mm,
        "frames": image.frames,
        "image": reverse("exams:pixels", args=[image.uuid]),
        "thumb": reverse("exams:preview", args=[image.uuid]),
        "outline": view.anatomy.outline,
        "nipple": view.anatomy.nipple,
        "calcifications": [each.model_dump(include=CALCIFICATION) for each in view.calcifications],
        "groups": [each.model_dump(include=GROUP) for each in view.groups],
        "mimics": [each.model_dump(include=MIMIC) for each in view.mimics],
    }
