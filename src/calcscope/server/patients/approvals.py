"""Which passages a site's radiologists have approved. What is not leaves in no letter and on no page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import yaml
from django.db import transaction

from calcscope.server.audit.recording import record
from calcscope.server.languages import available
from calcscope.server.patients.models import Approval
from calcscope.server.patients.passages import Passage, load
from calcscope.server.people.models import Site, User


@dataclass(frozen=True)
class Listed:
    """A passage with what the site has said of it.

    Parameters
    ----------
    part : the file that it stands in: passages about the same thing
    approval : the one that holds for the passage's present words; None where there is none
    changed : whether other words of it were approved before
    """

    passage: Passage
    part: str
    approval: Approval | None
    changed: bool


def standing(site: Site, language: str) -> dict[tuple[str, str], Approval]:
    """The approvals that hold at a site, by passage and SHA-256 of its words."""
    said: dict[tuple[str, str], Approval] = {}
    for each in Approval.objects.filter(site=site, language=language).select_related("by"):
        said[each.passage, each.sha256] = each
    return {key: each for key, each in said.items() if not each.withdrawn}


def listed(site: Site, language: str) -> list[Listed]:
    """Every passage of a language, with what the site has said of it."""
    holds = standing(site, language)
    ever = {name for name, _sha in holds}
    parts = parts_of(language)
    return [
        Listed(
            each,
            parts[each.id],
            holds.get((each.id, each.sha256)),
            each.id in ever and (each.id, each.sha256) not in holds,
        )
        for each in load(language)
    ]


@cache
def parts_of(language: str) -> dict[str, str]:
    """The file of each passage, in the order of the source language's."""
    found: dict[str, str] = {}
    for path in sorted((available()[language].folder / "passages").glob("*.yaml")):
        found |= dict.fromkeys(yaml.safe_load(path.read_text(encoding="utf-8")) or {}, path.stem)
    return found


def missing(site: Site, language: str, used: Mapping[str, str]) -> list[str]:
    """Those of some passages that the site has not approved as they read now.

    Parameters
    ----------
    used : SHA-256 of the words by passage
    """
    holds = standing(site, language)
    return sorted(name for name, sha in used.items() if (name, sha) not in holds)


@transaction.atomic
def approve(site: Site, language: str, shas: Mapping[str, str], by: User, note: str = "") -> int:
    """Approve passages as somebody saw them; how many were new.

    Parameters
    ----------
    shas : by passage, SHA-256 of the words that were shown; a passage that reads otherwise by now is left out
    """
    known = {passage.id: passage for passage in load(language)}
    holds, added = standing(site, language), 0
    for name, sha in shas.items():
        passage = known.get(name)
        if passage is None or passage.sha256 != sha or (name, sha) in holds:
            continue
        made = Approval.objects.create(
            site=site, language=language, passage=name, version=str(passage.version), sha256=sha, by=by,
            note=note[:200],
        )  # fmt: skip
        record("passage-approved", made, user=by, passage=name, language=language, sha256=sha)
        added += 1
    return added


@transaction.atomic
def withdraw(site: Site, language: str, names: Iterable[str], by: User, note: str = "") -> int:
    """Take approvals back: from now on nothing leaves with these passages; how many there were."""
    asked, taken = set(names), 0
    for (name, sha), before in standing(site, language).items():
        if name in asked:
            made = Approval.objects.create(
                site=site, language=language, passage=name, version=before.version, sha256=sha, by=by,
                withdrawn=True, note=note[:200],
            )  # fmt: skip
            record("passage-withdrawn", made, user=by, passage=name, language=language, sha256=sha)
            taken += 1
    return taken
