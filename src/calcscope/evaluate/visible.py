"""What can be seen of a simulated lesion (``data/visible.yaml``)."""

from __future__ import annotations

from functools import cache
from importlib import resources

import yaml

from calcscope import lexicon


@cache
def figures() -> dict[str, lexicon.Figure]:
    """The figures of ``data/visible.yaml`` by name."""
    text = (resources.files("calcscope.evaluate") / "data" / "visible.yaml").read_text(encoding="utf-8")
    return {name: lexicon.Figure.model_validate(figure) for name, figure in yaml.safe_load(text).items()}


def is_seen(snr: float) -> bool:
    """Whether a calcification of that SNR of the ideal observer can be seen."""
    return snr >= figures()["seen_from_snr"].value


def least_seen(morphology: str, distribution: str) -> int:
    """How many of a lesion's calcifications must be seen for it to be one to find.

    The lexicon's least number of a group; of the shapes and arrangements that make a finding of fewer, that.
    """
    rule = lexicon.groups()
    if morphology in rule.few_shapes.value:
        return int(rule.min_count_linear.value)
    if distribution in rule.few_distributions.value:
        return int(rule.few_arranged_from.value)
    return int(rule.min_count.value)
