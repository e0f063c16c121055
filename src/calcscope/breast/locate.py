"""Find the breast in a view: the steps, in order, on one reduced image."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from calcscope.breast import foreign, outline
from calcscope.breast.model import Breast, Foreign
from calcscope.breast.nipple import find_nipple
from calcscope.breast.outline import Frame
from calcscope.breast.pectoral import pectoral_line
from calcscope.exam.model import Float, Mammogram, Mask, Points

# The anatomy is looked for at this pixel size, mm: fine enough for a skin line good to half a
# millimetre, coarse enough to cost little.
WORK_MM = 0.5
# Specks this near the edge of the exposed field are not looked for, mm: a film's edge is frayed and
# scratched, a digital detector's is not.
FILM_EDGE_MM, DIGITAL_EDGE_MM = 1.0, 0.2
# Views that show a part of the breast.
PARTIAL = frozenset({"spot", "magnification"})
# Foreign objects are left out with this margin, mm: metal and lettering throw a rim.
FOREIGN_MARGIN_MM = 1.0
# A scanner line is left out with the pixel at each side.
LINE_MARGIN_PIXELS = 1


def locate_breast(mammogram: Mammogram) -> Breast:
    """Outline, pectoral muscle, nipple, foreign objects and search mask of one view.

    Parameters
    ----------
    mammogram : canonical orientation (chest wall left, head or lateral side up)

    Returns
    -------
    Breast in pixels of ``mammogram.pixels``; an image without a breast gives empty masks and no nipple
    """
    rows, columns = mammogram.pixels.shape
    pixels = mammogram.pixels
    if not mammogram.valid.all():
        # What the header masks looks like padding to all that follows.
        pixels = np.where(mammogram.valid, pixels, pixels.min())
    medium = _reduced(pixels, mammogram.pixel_mm, foreign.SPOT_MM)
    small = _reduced(medium, mammogram.pixel_mm * rows / medium.shape[0], WORK_MM)
    # Full pixels in one reduced pixel, (x, y).
    factor = np.array([columns / small.shape[1], rows / small.shape[0]])
    small_mm = mammogram.pixel_mm * float(factor[1])
    film = mammogram.info.acquisition == "film"
    frame = outline.find_frame(small, small_mm)
    partial = bool(PARTIAL & set(mammogram.info.modifiers))
    small_mask = outline.breast_mask(small, frame, small_mm, partial)
    mask = _enlarged(small_mask, (rows, columns)) & mammogram.valid
    polygon, skin = outline.skin_line(small_mask, frame)
    border = pectoral_line(small, small_mask, frame, mammogram.info.view, small_mm)
    levels = outline.levels(np.asarray(small[frame.window]))

    metal = foreign.metal(pixels, medium, small_mask, levels, mammogram.pixel_mm)
    balls = np.array([[f.x, f.y] for f in metal if f.kind == "marker"]).reshape(-1, 2)
    nipple, certainty = find_nipple(small, skin, border, (balls + 0.5) / factor - 0.5, frame, small_mm)

    edge_kind = "film_edge" if film else "collimator"
    found = foreign.labels(small, small_mask, frame, levels, edge_kind, small_mm)
    found += foreign.borders(outline.exposed_field(small), frame, edge_kind, small_mm)
    found += foreign.implant(
        small, small_mask, _muscle(small_mask, border, small_mm), frame, levels, small_mm
    )
    objects = [_scaled(f, factor) for f in found] + metal
    search = _search(mask, frame, factor, FILM_EDGE_MM if film else DIGITAL_EDGE_MM, mammogram.pixel_mm)
    objects += foreign.scanner_lines(pixels, search, mammogram.pixel_mm)
    return Breast(
        mask=mask,
        outline=_upscaled(polygon, factor),
        skin_line=_upscaled(skin, factor),
        pectoral_line=None if border is None else _upscaled(border, factor),
        nipple=None if nipple is None else _point(_upscaled(np.array([nipple]), factor)),
        nipple_certainty=certainty,
        search=_without(search, objects, mammogram.pixel_mm),
        foreign=tuple(objects),
        pixel_mm=mammogram.pixel_mm,
    )


def _reduced(image: Float, pixel_mm: float, target_mm: float) -> Float:
    """The image averaged to pixels of about ``target_mm``; the same image where it is that coarse already."""
    scale = pixel_mm / target_mm
    if scale >= 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _upscaled(points: Points, factor: Points) -> Points:
    """Reduced points (x, y) in full pixels; pixel centres map to pixel centres."""
    return np.asarray((points + 0.5) * factor - 0.5)


def _point(points: Points) -> tuple[float, float]:
    return float(points[0, 0]), float(points[0, 1])


def _scaled(item: Foreign, factor: Points) -> Foreign:
    """A foreign object of the reduced image in full pixels (its extent in mm stays)."""
    x, y = _point(_upscaled(np.array([[item.x, item.y]]), factor))
    return replace(item, outline=_upscaled(item.outline, factor), x=x, y=y)


def _enlarged(mask: Mask, shape: tuple[int, int]) -> Mask:
    """A reduced mask at the full shape (rows, columns), its border smooth."""
    full = cv2.resize(mask.astype(np.uint8) * 255, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(full > 127, dtype=np.bool_)


def _muscle(mask: Mask, border: Points | None, pixel_mm: float) -> Mask:
    """The pectoral muscle in the reduced image."""
    nothing = np.zeros((0, 2))
    return Breast(mask, nothing, nothing, border, None, "estimated", mask, (), pixel_mm).muscle


def _search(mask: Mask, frame: Frame, factor: Points, edge_mm: float, pixel_mm: float) -> Mask:
    """The breast without the edges of the exposed part."""
    search = mask.copy()
    edge = max(1, round(edge_mm / pixel_mm))
    (x0, x1), (y0, y1) = (
        np.array([frame.x0, frame.x1]) * factor[0],
        np.array([frame.y0, frame.y1]) * factor[1],
    )
    search[: round(y0) + edge] = False
    search[round(y1) - edge :] = False
    search[:, : round(x0) + edge] = False
    search[:, round(x1) - edge :] = False
    return search


def _without(search: Mask, objects: list[Foreign], pixel_mm: float) -> Mask:
    """The search mask, in its own memory, without foreign objects and a margin around each."""
    drawn = search.view(np.uint8)
    for item in objects:
        margin = LINE_MARGIN_PIXELS if item.kind == "scanner_line" else round(FOREIGN_MARGIN_MM / pixel_mm)
        corners = np.round(item.outline).astype(np.int32)
        cv2.fillPoly(drawn, [corners], 0)
        # Drawing the outline thickly grows it by the margin.
        cv2.polylines(drawn, [corners], True, 0, thickness=2 * margin + 1)
    return search
