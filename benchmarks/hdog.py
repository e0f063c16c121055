"""Time to search one view of 1920 × 3328 pixels, beside a published detector of microcalcifications and SEP.

    python benchmarks/hdog.py [--repeats 3] [--json FILE]

The peer is a stack of differences of Gaussians with Hessian analysis, the first stage of HDoGReg
(C. Marasinou, B. Li, J. Paige, A. Omigbodun, N. Nakhaei, A. Hoyt, W. Hsu, "Segmentation of Breast
Microcalcifications: A Multi-Scale Approach", arXiv:2102.00754), at its published settings: sigma from 1.18 to
3.1 pixels in steps of a factor of 1.05, blobs higher than 0.006. Written anew here, on NumPy and SciPy as the
original is: bright blobs are the maxima of the stack in place and scale, and each is delineated as the
connected region around it where the Hessian is negative definite at that scale.

Ours is all that finds and measures calcifications: the breast's outline, candidates, their outlines, the
network and the judge. Both get the decoded view, each runs on one core, in turn, in one process. SEP:
background and extraction at 3 sigma.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from exam_time import draw, write
from numpy.typing import NDArray
from scipy import ndimage

from calcscope.breast import locate_breast
from calcscope.exam import ReadOptions, read_exams
from calcscope.specks import find_specks

ROWS, COLUMNS = 3328, 1920
SMALLEST, LARGEST, STEP = 1.18, 3.1, 1.05
THRESHOLD = 0.006
Image = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures into this file")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "LCC.dcm", draw("L", 0, ROWS, COLUMNS), "L", "CC")
        exams, _ = read_exams([folder], ReadOptions())
        mammogram = exams[0].views[0].load()
    image = mammogram.pixels.astype(np.float64)
    searches: dict[str, Callable[[], int]] = {
        "Calcscope": lambda: int((find_specks(mammogram, locate_breast(mammogram)).probability >= 0.5).sum()),
        "HDoG": lambda: hdog(image),
        "SEP": lambda: sep_extract(mammogram.pixels),
    }
    searches["Calcscope"]()  # what is loaded once is not counted
    best = dict.fromkeys(searches, np.inf)
    found = dict.fromkeys(searches, 0)
    for _ in range(arguments.repeats):
        for name, search in searches.items():
            begin = time.process_time()
            found[name] = search()
            best[name] = min(best[name], time.process_time() - begin)
    for name, seconds in best.items():
        print(f"{name:10s} {seconds:6.2f} s of processor time, {found[name]} objects")
    ratios = {name: best[name] / best["Calcscope"] for name in ("HDoG", "SEP")}
    print(f"HDoG takes {ratios['HDoG']:.1f} times as long as Calcscope, SEP {ratios['SEP']:.2f} times")
    if arguments.json:
        figures = {
            "search_processor_seconds": best["Calcscope"],
            "search_hdog_over_calcscope": ratios["HDoG"],
            "search_sep_over_calcscope": ratios["SEP"],
        }
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def hdog(image: Image) -> int:
    """Number of bright blobs that the stack finds and delineates in an image of 0 to 1."""
    count = int(np.log(LARGEST / SMALLEST) / np.log(STEP) + 1)
    sigmas = SMALLEST * STEP ** np.arange(count + 1)
    finer = ndimage.gaussian_filter(image, sigmas[0])
    layers: list[tuple[Image, Image]] = []  # the last two, and the greatest value around each pixel
    found = 0
    for sigma, coarser_sigma in pairwise(sigmas):
        coarser = ndimage.gaussian_filter(image, coarser_sigma)
        layer = (finer - coarser) * sigma
        finer = coarser
        layers.append((layer, ndimage.maximum_filter(layer, 3)))
        if len(layers) >= 2:
            found += _delineated(layers[-2][0], [around for _, around in layers])
        layers = layers[-2:]
    return found + _delineated(layers[-1][0], [around for _, around in layers])


def _delineated(layer: Image, around: list[Image]) -> int:
    """Number of the maxima of one scale, against those beside it, that the Hessian bounds."""
    highest = np.maximum.reduce(around)
    peaks = np.nonzero((layer >= highest) & (layer > THRESHOLD))
    down, right = np.gradient(layer)
    yy, yx = np.gradient(down)
    xx = np.gradient(right, axis=1)
    bright = (xx * yy - yx * yx > 0) & (xx + yy < 0)
    label, _ = ndimage.label(bright)
    return len(np.unique(label[peaks][label[peaks] > 0]))


def sep_extract(image: NDArray[np.float32]) -> int:
    """Number of objects that SEP extracts at 3 sigma."""
    import sep

    sep.set_extract_pixstack(10_000_000)
    background = sep.Background(image)
    return len(sep.extract(image - background, 3.0, err=background.globalrms))


if __name__ == "__main__":
    main()
