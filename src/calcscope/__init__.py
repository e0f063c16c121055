"""Calcscope: breast calcifications from the mammogram to the finished follow-up.

Research and second-reader software, not a cleared medical device.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("calcscope")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"

__all__ = ["__version__"]
