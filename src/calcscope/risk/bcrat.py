"""The Breast Cancer Risk Assessment Tool: the Gail model and its extensions.

All in J Natl Cancer Inst: Gail 1989, doi:10.1093/jnci/81.24.1879 (relative and absolute risk); Gail 2007,
djm223 (African American women, CARE); Matsuno 2011, djr154 (Asian and Pacific Islander women, AABCS); Banegas
2017, djw215 (Hispanic women). Constants: ``data/bcrat.json``.

The risk between two ages is the sum over years of the chance to be alive without breast cancer so far and
then to get it: incidence without risk factors times the relative risk, against death from other causes,
both constant within a year (Gail 1989).
"""

from __future__ import annotations

import json
import math
from functools import cache
from importlib import resources
from typing import Any

from calcscope.risk.model import NULLIPAROUS, Answers, Contradiction, Risk

FIRST_AGE, LAST_AGE = 20, 90
BAND = 5
OLDER_FROM = 50
MEANT_FROM = 35
"""The tool is meant for women from this age on; younger ones are computed, with a warning."""

RACES = {
    "white": "non-Hispanic white",
    "african_american": "African American",
    "hispanic_us_born": "Hispanic, US born",
    "native_american_or_unknown": "Native American and unknown",
    "hispanic_foreign_born": "Hispanic, foreign born",
    "chinese": "Chinese American",
    "japanese": "Japanese American",
    "filipino": "Filipino American",
    "hawaiian": "Hawaiian",
    "other_pacific_islander": "other Pacific Islander",
    "other_asian": "other Asian American",
}
"""Our key and the name in the constants, in the order of the tool's numbers from 1 on."""
YOUNG = f"The tool was made for women from {MEANT_FROM} on; for younger ones it is less certain."
FEWER = "For her group the model rests on fewer women than for white women."
OTHER_RATES = "The rates are those of white women; there are none for her own group."
UNKNOWN = "Not known and counted as the lowest step:"
"""Warnings; names of answers follow the last one."""
WHITE_RATES = ("white", "native_american_or_unknown")
HISPANIC = ("hispanic_us_born", "hispanic_foreign_born")
ASIAN = ("chinese", "japanese", "filipino", "hawaiian", "other_pacific_islander", "other_asian")


