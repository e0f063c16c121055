"""Calcscope: breast calcifications from the mammogram to the finished follow-up.

Research and second-reader software, not a cleared medical device.
"""

import logging
from importlib.metadata import PackageNotFoundError, version

# Without a handler Python prints a library's errors on the screen of users, who get words of their own.
logging.getLogger(__name__).addHandler(logging.NullHandler())

try:
    __version__ = version("calcscope")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"

__all__ = ["__version__"]
