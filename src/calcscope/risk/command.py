"""``calcscope risk``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def risk(
    age: Annotated[float | None, typer.Option(help="Age, years.")] = None,
    race: Annotated[
        str,
        typer.Option(help="Group whose rates are used, such as white, african_american, hispanic_us_born."),
    ] = "native_american_or_unknown",
    biopsies: Annotated[int | None, typer.Option(help="Breast biopsies so far, whatever they found.")] = None,
    atypia: Annotated[
        bool | None, typer.Option("--atypia/--no-atypia", help="Whether one found atypical hyperplasia.")
    ] = None,
    menarche: Annotated[float | None, typer.Option(help="Age at the first period.")] = None,
    first_birth: Annotated[
        str | None, typer.Option(help="Age at the birth of the first living child, or none.")
    ] = None,
    relatives: Annotated[
        int | None, typer.Option(help="Mother, sisters and daughters with breast cancer.")
    ] = None,
    mutation: Annotated[bool, typer.Option("--mutation", help="A high-risk mutation is known.")] = False,
    earlier_cancer: Annotated[
        bool, typer.Option("--earlier-cancer", help="Has had breast cancer, DCIS or LCIS.")
    ] = False,
    chest_radiation: Annotated[
        bool, typer.Option("--chest-radiation", help="The chest was irradiated when she was young.")
    ] = False,
    years: Annotated[float, typer.Option(help="Over how many years, beside the risk to age 90.", min=1)] = 5,
    table: Annotated[
        Path | None, typer.Option(help="CSV of many women, with --out.", exists=True, dir_okay=False)
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="CSV to write.")] = None,
    model: Annotated[
        str, typer.Option(help="Risk model: bcrat, or one that another package offers.")
    ] = "bcrat",
) -> None:
    """A woman's risk of breast cancer, beside that of the average woman of her age.

    Leave out what is not known. Exit code 0 with a risk, 1 where answers contradict one another or the model
    does not fit her (a row of a table that has none says why), 2 for wrong arguments.

        calcscope risk --age 45 --race white --menarche 12 --first-birth 27 --relatives 1 --biopsies 0

        calcscope risk --table women.csv --out risks.csv
    """
    from rich.console import Console

    from calcscope.errors import CalcscopeError
    from calcscope.risk import Answers, models
    from calcscope.risk import model as model_of
    from calcscope.risk.model import LIFETIME, NULLIPAROUS
    from calcscope.risk.table import answer

    if model not in models():
        raise typer.BadParameter(f"found {model!r}; there are {', '.join(models())}", param_hint="--model")
    chosen, console = model_of(model), Console()
    try:
        if table is not None:
            if out is None:
                raise typer.BadParameter("--table wants --out", param_hint="--out")
            good, bad = answer(table, out, chosen)
            typer.echo(f"{out}: {good} with a risk, {bad} without; their last column says why")
            return
        if age is None:
            raise typer.BadParameter("state --age, or --table", param_hint="--age")
        birth: float | str | None = first_birth
        if first_birth is not None and first_birth != NULLIPAROUS:
            try:
                birth = float(first_birth)
            except ValueError as error:
                raise typer.BadParameter("an age, or none", param_hint="--first-birth") from error
        answers = Answers(
            age, race, biopsies, atypia, menarche, birth, relatives, mutation, earlier_cancer, chest_radiation
        )
        soon = chosen.risk(answers, min(age + years, LIFETIME))
        life = chosen.risk(answers, LIFETIME)
    except (CalcscopeError, OSError) as error:
        Console(stderr=True).print(f"[red]No risk[/red] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    console.print(f"{soon.model}", highlight=False)
    for found in (soon, life):
        console.print(
            f"to age {found.until:g}: [bold]{found.percent:.1f} %[/bold]; the average woman of her age and "
            f"group {found.average_percent:.1f} %",
            highlight=False,
        )
    for name, factor in soon.factors.items():
        if factor != 1:
            console.print(f"  {name.replace('_', ' ')}: times {factor:.2f}", highlight=False)
    for warning in soon.warnings:
        console.print(f"[yellow]Note[/yellow] {warning}", highlight=False)
    console.print("A risk is no diagnosis. Speak about it with a doctor.", highlight=False)
