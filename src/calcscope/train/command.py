"""``calcscope train``: how the shipped models are made, one command each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Make the shipped models again (needs calcscope[train]).")


@app.command()
def network(
    out: Annotated[Path, typer.Option(help="The ONNX file to write.")],
    minutes: Annotated[float, typer.Option(help="How long to train.", min=0.05)] = 25.0,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 …")] = "cpu",
    seed: Annotated[int, typer.Option(help="Draws the pieces and the first weights.", min=0)] = 0,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that draw the pieces, which are the same; all processors but one when left out.",
            min=1,
        ),
    ] = None,
    batch: Annotated[
        int, typer.Option(help="Pieces a step: 64 for a graphics processor of today.", min=1)
    ] = 16,
    without: Annotated[
        str | None, typer.Option(help="Leave out the films of this woman: P_00173 or P_00820.")
    ] = None,
    normals: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of mammograms without calcium; may be given again.", exists=True),
    ] = None,
) -> None:
    """Train the network that sees calcium pixel by pixel."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from calcscope.train.network import train
    from calcscope.train.patches import WOMEN

    if without is not None and without not in WOMEN:
        raise typer.BadParameter(f"{without!r} is none of {', '.join(WOMEN)}", param_hint="--without")
    women = None if without is None else [woman for woman in WOMEN if woman != without]
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task("reading films", total=1.0)
        steps = train(
            out, minutes, device, seed, women, normals or [],
            workers or max((os.cpu_count() or 1) - 1, 1), batch,
            progress=lambda share, what: bar.update(task, completed=share, description=what),
        )  # fmt: skip
    typer.echo(f"{out}: {steps} steps")


@app.command()
def judge(
    out: Annotated[Path, typer.Option(help="The JSON file to write.")],
    network: Annotated[
        Path | None, typer.Option(help="ONNX file to ask; the shipped one when left out.", exists=True)
    ] = None,
    seeds: Annotated[int, typer.Option(help="Simulations for each film and pixel size.", min=1)] = 4,
    normals: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of mammograms without calcium; may be given again.", exists=True),
    ] = None,
) -> None:
    """Fit the model that judges candidates."""
    from calcscope.train.specks import train

    train(out, network, seeds, normals or [])


@app.command()
def describe(
    out: Annotated[Path, typer.Option(help="The JSON file to write.")],
    normals: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of mammograms without calcium to set groups into; may be given again.", exists=True
        ),
    ] = None,
    exams: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of simulated exams to learn from too; may be given again.", exists=True),
    ] = None,
) -> None:
    """Fit the models that name shapes, typical kinds and distributions."""
    from rich.progress import Progress

    from calcscope.train.describe import train

    with Progress() as bar:
        task = bar.add_task("drawing and measuring scenes")
        train(out, normals or [], exams or [], lambda n, of: bar.update(task, completed=n, total=of))
