"""Screen-film mammograms and their digitisers: the characteristic curve, grain, dust, scratches, labels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float
from calcscope.phantom.model import Mark, Random
from calcscope.phantom.physics import Exposure

CONTROL_DENSITY = 1.5
"""Net optical density that the exposure control lays the middle of the breast to."""
GRADIENTS = (3.2, 4.4)
"""Slope of the straight part of the characteristic curve, density per decade of exposure."""


@dataclass(frozen=True)
class Scanner:
    """A film digitiser.

    Parameters
    ----------
    pixel_mm, bits : of the scan
    blur_mm : Gaussian sigma of its spot
    noise : standard deviation in optical density, grows as the film lets less light through
    lines : standard deviation of the gain from column to column, in optical density
    densest : optical density that it stores as 0
    """

    pixel_mm: float
    bits: int
    blur_mm: float
    noise: float
    lines: float
    densest: float


SCANNERS = {
    "drum_50": Scanner(0.05, 12, 0.028, 0.004, 0.0008, 3.6),
    "laser_50": Scanner(0.05, 16, 0.032, 0.008, 0.0015, 3.4),
    "coarse_200": Scanner(0.2, 8, 0.060, 0.012, 0.0005, 3.2),
}
"""Invented; ``coarse_200`` is a 50 micrometre scan reduced to 0.2 mm and 8 bits, as public sets have."""


@dataclass(frozen=True)
class Film:
    """Characteristic curve (H&D) and grain.

    ``D = base + span / (1 + exp(-4 gradient / span (log10 E - speed)))``: toe, straight part, shoulder.
    Grain follows Selwyn: its standard deviation over an area A goes as ``sqrt(D / A)``; the clumps' size
    (Gaussian sigma) makes it correlated.
    """

    base: float = 0.2
    span: float = 3.6
    gradient: float = 3.2
    grain_mm: float = 0.012
    grain: float = 0.0008
    """Standard deviation of density at D = 1, times mm of the aperture's side."""


