"""Dates as people type them into an address."""

from __future__ import annotations

from datetime import date


def day_of(text: str) -> date | None:
    """An ISO date, or None for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
