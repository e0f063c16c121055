"""Simulated mammograms whose every calcification is known."""
