"""Films read once for all tests, and a small one that is quick to read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from reading_room import chromium, simulated_pair
from running import Reading, calcscope

from calcscope.report.writing import read_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser without a window."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two simulated exams of a woman, one of half a year ago and one of today."""
    days = (date.today() - timedelta(days=183), date.today())
    return simulated_pair(tmp_path_factory.mktemp("exams"), days)


@pytest.fixture(scope="session")
def demo(films: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Reading:
    """All eight films read once, as ``make demo`` does."""
    out = tmp_path_factory.mktemp("demo") / "report"
    folder = next(iter(films.values())).parents[1]
    process = calcscope("read", folder, "--pixel-mm", "0.0435", "--out", out)
    assert process.returncode == 0, process.stderr
    return Reading(process, out, read_report(out))


@pytest.fixture(scope="session")
def png(films: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real left CC film as a PNG of a quarter of its size, 0.174 mm a pixel, quick to read."""
    import pydicom

    pixels = pydicom.dcmread(films["1-280.dcm"]).pixel_array
    small = cv2.resize(pixels, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    path = tmp_path_factory.mktemp("png") / "film.png"
    assert cv2.imwrite(str(path), small.astype(np.uint16))
    return path
