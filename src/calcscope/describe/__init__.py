"""Morphology, distribution, typically benign kinds, and mimics on the skin or the film."""

from calcscope.describe.describing import (
    describe_all_singles,
    describe_group,
    describe_single,
    is_milk_of_calcium,
)
from calcscope.describe.mimics import find_mimics
from calcscope.describe.model import GroupDescription, Mimic
from calcscope.describe.vessels import find_vessels

__all__ = [
    "GroupDescription", "Mimic", "describe_all_singles", "describe_group", "describe_single",
    "find_mimics", "find_vessels", "is_milk_of_calcium",
]  # fmt: skip
