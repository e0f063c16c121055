"""The exposed part of the film and the outline of the breast, on a reduced image.

The background of a digitised film is neither black nor even: fog, glare along the chest wall edge and
scanner streaks are as bright as the outermost skin elsewhere. So the outline is found twice: roughly
with one threshold, then against the background measured around the rough breast.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float, Mask, Points
from calcscope.exam.quantiles import median, percentile

# Values this close to the darkest one are padding, masking or a digital detector's empty background.
EMPTY = 1e-3
# Padding ends where this share of a row or column is exposed at once: a film begins with a whole row, a
# breast on an empty background with a point.
EXPOSED_SHARE = 0.3
# White film borders, masks and damaged strips reach at most this far into the scan, mm.
BORDER_REACH_MM = 25.0
# Such a border ends in a step of this share of the way from background to breast ...
STEP_SHARE = 0.06
# ... along more than this share of the film's length or width, and this many times more than lines of
# the film commonly show: no anatomy does that.
STEP_EXTENT, STEP_RARITY = 0.55, 2.0
# It has halved this many lines further in.
STEP_WIDTH = 8
# Rough outline: the lowest of these shares of the way from background to breast at which the region does
# not flood to the far edge of the film.
ROUGH_SHARES = (0.06, 0.15)
# Skin is at least this share of the way from the local background to the breast ...
SKIN_SHARE = 0.012
# ... and this many standard deviations of the background's noise above it.
SKIN_NOISE = 4.0
# Rows in which the rough breast is narrower than this are glare along the film's edge, mm.
GLARE_MM = 14.0
# A wider strip of glare shows by its shape: narrower than this, mm, over at least this height, mm, from the
# top or bottom edge on, and its width changing by less than this for each mm of height.
STRIP_MM, STRIP_HEIGHT_MM, STRIP_SLOPE = 25.0, 8.0, 0.15
# The breast begins where the strip widens by more than this for each mm, measured over 3 mm.
BREAST_SLOPE, SLOPE_MM = 0.5, 3.0
# The background is measured this far outside the outline found before, mm: first far enough to clear a
# nipple and a thin skin that the rough outline missed, then close by.
BACKGROUND_GAPS_MM = (14.0, 5.0)
# It is averaged over this length, mm; in the strip of glare over lengths along x and y that follow it.
BACKGROUND_MM = (6.0, 6.0)
GLARE_BACKGROUND_MM = (1.5, 20.0)
# Values above this share of the way to the breast, beyond the reach of glare, are labels, not background.
LABEL_SHARE = 0.2
# A field smaller than this along either side, mm, is a spot view or a cut-out; so small a one has no room
# for the background to be measured in, pixels.
SMALL_FIELD_MM, LEAST_PIXELS = 60.0, 40
# Where such a field seems to hold less breast than this share, it holds nothing but breast.
LEAST_BREAST = 0.25
# Whiskers of noise and letters narrower than this are cut off the outline, mm.
WHISKER_MM = 3.0
# Tissue is at least this high where it leaves the film at the top or bottom; flatter are fogged edges, mm.
SLIVER_MM = 6.0


@dataclass(frozen=True)
class Frame:
    """Exposed part of a reduced image, half open: columns ``x0`` to ``x1``, rows ``y0`` to ``y1``."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Index of the exposed part."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


@dataclass(frozen=True)
class Levels:
    """Typical values of a film: its background and the bright part of the breast."""

    background: float
    breast: float

    def at(self, share: float) -> float:
        """Value this share of the way from the background to the breast."""
        return self.background + share * (self.breast - self.background)


def levels(values: Float) -> Levels:
    """Background (the commonest value of the darker half) and breast (95th percentile) of a film."""
    breast = percentile(values, 95)
    lowest = float(values.min())
    if breast <= lowest:
        return Levels(lowest, lowest)
    counts, edges = np.histogram(values, bins=256, range=(lowest, breast))
    mode = int(np.argmax(counts[:128]))
    return Levels(float(edges[mode] + edges[mode + 1]) / 2, breast)


def find_frame(image: Float, pixel_mm: float) -> Frame:
    """The exposed part: without constant padding, white film borders and damaged strips at the edges.

    Parameters
    ----------
    image : reduced image, chest wall left
    pixel_mm : size of a reduced pixel, mm
    """
    field = exposed_field(image)
    inside = cv2.GaussianBlur(image[field.window], (0, 0), 1.0)
    film = levels(np.asarray(inside, dtype=np.float32))
    step = STEP_SHARE * (film.breast - film.background)
    down = np.mean(np.abs(inside[4:] - inside[:-4]) > step, axis=1)
    across = np.mean(np.abs(inside[:, 4:] - inside[:, :-4]) > step, axis=0)
    reach = round(BORDER_REACH_MM / pixel_mm)
    return Frame(
        field.x0,
        field.y0 + _border(down, reach),
        field.x1 - _border(across[::-1], reach),
        field.y1 - _border(down[::-1], reach),
    )


