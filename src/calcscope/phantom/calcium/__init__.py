"""Calcium of the simulated exams: two generators of shapes that share no code, and who lies where."""

from calcscope.phantom.calcium.lesions import make_lesion
from calcscope.phantom.calcium.own import OWN

__all__ = ["OWN", "make_lesion"]
