"""Marks on the skin or the film that look like calcifications.

* metal: wires, clips and balls at the top of the image's range up to a sharp border
  (:mod:`calcscope.describe.metal`); coarse calcifications can reach it too where the display saturates, so
  that what has no such form is left to be calcium;
* film artifacts: dust and scratches came after the X-rays, so on finely digitised films they step from
  pixel to pixel, which the blur of the imaging system allows nothing in the breast; and a scratch goes on
  straight, thin and without a gap for longer than any line of calcium does, which a coarse scan shows too;
* deodorant and powder: a crowd of grains in a fold of the skin (:mod:`calcscope.describe.grains`);
* cream: a bundle of strokes (:mod:`calcscope.describe.cream`). Simpler measures do not do
  (``benchmarks/cream.py``), and smears of no strokes or seen edge on are not recognised: a group near the
  skin that is not called benign tells its reader to look at the skin (rule ``look_alike_on_the_skin``).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from calcscope.breast.model import Breast
from calcscope.describe.axes import main_axes
from calcscope.describe.cream import find_cream
from calcscope.describe.grains import find_grains
from calcscope.describe.metal import find_metal
from calcscope.describe.model import Mimic
from calcscope.exam.model import Mammogram
from calcscope.groups.links import connected
from calcscope.specks.catalogue import SpeckCatalogue

ONE_PIXEL_STEP = 0.8
"""A mark that rises by this share of its height from one pixel to the next has not been through the
imaging system: its blur (about 0.1 mm, full width at half maximum) leaves less than 0.6."""
BLUR_SHOWS_BELOW_MM = 0.075
"""On larger pixels the blur is hidden within a pixel and everything small steps so."""
LEAST_DUST_SALIENCE = 8.0
"""In fainter marks noise makes steps of its own."""
STEEPEST = 95
"""Percentile that stands for the steepest steps: of a single grain a few pixels are enough."""
METAL_REACH_MM = 0.5
"""Marks this near a wire or a clip are its border."""
SCRATCH_PIXELS, SCRATCH_WIDTH_MM = 4.0, 0.4
"""A scratch is no wider than either: a few pixels of any scan, and thinner than a calcified vessel."""
SCRATCH_MM = 8.0
"""And longer: a line of calcium so thin and even, without a bend or a gap, is shorter."""
SCRATCH_REACH_MM = 5.0
"""Marks of one scratch lie within this distance of the next."""
SCRATCH_GOES_ON = 0.4
"""Share of the fainter mark's contrast that a scratch keeps everywhere between two of its marks."""
SCRATCH_BEND_MM = 0.3
"""Most that a mark lies aside of the scratch."""


def find_mimics(
    catalogue: SpeckCatalogue, breast: Breast, mammogram: Mammogram
) -> tuple[list[Mimic], NDArray[np.bool_]]:
    """Mimics of a view, and for each mark of the catalogue whether it belongs to one, bool (n,)."""
    is_mimic = np.zeros(len(catalogue), dtype=bool)
    bodies = find_metal(mammogram, breast)
    mimics = [body.mimic for body in bodies]
    smears = find_cream(mammogram, breast, catalogue.xy_mm)
    mimics += [smear.mimic for smear in smears]
    if not len(catalogue):
        return mimics, is_mimic
    for smear in smears:
        is_mimic |= smear.covered
    for body in bodies:
        away = cKDTree(body.pixels).query(catalogue.xy)[0] * mammogram.pixel_mm
        is_mimic |= away <= METAL_REACH_MM
    if mammogram.info.acquisition == "film" and mammogram.pixel_mm <= BLUR_SHOWS_BELOW_MM:
        salient = catalogue.salience >= LEAST_DUST_SALIENCE
        for index in np.flatnonzero(salient & ~is_mimic):
            step = _steepest(catalogue.outlines[index], float(catalogue.contrast[index]), mammogram)
            if step < ONE_PIXEL_STEP:
                continue
            is_mimic[index] = True
            x, y = float(catalogue.x[index]), float(catalogue.y[index])
            mimics.append(Mimic(x, y, "film_artifact", float(catalogue.length_mm[index])))
    if mammogram.info.acquisition == "film":
        for marks in _scratches(catalogue, mammogram):
            marks = marks[~is_mimic[marks]]
            if not len(marks):
                continue
            is_mimic[marks] = True
            mimics.append(_of_many(marks, catalogue, "film_artifact"))
    for kind, marks in find_grains(catalogue, breast, mammogram, ~is_mimic):
        is_mimic[marks] = True
        mimics.append(_of_many(marks, catalogue, kind))
    return mimics, is_mimic


