"""The lexicon's codes as highdicom and pydicom want them."""

from __future__ import annotations

from collections.abc import Sequence

from highdicom.sr import CodedConcept

from calcscope.lexicon.model import Code


def concept(code: Code) -> CodedConcept:
    """A code of the lexicon as a coded concept."""
    return CodedConcept(code.value, code.scheme, code.meaning, code.version)


def of_group(codes: Sequence[Code], cid: int) -> Code | None:
    """The first code that a DICOM context group holds, or None."""
    return next((code for code in codes if code.cid == cid), None)
