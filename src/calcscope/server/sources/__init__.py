"""Exams from elsewhere: from a Calcscope node beside the server, and from an archive by DICOMweb."""
