"""Articles about breast calcifications for everybody, in each language."""