def _scratches(catalogue: SpeckCatalogue, mammogram: Mammogram) -> list[NDArray[np.intp]]:
    """Marks that lie on one straight thin line which goes on between them, for each such line."""
    thin = np.flatnonzero(catalogue.width_mm <= min(SCRATCH_PIXELS * mammogram.pixel_mm, SCRATCH_WIDTH_MM))
    if len(thin) < 2:
        return []
    xy_mm = catalogue.xy_mm[thin]
    pairs = cKDTree(xy_mm).query_pairs(SCRATCH_REACH_MM, output_type="ndarray")
    joined = np.array([_goes_on(catalogue, mammogram, *thin[pair]) for pair in pairs], dtype=bool)
    lines = []
    for members in connected(len(thin), pairs[joined]):
        if len(members) < 2:
            continue
        axes = main_axes(xy_mm[members])
        about = xy_mm[members] - axes.centre
        if np.ptp(about @ axes.along) >= SCRATCH_MM and np.abs(about @ axes.across).max() <= SCRATCH_BEND_MM:
            lines.append(thin[members])
    return lines


def _goes_on(catalogue: SpeckCatalogue, mammogram: Mammogram, first: int, second: int) -> bool:
    """Whether a thin bright line leads from one mark to the other without a gap."""
    start, end = catalogue.xy[first], catalogue.xy[second]
    length = float(np.hypot(*(end - start)))
    if length < 1:
        return False
    along = (end - start) / length
    across = np.array([-along[1], along[0]])
    path = start + np.linspace(0, 1, int(2 * length) + 2)[:, None] * (end - start)
    offsets = np.array([-2, -1, 0, 1, 2]) * SCRATCH_PIXELS / 2
    at = (path[:, None] + offsets[:, None] * across).astype(np.float32)  # two beside the line, three on it
    grey = cv2.remap(mammogram.pixels, at[..., 0], at[..., 1], cv2.INTER_LINEAR)
    excess = grey[:, 1:4].max(axis=1) - grey[:, [0, 4]].max(axis=1)
    fainter = float(min(catalogue.contrast[first], catalogue.contrast[second]))
    return bool(excess.min() >= SCRATCH_GOES_ON * fainter)


def _steepest(outline: NDArray[np.float64], contrast: float, mammogram: Mammogram) -> float:
    """Steepest step from pixel to pixel within an outline or at it, over the height."""
    rows, columns = mammogram.pixels.shape
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 2, 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 3, (columns, rows))
    patch = mammogram.pixels[low[1] : high[1], low[0] : high[0]]
    body = np.zeros(patch.shape, np.uint8)
    cv2.fillPoly(body, [np.round((outline - low) * 16).astype(np.int32)], 1, shift=4)
    if not body.any() or body.all() or contrast <= 0:
        return 0.0
    # Over the darkest surroundings: on a bright object the mark's own ground is not the film's.
    height = max(contrast, float(patch[body > 0].max() - np.percentile(patch[body == 0], 30)))
    near = cv2.dilate(body, np.ones((3, 3), np.uint8)) > 0
    down = np.abs(np.diff(patch, axis=0))[near[1:] & near[:-1]]
    right = np.abs(np.diff(patch, axis=1))[near[:, 1:] & near[:, :-1]]
    return float(np.percentile(np.concatenate([down, right]), STEEPEST)) / height


def _of_many(marks: NDArray[np.intp], catalogue: SpeckCatalogue, kind: str) -> Mimic:
    """One mimic that shows as several marks."""
    x, y = catalogue.xy[marks].mean(axis=0)
    extent = float(np.hypot(*np.ptp(catalogue.xy_mm[marks], axis=0)))
    return Mimic(float(x), float(y), kind, extent)
