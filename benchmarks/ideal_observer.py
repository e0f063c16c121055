"""How much of what an image holds about a single speck a detector uses: efficiency beside the ideal observer.

Specks are balls behind a detector with blur, at known places in Gaussian noise of known power: white noise,
noise coloured by the blur, and noise over the power law of the breast's structure. Their contrast is set so
that the ideal observer's d' is 1 to 3. Half of the places of each image, by lot, hold a speck. The detector
sees the whole image and is scored at each place; its efficiency is (d_a / d')². The prewhitening filter is
run as one of the detectors: it must have efficiency 1.

Writes ``ideal-efficiency.png``, ``ideal-froc.png`` and ``ideal-observer.csv`` into the folder of ``--out``.

Run: ``python benchmarks/ideal_observer.py --out DIR [--only NAME ...]``
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.fft import irfft2, rfft2

from calcscope.evaluate import observer
from calcscope.evaluate.froc import Froc, MarkedImage
from calcscope.evaluate.observer import Array, Efficiency, Flags, Trials
from calcscope.exam.model import Float
from calcscope.specks.saliency import background, local_noise
from calcscope.specks.scales import COARSEST_PIXEL_MM, FINEST_PIXEL_MM

SIZES_MM = (0.15, 0.2, 0.3, 0.4, 0.5)
PIXELS_MM = (0.07, 0.1, 0.2)
IDEAL = (1.0, 1.5, 2.0, 2.5, 3.0)
"""d' of the ideal observer: below 1 nothing is measured, above 3 too few pairs go wrong to measure."""

IMAGES = 64
GRID, STEP, JITTER = 8, 48, 8
"""Places of an image: a grid of GRID × GRID, STEP pixels apart, each moved by lot within JITTER pixels, so
that blocks of up to 8 pixels cut the specks everywhere. 64 images hold 2048 pairs."""

SIDE = GRID * STEP
BLUR_PIXELS = 0.36
"""Gaussian sigma of the detector's blur. With the pixel's own aperture it makes the transfer one half at 0.4
cycles per pixel: 5.7 per mm at 0.07 mm and 4 per mm at 0.1 mm, typical of selenium and of caesium iodide."""

QUANTUM_SHARE = 0.8
"""Of the noise that passes through the blur, as the X-ray quanta do; the rest is the electronics'."""

STRUCTURE_MEETS_NOISE = 1.0
"""Cycles per mm above which the noise is more than the breast's structure: assumed, not measured."""

GREY, NOISE_GREY = 0.4, 0.01
"""The images as a program gets them: mean and deviation of the noise, in units of the stored range."""

OVERSAMPLING = 16
"""Points across a pixel at which the ball's thickness is taken."""

CHANNELS, CHANNEL_WIDTH = 6, 6.0
"""Laguerre-Gauss channels, and their width in deviations of the speck: it and its near surroundings."""

HUMAN = (0.3, 0.5)
"""Efficiency of human readers of simple signals in noise: A. E. Burgess et al., Science 214:93-94, 1981."""

SCAN_PIXEL_MM, SCAN_SPECKS, SCAN_TOLERANCE_MM = 0.1, 6, 0.3
SCAN_IDEAL = (4.0, 5.0, 6.0, 7.0)
"""With the place unknown among some 10⁵, a speck of d' 3 drowns and one of 7 is all but sure."""

Maps = Callable[[Float, float], Float]
"""From an image, (rows, columns), and its mm per pixel to one score for each pixel: (rows, columns), or
(n, rows, columns) for n scales of which the detector, not knowing the speck's size, takes the highest."""


def ball(diameter_mm: float, pixel_mm: float) -> Array:
    """Patch of a ball's thickness in mm, mean over each pixel, after the detector's blur."""
    half = int(np.ceil(diameter_mm / 2 / pixel_mm)) + 3
    side = (2 * half + 1) * OVERSAMPLING
    offset = (np.arange(side) - (side - 1) / 2) * pixel_mm / OVERSAMPLING
    square = offset[:, None] ** 2 + offset**2
    thickness = 2 * np.sqrt(np.maximum((diameter_mm / 2) ** 2 - square, 0))
    blurred = cv2.GaussianBlur(thickness, (0, 0), BLUR_PIXELS * OVERSAMPLING)
    return np.asarray(cv2.resize(blurred, (2 * half + 1,) * 2, interpolation=cv2.INTER_AREA))


def backgrounds(pixel_mm: float) -> dict[str, Array]:
    """Noise power by name, all with noise of about variance 1 apart from the breast's structure."""
    shape = (SIDE, SIDE)
    transfer = np.exp(-2 * (np.pi * BLUR_PIXELS * pixel_mm * observer.frequency(shape, pixel_mm)) ** 2)
    coloured = QUANTUM_SHARE * transfer**2 + (1 - QUANTUM_SHARE)
    structure = observer.power_law(shape, pixel_mm, STRUCTURE_MEETS_NOISE) * transfer**2
    return {"white": np.ones(shape), "coloured": coloured, "power law": coloured + structure}


