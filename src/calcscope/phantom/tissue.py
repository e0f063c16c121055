"""How much of what the beam crosses in each pixel of a view.

What is larger than a few millimetres comes from the breast itself and is the same in every view; finer detail
is drawn into each view with the spectrum that continues it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float, Mask, Points
from calcscope.phantom.anatomy import GrownAnatomy
from calcscope.phantom.fields import power_law, sampled
from calcscope.phantom.geometry import CompressedBreast
from calcscope.phantom.model import Random, Tissue, random_for
from calcscope.phantom.tubes import draw_tubes

COARSE_MM = 1.0
"""Grid of the view on which the beam is followed through the gland."""
MARGIN = 2
"""Points of that grid beyond the image, which interpolation needs."""
SLICES = 32
"""Along the beam: 1 to 2.5 mm each, about the grid of the gland."""
FINEST_MM = 3.5
"""Wavelengths below this are drawn into the view; the coarse grid holds those above."""
DETAIL, DETAIL_LAYERS, DETAIL_STEP_MM = np.float32(1.8), 2, 0.15
"""Strength of that detail over what the power law alone gives: real gland is rougher at its borders."""
SKIN_MM = 1.5
AREOLA_MM = 17.0
"""Radius of the areola, where the skin is up to half again as thick."""
WEB_LAYERS = 12
"""Layers of septa between the lobules of fat that a view superimposes."""
LIGAMENT_MM = 0.3
"""Radius of a ligament of common strength at its middle."""
GOLDEN = 0.618034
"""Its multiples spread evenly over 0 to 1: how strong each ligament is."""
WEB_MM = 0.72
"""Of fibre along the beam in a septum of common strength."""
WEB_WIDTH_MM = (0.1, 0.32)
"""Half widths of the lines."""
WEB_STEP_MM = 0.5
NIPPLE_RADIUS_MM = 5.0


def tissue_of(anatomy: GrownAnatomy, projection: CompressedBreast) -> Tissue:
    """Maps of the tissues of one view (see :class:`calcscope.phantom.model.Tissue`)."""
    pose = projection.pose
    random = random_for(
        anatomy.seed, "tissue", pose.laterality, pose.view, pose.seed, str(pose.magnification)
    )
    shape = (projection.rows, projection.columns)
    coarse = _Coarse(projection)
    half, distance = _on_pixels(projection, coarse)

    mask = distance > 0
    nipple = projection.pixels_of(projection.nipple_mm)[0]
    skin_mm = _skin_thickness(projection, coarse, random)
    inner = _half_height(projection, distance, skin_mm)
    skin = 2 * (half - inner)
    thickness = 2 * half
    inner *= 2

    share, muscle_share = _beam_means(anatomy, projection, coarse, random)
    gland = _upsampled(share, coarse, projection, smooth=True) * inner
    gland += _detail(share, coarse, projection, mask, random) * inner
    np.clip(gland, 0, inner, out=gland)

    web = _web(coarse, projection, mask, random)
    fibre = web * np.clip(inner / np.float32(projection.thickness_mm), 0, 1)
    fibre += draw_tubes(shape, projection.pixel_mm, _threads(anatomy, projection))
    np.minimum(fibre, np.float32(0.8) * inner, out=fibre)
    ducts = draw_tubes(
        shape, projection.pixel_mm, ((projection.to_pixels(d.path), d.radius_mm) for d in anatomy.ducts)
    )
    gland += ducts * (1 - gland / np.maximum(inner, np.float32(1e-3)))

    muscle = np.zeros(shape, dtype=np.float32)
    line = None
    if projection.muscle_mm is not None:
        muscle = _upsampled(muscle_share, coarse, projection, smooth=True) * inner
        line = _muscle_line(projection)
    gland *= 1 - muscle / np.maximum(inner, np.float32(1e-3))
    np.clip(gland, 0, np.maximum(inner - fibre - muscle, 0), out=gland)

    _add_nipple(projection, nipple, thickness, skin, mask)
    rows = np.flatnonzero(mask.any(axis=1))
    last = shape[1] - 1 - np.argmax(mask[rows][:, ::-1], axis=1)
    skin_line = np.stack([last, rows], axis=1).astype(np.float64)
    return Tissue(
        thickness, gland, fibre, skin, muscle, mask, skin_line, line, (float(nipple[0]), float(nipple[1]))
    )


class _Coarse:
    """A grid of about ``COARSE_MM`` over the view and a little beyond: the middles of blocks of pixels."""

    def __init__(self, projection: CompressedBreast) -> None:
        self.block = max(1, round(COARSE_MM / projection.pixel_mm))
        self.step = self.block * projection.pixel_mm
        columns, rows = (-(-n // self.block) + 2 * MARGIN for n in (projection.columns, projection.rows))
        x, y = (np.arange(n) - MARGIN + 0.5 for n in (columns, rows))
        self.x, self.y = np.meshgrid(
            projection.origin_mm[0] + self.step * x, projection.origin_mm[1] + self.step * y
        )
        self.shape = self.x.shape


def _upsampled(values: Float, coarse: _Coarse, projection: CompressedBreast, smooth: bool = False) -> Float:
    """Values of the coarse grid at the pixels."""
    rows, columns = coarse.shape
    size = (columns * coarse.block, rows * coarse.block)
    full = cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    if smooth:
        # OpenCV's cubic leaves a lattice on ramps; linear with its corners rounded does not.
        full = cv2.blur(full, (coarse.block, coarse.block))
    skip = MARGIN * coarse.block
    return np.asarray(full[skip : skip + projection.rows, skip : skip + projection.columns])


def _on_pixels(projection: CompressedBreast, coarse: _Coarse) -> tuple[Float, Float]:
    """Half thickness and distance to the outline at the pixels."""
    distance = _upsampled(projection.edge_distance(coarse.x, coarse.y).astype(np.float32), coarse, projection)
    return _half_height(projection, distance, np.float32(0)), distance


def _half_height(projection: CompressedBreast, distance: Float, shell: Float | np.float32) -> Float:
    """As :meth:`CompressedBreast.half_height` in single precision, with a shell that may vary."""
    rest = 1 - (distance - shell) / (np.float32(projection.edge_mm) - shell)
    np.clip(rest, 0, 1, out=rest)
    return np.asarray((np.float32(projection.thickness_mm / 2) - shell) * np.sqrt(1 - rest * rest))


def _skin_thickness(projection: CompressedBreast, coarse: _Coarse, random: Random) -> Float:
    """Of the skin over each pixel, mm."""
    nipple = projection.nipple_mm
    away = np.hypot(coarse.x - nipple[0], coarse.y - nipple[1])
    skin = SKIN_MM * (1 + 0.5 / (1 + np.exp((away - AREOLA_MM) / 2)))
    uneven = power_law((256, 256), 1.0, random, longest_mm=40, shortest_mm=4)
    skin *= 1 + 0.18 * np.clip(sampled(uneven, np.stack([coarse.x, coarse.y])), -2, 2)
    return _upsampled(skin, coarse, projection)


def _beam_means(
    anatomy: GrownAnatomy, projection: CompressedBreast, coarse: _Coarse, random: Random
) -> tuple[Float, Float]:
    """Mean shares of gland and of muscle along the beam, coarse grid."""
    half = projection.half_height(projection.edge_distance(coarse.x, coarse.y))
    total = np.zeros(coarse.shape, dtype=np.float64)
    # Only where there is breast: most of a field is air.
    at = np.nonzero(half > 0)
    x, y, h = coarse.x[at], coarse.y[at], half[at]
    for number in range(SLICES):
        level = 2 * (number + 0.5) / SLICES - 1
        view = np.stack([x, y, projection.thickness_mm / 2 + level * h], axis=1)
        points = projection.to_breast(view)
        # A breast that was pulled in brings along what lies behind it.
        points[:, 0] = np.maximum(points[:, 0], COARSE_MM)
        total[at] += anatomy.gland_at(points)
    # Towards the rim, and in the tail, the plates hold more than came from the breast: that is fat.
    filled = np.zeros(coarse.shape)
    filled[at] = np.minimum(1, projection.column(x, y) / h)
    share = (filled * total / SLICES).astype(np.float32)

    muscle = np.zeros(coarse.shape, dtype=np.float32)
    if projection.muscle_mm is not None:
        top_x, low_y = projection.muscle_mm
        top_y = float(projection.origin_mm[1])
        long = np.hypot(top_x, low_y - top_y)
        # Distance inside the border, along which the muscle's fibre runs. The border bulges by a few mm; its
        # mean is taken off, so that the straight line of the truth is the one that fits it best.
        inside = (top_x * (low_y - coarse.y) - (low_y - top_y) * coarse.x) / long
        along = (-(low_y - coarse.y) * (low_y - top_y) - coarse.x * top_x) / long
        bulge = random.uniform(0.0, 3.0) * (np.sin(np.pi * np.clip(-along / long, 0, 1)) - 2 / np.pi)
        depth = inside + bulge
        fibres = power_law((256, 256), 1.0, random, longest_mm=60)
        texture = sampled(fibres, np.stack([inside * 1.6, along * 0.22]))
        body = np.clip(depth / 22, 0, 1)
        amount = (0.2 + 0.08 * body + 0.025 * texture) / (1 + np.exp(-np.clip(depth / 0.5, -30, 30)))
        muscle = amount.astype(np.float32)
    return share, muscle


def _detail(share: Float, coarse: _Coarse, projection: CompressedBreast, mask: Mask, random: Random) -> Float:
    """Texture of the gland below ``FINEST_MM``, as a share of the beam's way, drawn out towards the nipple.

    Its strength is that of the coarse map's own texture just above that wavelength, carried on by the power
    law: the variance of a 1/f³ spectrum between frequencies a and b is proportional to 1/a - 1/b, so what
    lies below a wavelength varies about as much as the octave above it does.
    """
    sigma = np.array([0.16, 0.32]) * 2 * FINEST_MM / coarse.step
    band = cv2.GaussianBlur(share, (0, 0), sigma[0]) - cv2.GaussianBlur(share, (0, 0), sigma[1])
    strength = DETAIL * np.sqrt(cv2.GaussianBlur(band * band, (0, 0), 4 / coarse.step) / DETAIL_LAYERS)
    detail, box = np.zeros(mask.shape, dtype=np.float32), _box(mask)
    for _ in range(DETAIL_LAYERS):
        aside, ahead, _, _ = _fan(coarse, projection, random, random.uniform(1.2, 2.4))
        fine = power_law((1024, 1024), DETAIL_STEP_MM, random, longest_mm=FINEST_MM)
        detail[box] += _warped(fine, DETAIL_STEP_MM, aside, ahead, coarse, projection, box)
    return _upsampled(strength, coarse, projection) * detail


def _box(mask: Mask) -> tuple[slice, slice]:
    """The rows and columns that hold breast."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _fan(
    coarse: _Coarse, projection: CompressedBreast, random: Random, stretch: float
) -> tuple[NDArray[np.float64], ...]:
    """Coordinates, mm, in which what is round becomes ``stretch`` times as long towards the nipple.

    Each call runs together at a point of its own near the nipple, and winds a little, so that layers cross.

    Returns
    -------
    aside and ahead in the fan, and x and y from its point, on the coarse grid
    """
    nipple = projection.nipple_mm
    x = nipple[0] + random.uniform(2, 20) - coarse.x
    y = coarse.y - nipple[1] - random.normal(0, 14)
    away = np.hypot(x, y)
    turned = np.arctan2(y, x) + random.normal(0, 0.45) * away / 80
    return turned * 70 * (away + 40) / (away + 85), away / stretch, x, y


