"""X-rays through the compressed breast onto a detector, in closed form at one effective energy.

Primary quanta follow Lambert and Beer; calcium and marks enter by the share of each pixel's quanta that they
take, averaged over the pixel, so that specks smaller than a pixel come out right. Scatter is a broad blur of
the primary. The detector blurs (:mod:`calcscope.phantom.optics`), counts, and adds its noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float, Mask
from calcscope.phantom.materials import attenuation, constants
from calcscope.phantom.model import Mark, Patch, Projection, Random, Tissue
from calcscope.phantom.optics import Blur, Noise, Structure, filtered, frequencies, ideal_snr, structure_of

SCATTER_STEP_MM = 2.0
"""Grid on which scatter is worked out; it varies over centimetres."""
CONTROL_PERCENTILE = 20
"""Of the primary in the breast, from the densest: what the automatic exposure control looks at."""
STORED_BITS = 14
SATURATION = 25.0
"""Quanta at which stored values saturate, in units of the exposure behind the dense breast: open air does."""
TEMPLATE_MARGIN_MM = 0.8
"""Around a patch when its SNR is worked out: room for the blur."""
HEEL_REACH_MM = 200.0


@dataclass(frozen=True)
class Setup:
    """A detector and how it is used; see the head of ``data/setups.yaml`` for the numbers."""

    name: str
    detector: Literal["direct", "indirect", "film"]
    detector_mm: float
    energy_kev: float
    quanta_per_mm2: float
    spread_mm: float
    glare_share: float
    glare_mm: float
    coloured: float
    readout: float
    structure: float
    grid: bool


def setup(name: str) -> Setup:
    """A setup of ``data/setups.yaml``."""
    return Setup(name=name, **constants("setups")["setups"][name])


def draw_setup(random: Random, film: bool = False) -> Setup:
    """One of the digital setups (or that of film), with an exposure that differs from exam to exam."""
    setups = constants("setups")["setups"]
    names = [name for name, entry in setups.items() if (entry["detector"] == "film") == film]
    drawn = setup(str(random.choice(names)))
    return replace(drawn, quanta_per_mm2=drawn.quanta_per_mm2 * float(np.exp(random.normal(0, 0.2))))


@dataclass(frozen=True)
class Exposure:
    """A view as the detector holds it.

    Parameters
    ----------
    signal : float32 (rows, columns): quanta counted, with noise; linear in exposure, air is brightest
    primary : float32 (rows, columns): expected primary quanta without calcium and marks, before blur
    expected : float32 (rows, columns): expected quanta, scatter and marks included, before noise
    open_quanta : counted in air
    structure : of the primary
    pixel_mm : in the plane of the breast
    origin_mm : (2,) view x, y of the outer corner of pixel (0, 0)
    """

    signal: Float
    primary: Float
    expected: Float
    open_quanta: float
    pixel_mm: float
    magnification: float
    origin_mm: NDArray[np.float64]
    setup: Setup
    blur: Blur
    noise: Noise
    structure: Structure

    def stored(self) -> NDArray[np.uint16]:
        """Raw image of 14 bits, linear in exposure (For Processing); open air saturates."""
        full = SATURATION * self.setup.quanta_per_mm2 * (self.pixel_mm * self.magnification) ** 2
        counts = np.clip(self.signal / np.float32(full), 0, 1) * (2**STORED_BITS - 1)
        return np.asarray(np.rint(counts), dtype=np.uint16)

    def contrast_of(self, patch: Patch, material: str = "hydroxyapatite") -> float:
        """Greatest share of the primary that the patch takes away, before blur."""
        return float(-np.expm1(-_excess(material, self.setup) * float(patch.thickness_mm.max(initial=0))))

    def snr_of(self, patch: Patch, material: str = "hydroxyapatite") -> float:
        """SNR of the ideal observer for one patch in the noise and the texture of its place; 0 out of view.

        The template is what the patch takes from the primary, blurred; noise and texture are taken as
        stationary, of the strength that they have around it.
        """
        window, share = taken(
            patch, _excess(material, self.setup), self.primary.shape, self.origin_mm, self.pixel_mm,
            round(TEMPLATE_MARGIN_MM / self.pixel_mm),
        )  # fmt: skip
        if share.size == 0 or not share.any():
            return 0.0
        squared = frequencies(share.shape, self.pixel_mm)
        lost = np.fft.rfft2(share * self.primary[window])
        template = np.fft.irfft2(lost * self.blur.signal(squared), share.shape).astype(np.float32)
        noise = self.noise.spectrum(float(self.expected[window].mean()), squared)
        x, y = np.array([patch.x, patch.y]) - self.origin_mm
        texture = self.structure.spectrum(x, y, squared, self.pixel_mm) * self.blur.signal(squared) ** 2
        return ideal_snr(template, noise + texture)


def expose(
    tissue: Tissue,
    calcium: Sequence[Patch],
    marks: Sequence[Mark],
    projection: Projection,
    setup: Setup,
    random: Random,
) -> Exposure:
    """Take the view.

    Parameters
    ----------
    tissue : what the beam crosses, on the projection's pixels
    calcium : solid hydroxyapatite, in place of gland
    marks : on the skin or of metal; those without a material do not meet the beam
    projection : gives the pixel, the magnification (from 1.2: small spot, air gap for grid)
    setup : detector and exposure
    random : draws heel effect, texture and noise

    Returns
    -------
    Exposure : float32 arrays of the projection's rows and columns
    """
    pixel_mm, magnification = projection.pixel_mm, projection.pose.magnification
    origin = np.asarray(projection.origin_mm)
    clear = np.exp(-_depth(tissue, setup))
    field = _heel(tissue.mask.shape, pixel_mm, random)
    dense = float(np.percentile(clear[tissue.mask], CONTROL_PERCENTILE)) if tissue.mask.any() else 1.0
    entrance = setup.quanta_per_mm2 * pixel_mm**2 * magnification**2 / dense
    primary = np.asarray(clear * field * np.float32(entrance), dtype=np.float32)
    seen = primary.copy()
    _lay(seen, calcium, _excess("hydroxyapatite", setup), origin, pixel_mm)
    for mark in marks:
        if mark.material is not None:
            _lay(seen, mark.patches, attenuation(mark.material, setup.energy_kev), origin, pixel_mm)
    blur = _blur(setup, magnification)
    noise = Noise(blur, setup.coloured, setup.readout, setup.structure)
    # Scatter is cast by the breast at large: a speck or a mark takes none of it away.
    scatter = _scatter(primary, tissue.thickness, tissue.mask, pixel_mm, setup, magnification)
    expected = filtered(seen, pixel_mm, blur.signal) + scatter
    signal = expected + noise.draw(expected, pixel_mm, random)
    return Exposure(
        np.maximum(signal, 0),
        primary,
        expected,
        entrance,
        pixel_mm,
        magnification,
        origin,
        setup,
        blur,
        noise,
        structure_of(primary, tissue.mask, pixel_mm),
    )


def taken(
    patch: Patch,
    per_mm: float,
    shape: tuple[int, ...],
    origin_mm: NDArray[np.float64],
    pixel_mm: float,
    margin: int = 0,
) -> tuple[tuple[slice, slice], Float]:
    """The share of each pixel's quanta that a patch takes: the pixel's mean of ``1 - exp(-per_mm * t)``.

    Parameters
    ----------
    per_mm : linear attenuation in excess of what the patch displaces
    shape : of the image
    origin_mm : (2,) x, y of the outer corner of pixel (0, 0), in the frame of the patch's x, y
    margin : pixels around it that the window includes

    Returns
    -------
    window : (rows, columns) slices of the image, empty where the patch lies outside
    share : float32, of the window's shape
    """
    lost = -np.expm1(-per_mm * patch.thickness_mm.astype(np.float64))
    rows, row_weights = _overlap(
        lost.shape[0], patch.step_mm, patch.y - origin_mm[1], pixel_mm, shape[0], margin
    )
    columns, column_weights = _overlap(
        lost.shape[1], patch.step_mm, patch.x - origin_mm[0], pixel_mm, shape[1], margin
    )
    return (rows, columns), np.asarray(row_weights @ lost @ column_weights.T, dtype=np.float32)


def _overlap(
    cells: int, step_mm: float, middle_mm: float, pixel_mm: float, size: int, margin: int
) -> tuple[slice, NDArray[np.float64]]:
    """Along one axis: the pixels that a patch touches, and the share of each that each cell covers."""
    edges = (middle_mm + (np.arange(cells + 1) - cells / 2) * step_mm) / pixel_mm
    first = min(max(int(np.floor(edges[0])) - margin, 0), size)
    last = max(min(int(np.ceil(edges[-1])) + margin, size), first)
    pixels = np.arange(first, last)[:, None]
    covered = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
    return slice(first, last), np.maximum(covered, 0.0)


def _lay(
    quanta: Float, patches: Sequence[Patch], per_mm: float, origin_mm: NDArray[np.float64], pixel_mm: float
) -> None:
    """Take what patches absorb out of the quanta, in place."""
    for patch in patches:
        window, share = taken(patch, per_mm, quanta.shape, origin_mm, pixel_mm)
        quanta[window] *= 1 - share


def _excess(material: str, setup: Setup) -> float:
    """Attenuation per mm of a material that takes the place of gland."""
    return attenuation(material, setup.energy_kev) - attenuation("gland", setup.energy_kev)


def _depth(tissue: Tissue, setup: Setup) -> Float:
    """Optical depth, float32 (rows, columns). What is none of the named tissues is fat."""
    fat = attenuation("adipose", setup.energy_kev)
    depth = tissue.thickness * np.float32(fat)
    for name in ("gland", "fibre", "skin", "muscle"):
        depth += getattr(tissue, name) * np.float32(attenuation(name, setup.energy_kev) - fat)
    return np.asarray(depth, dtype=np.float32)


def _heel(shape: tuple[int, ...], pixel_mm: float, random: Random) -> Float:
    """Intensity over the field, 1 at the chest wall: heel effect and inverse square, (1, columns)."""
    loss = random.uniform(*constants("setups")["tube"]["heel"])
    x = np.arange(shape[1], dtype=np.float32) * np.float32(pixel_mm / HEEL_REACH_MM)
    return np.asarray(1 - np.float32(loss) * x[None, :] ** 2, dtype=np.float32)


def _blur(setup: Setup, magnification: float) -> Blur:
    """Blur in the breast's plane: the converter's shrinks with magnification, the focal spot's grows."""
    tube = constants("setups")["tube"]
    magnified = magnification > 1.2
    spot = tube["magnification_spot_mm"] if magnified else tube["contact_spot_mm"]
    height = magnification if magnified else tube["contact_magnification"]
    # A uniform spot of width a has the variance a²/12.
    spot_mm = spot * (height - 1) / height / np.sqrt(12)
    return Blur(setup.spread_mm / magnification, setup.glare_share, setup.glare_mm / magnification, spot_mm)