@dataclass(frozen=True)
class Scene:
    """One background at one pixel size, with its noise and places drawn.

    Parameters
    ----------
    name, pixel_mm, power : of the background
    noise : (IMAGES, SIDE, SIDE) float32
    rows, columns : (IMAGES, places) of the places
    present : (IMAGES, places), half of each image True
    """

    name: str
    pixel_mm: float
    power: Array
    noise: Float
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    present: Flags

    @classmethod
    def draw(cls, name: str, pixel_mm: float, power: Array, seed: int) -> Scene:
        random = np.random.default_rng(seed)
        noise = np.stack([observer.sample(power, random) for _ in range(IMAGES)]).astype(np.float32)
        at = (np.mgrid[:GRID, :GRID] * STEP + STEP // 2).reshape(2, 1, -1)
        at = at + random.integers(JITTER, size=(2, IMAGES, GRID**2)) - JITTER // 2
        half = np.arange(GRID**2) < GRID**2 // 2
        present = random.permuted(np.broadcast_to(half, (IMAGES, GRID**2)), axis=1)
        return cls(name, pixel_mm, power, noise, at[0], at[1], present)

    def specks(self, signal: Array) -> Float:
        """The signal set on every place that has one, (IMAGES, SIDE, SIDE)."""
        dots = np.zeros(self.noise.shape, dtype=np.float32)
        image = np.arange(IMAGES)[:, None]
        dots[image, self.rows, self.columns] = self.present
        return np.asarray(irfft2(rfft2(dots) * rfft2(signal.astype(np.float32)), (SIDE, SIDE)))

    def at_places(self, maps: Float) -> Array:
        """Score at each place: of (..., IMAGES, SIDE, SIDE) make (..., IMAGES, places)."""
        image = np.arange(IMAGES)[:, None]
        return np.asarray(maps[..., image, self.rows, self.columns], dtype=np.float64)


def linear_observers(scene: Scene, signal: Array, diameter_mm: float) -> dict[str, Array]:
    """Filters that know the speck: the ideal one, and what ignoring noise, shape or surroundings loses."""
    shape = (SIDE, SIDE)
    # The Gaussian has the speck's own second moment: that of a ball, of the blur and of the pixel.
    sigma = np.sqrt((diameter_mm / 2 / scene.pixel_mm) ** 2 / 5 + BLUR_PIXELS**2 + 1 / 12)
    away = np.fft.fftfreq(SIDE, 1 / SIDE)
    channels = observer.laguerre_gauss(shape, CHANNEL_WIDTH * sigma, CHANNELS)
    covariance = observer.channel_covariance(channels, scene.power)
    return {
        "prewhitening": observer.prewhitening(signal, scene.power),
        "channelised Hotelling": observer.channelised(signal, channels, covariance),
        "own shape": signal,
        "matched Gaussian": np.exp(-(away[:, None] ** 2 + away**2) / 2 / sigma**2),
    }


def salience(image: Float, pixel_mm: float) -> Float:
    """The classical detector's salience on each rung of its ladder, at the image's own pixels."""
    whole = np.ones(image.shape, dtype=np.bool_)
    rungs = []
    factor = max(1, int(np.ceil(FINEST_PIXEL_MM / pixel_mm - 1e-6)))
    while factor * pixel_mm <= COARSEST_PIXEL_MM and image.shape[0] % factor == 0:
        side = image.shape[0] // factor
        reduced = np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA))
        smooth, ground = background(reduced)
        rung = (smooth - ground) / local_noise(reduced, whole[:side, :side], factor * pixel_mm, 1e-7)
        rungs.append(rung.repeat(factor, axis=0).repeat(factor, axis=1))
        factor *= 2
    return np.stack(rungs)


def detectors() -> dict[str, Maps]:
    """The detectors under test, by name; the learned one where it is there."""
    maps: dict[str, Maps] = {"salience": salience}
    with contextlib.suppress(ModuleNotFoundError):
        maps["network"] = importlib.import_module("calcscope.specks.network").logit_map
    return maps


@dataclass(frozen=True)
class Row:
    """One line of the table. ``closed`` is the efficiency of a linear observer by its formula, else None."""

    background: str
    pixel_mm: float
    size_mm: float
    detector: str
    efficiency: Efficiency
    closed: float | None
    by_ideal: tuple[float, ...]