def exposed_field(image: Float) -> Frame:
    """The image without the constant padding around a scanned film."""
    exposed = image > image.min() + EMPTY
    columns, rows = exposed.mean(axis=0), exposed.mean(axis=1)
    return Frame(
        _padding(columns),
        _padding(rows),
        image.shape[1] - _padding(columns[::-1]),
        image.shape[0] - _padding(rows[::-1]),
    )


def _padding(exposed: NDArray[np.float64]) -> int:
    """Number of padding lines at the start of a profile of exposed shares."""
    lines = np.flatnonzero(exposed > EXPOSED_SHARE / 10)
    if len(lines) == 0:
        return 0
    first = int(lines[0])
    # The film's own edge may be blurred over a line or two by the reduction.
    return first if exposed[first : first + 3].max() > EXPOSED_SHARE else 0


def _border(step_extent: NDArray[np.float64], reach: int) -> int:
    """Number of border lines to drop at the start of a profile of step extents (taken over 4 lines)."""
    if len(step_extent) == 0:
        return 0
    least = max(STEP_EXTENT, STEP_RARITY * float(np.median(step_extent)))
    outer = step_extent[: min(reach, len(step_extent) // 4)]
    # A border is a sharp line; the rounding of a breast that fills the film is not.
    beyond = step_extent[STEP_WIDTH : STEP_WIDTH + len(outer)]
    outer = outer[: len(beyond)]
    steps = np.flatnonzero((outer > least) & (beyond < outer / 2))
    return int(steps[-1]) + 4 if len(steps) else 0


def breast_mask(image: Float, frame: Frame, pixel_mm: float, partial: bool = False) -> Mask:
    """Breast and pectoral muscle.

    A partial view may hold no background at all; then the whole exposed part is breast.

    Parameters
    ----------
    image : reduced image, chest wall at the left of ``frame``
    frame : exposed part
    pixel_mm : size of a reduced pixel, mm
    partial : True for spot and magnification views; small fields are taken for such, too

    Returns
    -------
    bool (rows, columns), all False where there is no breast
    """
    result = np.zeros(image.shape, dtype=np.bool_)
    height, width = frame.y1 - frame.y0, frame.x1 - frame.x0
    if min(height, width) >= LEAST_PIXELS:
        result[frame.window] = _breast_in_field(image, frame, pixel_mm)
    partial = partial or min(height, width) * pixel_mm < SMALL_FIELD_MM
    if partial and np.ptp(image) > EMPTY and np.mean(result[frame.window]) < LEAST_BREAST:
        result[frame.window] = True
    return result


def _breast_in_field(image: Float, frame: Frame, pixel_mm: float) -> Mask:
    """The breast within the exposed part, which is larger than ``LEAST_PIXELS``."""
    inside = np.asarray(cv2.GaussianBlur(image[frame.window], (0, 0), 1.0), dtype=np.float32)
    film = levels(inside)
    whisker = _disc(WHISKER_MM / pixel_mm)
    mask = _rough(inside, film, whisker, pixel_mm)
    for gap_mm in BACKGROUND_GAPS_MM:
        excess, threshold = _against_background(inside, mask, film, gap_mm, pixel_mm)
        mask = _at_chest_wall(_without_slivers(excess > threshold, round(SLIVER_MM / pixel_mm)), whisker)
    return _without_strips(mask, pixel_mm)


def _rough(inside: Float, film: Levels, whisker: NDArray[np.uint8], pixel_mm: float) -> Mask:
    """The breast by one threshold, without the glare along the film's edge."""
    # Glare along the chest wall edge is a strip of even width; breast is wider.
    bar = np.ones((1, max(1, round(GLARE_MM / pixel_mm))), dtype=np.uint8)
    mask = np.zeros(inside.shape, dtype=np.bool_)
    for share in ROUGH_SHARES:
        mask = _at_chest_wall(inside > film.at(share), whisker)
        if not mask[:, -1].any():
            break
    return _open(mask, bar)


def _without_slivers(mask: Mask, height: int) -> Mask:
    """Drop what is less than ``height`` rows high at the top and at the bottom edge."""
    kept = mask.copy()
    height = min(height, len(mask))
    for edge in (kept, kept[::-1]):
        # Rows from the edge inwards that are True without a gap, in each column.
        run = np.argmin(np.vstack([edge[:height], np.ones_like(edge[:1])]), axis=0)
        run[edge[:height].all(axis=0)] = height
        flat = run < height
        edge[:height][:, flat] &= np.arange(height)[:, None] >= run[flat]
    return kept


def _without_strips(mask: Mask, pixel_mm: float) -> Mask:
    """Drop strips of even width along the chest wall above and below the breast: glare, or abdomen."""
    kept = mask.copy()
    for rows in (kept, kept[::-1]):
        # Width of the part that touches the chest wall.
        width = np.argmin(np.hstack([rows, np.zeros((len(rows), 1), dtype=np.bool_)]), axis=1) * pixel_mm
        ends = np.flatnonzero(width > 0)
        wide = np.flatnonzero(width > STRIP_MM)
        least, step = round(STRIP_HEIGHT_MM / pixel_mm), max(1, round(SLOPE_MM / pixel_mm))
        # The opening has rounded the very end.
        start = (int(ends[0]) if len(ends) else 0) + step
        narrow = int(wide[0]) if len(wide) else len(width)
        begin = width[start : start + least]
        if narrow - start < least or begin.min() <= 0:
            continue
        if abs(np.polyfit(np.arange(least) * pixel_mm, begin, 1)[0]) > STRIP_SLOPE:
            continue
        slope = (width[start + step :] - width[start:-step]) / (step * pixel_mm)
        rows[: start + int(np.argmax(np.append(slope, np.inf) > BREAST_SLOPE))] = False
    return kept


def _against_background(
    inside: Float, mask: Mask, film: Levels, gap_mm: float, pixel_mm: float
) -> tuple[Float, float]:
    """The image less the background measured at ``gap_mm`` outside ``mask``, and the least excess of skin."""
    near = cv2.dilate(mask.astype(np.uint8), _disc(2 * gap_mm / pixel_mm)).astype(np.bool_)
    strip = round(GLARE_MM / pixel_mm)
    dark = inside < film.at(LABEL_SHARE)
    dark[:, :strip] = True
    weight = (~near & dark).astype(np.float32)
    background = _blur_known(inside, weight, film.background, BACKGROUND_MM, pixel_mm)
    glare = _blur_known(inside, weight, film.background, GLARE_BACKGROUND_MM, pixel_mm)
    background[:, :strip] = glare[:, :strip]
    excess = np.asarray(inside - background, dtype=np.float32)
    outside = excess[weight > 0]
    noise = 1.4826 * median(np.abs(outside)) if len(outside) else 0.0
    return excess, max(SKIN_NOISE * noise, SKIN_SHARE * (film.breast - film.background))


def _blur_known(
    image: Float, weight: Float, otherwise: float, sigma_mm: tuple[float, float], pixel_mm: float
) -> Float:
    """Gaussian average of the pixels of weight 1 only; ``otherwise`` where none is near."""
    # The background is smooth: a third of the resolution shows all of it.
    size = (max(1, image.shape[1] // 3), max(1, image.shape[0] // 3))
    sigma_x, sigma_y = sigma_mm[0] / pixel_mm / 3, sigma_mm[1] / pixel_mm / 3
    known = cv2.resize(image * weight, size, interpolation=cv2.INTER_AREA)
    total = cv2.GaussianBlur(known, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y)
    known = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    share = cv2.GaussianBlur(known, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y)
    faint = 1e-4
    average = (total + faint * otherwise) / (share + faint)
    return np.asarray(cv2.resize(average, image.shape[::-1]), dtype=np.float32)


def _at_chest_wall(above: Mask, opening: NDArray[np.uint8]) -> Mask:
    """Of the regions touching the left edge the largest, opened and with its holes filled."""
    opened = _open(above, opening).astype(np.uint8)
    count, regions = cv2.connectedComponents(opened, connectivity=4)
    sizes = np.bincount(regions.ravel(), minlength=count)
    touching = np.unique(regions[:, : opening.shape[1]])
    touching = touching[touching > 0]
    if len(touching) == 0:
        return np.zeros(above.shape, dtype=np.bool_)
    chosen = np.asarray(regions == touching[np.argmax(sizes[touching])], dtype=np.uint8)
    contours, _ = cv2.findContours(chosen, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(chosen, contours, -1, 1, cv2.FILLED)
    return chosen.astype(np.bool_)


def _open(mask: Mask, element: NDArray[np.uint8]) -> Mask:
    """Morphological opening; beyond the edges the mask is mirrored, so that tissue there stays."""
    r, c = element.shape[0], element.shape[1]
    grown = cv2.copyMakeBorder(mask.astype(np.uint8), r, r, c, c, cv2.BORDER_REFLECT)
    opened = cv2.morphologyEx(grown, cv2.MORPH_OPEN, element)
    return np.asarray(opened[r:-r, c:-c], dtype=np.bool_)


def _disc(diameter: float) -> NDArray[np.uint8]:
    size = 2 * round(diameter / 2) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), dtype=np.uint8)


def skin_line(mask: Mask, frame: Frame) -> tuple[Points, Points]:
    """Closed outline of a mask, and the part of it that is skin.

    Returns
    -------
    outline : (n, 2) closed polygon
    skin : (m, 2) the outer border from the top of the image to its bottom; the part along the chest
        wall and along the frame is left out
    """
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return np.zeros((0, 2)), np.zeros((0, 2))
    polygon = np.asarray(max(contours, key=len)[:, 0, :], dtype=np.float64)
    wall = (polygon[:, 0] <= frame.x0) | (polygon[:, 1] <= frame.y0) | (polygon[:, 1] >= frame.y1 - 1)
    if not wall.any() or wall.all():
        return polygon, polygon
    # The skin is the longest run of points off the frame.
    start = int(np.flatnonzero(wall)[0])
    ordered, free = np.roll(polygon, -start, axis=0), np.roll(~wall, -start)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], free.astype(np.int8), [0]])))
    runs = edges.reshape(-1, 2)
    first, last = runs[np.argmax(runs[:, 1] - runs[:, 0])]
    skin = ordered[first:last]
    return polygon, skin if skin[0, 1] <= skin[-1, 1] else skin[::-1]
