"""The report of one exam on paper: the page of :mod:`calcscope.report.html`, set by WeasyPrint."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from calcscope.errors import CalcscopeError
from calcscope.report.html import render_html
from calcscope.report.model import ExamReport, Report

LONG_SIDE = 1000
"""Longer side of an image on paper, pixels: about 150 dots an inch at the width of the text."""
JPEG_QUALITY = 80
"""Fine enough that rings and specks stay sharp; a twentieth of the PNG's size."""


class PdfUnavailable(CalcscopeError):
    """The system libraries that set a PDF are missing; the rest of the report needs none of them."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"report.pdf was not written: {found}. WeasyPrint needs the Pango library: install it with "
            "'apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0' on Debian and Ubuntu or "
            "'brew install pango' on macOS, then read the exam again."
        )


def render_pdf(report: Report, exam: ExamReport, folder: Path) -> bytes:
    """The exam's report as PDF (A4), made from the overlays that already lie in ``folder``.

    Raises
    ------
    PdfUnavailable
        When Pango or another system library is missing.
    """
    try:
        import weasyprint
    except (OSError, ImportError) as error:
        raise PdfUnavailable(_first_line(error)) from error
    page = render_html(report, exam, image=lambda path: _jpeg(folder / path), paper=True)
    document = weasyprint.HTML(string=page, base_url=None)
    return bytes(document.write_pdf())


def _jpeg(path: Path) -> str:
    """An image, made smaller, as a data address."""
    # Thin coloured rings lose their colour when it is stored at half the sharpness: no subsampling.
    with Image.open(path) as picture:
        picture.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS, reducing_gap=2)
        buffer = io.BytesIO()
        picture.convert("RGB").save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