def measure(scene: Scene, size_mm: float, under_test: dict[str, Maps]) -> Iterator[Row]:
    """Efficiency of every observer at one size of speck."""
    signal = observer.centred(ball(size_mm, scene.pixel_mm), (SIDE, SIDE))
    signal /= observer.ideal_detectability(signal, scene.power)
    specks = scene.specks(signal)

    def row(name: str, scores: Array, closed: float | None = None) -> Row:
        """``scores``: (strengths, IMAGES, places)."""
        trials = [Trials(d, s, scene.present) for d, s in zip(IDEAL, scores, strict=True)]
        each = tuple(observer.efficiency([one], resamples=1).value for one in trials)
        value = observer.efficiency(trials)
        return Row(scene.name, scene.pixel_mm, size_mm, name, value, closed, each)

    spectra = rfft2(scene.noise), rfft2(specks)
    for name, weights in linear_observers(scene, signal, size_mm).items():
        kernel = np.conj(rfft2(weights)).astype(np.complex64)
        noise, extra = (scene.at_places(irfft2(s * kernel, (SIDE, SIDE))) for s in spectra)
        closed = observer.detectability(weights, signal, scene.power) ** 2
        yield row(name, np.stack([noise + d * extra for d in IDEAL]), closed)
    for name, maps in under_test.items():
        seen = []
        for d in IDEAL:
            images = (GREY + NOISE_GREY * (scene.noise + np.float32(d) * specks)).astype(np.float32)
            of_images = [maps(image, scene.pixel_mm).reshape(-1, SIDE, SIDE) for image in images]
            seen.append(scene.at_places(np.stack(of_images, axis=1)))
        scales = np.stack(seen, axis=1)  # (scales, strengths, IMAGES, places)
        yield row(name, scales.max(axis=0))
        if len(scales) > 1:
            rows = [row(f"{name}, best scale", scores) for scores in scales]
            yield max(rows, key=lambda each: each.efficiency.value)


def table(rows: list[Row]) -> Table:
    """Efficiency with its 95 % interval, one line for each background, pixel and size."""
    names = list(dict.fromkeys(row.detector for row in rows))
    result = Table(title="Efficiency beside the ideal observer, with 95 % interval", title_justify="left")
    for column in ("background", "pixel, mm", "speck, mm", *names):
        result.add_column(column, justify="left" if column == "background" else "right")
    cells: dict[tuple[str, float, float], dict[str, str]] = {}
    for row in rows:
        key = row.background, row.pixel_mm, row.size_mm
        cells.setdefault(key, {})[row.detector] = str(row.efficiency)
    for (name, pixel_mm, size_mm), values in cells.items():
        result.add_row(name, f"{pixel_mm:g}", f"{size_mm:g}", *(values.get(n, "") for n in names))
    return result


