"""How probable it is that a bright object is a calcification.

A logistic model on what was measured. It was fitted on simulated calcifications set into real films, with
the films' own fibres, grain and dust as what is not one (``calcscope.train.specks``); its coefficients and
model card are in ``models/specks.json`` and ``models/specks.md``. Three of its measurements deserve a word:

* contrast over width: the attenuation of calcium limits how bright an object of a given width can be. A
  dust grain on the film lets no light through at all, so it is several times brighter than calcium of its
  width could be;
* rays: a fibre goes on to either side of what stands out on it, and fibres that cross go on in three or
  more directions; a calcification ends;
* the network (:mod:`calcscope.specks.network`), which has learnt from the same simulations what the others
  do not say.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from calcscope.breast.model import Breast
from calcscope.exam.model import Mammogram
from calcscope.specks.candidates import Candidate

FEATURES = (
    "log_salience",
    "log_density",
    "log_pixels",
    "log_width",
    "edge",
    "roundness",
    "log_elongation",
    "irregularity",
    "first_ray",
    "opposite_rays",
    "third_ray",
    "log_pixel_mm",
    "network",
    "network_finer",
    "network_coarser",
)
"""Names of the measurements, in the order of :func:`features`."""


SURE = 8.0
"""Logits of the network beyond it say nothing more: such odds are more than it has learnt from."""

BRIGHT_RAY = 1.0
"""Rays as bright as the object itself are fibres; how much brighter they are says nothing more."""


def features(candidates: Sequence[Candidate], mammogram: Mammogram, breast: Breast) -> NDArray[np.float64]:
    """Measurements of each candidate that bear on whether it is a calcification.

    Returns
    -------
    float64 (n, len(FEATURES)): ln salience; ln of contrast over width, per mm, in units of the breast's
    range of grey; ln width in pixels; ln width in mm; edge slope times width; roundness; ln elongation;
    irregularity; first, opposite and third ray over the contrast; ln pixel size in mm; logit of the
    network on the rung it was found on and on those beside it
    """
    if not candidates:
        return np.zeros((0, len(FEATURES)))
    grey_range = breast_grey_range(mammogram, breast)
    rows = []
    for c in candidates:
        width = max(c.shape.width_mm, 1e-3)
        rows.append(
            (
                np.log(c.salience),
                np.log(c.contrast / grey_range / width),
                np.log(width / mammogram.pixel_mm),
                np.log(width),
                c.shape.sharpness * width,
                c.shape.roundness,
                np.log(c.shape.elongation),
                c.shape.irregularity,
                *(min(ray, BRIGHT_RAY) for ray in (c.rays.first, c.rays.opposite, c.rays.third)),
                np.log(mammogram.pixel_mm),
                *(np.clip(x, -SURE, SURE) for x in (c.logit, c.finer_logit, c.coarser_logit)),
            )
        )
    return np.array(rows, dtype=np.float64)


def breast_grey_range(mammogram: Mammogram, breast: Breast) -> float:
    """From the 0.5th to the 99.5th percentile of the breast's grey: what the display spreads tissue over."""
    step = max(1, round(0.5 / mammogram.pixel_mm))
    grey = mammogram.pixels[::step, ::step][breast.mask[::step, ::step]]
    if not len(grey):
        return 1.0
    low, high = np.percentile(grey, [0.5, 99.5])
    return max(float(high - low), 1e-3)


def judge(measured: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of each row of :func:`features`, shape (n,), strictly between 0 and 1.

    It is the probability at even prior odds: 0.5 where what was measured speaks for neither side.
    """
    model = _model()
    return np.asarray(1 / (1 + np.exp(-(design(measured, model["mean"], model["scale"]) @ model["weights"]))))


def design(
    measured: NDArray[np.float64], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The model's terms, (n, terms): a constant, the standardised measurements, their products in pairs."""
    z = np.clip((measured - mean) / scale, -4, 4)  # beyond four deviations the model has seen nothing
    i, j = np.triu_indices(z.shape[1])
    return np.concatenate([np.ones((len(z), 1)), z, z[:, i] * z[:, j]], axis=1)


@cache
def _model() -> dict[str, NDArray[np.float64]]:
    text = (resources.files("calcscope.models") / "specks.json").read_text(encoding="utf-8")
    content = json.loads(text)
    if tuple(content["features"]) != FEATURES:
        raise RuntimeError(
            "models/specks.json was fitted on other measurements: refit it with calcscope.train.specks"
        )
    return {name: np.array(content[name], dtype=np.float64) for name in ("mean", "scale", "weights")}
