"""The drawings show the spots where the report has them, and count the women that the text counts."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import product

import pytest
from every_result import explained, finding, name, result

from calcscope.server.patients.drawing import CENTRES, HEIGHT, WIDTH, Spot, breasts, icons, position
from calcscope.server.patients.explaining import explain
from calcscope.server.patients.facts import Place

SVG = "{http://www.w3.org/2000/svg}"
QUADRANTS = ("upper_outer", "upper_inner", "lower_outer", "lower_inner")
CLOCKS = {
    # Facing her: three o'clock is on the viewer's right, which is the inner side of her right breast.
    ("R", 2): "upper_inner", ("R", 5): "lower_inner", ("R", 8): "lower_outer", ("R", 10): "upper_outer",
    ("L", 2): "upper_outer", ("L", 5): "lower_outer", ("L", 8): "lower_inner", ("L", 10): "upper_inner",
}  # fmt: skip


def part(side: str, x: float, y: float) -> str:
    """The quadrant of a point of the drawing; her right breast is on the left, and so is its outer side."""
    cx, cy = CENTRES[side]  # type: ignore[index]
    left = x < cx
    outer = left if side == "R" else not left
    return f"{'upper' if y < cy else 'lower'}_{'outer' if outer else 'inner'}"


def numbers(svg: str) -> list[tuple[float, float, str]]:
    """The numbered spots."""
    texts = [each for each in ET.fromstring(svg).iter(f"{SVG}text") if (each.text or "").isdigit()]
    return [(float(each.get("x", "")), float(each.get("y", "")) - 5.5, each.text or "") for each in texts]


@pytest.mark.parametrize(("side", "quadrant"), list(product("LR", QUADRANTS)))
def test_a_spot_lies_in_its_quadrant(side: str, quadrant: str) -> None:
    place = Place(quadrant=quadrant)
    drawn = explain(result(finding("4A", "group", side=side, place=place)), "en").section("found").figure
    ((x, y, number),) = numbers(drawn.svg)
    assert part(side, x, y) == quadrant
    assert number == "1"


@pytest.mark.parametrize(("side", "clock"), list(CLOCKS))
def test_the_clock_is_that_of_who_faces_her(side: str, clock: int) -> None:
    x, y = position(side, Place(clock=clock))  # type: ignore[arg-type, misc]
    assert part(side, x, y) == CLOCKS[side, clock]  # type: ignore[index]


def test_many_spots_in_one_place_stay_there_and_apart() -> None:
    for side, quadrant in product("LR", QUADRANTS):
        place = Place(quadrant=quadrant)
        spots = [
            Spot(finding("4A", "group", id=f"f{n}", side=side, place=place), n + 1)  # type: ignore[arg-type]
            for n in range(4)
        ]
        found = numbers(breasts(spots, right="R", left="L", text="t").svg)
        assert {part(side, x, y) for x, y, _ in found} == {quadrant}
        apart = [abs(a[0] - b[0]) + abs(a[1] - b[1]) for a in found for b in found if a is not b]
        assert min(apart) > 15


def test_no_broken_line_crosses_a_number() -> None:
    places = (Place(half="outer"), Place(half="outer"), Place(), Place(half="outer"))
    spots = [Spot(finding("4A", "group", id=f"f{n}", place=place), n + 1) for n, place in enumerate(places)]
    tags = [
        each.tag.removeprefix(SVG)
        for each in ET.fromstring(breasts(spots, right="R", left="L", text="t").svg)
    ]
    last_line = max(at for at, tag in enumerate(tags) if tag == "ellipse")
    assert tags[last_line + 1 :] == ["circle", "text"] * len(spots)


def test_a_half_is_drawn_as_one_with_a_broken_line() -> None:
    drawn = explain(result(finding("0", "group", place=Place(half="outer"))), "en").section("found").figure
    (around,) = ET.fromstring(drawn.svg).iter(f"{SVG}ellipse")
    assert around.get("stroke-dasharray")
    assert float(around.get("cx", "")) > CENTRES["L"][0]


def test_where_only_the_breast_is_known_the_line_is_around_all_of_it() -> None:
    drawn = explain(result(finding("0", "group", place=Place())), "en").section("found").figure
    (around,) = ET.fromstring(drawn.svg).iter(f"{SVG}ellipse")
    assert (float(around.get("cx", "")), float(around.get("cy", ""))) == CENTRES["L"]


def test_a_breast_that_was_not_looked_at_is_drawn_in_broken_lines() -> None:
    drawn = explain(result(finding("0", "group"), sides=("L",)), "en").section("found").figure
    right, left = ET.fromstring(drawn.svg).findall(f"{SVG}path")
    assert right.get("stroke-dasharray")
    assert not left.get("stroke-dasharray")


def test_everything_lies_in_the_picture_and_no_script_comes_with_it() -> None:
    for facts, explanation in explained("tr"):
        for section in explanation.sections:
            if section.figure is None:
                continue
            tree = ET.fromstring(section.figure.svg)
            assert tree.get("role") == "img"
            assert tree.get("aria-label") == section.figure.text
            assert {each.tag.removeprefix(SVG) for each in tree.iter()} <= {
                "svg", "path", "circle", "ellipse", "text",
            }  # fmt: skip
            assert not re.search(r"\bid=|style=|on\w+=|href|url\(", section.figure.svg)
            if section.id == "found":
                for each in tree.iter(f"{SVG}circle"):
                    assert 0 < float(each.get("cx", "")) < WIDTH, name(facts)
                    assert 0 < float(each.get("cy", "")) < HEIGHT, name(facts)


def test_the_caption_says_whose_right_it_is_and_what_is_harmless() -> None:
    one, harmless = result(finding("4A", "group")), result(finding("2", "single", "skin"))
    captions = [explain(each, "en").section("found").figure.caption for each in (one, harmless)]
    assert all("your right breast is on the left" in caption for caption in captions)
    assert ["harmless" in caption for caption in captions] == [False, True]


def test_the_caption_says_what_a_broken_line_is_where_there_is_one() -> None:
    for place in (Place(), Place(half="outer"), Place(clock=2), Place(quadrant="central")):
        drawn = explain(result(finding("0", "group", place=place)), "en").section("found").figure
        around = list(ET.fromstring(drawn.svg).iter(f"{SVG}ellipse"))
        assert ("broken line" in drawn.caption) == ("broken line" in drawn.text) == bool(around)


def test_what_is_said_is_escaped() -> None:
    drawn = breasts([], right='<b>"R"</b>', left="&", text='a "quoted" <b>')
    assert ET.fromstring(drawn.svg).get("aria-label") == 'a "quoted" <b>'


@pytest.mark.parametrize(("low", "high", "of"), [(0, 2, 100), (2, 10, 100), (95, 100, 100), (0, 1, 1000)])
def test_one_mark_stands_for_each_woman(low: int, high: int, of: int) -> None:
    tree = ET.fromstring(icons(low, high, of, text="t").svg)
    circles = list(tree.iter(f"{SVG}circle"))
    halves = list(tree.iter(f"{SVG}path"))
    full = [each for each in circles if each.get("fill") == each.get("stroke")]
    assert (len(circles), len(full), len(halves)) == (of, low, high - low)


def test_the_marks_are_those_of_the_odds_that_the_text_names() -> None:
    for _facts, explanation in explained("en"):
        section = explanation.section("odds")
        if explanation.odds is None:
            assert section.figure is None
            continue
        tree = ET.fromstring(section.figure.svg)
        assert len(list(tree.iter(f"{SVG}circle"))) == explanation.odds.of
        assert str(explanation.odds.of) in section.figure.text


def test_harmless_spots_are_drawn_without_a_number() -> None:
    one = result(finding("2", "single", "skin"), steps=())
    assert numbers(explain(one, "en").section("found").figure.svg) == []