def _scatter(
    primary: Float, thickness: Float, mask: Mask, pixel_mm: float, setup: Setup, magnification: float
) -> Float:
    """Scattered quanta, float32 (rows, columns): from within the breast, spread over centimetres."""
    figures = constants("setups")["scatter"]
    passes = figures["air_gap"] if magnification > 1.2 else figures["grid"] if setup.grid else 1.0
    size = tuple(max(1, round(side * pixel_mm / SCATTER_STEP_MM)) for side in primary.shape)
    source = primary * thickness * np.float32(figures["per_mm"] * passes) * mask
    coarse = cv2.resize(source, size[::-1], interpolation=cv2.INTER_AREA)
    reach = figures["range_mm"] / SCATTER_STEP_MM
    half = int(np.ceil(4 * reach))
    radius = np.hypot(*np.mgrid[-half : half + 1, -half : half + 1])
    kernel = np.exp(-radius / reach)
    # Behind the chest wall the body goes on: mirrored there; elsewhere air scatters nothing.
    padded = cv2.copyMakeBorder(coarse, 0, 0, half, 0, cv2.BORDER_REFLECT)
    spread = cv2.filter2D(
        padded, -1, (kernel / kernel.sum()).astype(np.float32), borderType=cv2.BORDER_CONSTANT
    )
    return np.asarray(
        cv2.resize(spread[:, half:], primary.shape[::-1], interpolation=cv2.INTER_CUBIC), dtype=np.float32
    )