@cache
def constants() -> dict[str, Any]:
    """The published numbers."""
    text = (resources.files("calcscope.risk") / "data" / "bcrat.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


class Bcrat:
    """The model."""

    name = "bcrat"
    title = "Breast Cancer Risk Assessment Tool (Gail model and its extensions)"
    races = RACES

    def risk(self, answers: Answers, until: float) -> Risk:
        """The risk from the woman's age until ``until``.

        Raises
        ------
        Contradiction : for answers that cannot be true together, or whom the model cannot answer for
        """
        _check(answers, until)
        table = constants()["races"][RACES[answers.race]]
        younger, older, factors = _relative(answers, table["beta"])
        share = table["one_minus_attributable_risk_under_50_and_from_50"]
        incidence = table["breast_cancer_incidence_per_year"]
        mortality = table["competing_mortality_per_year"]
        own = _absolute(answers.age, until, incidence, mortality, younger * share[0], older * share[1])
        average = (
            constants()["average_woman_white_and_native_american"] if answers.race in WHITE_RATES else table
        )
        mean = _absolute(
            answers.age, until, average["breast_cancer_incidence_per_year"],
            average["competing_mortality_per_year"], 1.0, 1.0,
        )  # fmt: skip
        return Risk(
            age=answers.age,
            until=until,
            percent=100 * own,
            average_percent=100 * mean,
            relative=older if answers.age >= OLDER_FROM else younger,
            factors=factors,
            warnings=_warnings(answers),
            model=self.title,
            source=constants()["source"],
        )


def _check(answers: Answers, until: float) -> None:
    """Refuse what cannot be, naming the answers.

    Raises
    ------
    Contradiction
    """
    if answers.race not in RACES:
        raise Contradiction(f"race: found {answers.race!r}; expected one of {', '.join(RACES)}")
    if answers.mutation:
        raise Contradiction(
            "mutation: the tool does not fit a woman with a known mutation; ask a genetics clinic"
        )
    if answers.earlier_cancer:
        raise Contradiction(
            "earlier_cancer: the tool does not fit after breast cancer, DCIS or LCIS; ask her doctor"
        )
    if answers.chest_radiation:
        raise Contradiction(
            "chest_radiation: the tool does not fit after radiation of the chest; ask her doctor"
        )
    age = answers.age
    if not (math.isfinite(age) and FIRST_AGE <= age < LAST_AGE):
        raise Contradiction(f"age: found {age:g}; expected {FIRST_AGE} to under {LAST_AGE}")
    if not (math.isfinite(until) and age < until <= LAST_AGE):
        raise Contradiction(f"until: found {until:g}; expected over the age {age:g}, to {LAST_AGE}")
    if answers.biopsies is not None and answers.biopsies < 0:
        raise Contradiction(f"biopsies: found {answers.biopsies}; expected 0 or more")
    if not answers.biopsies and answers.atypia is not None:
        raise Contradiction("atypia: stated without a biopsy, which alone could have found it; leave it out")
    if answers.relatives is not None and answers.relatives < 0:
        raise Contradiction(f"relatives: found {answers.relatives}; expected 0 or more")
    menarche, birth = answers.menarche, answers.first_birth
    if menarche is not None and not 7 <= menarche <= min(39, age):
        raise Contradiction(f"menarche: found {menarche:g}; expected 7 to 39, and not over the age {age:g}")
    if isinstance(birth, str):
        if birth != NULLIPAROUS:
            raise Contradiction(f"first_birth: found {birth!r}; expected an age or {NULLIPAROUS!r}")
    elif birth is not None:
        if not 8 <= birth <= age:
            raise Contradiction(f"first_birth: found {birth:g}; expected 8 to the age {age:g}")
        if menarche is not None and birth < menarche:
            raise Contradiction(f"first_birth: found {birth:g}, before menarche at {menarche:g}; check both")


def _relative(answers: Answers, beta: list[float]) -> tuple[float, float, dict[str, float]]:
    """Relative risk below and from 50 on, and what makes it up."""
    biopsies, menarche, birth, relatives = _categories(answers)
    atypia = constants()["hyperplasia_factor"]
    factor = (
        atypia["unknown"]
        if not answers.biopsies or answers.atypia is None
        else atypia["biopsy, atypia" if answers.atypia else "biopsy, no atypia"]
    )
    together = birth * beta[2] + relatives * beta[3] + birth * relatives * beta[5]
    younger = math.exp(biopsies * beta[0] + menarche * beta[1] + together) * factor
    older = younger * math.exp(biopsies * beta[4])
    by_age = beta[4] if answers.age >= OLDER_FROM else 0.0
    factors = {
        "biopsies": math.exp(biopsies * (beta[0] + by_age)),
        "atypia": factor,
        "menarche": math.exp(menarche * beta[1]),
        "first_birth_and_relatives": math.exp(together),
    }
    return younger, older, factors


def _categories(answers: Answers) -> tuple[int, int, int, int]:
    """The steps for biopsies, menarche, first birth and relatives, as each publication groups them."""
    race = answers.race
    biopsies = min(answers.biopsies or 0, 2)
    menarche = 0 if answers.menarche is None or answers.menarche >= 14 else 1 if answers.menarche >= 12 else 2
    at = answers.first_birth
    if isinstance(at, str):
        birth = 2
    elif at is None or at < 20:
        birth = 0
    else:
        birth = 1 if at < 25 else 2 if at < 30 else 3
    relatives = min(answers.relatives or 0, 2)
    if race == "african_american":
        menarche = min(menarche, 1)
        birth = 0
    if race in HISPANIC:
        biopsies, relatives = min(biopsies, 1), min(relatives, 1)
        # 20 to 29 are one step, 30 and more or no child the other.
        birth = 2 if isinstance(at, str) else {0: 0, 1: 1, 2: 1, 3: 2}[birth]
        menarche = 0 if race == "hispanic_us_born" else menarche
    if race in ASIAN:
        relatives = min(relatives, 1)
    return biopsies, menarche, birth, relatives


def _absolute(
    start: float, end: float, incidence: list[float], mortality: list[float], younger: float, older: float
) -> float:
    """The risk of breast cancer between two ages, 0 to 1. ``younger``, ``older`` multiply the incidence."""
    total, gone = 0.0, 0.0
    for year in range(math.floor(start), math.ceil(end)):
        length = min(end, year + 1) - max(start, year)
        band = (year - FIRST_AGE) // BAND
        cancer = incidence[band] * (younger if year < OLDER_FROM else older)
        either = cancer + mortality[band]
        total += cancer / either * math.exp(-gone) * -math.expm1(-either * length)
        gone += either * length
    return total


def _warnings(answers: Answers) -> tuple[str, ...]:
    said = []
    if answers.age < MEANT_FROM:
        said.append(YOUNG)
    if answers.race not in WHITE_RATES:
        said.append(FEWER)
    if answers.race == "native_american_or_unknown":
        said.append(OTHER_RATES)
    unknown = [
        name
        for name in ("biopsies", "menarche", "first_birth", "relatives")
        if getattr(answers, name) is None
    ]
    if unknown:
        said.append(f"{UNKNOWN} {', '.join(unknown).replace('_', ' ')}.")
    return tuple(said)
