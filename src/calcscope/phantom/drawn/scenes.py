"""Drawn test scenes: calcifications of known kind on a mammogram-like background.

Every scene is drawn from the *definition* of a lexicon term (sizes, forms and arrangements as the
atlas describes them), seeded, and rendered as an X-ray would: contrast in proportion to the calcium
crossed, detector blur, noise, power-law breast texture. Scenes know nothing of the features or
thresholds by which :mod:`calcscope.describe` recognises them. Figures measured on them are simulated
and must be labelled so.

``draw_morphology``, ``draw_kind`` and ``draw_mimic`` give small fields around the breast's front;
:func:`calcscope.phantom.drawn.scatter.draw_points` gives positions in a whole breast and
``draw_distribution`` renders them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter

from calcscope.breast.model import Breast
from calcscope.exam.model import Mammogram, Mask, Orientation, Points, ViewInfo
from calcscope.phantom.drawn.painters import (
    GROUP_PAINTERS,
    KIND_PAINTERS,
    MIMIC_PAINTERS,
    film_marks,
    paint_milk_of_calcium,
    pearl,
)
from calcscope.phantom.drawn.paths import Random, nipple_of, random_for, skin_x
from calcscope.phantom.drawn.scatter import breast_of, draw_points, half_ellipse
from calcscope.phantom.drawn.shapes import Grid, ThicknessMap

MORPHOLOGIES = (
    "punctate", "round", "amorphous", "coarse_heterogeneous", "fine_pleomorphic", "fine_linear",
    "fine_linear_branching",
)  # fmt: skip
KINDS = (
    "skin", "vascular", "popcorn", "rod", "rim", "lucent_centred", "round", "dystrophic",
    "milk_of_calcium", "suture",
)  # fmt: skip
DISTRIBUTIONS = ("diffuse", "regional", "grouped", "linear", "segmental")
MIMICS = ("deodorant", "powder", "metal", "marker", "clip", "film_artifact")
OFF_FIELD_MM = {"deodorant": 110.0, "powder": -60.0}
"""Height of the nipple, from the field's top: both folds are centimetres off it."""

PIXELS_MM = (0.05, 0.07)
"""Pixel sizes of scenes: a fine film scan and a common flat-panel detector."""
BLUR_FWHM_MM = 0.1
"""Point spread of focal spot and detector together, full width at half maximum."""
TEXTURE_EXPONENT = 3.0
"""Breast texture has a power spectrum near 1/f³ (Burgess, Med Phys 2001;28:419)."""


@dataclass(frozen=True)
class Scene:
    """A drawn view whose truth is known.

    Parameters
    ----------
    term : the lexicon term it was drawn from
    mammogram, breast : as the engine's first stages would hand them on
    centres : (n, 2) centres of the drawn calcifications, pixels
    calcium : bool (rows, columns): where something was drawn
    """

    term: str
    mammogram: Mammogram
    breast: Breast
    centres: Points
    calcium: Mask


def draw_morphology(term: str, seed: int, pixel_mm: float | None = None) -> Scene:
    """A group of calcifications of one morphology in a field of 30 mm."""
    rng = random_for("morphology", term, seed)
    pixel_mm = pixel_mm or float(rng.choice(PIXELS_MM))
    field = ThicknessMap(30.0, 30.0, pixel_mm)
    centre = np.array([rng.uniform(9, 14), rng.uniform(12, 18)])
    centres = GROUP_PAINTERS[term](field, rng, centre)
    return _scene(term, rng, field, centres)


def draw_kind(
    term: str, seed: int, pixel_mm: float | None = None, view: Literal["CC", "ML"] | None = None
) -> Scene:
    """Typically benign calcifications of one kind in a field of 44 mm.

    ``view`` matters to ``milk_of_calcium`` only: the same sediment seen in a true lateral (``ML``, the
    default for it) or from above (``CC``).
    """
    rng = random_for("kind", term, seed)
    pixel_mm = pixel_mm or float(rng.choice(PIXELS_MM))
    field = ThicknessMap(44.0, 44.0, pixel_mm)
    centre = np.array([rng.uniform(14, 24), rng.uniform(17, 27)])
    view = view or ("ML" if term == "milk_of_calcium" else "CC")
    if term == "milk_of_calcium":
        centres = paint_milk_of_calcium(field, rng, centre, view)
    else:
        centres = KIND_PAINTERS[term](field, rng, centre)
    return _scene(term, rng, field, centres, view)


def draw_mimic(term: str, seed: int, pixel_mm: float | None = None) -> Scene:
    """Something on the skin or the film that looks like calcification, in a field of 44 mm."""
    rng = random_for("mimic", term, seed)
    pixel_mm = pixel_mm or float(rng.choice(PIXELS_MM))
    field = ThicknessMap(44.0, 44.0, pixel_mm)
    marks: Grid | None = None
    if term == "film_artifact":
        marks, centres = film_marks(field, rng)
    else:
        centres = MIMIC_PAINTERS[term](field, rng)
    scene = _scene(term, rng, field, centres, "MLO", marks)
    if term not in OFF_FIELD_MM:
        return scene
    x, _ = nipple_of(field) / pixel_mm
    nipple = (float(x), OFF_FIELD_MM[term] / pixel_mm)
    return replace(scene, breast=replace(scene.breast, nipple=nipple))


