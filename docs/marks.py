"""Draw a picture of the guide: an exported presentation state and segmentation over their image, read back.

    calcscope phantom --out exams --seed 8000 --views RCC,RMLO --lesion fine_pleomorphic:grouped:R \\
        --pixel-mm 0.1 --mimic none
    calcscope read exams --out report
    for kind in images gsps seg; do calcscope export report --to $kind --out objects; done
    python docs/marks.py objects/exam-*
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from highdicom.color import CIELabColor
from highdicom.seg import segread
from picture import palette
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi_lut

OUT = Path(__file__).parent / "images" / "hospital.png"
VIEW = "rcc"
HEIGHT, CLOSE, TOP = 900, 140, 40
"""Drawn height of a panel, half the side of the enlarged part in pixels of the image, room for a title."""


def main(folder: Path) -> None:
    """Write the picture of the objects in a folder."""
    image = dcmread(folder / f"image-{VIEW}.dcm")
    state = dcmread(folder / f"gsps-{VIEW}.dcm")
    grey = shown(image, state)
    lines = list(marks(state))
    finding = np.concatenate(
        [points for layer, points, _ in lines if layer.startswith("FINDINGS") and not isinstance(points, str)]
    )
    x, y = finding.mean(axis=0)
    left, top = int(max(x - CLOSE, 0)), int(max(y - CLOSE, 0))
    right, bottom = int(min(x + CLOSE, grey.shape[1])), int(min(y + CLOSE, grey.shape[0]))
    around = [line for line in lines if line[0].startswith("FINDINGS")]
    whole = panel(grey, around, (0, 0, grey.shape[1], grey.shape[0]), "Presentation state: findings")
    close = panel(grey, lines, (left, top, right, bottom), "All layers, enlarged")
    masked = panel(grey, [], (left, top, right, bottom), "Segmentation", segments(folder))
    gap = np.full((whole.shape[0], 12, 3), 255, np.uint8)
    picture = np.hstack([whole, gap, close, gap, masked])
    small = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    few = Image.fromarray(small[..., ::-1])
    few.quantize(palette=palette(few), dither=Image.Dither.NONE).save(OUT, optimize=True)


def shown(image: Dataset, state: Dataset) -> np.ndarray:
    """The image in the window that the presentation state holds, 0 to 1."""
    window = state.SoftcopyVOILUTSequence[0]
    for keyword in ("WindowCenter", "WindowWidth", "VOILUTFunction"):
        if keyword in window:
            setattr(image, keyword, getattr(window, keyword))
    pixels = apply_voi_lut(image.pixel_array, image).astype(float)
    return (pixels - pixels.min()) / (pixels.max() - pixels.min())


def marks(state: Dataset):  # type: ignore[no-untyped-def]
    """Layer, points as 0-based pixel centres, and colour of each line; of words too, with their box."""
    colours = {
        layer.GraphicLayer: CIELabColor(*lab(layer.GraphicLayerRecommendedDisplayCIELabValue)).to_rgb()
        for layer in state.GraphicLayerSequence
    }
    for note in state.GraphicAnnotationSequence:
        for line in note.get("GraphicObjectSequence", []):
            points = np.array(line.GraphicData, float).reshape(-1, 2) - 0.5
            yield note.GraphicLayer, points, colours[note.GraphicLayer]
        for words in note.get("TextObjectSequence", []):
            corners = [*words.BoundingBoxTopLeftHandCorner, *words.BoundingBoxBottomRightHandCorner]
            box = np.array(corners, float).reshape(2, 2) - 0.5
            placed = box, words.BoundingBoxTextHorizontalJustification, colours[note.GraphicLayer]
            yield note.GraphicLayer, words.UnformattedTextValue, placed


def lab(stored: list[int]) -> tuple[float, float, float]:
    """Stored CIELab values (PS3.3 C.10.7.1.1) as L*, a*, b*."""
    light, a, b = stored
    return light * 100 / 65535, a * 255 / 65535 - 128, b * 255 / 65535 - 128


def segments(folder: Path) -> np.ndarray:
    """Where any segment is."""
    read = segread(folder / f"seg-{VIEW}.dcm")
    return np.any(read.pixel_array.reshape(-1, read.Rows, read.Columns), axis=0)


def panel(grey, lines, box, title, mask=None) -> np.ndarray:  # type: ignore[no-untyped-def]
    """A part of the image, enlarged to one height, with lines or a mask over it."""
    left, top, right, bottom = box
    scale = HEIGHT / (bottom - top)
    size = (round((right - left) * scale), HEIGHT)
    part = cv2.resize(grey[top:bottom, left:right], size, interpolation=cv2.INTER_AREA if scale < 1 else 1)
    drawn = np.repeat((255 * part).astype(np.uint8)[..., None], 3, 2)
    if mask is not None:
        here = cv2.resize(mask[top:bottom, left:right].astype(np.uint8), size, interpolation=0) > 0
        drawn[here] = (60, 150, 255)
    for _, words, (box, justified, rgb) in (line for line in lines if isinstance(line[1], str)):
        edges = (box + 0.5 - [left, top]) * scale
        width = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, 0.9, 2)[0][0]
        before = edges[1, 0] - width if justified == "RIGHT" else edges[0, 0]
        at = (round(float(before)), round(float(edges[1, 1])))
        cv2.putText(drawn, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.9, rgb[::-1], 2, cv2.LINE_AA)
    for _, points, rgb in (line for line in lines if not isinstance(line[1], str)):
        at = (np.array(points) + 0.5 - [left, top]) * scale
        cv2.polylines(drawn, [np.round(8 * at).astype(int)], False, rgb[::-1], 2, cv2.LINE_AA, 3)
    head = np.zeros((TOP, size[0], 3), np.uint8)
    cv2.putText(head, title, (12, 29), cv2.FONT_HERSHEY_SIMPLEX, 0.85, (230, 230, 230), 1, cv2.LINE_AA)
    return np.vstack([head, drawn])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