def write_csv(rows: list[Row], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        each = [f"at_{d:g}" for d in IDEAL]
        writer.writerow(
            [
                "background",
                "pixel_mm",
                "speck_mm",
                "detector",
                "efficiency",
                "low",
                "high",
                "closed_form",
                *each,
            ]
        )
        for row in rows:
            e = row.efficiency
            numbers = [e.value, e.low, e.high, row.closed, *row.by_ideal]
            shown = ["" if n is None else f"{n:.4f}" for n in numbers]
            writer.writerow([row.background, row.pixel_mm, row.size_mm, row.detector, *shown])


def draw_efficiency(rows: list[Row], path: Path) -> None:
    """Efficiency against the speck's size, one panel for each background and pixel."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(row.detector for row in rows))
    across = list(dict.fromkeys(row.pixel_mm for row in rows))
    down = list(dict.fromkeys(row.background for row in rows))
    figure = Figure(figsize=(3.4 * len(across) + 1.8, 2.6 * len(down)), dpi=130, layout="constrained")
    panels = figure.subplots(len(down), len(across), sharex=True, sharey=True, squeeze=False)
    for (i, name), (j, pixel_mm) in ((a, b) for a in enumerate(down) for b in enumerate(across)):
        axes = panels[i, j]
        axes.axhspan(*HUMAN, color="0.92", lw=0, label="human readers, about")
        for n, detector in enumerate(names):
            own = [r for r in rows if (r.background, r.pixel_mm, r.detector) == (name, pixel_mm, detector)]
            size = np.array([r.size_mm for r in own]) + 0.004 * (n - len(names) / 2)
            value = np.array([r.efficiency.value for r in own])
            ends = [[v - r.efficiency.low, r.efficiency.high - v] for v, r in zip(value, own, strict=True)]
            axes.errorbar(
                size, value, np.array(ends).T, fmt="o-", ms=3.5, lw=1.2, color=f"C{n}", label=detector
            )
        axes.set_title(f"{name}, pixel {pixel_mm:g} mm", loc="left", fontsize=9)
        axes.set_ylim(0, 1.2)
        axes.grid(color="0.9")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("diameter of the speck, mm", fontsize=10)
    figure.supylabel("efficiency", fontsize=10)
    figure.legend(
        *panels[0, 0].get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=8
    )
    figure.savefig(path, format="png")


def scan(maps: dict[str, Maps], path: Path) -> None:
    """Draw FROC curves, place unknown: the scanning ideal observer's and those of the detectors beside it.

    Specks of every size and of d' of SCAN_IDEAL, as many of each, at sparse random places of noise over the
    breast's structure. The ideal observer knows these numbers, though not which speck has which.
    """
    from matplotlib.figure import Figure

    random = np.random.default_rng(5)
    power = backgrounds(SCAN_PIXEL_MM)["power law"]
    unit = [observer.centred(ball(size, SCAN_PIXEL_MM), power.shape) for size in SIZES_MM]
    unit = [signal / observer.ideal_detectability(signal, power) for signal in unit]
    signals = [d * signal for signal in unit for d in SCAN_IDEAL]
    tolerance = SCAN_TOLERANCE_MM / SCAN_PIXEL_MM
    scenes = Scene.draw("power law", SCAN_PIXEL_MM, power, seed=6)
    marked: dict[str, list[MarkedImage]] = {}
    for index, noise in enumerate(scenes.noise):
        normal = index % 2 == 1
        image, true = noise.astype(np.float64), np.zeros((0, 2))
        if not normal:
            places = random.choice(GRID**2, size=SCAN_SPECKS, replace=False)
            true = np.column_stack([scenes.columns[index, places], scenes.rows[index, places]])
            for x, y in true:
                image += np.roll(signals[random.integers(len(signals))], (y, x), axis=(0, 1))
        seen = (GREY + NOISE_GREY * image).astype(np.float32)
        evidence = {
            "scanning ideal observer": observer.log_likelihood_ratio(
                image, signals, power, tolerance=tolerance
            )
        }
        for name, one in maps.items():
            scales = one(seen, SCAN_PIXEL_MM).reshape(-1, SIDE, SIDE)
            evidence[name] = scales.max(axis=0)
            if len(scales) > 1:
                evidence |= {f"{name}, scale {n}": scale for n, scale in enumerate(scales, start=1)}
        for name, response in evidence.items():
            xy, scores = observer.peaks(response, tolerance)
            near = np.hypot(*(xy[:, None] - true[None]).transpose(2, 0, 1)) <= tolerance
            marks = [(float(s), None) for s, hit in zip(scores, near.any(axis=1), strict=True) if not hit]
            hits = [(float(scores[m]), int(t)) for m, t in zip(*np.nonzero(near), strict=True)]
            image_marks = MarkedImage((*marks, *hits), truths=len(true), normal=normal)
            marked.setdefault(name, []).append(image_marks)

    area_cm2 = (SIDE * SCAN_PIXEL_MM / 10) ** 2
    rates = np.geomspace(0.05, 20, 400)
    figure = Figure(figsize=(7.2, 4.8), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    for n, (name, images) in enumerate(marked.items()):
        colour = "black" if n == 0 else f"C{n}"
        axes.step(rates, Froc.of(images).sensitivity(rates), where="post", lw=2, color=colour, label=name)
    axes.set_xscale("log")
    axes.set_xlim(rates[0], rates[-1])
    axes.set_ylim(0, 1.02)
    axes.grid(color="0.88")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(f"false marks per normal image of {area_cm2:.0f} cm²")
    axes.set_ylabel("share of the specks found")
    low, high = SCAN_IDEAL[0], SCAN_IDEAL[-1]
    axes.set_title(f"Simulated specks of d′ {low:g} to {high:g}, place unknown", loc="left", fontsize=11)
    axes.legend(loc="upper left", frameon=False)
    figure.savefig(path, format="png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the table and the pictures")
    known = detectors()
    parser.add_argument(
        "--only", nargs="+", choices=list(known), help="detectors to test; all of them without"
    )
    parser.add_argument("--pixel-mm", nargs="+", type=float, default=PIXELS_MM)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    under_test = {name: known[name] for name in arguments.only or known}
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for pixel_mm in arguments.pixel_mm:
        for seed, (name, power) in enumerate(backgrounds(pixel_mm).items()):
            scene = Scene.draw(name, pixel_mm, power, seed)
            for size_mm in SIZES_MM:
                rows += measure(scene, size_mm, under_test)
    Console(width=150).print(table(rows))
    write_csv(rows, arguments.out / "ideal-observer.csv")
    draw_efficiency(rows, arguments.out / "ideal-efficiency.png")
    scan(under_test, arguments.out / "ideal-froc.png")


if __name__ == "__main__":
    main()
