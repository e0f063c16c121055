"""The whole way of an exam through the engine: from its views to its report."""

from calcscope.reading.exam import read_exam
from calcscope.reading.run import read_paths
from calcscope.reading.settings import ReadSettings

__all__ = ["ReadSettings", "read_exam", "read_paths"]
