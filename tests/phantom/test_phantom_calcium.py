"""Calcifications laid into a breast, and the two generators that draw them."""

from __future__ import annotations

import ast
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calcscope.phantom.anatomy import GrownAnatomy, grow
from calcscope.phantom.calcium import OWN, VICTRE, NoRoom, make_lesion, places
from calcscope.phantom.calcium.pieces import extract
from calcscope.phantom.change import with_change
from calcscope.phantom.geometry import project
from calcscope.phantom.model import Patch, Pose, ShapeGenerator, Speck, random_for

SOURCE = Path(__file__).parents[2] / "src" / "calcscope" / "phantom" / "calcium"
KINDS = (
    "skin", "vascular", "popcorn", "rod", "rim", "lucent_centred", "round", "dystrophic",
    "milk_of_calcium", "suture",
)  # fmt: skip
GENERATORS = pytest.mark.parametrize("generator", [OWN, VICTRE], ids=lambda each: each.name)


@pytest.fixture(scope="module")
def anatomy() -> GrownAnatomy:
    return grow(3)


def spread(specks: list[Speck]) -> float:
    at = np.stack([speck.at for speck in specks])
    return float(np.linalg.norm(at[:, None] - at[None], axis=2).max())


@pytest.mark.parametrize("seed", range(4))
def test_distributions_hold_their_definitions(anatomy: GrownAnatomy, seed: int) -> None:
    made = {
        term: make_lesion(anatomy, "punctate", term, 0, random_for(seed, term))[1]
        for term in ("grouped", "regional", "linear", "segmental", "diffuse")
    }
    assert len(made["grouped"]) >= 5
    assert spread(made["grouped"]) <= 10
    assert spread(made["regional"]) > 20
    assert spread(made["diffuse"]) > 50
    ducts = np.concatenate([duct.path for duct in anatomy.ducts])
    for term in ("linear", "segmental"):
        at = np.stack([speck.at for speck in made[term]])
        away = np.linalg.norm(at[:, None] - ducts[None], axis=2).min(axis=1)
        assert np.median(away) < 2
    for specks in made.values():
        assert anatomy.inside(np.stack([speck.at for speck in specks]), 1.5).all()


@pytest.mark.parametrize("seed", range(4))
def test_a_segment_lies_in_several_ducts_of_one_lobe(anatomy: GrownAnatomy, seed: int) -> None:
    _, specks = make_lesion(anatomy, "fine_pleomorphic", "segmental", 0, random_for(seed, "segment"))
    at = np.stack([speck.at for speck in specks])
    away = np.stack(
        [
            np.linalg.norm(at[:, None] - places.evenly(duct.path, 0.5)[None], axis=2).min(axis=1)
            for duct in anatomy.ducts
        ],
        axis=1,
    )
    lobes = np.array([duct.lobe for duct in anatomy.ducts])
    best = max(set(lobes), key=lambda lobe: (away[:, lobes == lobe].min(axis=1) < 2).sum())
    assert (away[:, lobes == best].min(axis=1) < 2).all()
    assert len(set(away[:, lobes == best].argmin(axis=1))) >= 3


@pytest.mark.parametrize("seed", range(6))
def test_a_group_stays_within_two_centimetres_in_every_view(anatomy: GrownAnatomy, seed: int) -> None:
    _, specks = make_lesion(anatomy, "punctate", "grouped", 0, random_for(seed, "group"))
    at = np.stack([speck.at for speck in specks])
    for view in ("CC", "MLO"):
        seen = project(anatomy, Pose("L", view), 0.1).to_view(at)[:, :2]  # type: ignore[arg-type]
        assert np.linalg.norm(seen[:, None] - seen[None], axis=2).max() < 20


def test_what_does_not_fit_is_refused_with_a_remedy(anatomy: GrownAnatomy) -> None:
    random = random_for(1)
    for draw in (places.blob, places.along_duct):
        with pytest.raises(NoRoom, match=r"breast of \d+ mm .* larger breast or a smaller lesion"):
            draw(anatomy, random, 10, 900.0)
    with pytest.raises(NoRoom, match="of a lobe"):
        places.in_lobe(anatomy, random, 10**6, 40.0)


