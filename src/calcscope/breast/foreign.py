"""What lies in the image and is no breast: labels, metal, implants, scanner lines, film borders.

Metal is told from calcium by what no calcification is at once: perfectly round (or sharply cut), of one
even brightness and bounded by an edge as sharp as the image can draw. Whatever falls short of that stays
in the search.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from calcscope.breast.model import Foreign
from calcscope.breast.outline import Frame, Levels
from calcscope.exam.model import Float, Mask, Points
from calcscope.exam.quantiles import median, percentile

# Bright spots are looked for at about this pixel size, mm, then measured on the full image.
SPOT_MM = 0.2
# A spot stands out of its surroundings by one of these shares of the way from background to breast: the
# higher one parts a ball from the skin it lies on.
SPOT_SHARES = (0.3, 0.6)
# Metal balls and clips measure this much across, mm.
METAL_MM = (1.0, 4.0)
# The window a spot is measured in, mm.
WINDOW_MM = 7.0
# Ball: short over long axis at least this; area over convex hull at least this.
ROUND, SOLID = 0.9, 0.93
# Metal's edge: the share of the area above 20 % of its height that is above 80 % (1 for a cliff). A small
# ball on a film is blurred, but on the skin nothing else is as round and bright.
CLIFF_ON_SKIN, CLIFF_INSIDE = 0.5, 0.75
# Metal's plateau: standard deviation over height.
FLAT = 0.06
# A ball counts as on the skin this far inside and outside the skin line, mm, and is then this bright.
SKIN_INSIDE_MM, SKIN_OUTSIDE_MM, SKIN_BALL_SHARE = 4.0, 12.0, 0.45
# Inside the breast metal outshines this percentile of the breast, and is no larger than this, mm (across a
# disc of its area): thicker calcium is white, flat and sharp too, and must not be left out of the search.
OUTSHINES, METAL_INSIDE_MM = 99.9, 2.5
# Labels: brighter than this share of the way to the breast, larger than this, letters nearer than this.
LABEL_SHARE, LABEL_MM2, LABEL_GAP_MM = 0.25, 4.0, 6.0
# Implant: this bright (share of the way to the brightest), this large, without anything narrower than this.
IMPLANT_SHARE, IMPLANT_CM2, IMPLANT_WIDTH_MM = 0.75, 15.0, 25.0
# Its texture is at most this share of the remaining breast's, and its border drops by this share.
IMPLANT_TEXTURE, IMPLANT_DROP = 0.15, 0.12
# A scanner line is straight over this length, mm, and typically this many times the noise of one pixel
# off its neighbours.
LINE_MM, LINE_HEIGHT, STRONG_LINE_HEIGHT = 20.0, 1.6, 5.0
# A line echoes at half its height in the columns it is a neighbour of; those are weaker than this share.
LINE_ECHO = 0.75
# Rows of each stretch that are looked at.
LINE_SAMPLES = 60


@dataclass(frozen=True)
class _Spot:
    """A bright compact spot measured at full resolution."""

    outline: Points
    x: float
    y: float
    diameter_mm: float
    roundness: float
    solidity: float
    cliff: float
    flatness: float
    height: float
    value: float


def metal(pixels: Float, small: Float, mask: Mask, film: Levels, pixel_mm: float) -> list[Foreign]:
    """Metal balls (``marker``) on the skin or over the breast, and ``clip``s in it.

    Parameters
    ----------
    pixels : full-size image
    small : the same image reduced to about ``SPOT_MM``
    mask : breast mask at any size
    film : typical values of the image
    pixel_mm : mm per pixel of the full-size image
    """
    size = (small.shape[1], small.shape[0])
    scale = size[1] / pixels.shape[0]
    small_mm = pixel_mm / scale
    inside = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    grown = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    depth = cv2.distanceTransform(grown, cv2.DIST_L2, 3)[1:-1, 1:-1] * small_mm
    away = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3) * small_mm
    tissue = small[inside > 0]
    if tissue.size == 0 or min(small.shape) < 2:
        return []
    bright = percentile(tissue, OUTSHINES)
    span = film.breast - film.background
    found = []
    possible = ((depth <= SKIN_INSIDE_MM) | (small >= bright)) & (away <= SKIN_OUTSIDE_MM)
    for spot in _spots(pixels, small, possible, span, small_mm, pixel_mm):
        row, column = min(size[1] - 1, int(spot.y * scale)), min(size[0] - 1, int(spot.x * scale))
        ball = spot.roundness >= ROUND and spot.solidity >= SOLID
        on_skin = depth[row, column] <= SKIN_INSIDE_MM
        sharp = spot.cliff >= CLIFF_INSIDE and spot.flatness <= FLAT and spot.value >= bright
        sharp &= on_skin or spot.diameter_mm <= METAL_INSIDE_MM
        if ball and (
            sharp or (on_skin and spot.cliff >= CLIFF_ON_SKIN and spot.height > SKIN_BALL_SHARE * span)
        ):
            found.append(_foreign("marker", spot.outline, pixel_mm))
        elif sharp and inside[row, column] and spot.solidity >= SOLID:
            found.append(_foreign("clip", spot.outline, pixel_mm))
    return found


def _spots(
    pixels: Float, small: Float, possible: Mask, span: float, small_mm: float, pixel_mm: float
) -> Iterator[_Spot]:
    """Bright compact spots where metal is possible, each measured in a window of the full image."""
    # The surroundings are what remains after everything narrower than a large spot is removed.
    quarter = cv2.resize(small, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    width = 2 * round(1.3 * METAL_MM[1] / small_mm / 4) + 1
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    around = cv2.resize(cv2.morphologyEx(quarter, cv2.MORPH_OPEN, ellipse), small.shape[::-1])
    excess = np.where(possible, small - around, 0.0)
    factor = small_mm / pixel_mm
    seen: set[tuple[int, int]] = set()
    for share in SPOT_SHARES:
        _, _, boxes, centres = cv2.connectedComponentsWithStats((excess > share * span).astype(np.uint8))
        sides = boxes[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]] * small_mm
        filled = boxes[:, cv2.CC_STAT_AREA] * small_mm**2 / sides.prod(axis=1)
        # A disc fills 0.79 of its box; strands and nets of tissue fill less.
        compact = (sides >= METAL_MM[0] / 2).all(axis=1) & (sides <= 2 * METAL_MM[1]).all(axis=1)
        for centre in centres[1:][(compact & (filled > 0.4))[1:]]:
            spot = _measure(pixels, (centre + 0.5) * factor - 0.5, pixel_mm)
            if spot is None or not METAL_MM[0] <= spot.diameter_mm <= METAL_MM[1]:
                continue
            place = round(spot.x), round(spot.y)
            if place not in seen:
                seen.add(place)
                yield spot


def _measure(pixels: Float, centre: NDArray[np.float64], pixel_mm: float) -> _Spot | None:
    """Shape and edge of the spot around ``centre`` (x, y), or None where it has no closed outline."""
    half = round(WINDOW_MM / pixel_mm / 2)
    x0, y0 = max(0, round(centre[0]) - half), max(0, round(centre[1]) - half)
    window = pixels[y0 : y0 + 2 * half + 1, x0 : x0 + 2 * half + 1]
    column, row = round(centre[0]) - x0, round(centre[1]) - y0
    core = window[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
    if core.size == 0:
        return None
    peak = float(np.median(core))
    base = median(window)
    height = peak - base
    if height <= 0:
        return None
    halfway = _part_at(window > base + height / 2, row, column)
    if halfway is None or halfway[[0, -1]].any() or halfway[:, [0, -1]].any():
        return None
    contours, _ = cv2.findContours(halfway.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contour = np.asarray(contours[0])
    area = float(np.count_nonzero(halfway))
    hull = float(
        np.count_nonzero(cv2.fillConvexPoly(np.zeros(window.shape, np.uint8), cv2.convexHull(contour), 1))
    )
    ys, xs = np.nonzero(halfway)
    covariance = np.cov(np.stack([xs, ys]))
    small, large = (float(value) for value in np.linalg.eigvalsh(covariance))
    near = cv2.dilate(
        halfway.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=max(1, round(0.4 / pixel_mm))
    )
    low = np.count_nonzero((window > base + 0.2 * height) & (near > 0))
    top = np.count_nonzero((window > base + 0.8 * height) & halfway)
    plateau = cv2.erode(
        halfway.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=max(1, round(0.2 / pixel_mm))
    )
    flat = window[plateau > 0]
    return _Spot(
        outline=np.asarray(contour[:, 0, :] + np.array([x0, y0]), dtype=np.float64),
        x=float(xs.mean() + x0),
        y=float(ys.mean() + y0),
        diameter_mm=2 * float(np.sqrt(area / np.pi)) * pixel_mm,
        roundness=float(np.sqrt(max(small, 0.0) / max(large, 1e-9))),
        solidity=area / hull,
        cliff=int(top) / max(1, int(low)),
        flatness=float(flat.std() / height) if flat.size >= 4 else 1.0,
        height=height,
        value=peak,
    )


def _part_at(mask: Mask, row: int, column: int) -> Mask | None:
    """The connected part of ``mask`` at a pixel, or None where the mask is False there."""
    if not mask[row, column]:
        return None
    _, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return np.asarray(parts == parts[row, column])


def labels(
    image: Float, mask: Mask, frame: Frame, film: Levels, edge_kind: str, pixel_mm: float
) -> list[Foreign]:
    """Labels and letters outside the breast, and bright strips along the image's edges, which are called
    ``edge_kind`` (reduced image, reduced pixels)."""
    bright = (image > film.at(LABEL_SHARE)) & ~mask
    outside = np.ones_like(mask)
    outside[frame.window] = False
    bright &= ~outside
    # Skin glows for a millimetre or two beyond its outline.
    skin = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    count, parts, boxes, _ = cv2.connectedComponentsWithStats(bright.astype(np.uint8))
    skin_share = np.bincount(parts[skin], minlength=count) / np.maximum(boxes[:, cv2.CC_STAT_AREA], 1)
    keep = (boxes[:, cv2.CC_STAT_AREA] * pixel_mm**2 >= LABEL_MM2) & (skin_share < 0.5)
    keep[0] = False
    letters = keep[parts].astype(np.uint8)
    gap = np.ones((round(LABEL_GAP_MM / pixel_mm), round(LABEL_GAP_MM / pixel_mm)), np.uint8)
    joined = cv2.morphologyEx(letters, cv2.MORPH_CLOSE, gap)
    contours, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for contour in contours:
        left, _, width, height = cv2.boundingRect(contour)
        # What shines along the chest wall edge is glare or abdomen.
        if left <= frame.x0 + 2:
            continue
        strip = height > 0.5 * (frame.y1 - frame.y0) or width > 0.5 * (frame.x1 - frame.x0)
        hull = cv2.convexHull(contour)[:, 0, :].astype(np.float64)
        found.append(_foreign(edge_kind if strip else "label", hull, pixel_mm))
    return found


def borders(field: Frame, frame: Frame, kind: str, pixel_mm: float) -> list[Foreign]:
    """What lies between the exposed field and the frame kept of it, at the top, the bottom and the right."""
    sides = [
        Frame(field.x0, field.y0, field.x1, frame.y0),
        Frame(field.x0, frame.y1, field.x1, field.y1),
        Frame(frame.x1, frame.y0, field.x1, frame.y1),
    ]
    corners = [
        np.array([[s.x0, s.y0], [s.x1 - 1, s.y0], [s.x1 - 1, s.y1 - 1], [s.x0, s.y1 - 1]], dtype=np.float64)
        for s in sides
        if s.x1 > s.x0 and s.y1 > s.y0
    ]
    return [_foreign(kind, polygon, pixel_mm) for polygon in corners]


def implant(
    image: Float, mask: Mask, muscle: Mask, frame: Frame, film: Levels, pixel_mm: float
) -> list[Foreign]:
    """A breast implant: large, very bright, without texture, sharply bounded (reduced pixels)."""
    inside = image[mask]
    if inside.size == 0:
        return []
    brightest = percentile(inside, 99.5)
    level = film.background + IMPLANT_SHARE * (brightest - film.background)
    smooth = cv2.GaussianBlur(image, (0, 0), 1.0 / pixel_mm)
    width = round(IMPLANT_WIDTH_MM / pixel_mm)
    bright = ((smooth > level) & mask & ~muscle).astype(np.uint8)
    if np.count_nonzero(bright) * pixel_mm**2 < 100 * IMPLANT_CM2:
        return []
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    # The implant goes on beyond the chest wall edge.
    pad = cv2.copyMakeBorder(bright, 0, 0, width, 0, cv2.BORDER_REPLICATE)
    # Where the largest square in the disc has no room the disc has none, and a square is tried in no time.
    edge = next(n for n in range(width) if disc[n : width - n, n : width - n].all())
    square = disc[edge : width - edge, edge : width - edge]
    if square.size and not cv2.erode(pad, square, anchor=(width // 2 - edge,) * 2).any():
        return []
    opened = cv2.morphologyEx(pad, cv2.MORPH_OPEN, disc)[:, width:]
    count, parts, boxes, _ = cv2.connectedComponentsWithStats(opened)
    slope = cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    ring = np.ones((2 * round(2.0 / pixel_mm) + 1,) * 2, np.uint8)
    found = []
    for index in range(1, count):
        part = (parts == index).astype(np.uint8)
        core, halo = cv2.erode(part, ring) > 0, (cv2.dilate(part, ring, iterations=2) > 0) & (part == 0)
        rest = cv2.erode((mask & (part == 0)).astype(np.uint8), ring) > 0
        if (
            boxes[index, cv2.CC_STAT_AREA] * pixel_mm**2 < 100 * IMPLANT_CM2
            or not core.any()
            or not rest.any()
        ):
            continue
        halo &= mask
        even = np.median(slope[core]) < IMPLANT_TEXTURE * np.median(slope[rest])
        drop = np.median(smooth[core]) - np.median(smooth[halo]) if halo.any() else 0.0
        if even and drop > IMPLANT_DROP * (brightest - film.background):
            contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
            found.append(_foreign("implant", max(contours, key=len)[:, 0, :].astype(np.float64), pixel_mm))
    return found


def scanner_lines(pixels: Float, search: Mask, pixel_mm: float) -> list[Foreign]:
    """Straight lines one or two pixels wide along rows or columns, left by a scanner or a dead detector line.

    Parameters
    ----------
    pixels, search : full-size image, and where it is looked at: the breast without the film's edges
    """
    boxes = [(x, top, x, bottom) for x, top, bottom in _lines(pixels, search, pixel_mm)]
    boxes += [(left, y, right, y) for y, left, right in _lines(pixels.T, search.T, pixel_mm)]
    return [
        _foreign("scanner_line", np.array([[x0, y0], [x1, y1]], dtype=np.float64), pixel_mm)
        for x0, y0, x1, y1 in boxes
    ]


def _lines(pixels: Float, search: Mask, pixel_mm: float) -> list[tuple[int, int, int]]:
    """Vertical lines as (column, first row, last row)."""
    step = max(8, round(LINE_MM / pixel_mm))
    pieces: dict[int, list[tuple[int, int, bool]]] = {}
    for top in range(0, pixels.shape[0] - step // 2, step):
        bottom = min(top + step, pixels.shape[0])
        for column, strong in _line_columns(pixels[top:bottom], search[top:bottom]):
            pieces.setdefault(column, []).append((top, bottom - 1, strong))
    lines = []
    for column, stretches in pieces.items():
        # A faint line must go on for more than one stretch; tissue is straight for as long by chance.
        if len(stretches) > 1 or stretches[0][2]:
            lines.append((column, stretches[0][0], stretches[-1][1]))
    return lines


def _line_columns(band: Float, search: Mask) -> Iterator[tuple[int, bool]]:
    """Columns of a band that differ from their neighbours along the whole of it; True where strongly."""
    # A line runs through every row of a band, so a sample of them is enough.
    stride = max(1, len(band) // LINE_SAMPLES)
    columns = np.flatnonzero(search[::stride].all(axis=0))
    if len(columns) < 8:
        return
    first = int(columns[0])
    rows = np.ascontiguousarray(band[::stride, first : columns[-1] + 1])
    # Each pixel against the mean of those two to its left and right, beyond a line of two pixels.
    offset = rows[:, 2:-2] - (rows[:, :-4] + rows[:, 4:]) / 2
    typical = median(np.abs(offset[::3, ::3])) * 1.4826
    # The median of a column is what counts, but few columns have a mean that makes it worth taking.
    height = np.abs(np.clip(offset, -3 * typical, 3 * typical).mean(axis=0))
    worth = np.flatnonzero(height > LINE_HEIGHT * typical / 2)
    height[worth] = np.abs(np.median(offset[:, worth], axis=0))
    tallest = np.asarray(maximum_filter1d(height, 5))
    for column in np.flatnonzero((height > LINE_HEIGHT * typical) & (height > LINE_ECHO * tallest)):
        yield first + 2 + int(column), bool(height[column] > STRONG_LINE_HEIGHT * typical)


def _foreign(kind: str, outline: Points, pixel_mm: float) -> Foreign:
    """A foreign object from its outline."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    (_, _), sides, _ = cv2.minAreaRect(outline.astype(np.float32))
    x, y = (low + high) / 2
    return Foreign(kind, outline, float(x), float(y), float(max(sides) + 1) * pixel_mm)
