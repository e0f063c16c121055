"""Earlier exams in the renderings: the earlier image is laid where it belongs, and every change is told."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import sample
from PIL import Image
from pydantic import ValidationError
from rich.console import Console
from test_pages import Page

from calcscope.exam.model import Mammogram, Orientation, View
from calcscope.report import files
from calcscope.report.beside import TICKS, Films, _step, draw_blink, draw_change, draw_trend
from calcscope.report.counterpart import Counterpart
from calcscope.report.frame import Frame
from calcscope.report.html import render_html
from calcscope.report.model import (
    Change,
    EarlierCalcification,
    EarlierFinding,
    ExamReport,
    Location,
    Moment,
    Place,
    Prior,
    PriorView,
    Report,
)
from calcscope.report.palette import CATEGORY_COLOURS, rgb
from calcscope.report.rendering import render_exam
from calcscope.report.terminal import print_summary
from calcscope.report.words import quantity, status

THEN_UID, THEN_STUDY = "1.2.826.0.1.99", "1.2.826.0.1.4711.9"
SHIFT = np.array([25.0, -40.0])
"""Where the earlier film shows what the current one does, canonical pixels further."""


def earlier_film(now: View, turns: int) -> tuple[View, tuple[tuple[float, ...], ...]]:
    """The same film shifted, stored otherwise; and the map from source to source."""
    film = now.load()
    rows, columns = film.pixels.shape
    matrix = np.float32([[1, 0, SHIFT[0]], [0, 1, SHIFT[1]]])
    pixels = cv2.warpAffine(film.pixels, matrix, (columns, rows))
    shape = (rows, columns) if turns % 2 == 0 else (columns, rows)
    orientation = Orientation(*shape, turns, flip=film.orientation.flip)
    info = replace(film.info, sop_uid=THEN_UID, source="then.dcm", rows=shape[0], columns=shape[1])
    mammogram = Mammogram(info, pixels, film.valid, orientation, film.display)
    corners = np.array([[0.0, 0], [100, 0], [0, 100]])
    there = orientation.to_source(film.orientation.to_canonical(corners) + SHIFT)
    affine = np.linalg.solve(np.c_[corners, np.ones(3)], there).T
    return View(info, lambda slice=None: mammogram), tuple(tuple(row) for row in affine.tolist())


def compared(turns: int = 1) -> tuple[ExamReport, list[View], View]:
    """The sample's exam; its group had four of its seven calcifications two years ago, and one more."""
    exam, films = sample.screening_exam()
    finding, (rcc, *_) = exam.findings[0], exam.views
    then, affine = earlier_film(films[0], turns)
    names = finding.members[0].calcifications
    specks = {each.id: each for each in rcc.calcifications}
    linear = np.array(affine)

    def mapped(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x, y) for x, y in (np.c_[np.array(points), np.ones(len(points))] @ linear.T).tolist()]

    def was(name: str, *, found_now: bool = True) -> EarlierCalcification:
        speck = specks[name]
        ((x, y),) = mapped([(speck.x, speck.y)])
        return EarlierCalcification(
            x=x, y=y, diameter_mm=speck.diameter_mm, probability=0.9, outline=mapped(speck.outline),
            found_now=found_now, same_as=name if found_now else None,
        )  # fmt: skip

    middle = rcc.groups[0]
    ((x, y),) = mapped([(middle.x, middle.y)])
    place = Place(
        view=rcc.sop_uid, prior_view=THEN_UID, x=x, y=y, error_mm=1.5, map=affine, calcifications=names,
        not_found_then=names[4:], earlier=[was(name) for name in names[:4]],
    )  # fmt: skip
    change = Change(
        prior=THEN_STUDY, date="2024-10-02", status=["more", "denser"],
        numbers={"count_now": 7, "count_then": 4, "comparable_now": 7, "comparable_then": 4,
                 "count_change": 3, "years": 2.1},
        interval={"count_change": (2, 5)}, detection_limit={"now_mm": 0.2, "then_mm": 0.24},
        words=["4 found in October 2024, 7 now."], raises_suspicion=True, places=[place],
    )  # fmt: skip
    trend = [
        Moment(date="2022-10-02", count=0, span_mm=None, status=["not_comparable"]),
        Moment(date="2024-10-02", count=4, span_mm=3.0, status=["more", "denser"]),
        Moment(date="2026-11-10", count=7, span_mm=5.7, status=None),
    ]
    gone = EarlierFinding(
        id="E1", laterality="R", morphology="round", distribution="grouped", count=3, span_mm=2.0,
        location=Location(half="outer", certainty="one view"),
        change=Change(
            prior=THEN_STUDY, date="2024-10-02", status=["resolved"],
            numbers={}, interval={}, detection_limit={}, words=["Nothing of it is found now."],
            places=[place.model_copy(update={
                "calcifications": [], "not_found_then": [],
                "earlier": [was(name, found_now=False) for name in names[:3]],
            })],
        ),
    )  # fmt: skip
    prior = Prior(
        source="then/", study_uid=THEN_STUDY, date="2024-10-02", years=2.1, used=True,
        views=[PriorView(view=rcc.sop_uid, prior_view=THEN_UID, source="then.dcm", pixel_mm=0.1,
                         agreement=0.9, error_mm=1.5, turned_over=True)],
        warnings=["RCC: The earlier image is stored upside down."],
    )  # fmt: skip
    data = exam.model_dump()
    data["priors"] = [prior.model_dump(), *data["priors"]]
    data["findings"][0] |= {"change": change.model_dump(), "trend": [each.model_dump() for each in trend]}
    data["earlier_findings"] = [gone.model_dump()]
    return ExamReport.model_validate(data), films, then


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    exam, films, then = compared()
    report = sample.report_of(exam)
    place = tmp_path_factory.mktemp("change") / exam.folder
    assert render_exam(report, exam, films, place, earlier=[then]) == []
    return place, report


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("deformed", [False, True])
def test_the_earlier_image_shows_the_same_place_however_it_is_stored(turns: int, deformed: bool) -> None:
    exam, films, then = compared(turns)
    change = exam.findings[0].change
    assert change is not None
    (place,) = change.places
    now, was = films[0].load(), then.load()
    middle = exam.views[0].groups[0]
    frame = Frame.around(now, (middle.x, middle.y), 12.5, 320)
    beside = Counterpart.of(frame, place, was, deformed=deformed)
    own, other = frame.grey(now, stretch=True)[..., 0], beside.grey(was)[..., 0]
    assert np.corrcoef(own.ravel().astype(float), other.ravel().astype(float))[0, 1] > 0.98
    speck = exam.views[0].calcifications[0]
    drawn = beside.to_drawn(np.array([[place.earlier[0].x, place.earlier[0].y]]), was)
    assert drawn[0] == pytest.approx(frame.to_drawn(np.array([[speck.x, speck.y]]))[0], abs=1)


