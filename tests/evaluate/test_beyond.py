"""What only simulated exams can tell, on own small truths and readings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from calcscope.evaluate.bands import banded, bands, draw_bands, table_of_bands
from calcscope.evaluate.beyond import Beyond
from calcscope.evaluate.froc import MarkedImage
from calcscope.evaluate.marked import MarkedGroup, MarkedSpeck, Outline
from calcscope.evaluate.measure import Measured
from calcscope.evaluate.phantom import PhantomView
from calcscope.exam import Orientation, ReadOptions


def region(top: float = 0.0) -> MarkedGroup:
    """30 pixels square, at the left edge."""
    return MarkedGroup(Outline(np.array([[0.0, top], [30, top], [30, top + 30], [0, top + 30]])))


def test_calcifications_are_parted_by_snr() -> None:
    specks = tuple(MarkedSpeck(0.0, 0.0, snr=snr) for snr in (3.0, 5.0, 9.0, 8.0))
    marked = PhantomView("a", "w", Path("a"), options=None, specks=specks)  # type: ignore[arg-type]
    image = MarkedImage(((0.9, 2), (0.8, 0), (0.7, None), (0.6, 3)), truths=4)
    measured = Measured(views=[marked], singles=[image])
    (strong,) = banded(measured, 7, np.inf)
    assert (strong.truths, strong.marks) == (2, ((0.9, 0), (0.7, None), (0.6, 1)))
    (middle,) = banded(measured, 4, 7)
    assert (middle.truths, middle.marks) == (1, ((0.7, None),))


def test_calcifications_that_touch_are_one_of_the_clearest_ones_snr() -> None:
    """Three that touch, of SNR 3, 9 and 5, and one alone of SNR 8: a mark on any of the three is a hit."""
    things = zip((3.0, 9.0, 8.0, 5.0), (4, 4, None, 4), strict=True)
    specks = tuple(MarkedSpeck(10.0 * n, 0.0, snr=snr, object=of) for n, (snr, of) in enumerate(things))
    marked = PhantomView("a", "w", Path("a"), options=ReadOptions(), specks=specks)
    assert marked.objects == [[0, 1, 3], [2]]
    reading = SimpleNamespace(
        orientation=Orientation(50, 50),
        info=SimpleNamespace(pixel_mm=0.1),
        specks=SimpleNamespace(
            xy=np.array([[30.0, 0.0], [0.0, 1.0], [40.0, 40.0]]), probability=np.array([0.9, 0.8, 0.7])
        ),
    )
    singly = marked.marked_singly(reading)  # type: ignore[arg-type]
    assert singly is not None
    image = marked.as_objects(singly)
    assert (image.truths, image.marks) == (2, ((0.9, 0), (0.8, 0), (0.7, None)))
    measured = Measured(views=[marked], singles=[image], apart=[singly])
    (strong,) = banded(measured, 7, np.inf)
    assert (strong.truths, strong.best.tolist()) == (2, [0.9, -np.inf])
    (strong,) = banded(measured, 7, np.inf, apart=True)
    assert (strong.truths, strong.best.tolist()) == (2, [-np.inf, -np.inf])


def test_the_bands_are_printed_and_drawn_beside_the_scanning_ideal_observer(tmp_path: Path) -> None:
    """Of SNR 5 one of two is found before the first false mark; nothing is weaker than 4."""
    specks = tuple(MarkedSpeck(0.0, 0.0, radius=2.5, snr=snr) for snr in (5.0, 5.0, 30.0))
    views = [
        PhantomView("a", "w", Path("a"), None, specks=specks),  # type: ignore[arg-type]
        PhantomView("b", "w", Path("b"), None, specks=(), normal=True),  # type: ignore[arg-type]
    ]
    images = [
        MarkedImage(((0.9, 2), (0.8, 0), (0.2, 1)), truths=3),
        MarkedImage(((0.5, None), (0.4, None)), normal=True),
    ]
    measured = Measured(views=list(views), pixel_mm=[0.1, 0.1], singles=images, apart=images)
    strong, middle = bands(measured, 100)
    assert strong.scanning.sensitivity(1) == pytest.approx(1)
    assert 0.4 < middle.scanning.sensitivity(1) < 0.9
    table = table_of_bands(measured, 100)
    first, second, _, fourth = (list(column.cells)[3:] for column in table.columns[:4])
    each = "  touching ones each for itself"
    assert first == ["SNR 4 to 7", each, "  scanning ideal observer"]
    assert second == ["2", "2", ""]
    assert fourth[0].startswith("1.00")  # at two false marks
    picture = tmp_path / "curves" / "bands.png"
    assert draw_bands(measured, 100, picture)
    assert picture.is_file()
    assert not draw_bands(Measured(), 100, picture)


@dataclass
class Named:
    kind: str
    x: float
    y: float
    extent_mm: float = 2.0
    outline: Any = None


@dataclass
class Reading:
    """As much of a reading as is compared; magnification views are of no pair."""

    mimics: list[Named]
    nipple: tuple[float, float] | None = None
    foreign: list[Named] = field(default_factory=list)
    orientation: Orientation = field(default_factory=lambda: Orientation(100, 80, flip=True))
    xy: Any = field(default_factory=lambda: np.zeros((0, 2)))
    groups: tuple[Any, ...] = ()
    descriptions: tuple[Any, ...] = ()
    more_groups: tuple[Any, ...] = ()
    more_descriptions: tuple[Any, ...] = ()

    @property
    def specks(self) -> SimpleNamespace:
        return SimpleNamespace(xy=self.xy, probability=np.linspace(0.9, 0.5, len(self.xy)))

    @property
    def breast(self) -> SimpleNamespace:
        return SimpleNamespace(nipple=self.nipple, nipple_certainty="seen", foreign=self.foreign)

    @property
    def info(self) -> SimpleNamespace:
        return SimpleNamespace(pixel_mm=0.1, view="CC", modifiers=("magnification",), laterality="R")


def test_the_nipple_and_marks_are_compared_in_pixels_of_the_file() -> None:
    marks = (("powder", 20.0, 50.0, 2.0), ("clip", 70.0, 90.0, 2.0), ("metal", 5.0, 5.0, 2.0))
    marked = PhantomView("a", "w", Path("a"), None, nipple=(9.0, 50.0), marks=marks)  # type: ignore[arg-type]
    # The reading is mirrored: x 59 there is x 20 in the file.
    reading = Reading([Named("powder", 59, 50)], (80.0, 50.0), [Named("marker", 9, 90)])
    beyond = Beyond()
    beyond.add(marked, reading)  # type: ignore[arg-type]
    assert beyond.marks == [("powder", "powder"), ("clip", "marker"), ("metal", "")]
    assert beyond.nipple_mm["CC", "seen"] == [pytest.approx(1.0)]


def test_a_group_is_lost_where_most_of_what_can_be_seen_of_it_is_taken_for_a_mimic() -> None:
    """Two lesions of five visible calcifications and one that cannot be seen, under a smear and a marker."""
    places = [(10.0 + 2 * n, y) for y in (10.0, 60.0) for n in range(5)]
    specks = [MarkedSpeck(x, y, radius=1.0, snr=8.0) for x, y in places]
    specks.append(MarkedSpeck(50.0, 50.0, radius=1.0, snr=1.0))
    marked = PhantomView(
        "a", "w", Path("a"), None,  # type: ignore[arg-type]
        groups=(region(), region(50)),
        specks=tuple(specks), lesions=(3, 4), unseen=(5,), speck_lesions=(3,) * 5 + (4,) * 5 + (5,),
    )  # fmt: skip
    smear = Named("powder", 14, 10, extent_mm=1.2)  # 0.6 mm and the reach of a mark: 11 pixels
    marker = Named("marker", 14, 60, outline=np.array([[8.0, 55], [13, 55], [13, 65], [8, 65]]))
    nothing = np.zeros((0, 2))
    for left, lost in ((nothing, 1), (np.array(places[:2]), 1), (np.array(places[:3]), 0)):
        reading = Reading([smear], None, [marker], Orientation(100, 80), xy=left)
        beyond = Beyond()
        beyond.add(marked, reading)  # type: ignore[arg-type]
        # The marker covers two of five of the second lesion: not most.
        assert (beyond.groups, beyond.unseen, beyond.lost) == (2, 1, lost)
    assert "0 of 2 (0%)" in list(beyond.tables(Measured())[0].columns[1].cells)


def test_the_terms_of_the_most_probable_group_are_compared() -> None:
    terms = (("amorphous", "grouped"), ("fine_linear", "linear"), ("punctate", "regional"))
    regions = tuple(region(40.0 * n) for n in range(3))
    marked = PhantomView(
        "a", "w", Path("a"), None, groups=regions, specks=(), lesions=(0, 1, 2), terms=terms,  # type: ignore[arg-type]
    )  # fmt: skip

    def group(y: float, probability: float) -> Any:
        return SimpleNamespace(x=5.0, y=y, members=np.zeros(0, dtype=int), probability=probability)

    def words(morphology: str, distribution: str, typical_kind: str | None = None) -> Any:
        return SimpleNamespace(morphology=morphology, distribution=distribution, typical_kind=typical_kind)

    reading = Reading(
        [], orientation=Orientation(200, 200), groups=(group(5, 0.9), group(45, 0.8)),
        descriptions=(words("amorphous", "grouped"), words("fine_linear", "linear", "rod")),
        more_groups=(group(6, 0.3),), more_descriptions=(words("round", "diffuse"),),
    )  # fmt: skip
    beyond = Beyond()
    beyond.add(marked, reading)  # type: ignore[arg-type]
    # The third was not found; a benign kind is no suspicious shape.
    assert beyond.terms["morphology"] == [
        ("amorphous", "amorphous"), ("fine_linear", "a typically benign kind"),
    ]  # fmt: skip
    assert beyond.terms["distribution"] == [("grouped", "grouped"), ("linear", "linear")]
    beyond.terms["morphology"].append(("punctate", "not_assessable"))
    (table,) = (one for one in beyond.tables(Measured()) if "simulated only" in str(one.title))
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert rows[0][:3] == ("morphology", "2", "0.50")
    assert rows[0][-1] == "1"
    assert rows[1][3].startswith("1.00")


def shown(label: str, exam: str, *, found_at: float | None, seen: bool = True) -> tuple[Any, Any]:
    """A view of lesion 4, and a reading of it with one group."""
    marked = PhantomView(
        label, "w", Path("a"), None, (region(),) if seen else (),  # type: ignore[arg-type]
        specks=(), folder=exam, lesions=(4,) if seen else (), unseen=() if seen else (4,),
    )  # fmt: skip
    group = SimpleNamespace(x=found_at, y=found_at, members=np.array([0]))
    return marked, SimpleNamespace(
        groups=[group], specks=SimpleNamespace(xy=np.array([[found_at, found_at]])), mimics=[],
        orientation=Orientation(100, 100), breast=SimpleNamespace(nipple=None, foreign=[]),
        info=SimpleNamespace(view=label[1:], laterality=label[0], modifiers=(), pixel_mm=0.1),
    )  # fmt: skip


def finding(*seen: tuple[int, int]) -> Any:
    return SimpleNamespace(what="group", seen=[SimpleNamespace(view=v, group=g) for v, g in seen])


TOGETHER, APART = [finding((0, 0), (1, 0))], [finding((0, 0)), finding((1, 0))]


def test_a_lesion_is_paired_where_one_finding_holds_its_groups_of_both_views(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    beyond = Beyond()
    for exam, found_at, findings in (("1", 10.0, TOGETHER), ("2", 10.0, APART), ("3", 70.0, TOGETHER)):
        monkeypatch.setattr("calcscope.evaluate.beyond.collect", lambda views, settings, made=findings: made)
        for label in ("LCC", "LMLO"):
            beyond.add(*shown(label, exam, found_at=found_at))
        beyond.close()
    assert (beyond.missed, beyond.seen, beyond.paired) == (1, 2, 1)


def test_a_lesion_that_cannot_be_seen_in_both_views_is_no_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calcscope.evaluate.beyond.collect", lambda views, settings: TOGETHER)
    beyond = Beyond()
    for exam, seen in (("1", (True, True)), ("2", (True, False)), ("3", (False, False))):
        for label, here in zip(("LCC", "LMLO"), seen, strict=True):
            beyond.add(*shown(label, exam, found_at=10.0, seen=here))
    beyond.close()
    assert (beyond.missed, beyond.seen, beyond.paired) == (0, 1, 1)
    assert (beyond.left_out[1], beyond.left_out[0]) == (1, 1)
    assert (beyond.groups, beyond.unseen) == (3, 3)
