"""Calcium of the simulated exams: two generators of shapes that share no code, and who lies where."""

from calcscope.phantom.calcium.lesions import make_lesion
from calcscope.phantom.calcium.own import OWN
from calcscope.phantom.calcium.places import NoRoom
from calcscope.phantom.calcium.victre import VICTRE

__all__ = ["OWN", "VICTRE", "NoRoom", "make_lesion"]
