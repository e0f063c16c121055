"""Small pictures for lists and for the time until an image is loaded."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from django.conf import settings
from PIL import Image as Picture

from calcscope.exam import read_exams
from calcscope.report.writing import write_atomically
from calcscope.server.exams.models import Exam, Image

SIDE = 900
"""Pixels of the longer side."""
QUALITY = 80


def preview_path(image: Image) -> Path:
    """Where the preview of an image lies."""
    return Path(settings.MEDIA_ROOT) / "previews" / image.sha256[:2] / f"{image.sha256}.jpg"


def make_previews(exam: Exam) -> None:
    """Draw the previews of an exam that are not there."""
    for image in exam.images.all():
        made_preview(image)


def made_preview(image: Image) -> Path:
    """Where the preview of an image lies; drawn where it is not there, as after a restored backup."""
    path = preview_path(image)
    if not path.exists():
        write_atomically(path, _drawn(image))
    return path


def _drawn(image: Image) -> bytes:
    """JPEG of the image as its own window shows it, lying as it is stored."""
    (exam,), _failures = read_exams([image.path], image.exam.options)
    mammogram = exam.views[0].load()
    grey = np.clip(mammogram.display(mammogram.pixels), 0, 1)
    laid = mammogram.orientation
    grey = np.rot90(grey[:, ::-1] if laid.flip else grey, -laid.quarter_turns)
    picture = Picture.fromarray((255 * grey + 0.5).astype(np.uint8))
    picture.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
