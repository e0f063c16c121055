"""Many women at once: a CSV file in, the same with their risks out.

The columns are those of the tool's own data: ``ID, T1, T2, N_Biop, HypPlas, AgeMen, Age1st, N_Rels, Race``;
99 is "not known", 98 in ``Age1st`` "no child", ``Race`` the number of the group, 1 to 11 in the order of
``RACES``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from calcscope.errors import CalcscopeError
from calcscope.report.writing import write_atomically
from calcscope.risk.bcrat import RACES
from calcscope.risk.model import NULLIPAROUS, Answers, Contradiction, Risk, RiskModel

COLUMNS = ("ID", "T1", "T2", "N_Biop", "HypPlas", "AgeMen", "Age1st", "N_Rels", "Race")
ADDED = ("risk", "avg", "reason")
UNKNOWN, NO_CHILD = 99.0, 98.0


class FaultyTable(CalcscopeError):
    """A table that cannot be read; the message names file, line and column."""


@dataclass(frozen=True)
class Answered:
    """A row with what the model says of it: the risk, or why there is none."""

    row: Mapping[str, str]
    risk: Risk | None
    reason: str


def answer(path: Path, out: Path, model: RiskModel) -> tuple[int, int]:
    """Write each row of ``path`` with risk and average risk in percent to ``out``.

    Returns
    -------
    Rows with a risk, and rows without, whose last column says why.

    Raises
    ------
    FaultyTable : where it is no table with these columns; nothing is written
    OSError
    """
    rows = list(answered(path, model))
    buffer = io.StringIO()
    names = [name for name in rows[0].row if name not in ADDED] if rows else list(COLUMNS)
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*names, *ADDED])
    for each in rows:
        found = (
            ["NA", "NA"] if each.risk is None else [repr(each.risk.percent), repr(each.risk.average_percent)]
        )
        writer.writerow([*(each.row[name] for name in names), *found, each.reason])
    write_atomically(out, buffer.getvalue().encode())
    good = sum(each.risk is not None for each in rows)
    return good, len(rows) - good


def answered(path: Path, model: RiskModel) -> Iterator[Answered]:
    """Each row with its risk or the contradiction in it.

    Raises
    ------
    FaultyTable
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
            if missing:
                raise FaultyTable(
                    f"{path}: found no column {', '.join(missing)}; expected {', '.join(COLUMNS)}"
                )
            for row in reader:
                answers, until = _answers(row, f"{path}, line {reader.line_num}")
                try:
                    yield Answered(row, model.risk(answers, until), "")
                except Contradiction as why:
                    yield Answered(row, None, str(why))
    except UnicodeDecodeError:
        raise FaultyTable(f"{path}: found no text; expected a CSV file in UTF-8") from None
    except csv.Error as error:
        raise FaultyTable(f"{path}: found no CSV ({error})") from None


def _answers(row: Mapping[str, str | None], where: str) -> tuple[Answers, float]:
    def number(name: str) -> float:
        try:
            return float(row[name] or "")
        except ValueError:
            raise FaultyTable(f"{where}, {name}: found {row[name]!r}; expected a number") from None

    def known(name: str) -> float | None:
        value = number(name)
        return None if value == UNKNOWN else value

    race = number("Race")
    if race not in range(1, len(RACES) + 1):
        raise FaultyTable(f"{where}, Race: found {race:g}; expected 1 to {len(RACES)}")
    biopsies, atypia, relatives = known("N_Biop"), known("HypPlas"), known("N_Rels")
    if atypia not in (None, 0, 1):
        raise FaultyTable(f"{where}, HypPlas: found {atypia:g}; expected 0, 1 or 99")
    first = known("Age1st")
    answers = Answers(
        age=number("T1"),
        race=list(RACES)[int(race) - 1],
        biopsies=None if biopsies is None else int(biopsies),
        atypia=None if atypia is None else bool(atypia),
        menarche=known("AgeMen"),
        first_birth=NULLIPAROUS if first == NO_CHILD else first,
        relatives=None if relatives is None else int(relatives),
    )
    return answers, number("T2")
