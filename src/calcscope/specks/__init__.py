"""Finding, outlining and measuring each calcification."""

from calcscope.specks.catalogue import SpeckCatalogue
from calcscope.specks.find import SpeckSettings, find_specks

__all__ = ["SpeckCatalogue", "SpeckSettings", "find_specks"]
