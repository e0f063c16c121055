"""Archives by DICOMweb: studies listed by QIDO-RS, images fetched by WADO-RS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from pydicom.dataset import Dataset

from calcscope.archive.sources import Head, Listed, Place, Refused, Source, SourceFault, asked
from calcscope.exam.elements import text, texts, uid

SECONDS = 120.0
PAGE = 200
MODALITY = "MG"


@dataclass(frozen=True)
class Web(Source):
    """A DICOMweb service.

    Parameters
    ----------
    url : its root
    user, password : for basic authentication, or None
    ca : file with the authority that signs the service's certificate, or None
    """

    reads_headers: ClassVar[bool] = False

    url: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None

    def _client(self) -> Any:
        import requests
        from dicomweb_client import DICOMwebClient

        session = requests.Session()
        if self.user is not None:
            session.auth = (self.user, self.password or "")
        if self.ca is not None:
            session.verify = self.ca
        client = DICOMwebClient(self.url, session=session, timeout=SECONDS)
        client.set_http_retry_params(retry=False)  # tried again here
        return client

    def names(self, after: str) -> Iterator[str | Refused]:
        """Studies by page, ``offset uid day``; one that comes twice, as the archive grows, is one all the
        same."""
        client, offset, before = self._client(), int(after.split(" ")[0]) + 1 if after else 0, ""
        while True:
            page = asked(partial(_page, client, offset), "the archive could not be listed")
            if not page:
                return
            first = uid(page[0], "StudyInstanceUID")
            if first == before:
                raise SourceFault(
                    "found the same page of studies twice; expected an archive that heeds QIDO-RS's offset; "
                    "export it into folders instead",
                    lasting=True,
                )
            before = first
            for number, one in enumerate(page, offset):
                study, modalities = uid(one, "StudyInstanceUID"), texts(one, "ModalitiesInStudy")
                if study and (MODALITY in modalities or not modalities):
                    yield f"{number} {study} {text(one, 'StudyDate')}"
            offset += len(page)

    def heads(self, name: str) -> Iterator[Listed]:
        _, study, day = name.split(" ")
        yield Head(Place(study), study, day if len(day) == 8 and day.isdigit() else "")

    def fetch(self, key: str, places: Sequence[Place], folder: Path) -> list[Path]:
        return asked(lambda: self._fetched(key, folder), "the archive did not send it")

    def _fetched(self, study: str, folder: Path) -> list[Path]:
        paths = []
        for number, instance in enumerate(self._client().iter_study(study)):
            if text(instance, "Modality") == MODALITY:
                path = folder / f"{number:05d}.dcm"
                instance.save_as(path, enforce_file_format=True)
                paths.append(path)
        return paths


def _page(client: Any, offset: int) -> list[Dataset]:
    # All studies, sifted here: with a filter of modalities some archives (Orthanc 1.10) count pages wrong.
    found = client.search_for_studies(fields=["ModalitiesInStudy"], limit=PAGE, offset=offset)
    return [Dataset.from_json(one) for one in found]
