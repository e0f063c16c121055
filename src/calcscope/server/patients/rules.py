"""What a site's settings say about telling women: ``hold``, ``profile``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from calcscope import lexicon
from calcscope.errors import CalcscopeError
from calcscope.server.patients import profiles
from calcscope.server.patients.profiles import Profile
from calcscope.server.people.models import Site

HOLD = ("4A", "4B", "4C", "5", "6", "high_risk", "dcis", "invasive")
"""Held where a site does not say otherwise: nobody learns that from a page before a doctor could call her."""


class FaultyRules(CalcscopeError):
    """Settings that cannot be used; the message names the site, the setting and what is wrong."""


class Rules(BaseModel):
    """How a site tells.

    Parameters
    ----------
    hold : categories and results of a biopsy that the doctor tells her first
    profile : the country's rules
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    hold: tuple[str, ...] = HOLD
    profile: Profile

    @field_validator("hold")
    @classmethod
    def _known(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        known = {*lexicon.categories().categories, *lexicon.chains().steps["histology"].results}
        if unknown := sorted(set(given) - known):
            raise ValueError(f"found {', '.join(unknown)}; expected some of {', '.join(sorted(known))}")
        return given


def rules_of(site: Site) -> Rules:
    """A site's rules.

    Raises
    ------
    FaultyRules
    """
    stated = site.settings
    try:
        country = profiles.load(str(stated.get("profile", profiles.NONE)))
        return Rules(hold=tuple(stated.get("hold", HOLD)), profile=country)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise FaultyRules(f"site {site.code}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (profiles.ProfileError, TypeError) as error:
        raise FaultyRules(f"site {site.code}: {error}") from None
