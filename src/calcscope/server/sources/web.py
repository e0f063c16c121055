"""An archive by DICOMweb: ``dicomweb`` in a site's settings, ``{"url", "user", "password_env", "ca"}``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django_tasks import task
from pydicom.dataset import Dataset
from requests import RequestException

from calcscope.errors import CalcscopeError
from calcscope.exam.elements import text, uid
from calcscope.node.config import FaultyConfig
from calcscope.node.web import client
from calcscope.server.exams.models import Upload
from calcscope.server.exams.uploads import take_in_upload
from calcscope.server.people.models import Site

log = logging.getLogger(__name__)

SECONDS = 30.0
MOST = 50
MODALITY = "MG"


class ArchiveFault(CalcscopeError):
    """The archive cannot be asked; the message says why in a sentence."""


@dataclass(frozen=True)
class Study:
    """A study that the archive has."""

    uid: str
    day: str
    patient: str
    name: str
    description: str


def _client(site: Site) -> Any:
    """The archive of a site.

    Raises
    ------
    ArchiveFault : where the site has none, or its settings are wrong
    """
    at: Mapping[str, Any] = site.settings.get("dicomweb") or {}
    if not at.get("url"):
        raise ArchiveFault(
            _("This site has no archive. Who runs the server names one in the site's settings.")
        )
    ca = at.get("ca")
    try:
        return client(at["url"], at.get("user"), at.get("password_env"), Path(ca) if ca else None, SECONDS)
    except FaultyConfig as error:
        raise ArchiveFault(str(error)) from error


def search(site: Site, patient: str = "", accession: str = "") -> list[Study]:
    """Mammography studies of a patient ID or accession number, newest first.

    Raises
    ------
    ArchiveFault
    """
    filters = {"PatientID": patient.strip(), "AccessionNumber": accession.strip()}
    asked = {name: value for name, value in filters.items() if value}
    if not asked:
        raise ArchiveFault(_("State a patient ID or an accession number."))
    try:
        answers = _client(site).search_for_studies(
            search_filters={**asked, "ModalitiesInStudy": MODALITY},
            fields=["StudyDescription"],
            limit=MOST,
        )
    except (RequestException, OSError) as error:
        raise ArchiveFault(
            _("The archive did not answer ({fault}); try again later.").format(fault=type(error).__name__)
        ) from error
    found = [_study(Dataset.from_json(answer)) for answer in answers]
    return sorted(found, key=lambda study: study.day, reverse=True)


def _study(one: Dataset) -> Study:
    day = text(one, "StudyDate")
    shown = f"{day[:4]}-{day[4:6]}-{day[6:8]}" if len(day) == 8 else day
    return Study(
        uid(one, "StudyInstanceUID"), shown, text(one, "PatientID"), text(one, "PatientName"),
        text(one, "StudyDescription"),
    )  # fmt: skip


@task()
def fetch_study(upload_uuid: str, study_uid: str) -> None:
    """Fetch a study's images into an upload's folder and take them in."""
    upload = Upload.objects.select_related("site").get(uuid=upload_uuid)
    if upload.done_at is not None:
        return
    upload.folder.mkdir(parents=True, exist_ok=True)
    try:
        for number, instance in enumerate(_client(upload.site).iter_study(study_uid)):
            if text(instance, "Modality") == MODALITY:
                instance.save_as(upload.folder / f"{number:05d}.dcm", enforce_file_format=True)
    except (RequestException, OSError, ArchiveFault) as error:
        log.warning("upload %s: not fetched (%s)", upload.uuid, type(error).__name__)
        reason = f"The archive did not send it ({type(error).__name__}); ask for it again."
        Upload.objects.filter(pk=upload.pk).update(failures=[{"source": "", "reason": reason}])
        return
    take_in_upload.enqueue(str(upload.uuid))
