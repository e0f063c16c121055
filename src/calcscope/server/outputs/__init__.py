"""Signed reports as what hospitals read, kept and sent to where the site wants them."""
