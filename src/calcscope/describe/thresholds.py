"""The lexicon's numbers by which kinds are told, read once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from calcscope import lexicon


@cache
def thresholds() -> Mapping[str, Any]:
    """Content of ``lexicon/data/describe.yaml``; not to be changed."""
    return MappingProxyType(lexicon.load("describe"))
