"""The images themselves, as copies beside the objects that refer to them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping

from pydicom import dcmread
from pydicom.dataset import Dataset

from calcscope.exam.dicom_file import open_inflated
from calcscope.exam.elements import text
from calcscope.exam.options import ReadOptions
from calcscope.report.files import view_slugs
from calcscope.standards.deidentify import Deidentifier
from calcscope.standards.exporting import dicom_bytes
from calcscope.standards.subject import Subject


def copies(
    subject: Subject, deidentifier: Deidentifier | None = None, without: Mapping[str, str] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Name and content of each image at hand, earlier ones too, one at a time; as it is, or de-identified.

    Parameters
    ----------
    without : ``sop_uid`` of images to leave out
    """
    for uid, name in names(subject).items():
        if uid in (without or ()):
            continue
        if deidentifier is None:
            with subject.files[uid].open() as stream:
                yield name, stream.read()
        else:
            with open_inflated(subject.files[uid], ReadOptions()) as stream:
                whole = dcmread(io.BytesIO(stream.read()))
            yield name, dicom_bytes(deidentifier.dataset(whole))


def names(subject: Subject) -> dict[str, str]:
    """File name of each image by ``sop_uid``: ``image-rcc.dcm``; of earlier ones ``prior-1-rcc.dcm``."""
    slugs = view_slugs(subject.exam)
    found = {uid: f"image-{slug}.dcm" for uid, slug in slugs.items()}
    for number, prior in enumerate(subject.exam.priors, 1):
        for laid in prior.views:
            found.setdefault(laid.prior_view, f"prior-{number}-{slugs[laid.view]}.dcm")
    return {uid: name for uid, name in found.items() if uid in subject.files}


def doubtful(subject: Subject) -> dict[str, str]:
    """Images that may have a name burned into their pixels: ``sop_uid`` to why."""
    labelled = {view.sop_uid for view in subject.exam.views if any(a.kind == "label" for a in view.left_out)}
    headers = {**subject.images, **subject.priors}
    why = {uid: may_show_text(header, uid in labelled) for uid, header in headers.items()}
    return {uid: reason for uid, reason in why.items() if reason is not None}


def may_show_text(header: Dataset, label_seen: bool = False) -> str | None:
    """Why an image may have a name burned into its pixels; None where it is stated to have none.

    Parameters
    ----------
    label_seen : whether letters or a sticker were seen beside the breast, as on most films
    """
    stated = text(header, "BurnedInAnnotation")
    if stated == "YES":
        return "its header says that text which tells whose it is is burned into it"
    if stated != "NO":
        return "its header does not say that no text is burned into it"
    if label_seen and text(header, "ConversionType"):
        return "it was scanned, and a label is seen on it"
    return None
