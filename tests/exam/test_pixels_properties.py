"""What holds of every scale a header can state, whatever its numbers."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from calcscope.exam.model import Orientation
from calcscope.exam.pixels import Display, Scale, Voi, display_for, to_engine

FINITE = st.floats(-1e6, 1e6, allow_nan=False)
POSITIVE = st.floats(1e-3, 1e6)


@st.composite
def tables(draw: st.DrawFn) -> tuple[float, np.ndarray]:
    """A modality or VOI LUT: the first value mapped, and the table."""
    values = draw(st.lists(st.integers(0, 65535), min_size=2, max_size=300))
    return float(draw(st.integers(-32768, 65535))), np.array(values, dtype=np.float64)


@st.composite
def scales(draw: st.DrawFn) -> Scale:
    """Any scale that a header can state."""
    bits, signed = draw(st.integers(2, 16)), draw(st.booleans())
    low = -(1 << bits - 1) if signed else 0
    ends = sorted(draw(st.tuples(*[st.integers(low, low + (1 << bits) - 1)] * 2)))
    window = st.builds(Voi, FINITE, POSITIVE, st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]))
    return Scale(
        bits=bits,
        signed=signed,
        slope=draw(FINITE.filter(lambda slope: abs(slope) > 1e-3)),
        intercept=draw(FINITE),
        modality_lut=draw(st.none() | tables()),
        white_is_low=draw(st.booleans()),
        exposure=draw(st.sampled_from([None, "linear"])),
        padding=draw(st.none() | st.just((ends[0], ends[1]))),
        voi=draw(st.none() | window | st.builds(lambda lut: Voi(lut=lut), tables())),
    )


def stored_of(scale: Scale, seed: int) -> np.ndarray:
    """An image of values that the scale can hold, its extremes among them."""
    values = scale.stored_values()
    picked = np.random.default_rng(seed).choice(values, size=(12, 9))
    picked[0, 0], picked[0, 1] = values.min(), values.max()
    kind = "i" if scale.signed else "u"
    return picked.astype(f"{kind}{1 if scale.bits <= 8 else 2}")


@settings(max_examples=150, deadline=None)
@given(scales(), st.integers(0, 1000))
def test_engine_pixels_are_finite_and_between_0_and_1_on_any_scale(scale: Scale, seed: int) -> None:
    stored = stored_of(scale, seed)
    pixels, valid = to_engine(stored, scale)
    assert pixels.dtype == np.float32
    assert pixels.shape == valid.shape == stored.shape
    assert np.isfinite(pixels).all()
    assert pixels.min() >= 0
    assert pixels.max() <= 1
    padding = np.zeros(stored.shape, dtype=bool)
    if scale.padding is not None:
        padding = (stored >= scale.padding[0]) & (stored <= scale.padding[1])
    np.testing.assert_array_equal(valid, ~padding)
    assert (pixels[padding] == 0).all()


@settings(max_examples=150, deadline=None)
@given(scales(), st.integers(0, 1000))
def test_the_order_of_attenuation_is_kept_and_turned_for_monochrome1(scale: Scale, seed: int) -> None:
    stored = stored_of(scale, seed)
    pixels, valid = to_engine(stored, scale)
    rescaled = dict(zip(scale.stored_values(), scale.rescaled(), strict=True))
    means = np.vectorize(lambda value: rescaled[float(value)])(stored)[valid]
    # Exposure falls where attenuation rises; the header may say that its values were turned already.
    falls = scale.white_is_low
    order = np.argsort(means, kind="stable")
    steps = np.diff(pixels[valid][order])
    assert (steps <= 1e-6).all() if falls else (steps >= -1e-6).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(8, 16), st.floats(1e-6, 1e3), st.booleans())
def test_the_unit_of_a_raw_image_says_nothing_of_attenuation(bits: int, slope: float, signed: bool) -> None:
    plain = Scale(bits, signed, exposure="linear")
    other = Scale(bits, signed, slope=slope, intercept=5.0, exposure="linear")
    np.testing.assert_allclose(other.engine(), plain.engine(), atol=1e-6)


def test_a_table_of_two_values_makes_no_number_that_is_none() -> None:
    scale = Scale(8, exposure="linear", modality_lut=(0.0, np.array([0.0, 1.0])))
    assert np.isfinite(scale.engine()).all()


@settings(max_examples=100, deadline=None)
@given(scales(), st.integers(0, 1000))
def test_what_is_shown_is_grey_from_0_to_1(scale: Scale, seed: int) -> None:
    pixels, valid = to_engine(stored_of(scale, seed), scale)
    shown = display_for(scale, pixels, valid)
    assert isinstance(shown, Display)
    grey = shown(pixels)
    assert np.isfinite(grey).all()
    assert grey.min() >= 0
    assert grey.max() <= 1


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(0, 3), st.booleans(),
    st.lists(st.tuples(st.floats(-60, 60), st.floats(-60, 60)), min_size=1, max_size=5),
)  # fmt: skip
def test_canonical_and_source_coordinates_are_inverse_and_keep_lengths(
    rows: int, columns: int, turns: int, flip: bool, points: list[tuple[float, float]]
) -> None:
    """Also between pixels and beyond the edges, where outlines and prior views may reach."""
    orientation = Orientation(rows, columns, turns, flip)
    xy = np.array(points)
    there = orientation.to_canonical(xy)
    np.testing.assert_allclose(orientation.to_source(there), xy, atol=1e-9)
    np.testing.assert_allclose(orientation.to_canonical(orientation.to_source(xy)), xy, atol=1e-9)
    apart = np.linalg.norm(xy - xy[0], axis=1)
    np.testing.assert_allclose(np.linalg.norm(there - there[0], axis=1), apart, atol=1e-9)
