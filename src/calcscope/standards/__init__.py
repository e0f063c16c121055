"""The report as the objects that hospitals read, and theirs as marks that Calcscope reads.

from calcscope.standards import export_report

for path in export_report(Path("report"), "cad-sr", Path("out")):
    ...
"""

from calcscope.standards.exporting import KINDS, Kind, export_report, objects_of

__all__ = ["KINDS", "Kind", "export_report", "objects_of"]
