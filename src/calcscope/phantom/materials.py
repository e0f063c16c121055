"""How strongly the materials of a simulated exam attenuate X-rays (``data/materials.yaml``)."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import yaml


def attenuation(material: str, energy_kev: float) -> float:
    """Linear attenuation coefficient, per mm.

    The mixture rule over the elements' mass attenuation, which is interpolated in log-log (Hubbell and
    Seltzer, NISTIR 5632, 1995).

    Parameters
    ----------
    material : a key of ``data/materials.yaml``
    energy_kev : effective energy, 15 to 30

    Raises
    ------
    KeyError : for an unknown material, naming those that are known
    ValueError : for an energy outside the table
    """
    table = constants("materials")
    if material not in table["materials"]:
        raise KeyError(f"material {material!r} is none of {', '.join(table['materials'])}")
    energies = table["energies_kev"]
    if not energies[0] <= energy_kev <= energies[-1]:
        raise ValueError(f"energy {energy_kev} keV is outside the table, {energies[0]} to {energies[-1]} keV")
    entry = table["materials"][material]
    # Interpolating elements, not the mixture: each has its own slope.
    per_gram = sum(
        share * np.exp(np.interp(np.log(energy_kev), np.log(energies), np.log(table["elements"][element])))
        for element, share in entry["composition"].items()
    )
    return float(per_gram * entry["density"] / 10)  # per cm to per mm


@cache
def constants(name: str) -> dict[str, Any]:
    """Content of ``data/<name>.yaml``."""
    text = (resources.files("calcscope.phantom") / "data" / f"{name}.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))