@dataclass(frozen=True)
class FilmScan:
    """A digitised film.

    Parameters
    ----------
    pixels : uint8 or uint16 (rows, columns), larger is whiter (less density)
    marks : what lies on the film, as truth (kinds ``film_artifact`` and ``marker``), in pixels of the scan
    scale : pixels of the scan for each pixel of the exposure
    """

    pixels: NDArray[np.uint8] | NDArray[np.uint16]
    bits: int
    pixel_mm: float
    marks: tuple[Mark, ...]
    scale: float

    def to_scan(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scan pixels of (n, 2) pixels of the exposure."""
        return np.asarray((np.asarray(xy) + 0.5) * self.scale - 0.5)


def develop(
    exposure: Exposure, scanner: Scanner, random: Random, label: str | None = None, mirrored: bool = False
) -> FilmScan:
    """Develop a film and scan it.

    Parameters
    ----------
    exposure : of the setup ``screen_film``
    label : lead letters beside the breast, such as ``R-CC``; None for none
    mirrored : the canonical image is a mirror of the film, so the letters are mirrored too

    Returns
    -------
    FilmScan : at the scanner's pixel; in the plane of the film, so of contact views
    """
    film, pixel_mm = Film(gradient=random.uniform(*GRADIENTS)), exposure.pixel_mm
    middle = float(np.median(exposure.expected[exposure.primary < exposure.open_quanta * 0.5]))
    exposed = np.log10(np.maximum(exposure.signal, 1) / np.float32(max(middle, 1)))
    slope = 4 * film.gradient / film.span
    speed = np.log(film.span / CONTROL_DENSITY - 1) / slope
    density = film.base + film.span / (1 + np.exp(-np.float32(slope) * (exposed - np.float32(speed))))
    grain = cv2.GaussianBlur(
        random.standard_normal(density.shape, dtype=np.float32), (0, 0), film.grain_mm / pixel_mm
    )
    density = density + np.float32(film.grain / pixel_mm) * np.sqrt(density) * grain / max(
        float(grain.std()), 1e-6
    )
    marks = _lay_on_film(density, pixel_mm, film.base, random)
    if label is not None:
        marks.append(_label(density, exposure, film.base, label, mirrored))
    return _scan(np.asarray(density, dtype=np.float32), scanner, pixel_mm, marks, random)


def _scan(density: Float, scanner: Scanner, pixel_mm: float, marks: list[Mark], random: Random) -> FilmScan:
    scale = pixel_mm / scanner.pixel_mm
    size = (round(density.shape[1] * scale), round(density.shape[0] * scale))
    seen = cv2.GaussianBlur(density, (0, 0), scanner.blur_mm / pixel_mm)
    seen = cv2.resize(seen, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    dark = np.float32(scanner.noise) * (1 + np.exp(1.5 * (seen - 3)))  # little light comes through
    seen = seen + dark * random.standard_normal(seen.shape, dtype=np.float32)
    seen += np.float32(scanner.lines) * random.standard_normal((1, seen.shape[1]), dtype=np.float32)
    levels = 2**scanner.bits - 1
    stored = np.rint(np.clip(1 - seen / np.float32(scanner.densest), 0, 1) * levels)
    pixels = stored.astype(np.uint8) if scanner.bits == 8 else stored.astype(np.uint16)
    placed = tuple(
        Mark(m.kind, (m.x + 0.5) * scale - 0.5, (m.y + 0.5) * scale - 0.5, m.extent_mm, (), None)
        for m in marks
    )
    return FilmScan(pixels, scanner.bits, scanner.pixel_mm, placed, scale)


def _lay_on_film(density: Float, pixel_mm: float, base: float, random: Random) -> list[Mark]:
    """Dust, hairs and scratches, drawn into the density in place: they lie on the film, sharp and bright."""
    rows, columns = density.shape
    area = rows * columns * pixel_mm**2 / 1e4  # in units of 10 by 10 cm
    marks = []
    for kind, rate in (("dust", 6.0), ("hair", 0.5), ("scratch", 0.5)):
        for _ in range(random.poisson(rate * area)):
            x, y = random.uniform(0, columns), random.uniform(0, rows)
            length = {"dust": 0.15, "hair": 4.0, "scratch": 15.0}[kind] * float(np.exp(random.normal(0, 0.5)))
            bend = {"dust": 1.2, "hair": 0.5, "scratch": 0.02}[kind]
            width = 0.08 if kind == "dust" else 0.04
            steps = max(2, round(length / 0.05))
            heading = random.uniform(0, 2 * np.pi) + np.cumsum(random.normal(0, bend * np.sqrt(0.05), steps))
            path = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0) * length / steps
            path = (path - path.mean(axis=0)) / pixel_mm + [x, y]
            # In sixteenths of a pixel: sharp and anti-aliased, as what lies on the film itself is.
            low = np.maximum(np.floor(path.min(axis=0)).astype(int) - 8, 0)
            high = np.minimum(np.ceil(path.max(axis=0)).astype(int) + 8, [columns, rows])
            if (high <= low).any():
                continue
            part = np.zeros((high[1] - low[1], high[0] - low[0]), dtype=np.uint8)
            cv2.polylines(
                part, [np.rint((path - low) * 16).astype(np.int32)], False, 255,
                thickness=max(1, round(width / pixel_mm)), lineType=cv2.LINE_AA, shift=4,
            )  # fmt: skip
            cover = part.astype(np.float32) / 255 * np.float32(random.uniform(0.4, 1.0))
            window = density[low[1] : high[1], low[0] : high[0]]
            window -= cover * np.maximum(window - np.float32(base), 0)
            marks.append(Mark("film_artifact", float(x), float(y), length, (), None))
    return marks


def _label(density: Float, exposure: Exposure, base: float, label: str, mirrored: bool) -> Mark:
    """Lead letters in the air at the top, far from the chest wall, as clear film."""
    rows, columns = density.shape
    pixel_mm = exposure.pixel_mm
    size = 10 / pixel_mm / 22  # 22 pixels is the font's height at scale 1
    stroke, font = max(1, round(1.5 / pixel_mm)), cv2.FONT_HERSHEY_SIMPLEX
    (wide, high), below = cv2.getTextSize(label, font, size, stroke)
    border = stroke + round(1 / pixel_mm)
    letters = np.zeros((high + below + 2 * border, wide + 2 * border), dtype=np.uint8)
    cv2.putText(letters, label, (border, border + high), font, size, 255, stroke, cv2.LINE_AA)
    letters = letters[:, ::-1] if mirrored else letters
    height, width = min(letters.shape[0], rows), min(letters.shape[1], columns)
    top, left = min(round(8 / pixel_mm), rows - height), max(columns - width - round(8 / pixel_mm), 0)
    window = density[top : top + height, left : left + width]
    window -= letters[:height, :width].astype(np.float32) / 255 * (window - np.float32(base))
    return Mark("marker", left + width / 2, top + height / 2, width * pixel_mm, (), None)
