"""Articles of a hospital's own, as it writes them."""

from __future__ import annotations

from pathlib import Path

ARTICLE = """---
id: {id}
title: {title}
language: {language}
topic: care
summary: A page of our hospital.
questions: ["Where do I park?"]
sources: [S0]
reviewer: {reviewer}
medical_review_date: {reviewed}
next_review_due: {due}
update_date: 2026-01-02
version: 1
---
## Parking

{body} Facts are from here.[^S0]
"""


def article(
    folder: Path, name: str, language: str = "en", body: str = "Park behind the house.", **given: str
) -> Path:
    """An article of a hospital's own, written into its folder."""
    fields = {"title": "Parking", "reviewer": "", "reviewed": "", "due": "2099-01-01", **given}
    path = folder / "library" / language / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(ARTICLE.format(id=name, language=language, body=body, **fields), encoding="utf-8")
    return path