def test_beside_it_is_not_stretched_and_over_it_it_is() -> None:
    exam, films, then = compared(0)
    change = exam.findings[0].change
    assert change is not None
    stretched = np.array(change.places[0].map) * [[1.2, 1.2, 1.2], [1, 1, 1]]
    place = change.places[0].model_copy(update={"map": tuple(map(tuple, stretched.tolist()))})
    frame = Frame.around(films[0].load(), (place.x, place.y), 12.5, 320)
    whole, bent = (Counterpart.of(frame, place, then.load(), deformed=each) for each in (False, True))
    scale = np.linalg.svd(whole.to_earlier[:, :2])[1]
    assert scale == pytest.approx(1 / (frame.per_mm * 0.1), rel=1e-6)
    assert np.ptp(np.linalg.svd(bent.to_earlier[:, :2])[1]) > 0.1 * scale[0]


def test_rings_stand_where_the_calcifications_were_and_are() -> None:
    exam, films, then = compared(0)
    finding = exam.findings[0]
    assert finding.change is not None
    pair = Films(films[0].load(), then.load(), "November 2026", "October 2024")
    picture = draw_change(exam.views[0], finding, finding.change, finding.change.places, pair)
    left, right = picture[:640, :640], picture[:640, 644:]
    colour = np.array(rgb(CATEGORY_COLOURS["0"]))

    def coloured(image: np.typing.NDArray[np.uint8]) -> int:
        return int(np.count_nonzero(np.abs(image.astype(int) - colour).sum(axis=2) < 150))

    assert coloured(left) > 200
    # Seven calcifications, three of them with two rings, against four and the dashes around their place.
    assert coloured(right) > 1.2 * coloured(left)


