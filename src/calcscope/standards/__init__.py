"""The report as the objects that hospitals read, and theirs as marks that Calcscope reads.

:func:`calcscope.standards.exporting.export_report` writes a report file as one kind of object,
:func:`calcscope.standards.exporting.objects_of` makes the objects of one exam. Nothing is imported here, so
that the command line stays quick.
"""
