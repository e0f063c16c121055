"""The report as a DICOM Mammography CAD SR (PS3.3 A.35.5; PS3.16 TID 4000).

highdicom has no TID 4000; the tree is built of its content items::

    from calcscope.standards.cad_sr import MammographyCadSr

    MammographyCadSr(subject).save_as("cad-sr.dcm", enforce_file_format=True)
"""

from calcscope.standards.cad_sr.sop import MammographyCadSr, files

__all__ = ["MammographyCadSr", "files"]
