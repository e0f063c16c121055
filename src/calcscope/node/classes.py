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
    **{one: (*UNCOMPRESSED, *COMPRESSED) for one in (*MAMMOGRAMS, *OTHER_IMAGES)},
    **{one: UNCOMPRESSED for one in REPORTS},
    SegmentationStorage: (*UNCOMPRESSED, RLELossless, JPEG2000Lossless, JPEGLSLossless),
    GrayscaleSoftcopyPresentationStateStorage: UNCOMPRESSED,
}
"""Transfer syntaxes by SOP class."""

NEEDED: dict[UID, tuple[str, ...]] = {
    **{one: ("Rows", "Columns", "PixelData") for one in (*MAMMOGRAMS, *OTHER_IMAGES)},
    **{one: ("ConceptNameCodeSequence",) for one in REPORTS},
    SegmentationStorage: ("SegmentSequence", "PixelData"),
    GrayscaleSoftcopyPresentationStateStorage: ("ReferencedSeriesSequence",),
}
"""Attributes without which a data set is none of its SOP class (type 1 in PS3.3)."""
