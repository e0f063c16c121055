"""Outline, pectoral muscle, nipple, skin line; what is not breast: labels, markers, implants, clips."""

from calcscope.breast.locate import locate_breast
from calcscope.breast.model import Breast, Foreign

__all__ = ["Breast", "Foreign", "locate_breast"]
