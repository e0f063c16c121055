"""What an exam, a view and a mammogram are, and reading them."""

from calcscope.exam.model import Exam, Failure, Mammogram, Orientation, View, ViewInfo
from calcscope.exam.options import ReadOptions
from calcscope.exam.studies import joined, read_exams

__all__ = [
    "Exam",
    "Failure",
    "Mammogram",
    "Orientation",
    "ReadOptions",
    "View",
    "ViewInfo",
    "joined",
    "read_exams",
]