@GENERATORS
@pytest.mark.parametrize("term", KINDS)
def test_kinds_are_drawn_where_they_lie(anatomy: GrownAnatomy, generator: ShapeGenerator, term: str) -> None:
    speck = make_lesion(anatomy, term, None, 0, random_for(1, term))[1][0]
    for view in ("CC", "ML"):
        projection = project(anatomy, Pose("L", view), 0.1)  # type: ignore[arg-type]
        patch = generator.draw(speck, projection, 0.1)
        row, column = np.nonzero(patch.thickness_mm)
        assert len(row)
        rows, columns = patch.thickness_mm.shape
        x = patch.x + (column.mean() + 0.5 - columns / 2) * 0.1
        y = patch.y + (row.mean() + 0.5 - rows / 2) * 0.1
        seen = projection.to_view(speck.at[None, :])[0, :2]
        assert np.hypot(x - seen[0], y - seen[1]) < 0.5 * speck.size_mm + 0.1
        again = generator.draw(speck, projection, 0.1)
        assert np.array_equal(again.thickness_mm, patch.thickness_mm)


@GENERATORS
@pytest.mark.parametrize("step_mm", [0.05, 0.1])
def test_a_rim_holds_the_calcium_of_a_shell(
    anatomy: GrownAnatomy, generator: ShapeGenerator, step_mm: float
) -> None:
    speck = Speck(np.array([40.0, 5.0, 5.0]), "rim", 3.0, None, 1.0, 0, 4)
    patch = generator.draw(speck, project(anatomy, Pose("L", "CC"), step_mm), step_mm)
    volume = float(patch.thickness_mm.sum()) * step_mm**2
    thinnest, thickest = (4 / 3 * np.pi * (1.5**3 - (1.5 - wall) ** 3) for wall in (0.12, 0.3))
    assert 0.8 * thinnest < volume < 1.1 * thickest
    middle = patch.thickness_mm.shape[0] // 2
    assert patch.thickness_mm[middle, middle] < 0.6 * patch.thickness_mm.max()


@GENERATORS
def test_milk_of_calcium_layers_in_a_lateral_view_alone(
    anatomy: GrownAnatomy, generator: ShapeGenerator
) -> None:
    speck = Speck(np.array([40.0, 3.0, 3.0]), "milk", 2.0, None, 0.3, 0, 8)
    heights = {}
    for view in ("CC", "ML"):
        patch = generator.draw(speck, project(anatomy, Pose("L", view), 0.05), 0.05)  # type: ignore[arg-type]
        row, column = np.nonzero(patch.thickness_mm > 0.02)
        heights[view] = np.ptp(row) / np.ptp(column)
    assert heights["ML"] < 0.6 < 0.75 < heights["CC"]