def _warped(
    pattern: Float, step_mm: float, aside: NDArray[np.float64], ahead: NDArray[np.float64],
    coarse: _Coarse, projection: CompressedBreast, box: tuple[slice, slice],
) -> Float:  # fmt: skip
    """A periodic pattern, square and of ``step_mm``, at the pixels of a box in the coordinates of a fan."""
    x, y = (
        _upsampled((place / step_mm).astype(np.float32), coarse, projection)[box] for place in (aside, ahead)
    )
    return np.asarray(cv2.remap(pattern, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP))


def _web(coarse: _Coarse, projection: CompressedBreast, mask: Mask, random: Random) -> Float:
    """Fibres and septa in fat: thin bright lines that run together towards the nipple and cross, mm."""
    web, box = np.zeros(mask.shape, dtype=np.float32), _box(mask)
    for layer in range(WEB_LAYERS):
        cell = 5.0 + 1.4 * layer
        pattern = power_law(
            (512, 512), WEB_STEP_MM, random, longest_mm=1.8 * cell, shortest_mm=0.3 * cell, exponent=2.0
        )
        # Lines lie where the pattern is nought; over its slope that is a distance in mm.
        slope = np.hypot(*np.gradient(pattern, WEB_STEP_MM))
        lines = (pattern / np.maximum(slope, 0.35 * slope.mean())).astype(np.float32)
        aside, ahead, x, y = _fan(coarse, projection, random, random.uniform(3.0, 6.0))
        found = _warped(lines, WEB_STEP_MM, aside, ahead, coarse, projection, box)
        # Many faint ones and a few strong ones.
        weight = power_law((256, 256), 1.0, random, longest_mm=25)
        strong = np.exp(0.7 * np.clip(sampled(weight, np.stack([x, y])), -2.5, 2.2))
        found /= np.float32(random.uniform(*WEB_WIDTH_MM))
        np.multiply(found, -found, out=found)
        cv2.exp(found, found)
        found *= _upsampled((WEB_MM * strong).astype(np.float32), coarse, projection)[box]
        web[box] += found
    return web