def draw_distribution(term: str, seed: int, pixel_mm: float = 0.1) -> Scene:
    """A whole breast with punctate calcifications at the positions of :func:`draw_points`."""
    drawn = draw_points(term, seed)
    rng = random_for("distribution", term, seed)
    assert drawn.breast.nipple is not None
    breast = half_ellipse(*drawn.breast.nipple, pixel_mm)  # drawn at 1 mm a pixel, so these are mm
    rows, columns = breast.mask.shape
    field = ThicknessMap(columns * pixel_mm, rows * pixel_mm, pixel_mm)
    size = rng.uniform(0.35, 0.48)
    for x, y in drawn.xy_mm:
        pearl(field, rng, x, y, size * rng.lognormal(0, 0.1))
    mammogram = _expose(term, rng, field, breast, "CC", None)
    return Scene(term, mammogram, breast, drawn.xy_mm / pixel_mm - 0.5, field.pixels() > 0)


def _scene(
    term: str, rng: Random, field: ThicknessMap, centres: Points,
    view: str = "CC", marks: Grid | None = None,
) -> Scene:  # fmt: skip
    pixel_mm = field.step_mm * 3
    edge = np.array([skin_x(field, (row + 0.5) * pixel_mm) for row in range(field.rows)]) / pixel_mm
    mask = np.arange(field.columns)[None, :] < edge[:, None]
    skin = np.stack([edge, np.arange(field.rows)], axis=1)
    nipple = nipple_of(field) / pixel_mm
    breast = breast_of(mask, skin, (float(nipple[0]), float(nipple[1])), pixel_mm)
    mammogram = _expose(term, rng, field, breast, view, marks)
    drawn = field.pixels() > 0 if marks is None else marks > 0
    return Scene(term, mammogram, breast, centres / pixel_mm - 0.5, drawn)


def _expose(
    term: str, rng: Random, field: ThicknessMap, breast: Breast, view: str, marks: Grid | None
) -> Mammogram:
    pixel_mm = breast.pixel_mm
    calcium = field.pixels() * rng.uniform(0.35, 0.55)
    skin_mm = np.minimum(breast.skin_distance_mm, 20)
    tissue = rng.uniform(0.3, 0.42) + rng.uniform(0.015, 0.035) * _texture(rng, breast.mask.shape, pixel_mm)
    body = np.where(breast.mask, tissue * (1 - 0.7 * np.exp(-skin_mm / 4)) + calcium, 0.02)
    sigma = BLUR_FWHM_MM / 2.355 / pixel_mm
    image = gaussian_filter(body.astype(np.float32), sigma)
    # Half of the quantum noise passes through the same blur as the signal, half is the detector's own.
    noise = rng.uniform(0.006, 0.011) * (0.05 / pixel_mm)
    image += noise * rng.normal(0, 0.7, image.shape) + gaussian_filter(
        rng.normal(0, noise, image.shape), sigma
    )
    if marks is not None:
        image += marks
    # The shoulder of film and of presentation processing keeps bright things below the limit.
    over = np.maximum(image - 0.8, 0)
    image = np.where(image > 0.8, 0.8 + 0.2 * (1 - np.exp(-over / 0.2)), np.maximum(image, 0))
    rows, columns = image.shape
    info = ViewInfo(
        source=f"drawn {term}", sop_uid=f"2.25.{rng.integers(1 << 62)}", laterality="R", view=view,
        rows=rows, columns=columns, pixel_mm=pixel_mm, vertical_known=True,
        acquisition="film" if marks is not None else "digital",
    )  # fmt: skip
    valid = np.ones(image.shape, dtype=bool)
    return Mammogram(info, image.astype(np.float32), valid, Orientation(rows, columns), lambda pixels: pixels)


def _texture(rng: Random, shape: tuple[int, int], pixel_mm: float) -> Grid:
    """Noise with a power spectrum of 1/f to the TEXTURE_EXPONENT, zero mean, unit spread."""
    fy = np.fft.fftfreq(shape[0], pixel_mm)[:, None]
    fx = np.fft.rfftfreq(shape[1], pixel_mm)[None, :]
    frequency = np.hypot(fx, fy)
    frequency[0, 0] = np.inf
    # Structures larger than about 4 cm are the breast itself, not texture.
    amplitude = np.maximum(frequency, 1 / 40) ** (-TEXTURE_EXPONENT / 2)
    amplitude[0, 0] = 0
    spectrum = np.fft.rfft2(rng.normal(size=shape)) * amplitude
    texture = np.fft.irfft2(spectrum, s=shape)
    return np.asarray(texture / texture.std(), dtype=np.float32)