def test_the_blinked_images_lie_on_one_another() -> None:
    exam, films, then = compared(3)
    change = exam.findings[0].change
    assert change is not None
    pair = Films(films[0].load(), then.load(), "November 2026", "October 2024")
    was, now = draw_blink(exam.views[0], change.places[0], pair)
    assert was.shape == now.shape
    below = np.s_[60:]  # above are the names of the exams
    assert np.corrcoef(was[below].ravel().astype(float), now[below].ravel().astype(float))[0, 1] > 0.98


def test_a_trend_is_drawn_with_an_open_dot_for_what_is_not_comparable() -> None:
    exam, _, _ = compared()
    picture = draw_trend(exam.findings[0])
    assert picture.shape[1] == 2 * 560  # number and extent
    few = exam.findings[0].model_copy(update={"trend": exam.findings[0].trend[:2]})
    assert draw_trend(few).shape[1] == 560


def test_the_folder_holds_the_pictures_of_each_comparison(folder: tuple[Path, Report]) -> None:
    place, _ = folder
    made = {path.name for path in (place / files.OVERLAYS).iterdir()}
    assert {
        "change-F1-rcc.png", "blink-F1-rcc-then.png", "blink-F1-rcc-now.png", "trend-F1.png",
        "change-E1-rcc.png",
    } <= made  # fmt: skip
    assert "change-F1-rmlo.png" not in made
    with Image.open(place / files.OVERLAYS / "change-F1-rcc.png") as image:
        assert image.width == 2 * 640 + 4


def test_the_page_tells_the_change_and_blinks_without_a_script(folder: tuple[Path, Report]) -> None:
    place, report = folder
    text = (place / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    for words in (
        "Compared with 2 October 2024", "Increased in number, more closely packed",
        "4 found in October 2024, 7 now.", "+3 (+2 to +5)", "Seen in earlier exams",
        "Round, grouped: resolved since 2 October 2024", "stored upside down", "turned over",
        "Not compared with earlier.zip of 2 October 2024: no view of the same side",
    ):  # fmt: skip
        assert words in page.words, words
    assert page.all("script") == []
    assert {each["type"] for each in page.all("input")} == {"checkbox"}
    for image in page.all("img"):
        assert (place / str(image["src"])).is_file()
        assert len(image.get("alt") or "") > 10
    paper = render_html(report, report.exams[0], paper=True)
    assert "blink-F1" not in paper
    assert "change-F1-rcc.png" in paper


def test_the_terminal_tells_the_change_in_words(folder: tuple[Path, Report], tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=200)
    print_summary(folder[1], tmp_path, console)
    words = console.file.getvalue()  # type: ignore[attr-defined]
    for expected in (
        "Compared with the exam of 2 October 2024",
        "Note  Exam of 2 October 2024, RCC: The earlier image is stored upside down.",
        "Note  Not compared with earlier.zip of 2 October 2024: no view of the same side",
        "F1  increased in number, more closely packed. 4 found in October 2024, 7 now.",
        "E1  round, grouped of October 2024: resolved. Nothing of it is found now.",
    ):
        assert expected in words, expected


def test_where_nothing_was_compared_terminal_and_page_say_so(folder: tuple[Path, Report]) -> None:
    exam = folder[1].exams[0]
    left_out = [prior for prior in exam.priors if not prior.used]
    alone = [each.model_copy(update={"change": None, "trend": []}) for each in exam.findings]
    exam = exam.model_copy(update={"priors": left_out, "findings": alone, "earlier_findings": []})
    report = folder[1].model_copy(update={"exams": [exam]})
    console = Console(file=io.StringIO(), width=200)
    print_summary(report, folder[0], console)
    for said in (console.file.getvalue(), render_html(report, exam)):  # type: ignore[attr-defined]
        assert "Nothing was compared" in said


def test_of_many_places_those_that_only_one_image_shows_are_drawn_first() -> None:
    exam, films, then = compared()
    view, finding = exam.views[0], exam.findings[0]
    change = finding.change
    assert change is not None
    (place,) = change.places
    parts = [
        place.model_copy(
            update={"calcifications": [name], "not_found_then": [name] * (n == 6), "earlier": []}
        )
        for n, name in enumerate(place.calcifications)
    ]
    pair = Films(films[0].load(), then.load(), "October 2024", "November 2026")
    # The one that is new stands first whatever the order, so the picture's first pair is the same.
    pictures = [draw_change(view, finding, change, given, pair) for given in (parts, [parts[6], *parts[:6]])]
    assert np.array_equal(*pictures)
    first = draw_change(view, finding, change, [parts[6], *parts[:3]], pair)
    assert np.array_equal(pictures[0][:100, :100], first[:100, :100])


def test_the_table_says_of_each_calcification_whether_it_was_found_then(folder: tuple[Path, Report]) -> None:
    table = pq.read_table(folder[0] / files.TABLE)
    rows = [row for row in table.to_pylist() if row["finding"] == "F1"]
    rcc = [row for row in rows if row["view"] == "CC"]
    assert [row["found_then"] for row in rcc] == [True] * 4 + [False] * 3
    assert {row["found_then"] for row in rows if row["view"] == "MLO"} == {None}
    assert {row["finding_change"] for row in rows} == {"more, denser"}
    assert b"earlier exam" in table.schema.field("found_then").metadata[b"description"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"prior": "1.2.3"}, "no prior in use"),
        ({"status": []}, "at least 1"),
        ({"date": "2.10.2024"}, "isoformat"),
    ],
)
def test_a_comparison_with_no_prior_in_use_is_refused(change: dict[str, object], complaint: str) -> None:
    data = compared()[0].model_dump()
    data["findings"][0]["change"] |= change
    with pytest.raises(ValidationError, match=complaint):
        ExamReport.model_validate(data)


