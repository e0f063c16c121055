"""What a group or a single calcification looks like, in lexicon terms.

Terms are the identifiers of ``lexicon/data/terms.yaml``. Morphology of a group: ``punctate``,
``round``, ``amorphous``, ``coarse_heterogeneous``, ``fine_pleomorphic``, ``fine_linear``,
``fine_linear_branching``, or ``not_assessable``. Typical kinds: ``skin``, ``vascular``, ``popcorn``,
``rod``, ``rim``, ``lucent_centred``, ``dystrophic``, ``milk_of_calcium``, ``suture``, ``round``
(a lone coarse round one). Distribution: ``diffuse``, ``regional``, ``grouped``, ``linear``,
``segmental``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class GroupDescription:
    """A group in words.

    Parameters
    ----------
    distribution, morphology : the likeliest term
    distribution_probabilities, morphology_probabilities : each term's probability, summing to 1
    typical_kind : typically benign kind of the whole group, or None
    reasons : short sentences, each a measurement that led to the term
    """

    distribution: str
    distribution_probabilities: Mapping[str, float]
    morphology: str
    morphology_probabilities: Mapping[str, float]
    typical_kind: str | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mimic:
    """Something on the skin or the film that looks like a calcification (canonical pixels)."""

    x: float
    y: float
    kind: str
    extent_mm: float