def seen(patch: Patch) -> tuple[float, float, float, float]:
    """What a projection shows, measured as a reader would, with nothing known of how it was drawn.

    Length at a tenth of the height, mm; at half of it length over width and irregularity (1 - area / convex
    area); and softness, the area at a tenth over that at half.
    """
    finer = round(patch.step_mm / 0.0125)
    pixels = cv2.copyMakeBorder(patch.thickness_mm, 4, 4, 4, 4, cv2.BORDER_CONSTANT)
    fine = cv2.resize(pixels, None, fx=finer, fy=finer, interpolation=cv2.INTER_CUBIC)

    def outlined(share: float) -> tuple[float, float, float, float]:
        above = (fine > share * fine.max()).astype(np.uint8)
        _, labels, table, _ = cv2.connectedComponentsWithStats(above)
        body = (labels == 1 + np.argmax(table[1:, cv2.CC_STAT_AREA])).astype(np.uint8)
        border = max(cv2.findContours(body, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)
        hull = cv2.convexHull(border)
        short, long = sorted(side + 1 for side in cv2.minAreaRect(hull)[1])
        convex = cv2.contourArea(hull) + cv2.arcLength(hull, True) / 2 + 1
        return long * 0.0125, long / short, 1 - float(body.sum()) / convex, float(above.sum())

    length, _, _, whole = outlined(0.1)
    _, elongation, irregularity, core = outlined(0.45)
    return length, elongation, irregularity, whole / core


@GENERATORS
@pytest.mark.parametrize("step_mm", [0.05, 0.1])
def test_what_is_drawn_deserves_its_term(
    anatomy: GrownAnatomy, generator: ShapeGenerator, step_mm: float
) -> None:
    def measured(term: str) -> NDArray[np.float64]:
        projection = project(anatomy, Pose("L", "CC"), step_mm)
        specks = [
            speck
            for seed in range(4)
            for speck in make_lesion(anatomy, term, "grouped", 0, random_for(seed, "term", term))[1][:10]
        ]
        return np.array([seen(generator.draw(speck, projection, step_mm)) for speck in specks]).T

    def out_of_round(long: NDArray[np.float64], jagged: NDArray[np.float64]) -> float:
        return float(np.mean((long > 1.3) | (jagged > 0.06)))

    length, elongation, irregularity, _ = measured("punctate")
    assert np.percentile(length, 90) < 0.5 + step_mm / 2
    assert out_of_round(elongation, irregularity) < 0.15
    alike = float(np.log(elongation).std())

    length, elongation, irregularity, _ = measured("round")
    assert np.percentile(length, [10, 90]) == pytest.approx(0.75, abs=0.3)
    assert out_of_round(elongation, irregularity) < 0.15

    length, elongation, irregularity, _ = measured("fine_pleomorphic")
    assert np.percentile(length, 90) < 0.5 + step_mm / 2
    assert out_of_round(elongation, irregularity) > (0.8 if step_mm < 0.1 else 0.55)
    assert np.log(elongation).std() > 2.5 * alike  # differing from one another

    length, elongation, irregularity, solid = measured("coarse_heterogeneous")
    assert np.percentile(length, [10, 90]) == pytest.approx(0.75, abs=0.35)
    assert out_of_round(elongation, irregularity) > 0.6

    _, _, _, haze = measured("amorphous")
    assert np.median(haze) > 1.5 * np.median(solid)  # as large, and no border

    for term in ("fine_linear", "fine_linear_branching"):
        length, elongation, irregularity, _ = measured(term)
        assert np.median(length) > 1.0
        assert np.median(elongation if term == "fine_linear" else 1 + 10 * irregularity) > 3


def test_the_generators_share_no_code() -> None:
    def modules(name: str) -> set[str]:
        tree = ast.parse((SOURCE / f"{name}.py").read_text(encoding="utf-8"))
        found = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        return {module for module in found if module.startswith("calcscope.phantom")}

    own, victre = modules("own"), modules("victre") | modules("pieces")
    assert own & victre == {"calcscope.phantom.model"}


def test_the_shipped_pieces_are_those_of_the_cluster(shared_data: Path) -> None:
    volume = np.fromfile(shared_data / "victre-clusters" / "heteroCalc2_121_100.raw", np.uint8)
    shipped = np.load(SOURCE.parent / "data" / "victre_pieces.npy")
    assert np.array_equal(extract(volume.reshape(100, 100, 100)), shipped)
    assert shipped.sum() == 121


def test_change_keeps_what_stays(anatomy: GrownAnatomy) -> None:
    lesion, specks = make_lesion(anatomy, "fine_pleomorphic", "grouped", 0, random_for(5, "lesion"))

    def seeds(of: list[Speck]) -> set[int]:
        return {speck.seed for speck in of}

    marked, now, before = with_change(lesion, specks, "more", random_for(5, "change"))
    assert marked.change == "more"
    assert seeds(before) < seeds(now)
    _, now, before = with_change(lesion, specks, "fewer", random_for(5, "change"))
    assert seeds(now) < seeds(before)
    _, now, before = with_change(lesion, specks, "larger", random_for(5, "change"))
    assert all(old.size_mm < new.size_mm for old, new in zip(before, now, strict=True))
    assert with_change(lesion, specks, "new", random_for(5, "change"))[2] == []
    assert with_change(lesion, specks, "resolved", random_for(5, "change"))[1] == []
