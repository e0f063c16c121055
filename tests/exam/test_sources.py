"""Folders, archives and file sets: what is in them is found, and what is no image is passed over."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from exam.builders import draw_breast, mg_dataset, save
from pydicom.fileset import FileSet

from calcscope.exam import ReadOptions, read_exams


@pytest.fixture
def two_views(tmp_path: Path) -> Path:
    folder = tmp_path / "exam"
    save(mg_dataset(laterality="R", view="CC"), folder / "CC" / "1.2.840.99.7")
    save(mg_dataset(laterality="R", view="MLO"), folder / "IM.0002")
    return folder


def found(*paths: Path) -> tuple[list[str], list[str]]:
    exams, failures = read_exams(paths)
    return [view.info.label for exam in exams for view in exam.views], [
        failure.source for failure in failures
    ]


def test_a_folder_is_walked_and_files_that_claim_no_image_are_passed_over(two_views: Path) -> None:
    (two_views / "README.txt").write_text("Viewer on this CD.")
    (two_views / "AUTORUN.INF").write_text("[autorun]")
    (two_views / ".DS_Store").write_bytes(b"\0" * 40)
    (two_views / "Thumbs.db").write_bytes(b"\1" * 40)
    (two_views / "letter.docx").write_bytes(b"PK\x03\x04" + bytes(40))
    (two_views / "viewer.bin").write_bytes(b"\x08\x00\x05\x00" + bytes(40))
    assert found(two_views) == (["RCC", "RMLO"], [])


def test_content_counts_not_the_name(two_views: Path) -> None:
    (two_views / "IM.0002").rename(two_views / "holiday.txt")  # it still says DICM inside
    assert found(two_views) == (["RCC", "RMLO"], [])


def test_a_path_given_twice_is_read_once(two_views: Path) -> None:
    assert found(two_views, two_views / "IM.0002") == (["RCC", "RMLO"], [])


def test_a_zip_with_folders(two_views: Path, tmp_path: Path) -> None:
    archive = tmp_path / "exam.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(two_views.rglob("*")):
            packed.write(path, path.relative_to(tmp_path))
        packed.writestr("exam/readme.txt", "nothing")
        packed.writestr("__MACOSX/exam/._IM.0002", b"\0\5\x16\7")
    exams, failures = read_exams([archive])
    assert failures == []
    views = exams[0].views
    assert [view.info.label for view in views] == ["RCC", "RMLO"]
    assert views[1].info.source == f"{archive}!exam/IM.0002"
    np.testing.assert_allclose(views[1].load().pixels * 4095, draw_breast(), atol=0.01)


def test_a_dicomdir_leads_to_its_images(two_views: Path, tmp_path: Path) -> None:
    file_set = FileSet()
    for path in sorted(two_views.rglob("*")):
        if path.is_file():
            file_set.add(path)
    file_set.write(tmp_path / "cd")
    assert found(tmp_path / "cd" / "DICOMDIR") == (["RCC", "RMLO"], [])
    assert found(tmp_path / "cd") == (["RCC", "RMLO"], [])


def test_a_dicomdir_names_what_is_missing(two_views: Path, tmp_path: Path) -> None:
    file_set = FileSet()
    for path in (two_views / "IM.0002", two_views / "CC" / "1.2.840.99.7"):
        file_set.add(path)
    file_set.write(tmp_path / "cd")
    gone = min(path for path in (tmp_path / "cd").rglob("*") if path.is_file() and path.name != "DICOMDIR")
    gone.unlink()
    views, failures = found(tmp_path / "cd" / "DICOMDIR")
    assert len(views) == 1
    assert len(failures) == 1
    assert failures[0].endswith(gone.name)


def test_a_copied_dicomdir_is_followed_whatever_the_case_of_the_names(
    two_views: Path, tmp_path: Path
) -> None:
    file_set = FileSet()
    file_set.add(two_views / "IM.0002")
    file_set.write(tmp_path / "cd")
    (image,) = (path for path in (tmp_path / "cd").rglob("*") if path.is_file() and path.name != "DICOMDIR")
    image.rename(image.with_name(image.name.lower()))
    assert found(tmp_path / "cd" / "DICOMDIR") == (["RMLO"], [])


def test_what_the_user_states_is_checked() -> None:
    with pytest.raises(ValueError, match="laterality"):
        ReadOptions(laterality="left")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="view"):
        ReadOptions(view="AP")
