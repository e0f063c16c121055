"""Dates as people type them and as headers state them."""

from __future__ import annotations

from datetime import date


def day_of(text: str) -> date | None:
    """An ISO date, with hyphens or without as DICOM writes it, or None for anything else."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None
