"""``calcscope export`` and ``calcscope import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def export(
    report: Annotated[Path, typer.Argument(help="report.json, or the folder it lies in.", exists=True)],
    to: Annotated[
        Literal["cad-sr", "seg", "gsps", "sr", "fhir", "images"],
        typer.Option(
            help="Mammography CAD SR, segmentation, presentation state, Comprehensive 3D SR, FHIR R4 bundle, "
            "or copies of the images themselves."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", file_okay=False, help="Folder for what is written; one folder an exam.")
    ],
    images: Annotated[
        list[Path] | None,
        typer.Option(
            help="Where the images are, if not where they were read; may be given again.", exists=True
        ),
    ] = None,
    replaces: Annotated[
        Path | None,
        typer.Option(
            help="With --to cad-sr or sr: the file of an earlier reading that this one takes the place of.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    deidentify: Annotated[
        bool,
        typer.Option(
            "--deidentify",
            help="Without what tells whose it is: DICOM PS3.15, basic confidentiality profile.",
        ),
    ] = False,
    dates: Annotated[
        Literal["shift", "remove", "keep"],
        typer.Option(
            help="With --deidentify: dates all moved by the same number of days, taken out, or left."
        ),
    ] = "shift",
    key: Annotated[
        Path | None,
        typer.Option(
            help="With --deidentify: file of the key that decides pseudonyms, UIDs, days; made where there "
            "is none, deidentify.key beside the report if not named. Keep it with the originals, never with "
            "what is exported."
        ),
    ] = None,
    looked_at: Annotated[
        bool,
        typer.Option(
            "--looked-at",
            help="With --deidentify --to images: somebody has looked at the images that may have text burned "
            "in, and they show no name: write them too.",
        ),
    ] = False,
) -> None:
    """Write a report as what hospitals read.

    The same report gives the same objects, UIDs and all, whenever it is written.

    Exit code 0 when everything was written, 1 when something could not be, or an image was left out since it
    may show a name, 2 for wrong arguments.

        calcscope export report --to cad-sr --out objects
        calcscope export report --to images --deidentify --out research
    """
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from calcscope.errors import CalcscopeError
    from calcscope.standards.deidentify import Deidentify
    from calcscope.standards.exporting import WrongArgument, export_report

    if not deidentify and (key is not None or looked_at or dates != "shift"):
        raise typer.BadParameter("--dates, --key and --looked-at say how --deidentify is done; give that too")
    how = Deidentify(key, dates, looked_at) if deidentify else None
    left_out: list[str] = []
    remarks: list[str] = []
    console = Console(stderr=True)
    try:
        earlier = None if replaces is None else dcmread(replaces, stop_before_pixels=True)
    except InvalidDicomError as error:
        raise typer.BadParameter(f"{replaces} is no DICOM file", param_hint="--replaces") from error
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading the report", total=None)
        try:
            written = export_report(
                report, to, out, images=images or (), replaces=earlier, deidentify=how,
                left_out=left_out.append, remark=remarks.append,
                progress=lambda what: bar.update(task, description=what),
            )  # fmt: skip
        except WrongArgument as error:
            raise typer.BadParameter(str(error)) from error
        except (CalcscopeError, OSError) as error:
            bar.stop()
            console.print(f"[red]Not written[/red] {escape(_said(error))}", highlight=False, soft_wrap=True)
            raise typer.Exit(1) from error
    for path in written:
        typer.echo(path)
    for why in remarks:
        console.print(escape(why), highlight=False, soft_wrap=True)
    for why in left_out:
        console.print(f"[yellow]Left out[/yellow] {escape(why)}", highlight=False, soft_wrap=True)
    if left_out:
        console.print("Look at these images; where they show no name, give --looked-at.", highlight=False)
        raise typer.Exit(1)


def _said(error: Exception) -> str:
    """An error in a line: a file that cannot be written with its name first, without the system's number."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def import_(
    files: Annotated[
        list[Path], typer.Argument(help="Mammography CAD SR of any maker.", exists=True, dir_okay=False)
    ],
    out: Annotated[Path, typer.Option("--out", file_okay=False, help="Folder for what is written.")],
    report: Annotated[
        Path | None,
        typer.Option(help="Our report.json of the same exam, or its folder: shows both beside one another."),
    ] = None,
) -> None:
    """Read the marks of another maker's CAD.

    Writes marks-1.json and so on, one for each file; with --report also a page with a picture of each view
    and a table of which of their marks is ours. Nothing of the patient is written.

    Exit code 0 when every file was read, 1 when some were not, 2 for wrong arguments.

        calcscope import cad.dcm --report report --out beside
    """
    from rich.console import Console
    from rich.markup import escape

    from calcscope.errors import CalcscopeError
    from calcscope.standards.exporting import WrongArgument, report_at
    from calcscope.standards.importing import read_cad_sr
    from calcscope.standards.importing_files import write_beside, write_marks

    console, failed = Console(stderr=True), False
    try:
        ours = None if report is None else report_at(report)[0]
    except WrongArgument as error:
        raise typer.BadParameter(str(error), param_hint="--report") from error
    for number, file in enumerate(files, 1):
        try:
            marks = read_cad_sr(file)
            pages, problems = (
                ([], []) if ours is None else write_beside(marks, ours, out / f"beside-{number}")
            )
            written = [write_marks(marks, out / f"marks-{number}.json"), *pages]
            marks = marks.model_copy(update={"problems": marks.problems + problems})
        except (CalcscopeError, OSError, ValueError) as error:
            console.print(f"[red]Not read[/red] {escape(_said(error))}", highlight=False, soft_wrap=True)
            failed = True
            continue
        for problem in marks.problems:
            console.print(f"{file}: {problem}", highlight=False, markup=False, soft_wrap=True)
        for path in written:
            typer.echo(path)
    if failed:
        raise typer.Exit(1)
