"""Object stores and other file systems that fsspec reaches: ``s3://bucket/folder``, ``gs://``, ``abfs://``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from calcscope.archive import s3
from calcscope.archive.sources import (
    HEAD_FETCHED,
    Listed,
    Place,
    Refused,
    Source,
    SourceFault,
    asked,
    head_in,
    heads_of_file,
    kind_at,
    refused,
    unpacked,
    walk,
)
from calcscope.errors import UnreadableInput
from calcscope.exam import ReadOptions
from calcscope.exam.expand import EXPECTED
from calcscope.exam.kinds import describe_unknown, promises_image


@dataclass(frozen=True)
class Store(Source):
    """Files in a store.

    Parameters
    ----------
    address : as fsspec has it
    options : of fsspec's file system, for ``s3://`` of Arrow's: ``{"endpoint_override": …}``
    """

    address: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    limits: ReadOptions = field(default_factory=ReadOptions)

    def _open(self) -> tuple[Any, str]:
        """fsspec's file system, or what does the same for S3, and the root in its words.

        Raises
        ------
        SourceFault : where the protocol or an option is unknown, or the library is missing
        """
        if self.address.startswith(s3.SCHEME):
            return s3.opened(self.address, self.options)
        try:
            import fsspec
        except ModuleNotFoundError:
            raise SourceFault(
                "found no fsspec, which reads object stores; expected calcscope[archive]; "
                "pip install 'calcscope[archive]'",
                lasting=True,
            ) from None
        try:
            # What was listed is not kept: an archive has millions of files.
            system, root = fsspec.core.url_to_fs(self.address, use_listings_cache=False, **self.options)
        except (ImportError, ValueError) as error:
            raise SourceFault(
                f"{self.address}: found an address that fsspec cannot open ({error}); expected one of its "
                "file systems; install the library that it names",
                lasting=True,
            ) from error
        return system, root.rstrip("/")

    def names(self, after: str) -> Iterator[str | Refused]:
        system, root = self._open()

        def listed(folder: str) -> tuple[list[str], list[str]]:
            where = f"{root}/{folder}" if folder else root
            found = asked(partial(system.ls, where, detail=True), "the store could not be listed")
            names: dict[bool, list[str]] = {True: [], False: []}
            for one in found:
                path = str(one["name"]).rstrip("/")
                name = PurePosixPath(path).name
                if path != where.rstrip("/") and name:  # some list a folder among its own files
                    names[one["type"] == "directory"].append(name)
            return names[False], names[True]

        return walk(listed, after)

    def heads(self, name: str) -> Iterator[Listed]:
        system, root = self._open()
        where, place = f"{root}/{name}", Place(name)
        start: bytes = asked(
            lambda: system.cat_file(where, start=0, end=HEAD_FETCHED), "the store did not send it"
        )
        kind = kind_at(start, name)
        if kind == "dicom":
            try:
                found = head_in(start, place)
                yield from [] if found is None else [found]
                return
            except EOFError:
                pass
        elif kind is None and promises_image(PurePosixPath(name).name):
            error = UnreadableInput(name, describe_unknown(start[:512]), EXPECTED, "look at the file")
            yield refused(place, error)
        if kind in ("dicom", "zip"):
            with tempfile.TemporaryDirectory(prefix="calcscope-") as folder:
                path = Path(folder, PurePosixPath(name).name)
                asked(partial(system.get_file, where, str(path)), "the store did not send it")
                yield from heads_of_file(path, name, self.limits)

    def fetch(self, key: str, places: Sequence[Place], folder: Path) -> list[Path]:
        system, root = self._open()
        archives: dict[str, Path] = {}
        paths = []
        for number, place in enumerate(places):
            path = archives.get(place.path)
            if path is None:
                path = folder / (f"{number:05d}.zip" if place.member else f"{number:05d}.dcm")
                asked(
                    partial(system.get_file, f"{root}/{place.path}", str(path)), "the store did not send it"
                )
            if place.member:
                archives[place.path] = path
                path = unpacked(path, place.member, folder, number)
            paths.append(path)
        return paths