def _threads(anatomy: GrownAnatomy, projection: CompressedBreast) -> list[tuple[Points, NDArray[np.float64]]]:
    """Vessels and ligaments as tubes."""
    vessels = [(projection.to_pixels(v.path), v.radius_mm) for v in anatomy.vessels]
    taper = [
        (projection.to_pixels(path), LIGAMENT_MM * (0.3 + 1.2 * (number * GOLDEN % 1)) * _spindle(len(path)))
        for number, path in enumerate(anatomy.ligaments)
    ]
    return vessels + taper


def _spindle(count: int) -> NDArray[np.float64]:
    """Relative widths along a thread whose ends are drawn out."""
    return np.asarray(0.3 + 0.7 * np.sqrt(np.sin(np.linspace(0.05, np.pi - 0.05, count))))


def _muscle_line(projection: CompressedBreast) -> Points | None:
    """The muscle's border from the top edge to the chest wall edge, pixels; None outside MLO."""
    if projection.muscle_mm is None:
        return None
    top_x, low_y = projection.muscle_mm
    return projection.pixels_of(np.array([[top_x, projection.origin_mm[1]], [0.0, low_y]]))


def _add_nipple(
    projection: CompressedBreast,
    nipple: Points,
    thickness: Float,
    skin: Float,
    mask: Mask,
) -> None:
    """Draw the nipple, in profile beyond the outline or as a disc over the breast."""
    random = random_for(projection.pose.seed, "nipple", projection.pose.laterality)
    long = random.uniform(4, 8)
    column, row = nipple
    reach = int(2 * (NIPPLE_RADIUS_MM + long) / projection.pixel_mm)
    r0, r1 = max(0, int(row) - reach), min(projection.rows, int(row) + reach)
    c0, c1 = max(0, int(column) - reach), min(projection.columns, int(column) + reach)
    if r0 >= r1 or c0 >= c1:
        return
    y, x = np.mgrid[r0:r1, c0:c1].astype(np.float32)
    x, y = (x - np.float32(column)) * projection.pixel_mm, (y - np.float32(row)) * projection.pixel_mm
    if projection.overhang_mm > 0:
        left = 1 - (x**2 + y**2) / NIPPLE_RADIUS_MM**2
        extra = (0.5 * long * np.clip(left, 0, 1) * mask[r0:r1, c0:c1]).astype(np.float32)
        skin[r0:r1, c0:c1] += extra
        thickness[r0:r1, c0:c1] += extra
        return
    # It rises from the areola: broader and thicker at its base.
    flare = np.exp(-np.maximum(x, -2.5) / 2)
    body = np.clip(x / long, 0, 1) ** 2 + (y / (NIPPLE_RADIUS_MM * (1 + 0.3 * flare))) ** 2
    chord = 2 * NIPPLE_RADIUS_MM * (1 + 0.6 * flare) * np.sqrt(np.clip(1 - body, 0, 1))
    chord *= x > -1.5 * NIPPLE_RADIUS_MM
    here = thickness[r0:r1, c0:c1]
    more = np.maximum(chord - here, 0)
    here += more
    skin[r0:r1, c0:c1] += more
    mask[r0:r1, c0:c1] |= more > 0
