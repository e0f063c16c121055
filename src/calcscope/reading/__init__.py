"""The whole way of an exam through the engine: from its views to its report."""

from calcscope.reading.exam import read_exam
from calcscope.reading.run import NothingToCompare, compare_paths, read_paths
from calcscope.reading.settings import ReadSettings
from calcscope.reading.workers import Workers

__all__ = ["NothingToCompare", "ReadSettings", "Workers", "compare_paths", "read_exam", "read_paths"]