def test_a_place_that_names_what_the_view_lacks_is_refused() -> None:
    data = compared()[0].model_dump()
    data["findings"][0]["change"]["places"][0]["not_found_then"] = ["c99"]
    with pytest.raises(ValidationError, match="c99"):
        ExamReport.model_validate(data)


def test_a_finding_that_could_not_be_compared_says_why() -> None:
    exam, _, _ = compared()
    finding = exam.findings[0]
    assert finding.change is not None
    unsaid = finding.change.model_copy(
        update={
            "status": ["not_comparable"],
            "words": [],
            "numbers": {},
            "reason": "It is too fine.",
            "places": [],
        }
    )
    shown = exam.model_copy(update={"findings": [finding.model_copy(update={"change": unsaid})]})
    words = Page(render_html(sample.report_of(shown), shown)).words
    assert "Not comparable" in words
    assert "It is too fine." in words


@pytest.mark.parametrize("whole", [True, False])
def test_a_trend_of_any_height_has_round_lines_across_and_not_too_many(whole: bool) -> None:
    for greatest in np.r_[np.arange(1.0, 130.0, 0.1), 999, 4000]:
        step = _step(float(greatest), whole)
        assert greatest / step <= TICKS
        assert step <= greatest * 2.5 or step == 1
        assert not whole or step % 1 == 0


def test_what_may_have_grown_is_not_called_unchanged_and_what_hid_below_the_limit_is_counted() -> None:
    exam, _, _ = compared()
    finding = exam.findings[0]
    assert finding.change is not None
    numbers = {**finding.change.numbers, "below_limit_now": 0.0, "below_limit_then": 2.0}
    unsure = finding.change.model_copy(
        update={"status": ["unchanged"], "may_have_grown": True, "numbers": numbers, "places": []}
    )
    assert status(unsure) == "not certainly changed"
    assert ("Of these, not found in the other and below its limit", "0", "2", "") in quantity(unsure)
    shown = exam.model_copy(update={"findings": [finding.model_copy(update={"change": unsure})]})
    words = Page(render_html(sample.report_of(shown), shown)).words
    assert "Not certainly changed" in words
    assert "Unchanged" not in words
