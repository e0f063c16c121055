"""What the node takes in: SOP classes and the transfer syntaxes of each."""

from __future__ import annotations

from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    BasicTextSRStorage,
    BreastProjectionXRayImageStorageForPresentation,
    BreastProjectionXRayImageStorageForProcessing,
    BreastTomosynthesisImageStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
    EnhancedSRStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    MammographyCADSRStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

VERIFICATION = UID(Verification)
COMMITMENT = UID(StorageCommitmentPushModel)
FIND = UID(StudyRootQueryRetrieveInformationModelFind)
MOVE = UID(StudyRootQueryRetrieveInformationModelMove)
GET = UID(StudyRootQueryRetrieveInformationModelGet)

MAMMOGRAMS = (
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
    BreastTomosynthesisImageStorage,
)
"""Images that are read; the arrival of one makes its study wait for a reading."""

OTHER_IMAGES = (
    BreastProjectionXRayImageStorageForPresentation,
    BreastProjectionXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
)
"""Kept, not read: the projections of a tomosynthesis, and captures, in which anything may be burned."""

REPORTS = (
    MammographyCADSRStorage,
    BasicTextSRStorage,
    EnhancedSRStorage,
    ComprehensiveSRStorage,
    Comprehensive3DSRStorage,
)

UNCOMPRESSED = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
)
COMPRESSED = (
    JPEGLosslessSV1,
    JPEGLossless,
    JPEGLSLossless,
    JPEG2000Lossless,
    HTJ2KLossless,
    RLELossless,
    JPEGLSNearLossless,
    JPEG2000,
    HTJ2K,
    JPEGExtended12Bit,
    JPEGBaseline8Bit,
)

STORED: dict[UID, tuple[UID, ...]] = {
    **dict.fromkeys((*MAMMOGRAMS, *OTHER_IMAGES), (*UNCOMPRESSED, *COMPRESSED)),
    **dict.fromkeys(REPORTS, UNCOMPRESSED),
    SegmentationStorage: (*UNCOMPRESSED, RLELossless, JPEG2000Lossless, JPEGLSLossless),
    GrayscaleSoftcopyPresentationStateStorage: UNCOMPRESSED,
}
"""Transfer syntaxes by SOP class."""

NEEDED: dict[UID, tuple[str, ...]] = {
    **dict.fromkeys((*MAMMOGRAMS, *OTHER_IMAGES), ("Rows", "Columns", "PixelData")),
    **dict.fromkeys(REPORTS, ("ConceptNameCodeSequence",)),
    SegmentationStorage: ("SegmentSequence", "PixelData"),
    GrayscaleSoftcopyPresentationStateStorage: ("ReferencedSeriesSequence",),
}
"""Attributes without which a data set is none of its SOP class (type 1 in PS3.3)."""
