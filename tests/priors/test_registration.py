"""Laying an earlier view on the current one: drawn breasts, of which every place is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from priors.textures import MIDDLE_MM, Map, bent, nothing, view

from calcscope.breast.model import Breast
from calcscope.exam.model import Mammogram, Points
from calcscope.phantom.correspondence import correspondence
from calcscope.priors.register import NotRegistered, Registration, register

View = tuple[Mammogram, Breast]
RIM_MM = 6.0
RIGHT, DOWN = np.array([RIM_MM, 0]), np.array([0, RIM_MM])


def places(current: View) -> Points:
    """Places of a view well inside the breast, (n, 2) mm."""
    mammogram, breast = current
    rows, columns = (n * mammogram.pixel_mm for n in breast.mask.shape)
    x, y = np.meshgrid(np.arange(RIM_MM, columns - RIM_MM, 6.0), np.arange(RIM_MM, rows - RIM_MM, 6.0))
    at = np.stack([x.ravel(), y.ravel()], axis=1)

    def inside(xy: Points) -> NDArray[np.bool_]:
        column, row = (xy / mammogram.pixel_mm).astype(int).T
        return np.asarray(breast.mask[row, column])

    return at[inside(at) & inside(at + RIGHT) & inside(at + DOWN) & inside(at - DOWN)]


def errors(
    laid: Registration | NotRegistered, current: View, prior: View, to_breast: Map
) -> NDArray[np.float64]:
    """Distances of places, mm, in the breast, where the earlier view is laid by ``to_breast``."""
    assert isinstance(laid, Registration), laid.reason
    at = places(current)
    found = laid.to_prior(at / current[0].pixel_mm - 0.5)
    return np.hypot(*(to_breast((found + 0.5) * prior[0].pixel_mm) - at).T)


def scaled(xy: Points) -> Points:
    """A breast of which the image is a tenth larger."""
    return (xy - [0, MIDDLE_MM]) / 1.1 + [0, MIDDLE_MM]


def shifted(xy: Points) -> Points:
    return xy + np.array([6.0, -14.0])


@pytest.fixture(scope="module")
def current() -> View:
    return view(1)


@pytest.mark.parametrize("laid", [bent, scaled, shifted])
def test_every_place_is_found_in_a_breast_that_lies_otherwise(current: View, laid: Map) -> None:
    prior = view(1, laid)
    off = errors(register(current, prior), current, prior, laid)
    assert np.median(off) < 0.7
    assert np.percentile(off, 95) < 2.0


def test_other_pixels_processing_and_noise_do_not_matter(current: View) -> None:
    prior = view(1, bent, pixel_mm=0.25, noise=1.0, gamma=0.5)
    off = errors(register(current, prior), current, prior, bent)
    assert np.median(off) < 1.0
    assert np.percentile(off, 95) < 2.5


def test_the_stated_error_holds_two_of_three_true_ones(current: View) -> None:
    prior = view(1, bent, noise=1.0)
    laid = register(current, prior)
    assert isinstance(laid, Registration)
    off, stated = (
        errors(laid, current, prior, bent),
        laid.error_at(places(current) / current[0].pixel_mm - 0.5),
    )
    assert np.mean(off < stated) > 0.67
    assert np.mean(off < 2 * stated) > 0.95


def test_a_view_that_was_stored_upside_down_is_turned_over(current: View) -> None:
    mammogram, breast = view(1, bent)
    rows = len(breast.mask)
    over = np.array([1, -1]), np.array([0, rows - 1])
    prior = (
        replace(mammogram, pixels=mammogram.pixels[::-1].copy()),
        replace(
            breast,
            mask=breast.mask[::-1].copy(),
            skin_line=(breast.skin_line * over[0] + over[1])[::-1],
            nipple=tuple(np.array(breast.nipple) * over[0] + over[1]),
        ),
    )
    laid = register(current, prior)
    assert isinstance(laid, Registration)
    assert laid.way == "turned over"
    pixel_mm = mammogram.pixel_mm
    off = errors(laid, current, prior, lambda xy: bent(np.array([0, rows * pixel_mm]) + xy * over[0]))
    assert np.median(off) < 0.7


@pytest.mark.parametrize("other", [2, 3, 4, 5])
def test_another_breast_is_refused(current: View, other: int) -> None:
    laid = register(current, view(other, bent))
    assert isinstance(laid, NotRegistered)
    assert "could not be matched" in laid.reason


def test_a_mirrored_image_is_refused(current: View) -> None:
    mammogram, breast = view(1)
    last = breast.mask.shape[1] - 1
    mirrored = (
        replace(mammogram, pixels=mammogram.pixels[:, ::-1].copy()),
        replace(
            breast,
            mask=breast.mask[:, ::-1].copy(),
            skin_line=breast.skin_line * [-1, 1] + [last, 0],
            nipple=None,
        ),
    )
    assert isinstance(register(current, mirrored), NotRegistered)


def test_a_spot_view_without_skin_is_found_in_the_whole_breast() -> None:
    def near(xy: Points) -> Points:
        return xy / 2.5 + [12.0, 60.0]

    # A magnified view of 72 x 48 mm of the breast, in mm of the breast.
    mammogram, breast = view(1, near, pixel_mm=0.5, cut=True)
    fine = mammogram.pixel_mm / 2.5
    spot = replace(mammogram, info=replace(mammogram.info, pixel_mm=fine)), replace(breast, pixel_mm=fine)
    prior = view(1, bent)
    laid = register(spot, prior)
    assert isinstance(laid, Registration), laid.reason
    at = places(spot)
    found = bent((laid.to_prior(at / fine - 0.5) + 0.5) * prior[0].pixel_mm)
    assert np.median(np.hypot(*(found - at - [12.0, 60.0]).T)) < 1.0


def test_a_breast_that_an_earlier_image_shows_in_part(current: View) -> None:
    mammogram, breast = view(1, bent)
    rows = round(110 / mammogram.pixel_mm)
    seen = breast.skin_line[breast.skin_line[:, 1] < rows]
    prior = (
        replace(mammogram, pixels=mammogram.pixels[:rows]),
        replace(breast, mask=breast.mask[:rows], skin_line=seen),
    )
    laid = register(current, prior)
    off = errors(laid, current, prior, bent)
    assert isinstance(laid, Registration)
    at = places(current)
    shown = at[:, 1] < 95
    assert np.median(off[shown]) < 1.0
    stated = laid.error_at(at / current[0].pixel_mm - 0.5)
    assert stated[at[:, 1] > 130].min() > stated[shown].max()


def test_too_little_of_the_same_part_is_no_match() -> None:
    laid = register(view(1, lambda xy: xy / 3), view(1, lambda xy: xy / 3 + [50.0, 100.0]))
    assert isinstance(laid, NotRegistered)


@pytest.mark.parametrize("which", ["current", "earlier", "both"])
def test_an_image_without_a_breast_is_named(current: View, which: str) -> None:
    laid = register(
        nothing() if which != "earlier" else current, nothing() if which != "current" else current
    )
    assert laid == NotRegistered("no breast was found in one of the two images")


def test_the_geometry_of_a_simulated_pair() -> None:
    truth = correspondence(8001, "RCC", 0.5)

    def laid(xy: Points) -> Points:
        """The place of the current image that shows the same tissue of the middle plane."""
        at = xy + truth.prior.origin_mm
        middle = np.column_stack([at, np.full(len(at), truth.prior.thickness_mm / 2)])
        return truth.current.to_view(truth.prior.to_breast(middle))[:, :2] - truth.current.origin_mm

    current, prior = view(6), view(6, laid)
    at = places(current)
    true = truth.to_prior(at, 0.0)
    assert np.isfinite(true).all(axis=1).mean() > 0.5
    result = register(current, prior)
    assert isinstance(result, Registration)
    found = (result.to_prior(at / current[0].pixel_mm - 0.5) + 0.5) * prior[0].pixel_mm
    off = np.hypot(*(found - true).T)
    assert np.nanmedian(off) < 1.0
    assert np.nanpercentile(off, 95) < 2.5
