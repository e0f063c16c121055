"""What is in an archive: every image is found once, with its study, whatever lies beside it."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import fsspec
import pytest
from archives import exam, of_other_modality, store, study, zipped
from hypothesis import given
from hypothesis import strategies as st

from calcscope.archive.sources import Folder, Head, Place, Refused, Source, SourceFault, source_of, walk
from calcscope.archive.store import Store
from calcscope.archive.web import PAGE, Web
from calcscope.archive.work import read_heads


def heads(source: Source) -> list[Head | Refused]:
    names = list(source.names(""))
    found = read_heads(source, [one for one in names if isinstance(one, str)])
    return [*found, *(one for one in names if isinstance(one, Refused))]


def studies(source: Source) -> Counter[str]:
    return Counter(one.key for one in heads(source) if isinstance(one, Head))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two exams in folders, one of them scattered, one in a zip, and other things beside them."""
    root = tmp_path / "archive"
    exam(root / "a" / "b", 1)
    _, second = exam(root / "a" / "c", 2)
    (root / "z").mkdir()
    second.rename(root / "z" / second.name)
    zipped(root / "z" / "exam.zip", exam(tmp_path / "packed", 3))
    of_other_modality(root / "a" / "ct.dcm")
    (root / "readme.txt").write_text("hello")
    (root / "broken.dcm").write_bytes(b"no image at all")
    (root / ".hidden").write_bytes(b"x")
    return root


def test_images_of_a_folder_and_its_zips_are_found_with_their_studies(archive: Path) -> None:
    source = source_of(str(archive))
    assert studies(source) == {study(1): 2, study(2): 2, study(3): 2}
    (bad,) = [one for one in heads(source) if isinstance(one, Refused)]
    assert bad.place.path == "broken.dcm"
    assert "found a text file" in bad.reason


def test_a_single_zip_is_an_archive(archive: Path) -> None:
    assert studies(source_of(str(archive / "z" / "exam.zip"))) == {study(3): 2}


def test_images_come_as_files(archive: Path, tmp_path: Path) -> None:
    source = source_of(str(archive))
    places = [one.place for one in heads(source) if isinstance(one, Head) and one.key == study(3)]
    copies = tmp_path / "copies"
    copies.mkdir()
    fetched = source.fetch(study(3), places, copies)
    packed = {path.read_bytes() for path in (tmp_path / "packed").iterdir()}
    assert {path.read_bytes() for path in fetched} == packed


def test_a_store_is_read_by_ranges(archive: Path, tmp_path: Path) -> None:
    with store(archive, Counter({"00001-RCC.dcm": 1})) as address:  # one request fails and is made again
        source = source_of(address + "/")
        assert isinstance(source, Store)
        assert studies(source) == {study(1): 2, study(2): 2, study(3): 2}
        for number in (1, 2, 3):
            places = [
                one.place for one in heads(source) if isinstance(one, Head) and one.key == study(number)
            ]
            copies = tmp_path / f"copies{number}"
            copies.mkdir()
            assert len(source.fetch(study(number), places, copies)) == 2
        with pytest.raises(SourceFault, match="did not send it") as fault:
            source.fetch(study(1), [Place("a/none.dcm")], copies)
        assert fault.value.lasting


def test_a_store_in_memory(tmp_path: Path) -> None:
    system = fsspec.filesystem("memory")
    try:
        system.pipe("/bucket/x/1.dcm", exam(tmp_path, 7, ("RCC",))[0].read_bytes())
        assert studies(source_of("memory://bucket")) == {study(7): 1}
    finally:
        system.rm("/bucket", recursive=True)


def test_an_address_that_nothing_opens_is_said() -> None:
    with pytest.raises(SourceFault, match="expected one of its file systems"):
        list(source_of("nonsense://x").names(""))
    with pytest.raises(SourceFault, match="found nothing there"):
        source_of("/no/such/folder")


def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = exam(tmp_path / "archive", 1, ("RCC",))[0]
    os.rename(path, os.fsencode(path.parent) + b"/\xff.dcm")
    (bad,) = heads(source_of(str(tmp_path / "archive")))
    assert isinstance(bad, Refused)
    assert "rename it" in bad.reason


def test_a_folder_that_cannot_be_listed_costs_no_other(tmp_path: Path) -> None:
    tree = {"": (["a"], ["x", "y"]), "y": (["b"], [])}

    def listed(folder: str) -> tuple[list[str], list[str]]:
        if folder == "x":
            raise PermissionError(13, "Permission denied")
        return tree[folder]

    first, bad, last = walk(listed, "")
    assert (first, last) == ("a", "y/b")
    assert isinstance(bad, Refused)
    assert "permission denied" in bad.reason


TREES = st.recursive(
    st.none(), lambda inner: st.dictionaries(st.sampled_from(["a", "b", "a!", "c.d"]), inner, max_size=4)
)


@given(tree=TREES)
def test_a_walk_goes_on_from_any_name(tree: dict[str, object] | None) -> None:
    def listed(folder: str) -> tuple[list[str], list[str]]:
        at: object = tree or {}
        for part in folder.split("/") if folder else ():
            assert isinstance(at, dict)
            at = at[part]
        assert isinstance(at, dict)
        return [n for n, one in at.items() if one is None], [n for n, one in at.items() if one is not None]

    names = list(walk(listed, ""))
    assert len(names) == len(set(names))
    for number, name in enumerate(names):
        assert isinstance(name, str)
        assert list(walk(listed, name)) == names[number + 1 :]


class Studies:
    """A DICOMweb service with so many studies."""

    def __init__(self, count: int, *, heeds: bool = True) -> None:
        self.count, self.heeds, self.asked = count, heeds, 0

    def search_for_studies(self, fields: object, limit: int, offset: int) -> list[dict[str, object]]:
        self.asked += 1
        offset = offset if self.heeds else 0
        return [
            {"0020000D": {"vr": "UI", "Value": [study(n)]}, "00080020": {"vr": "DA", "Value": ["20240101"]}}
            for n in range(offset, min(offset + limit, self.count))
        ]


def test_studies_come_by_page_and_the_listing_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Studies(2 * PAGE + 7)
    monkeypatch.setattr(Web, "_client", lambda self: service)
    source = source_of("https://archive/dicom-web/")
    assert isinstance(source, Web)
    names = [name for name in source.names("") if isinstance(name, str)]
    assert len(names) == 2 * PAGE + 7
    assert next(iter(source.heads(names[5]))) == Head(Place(study(5)), study(5), "20240101")
    assert list(source.names(names[PAGE])) == names[PAGE + 1 :]
    service.heeds = False
    with pytest.raises(SourceFault, match="same page"):
        list(source.names(""))


def test_listing_asks_for_no_more_than_it_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Studies(10**7)
    monkeypatch.setattr(Web, "_client", lambda self: service)
    names = Web("https://archive").names("")
    for _ in range(PAGE + 1):
        next(names)
    assert service.asked == 2


def test_folders_are_told_from_files_in_order(archive: Path) -> None:
    names = list(Folder(str(archive)).names(""))
    assert names == [
        "broken.dcm", "readme.txt", "a/ct.dcm", "a/b/00001-LCC.dcm", "a/b/00001-RCC.dcm",
        "a/c/00002-RCC.dcm", "z/00002-LCC.dcm", "z/exam.zip",
    ]  # fmt: skip
