"""The ``calcscope`` command: each subcommand a few lines over the library."""

from __future__ import annotations

import gc
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from calcscope.archive.command import app as archive_commands
from calcscope.node.command import app as node_commands
from calcscope.risk.command import risk
from calcscope.server.command import manage, serve
from calcscope.standards.command import export, import_
from calcscope.train.command import app as train_commands

if TYPE_CHECKING:
    from calcscope.report.model import Report

app = typer.Typer(
    name="calcscope",
    help="Breast calcifications from the mammogram to the finished follow-up. "
    "Research and second-reader software, not a cleared medical device.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

app.add_typer(train_commands, name="train")
app.add_typer(node_commands, name="node")
app.add_typer(archive_commands, name="archive")
app.command()(export)
app.command("import")(import_)
app.command()(risk)
app.command()(serve)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(manage)


@app.callback()
def _calcscope() -> None:
    """Subcommands follow."""


@dataclass(frozen=True)
class Asked:
    """The options that every reading takes."""

    out: Annotated[
        Path, typer.Option("--out", file_okay=False, help="Folder for report.json and the renderings.")
    ]
    mode: Annotated[
        Literal["screening", "diagnostic"],
        typer.Option(help="Screening never gives categories 3 to 5; diagnostic expects magnification views."),
    ] = "screening"
    pixel_mm: Annotated[
        float | None,
        typer.Option(help="Pixel size in mm, for images that do not state it (DDSM films: 0.0435)."),
    ] = None
    laterality: Annotated[
        Literal["L", "R"] | None, typer.Option(help="Side, for images that do not state it.")
    ] = None
    view: Annotated[
        str | None, typer.Option("--view", help="View, for images that do not state it: CC, MLO …")
    ] = None
    patient: Annotated[
        str | None,
        typer.Option(help="The woman's identifier, for images that do not state it, such as plain ones."),
    ] = None
    min_probability: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="List every calcification from this probability on; 0 lists every candidate."
        ),
    ] = None
    all_groups: Annotated[
        bool, typer.Option("--all-groups", help="Also list the groups that lower thresholds would form.")
    ] = False
    prevalence: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=0.999,
            help="Share of worked-up findings that are malignant where you work; re-bases the odds.",
        ),
    ] = None
    render: Annotated[
        bool,
        typer.Option("--render/--json-only", help="Pictures, page, PDF and table, or report.json alone."),
    ] = True
    pdf: Annotated[bool, typer.Option("--pdf/--no-pdf", help="Write report.pdf.")] = True


def _reads(command: Callable[..., None]) -> Callable[..., None]:
    """A command with the options of :class:`Asked`, which come to it as its argument ``asked``."""
    own = inspect.signature(command, eval_str=True).parameters.values()
    shared = inspect.signature(Asked, eval_str=True).parameters

    @wraps(command)
    def run(**given: Any) -> None:
        command(asked=Asked(**{name: given.pop(name) for name in shared}), **given)

    parameters = [*(each for each in own if each.name != "asked"), *shared.values()]
    keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
    vars(run)["__signature__"] = inspect.Signature(keywords)
    return run


UNWANTED = "requests", "tqdm"
"""pydicom loads them where they are, to fetch its test files: a quarter of its own time."""


@contextmanager
def _quick_imports() -> Iterator[None]:
    """Import without what is not wanted, and without looking for garbage among what stays: that would take a
    seventh of the time."""
    absent = [name for name in UNWANTED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None: not to be had
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        for name in absent:
            del sys.modules[name]


@app.command()
@_reads
def read(
    paths: Annotated[
        list[Path],
        typer.Argument(help="DICOM files, folders, zips or a DICOMDIR; PNG, PGM or TIFF with --pixel-mm."),
    ],
    asked: Asked,
    prior: Annotated[
        list[Path] | None,
        typer.Option(
            help="Earlier exam of the same woman to compare with: file, folder or zip; may be given again."
        ),
    ] = None,
    date: Annotated[
        str | None,
        typer.Option(
            help="Day of the exam as YYYY-MM-DD, for images that do not state it. Not of earlier exams: put "
            "theirs into the name of the file or its folder."
        ),
    ] = None,
) -> None:
    """Read mammograms: find, describe, compare, assess, report.

    Writes **report.json** and, for each exam, **report.html**, **report.pdf**,
    **calcifications.parquet** and **overlays/**.

    What is given with --prior and is no earlier exam of the same woman is named and left out.

    Exit code 0 when every exam was read, 1 when some input was not (each is named with its reason, the
    rest is done), 2 for wrong arguments.

        calcscope read exam/ --out report

        calcscope read exam-2026/ --prior exam-2024/ --prior exam-2023/ --out report

        calcscope read film.png --pixel-mm 0.05 --laterality L --view MLO --out report
    """
    with _quick_imports():
        from calcscope.reading import read_paths

    _reading(partial(read_paths, paths, priors=prior or ()), asked, date)


@app.command()
@_reads
def compare(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Two or more exams of one woman, in any order: files, folders, zips."),
    ],
    asked: Asked,
) -> None:
    """Compare the exams of one woman: the newest is read, the others are its earlier exams.

    Writes what **calcscope read** writes, for the newest exam. What is no earlier exam of the same woman is
    named and left out. Plain images have their dates in the names of files or folders.

    Exit code 0 when every exam was read, 1 when some input was not (each is named with its reason, the
    rest is done), 2 for wrong arguments.

        calcscope compare exam-2022/ exam-2024/ exam-2026/ --out report

        calcscope compare 2019-05-02/ 2021-06-10/ --patient W-1 --pixel-mm 0.05 --out report
    """
    with _quick_imports():
        from calcscope.reading import compare_paths

    _reading(partial(compare_paths, paths), asked)


def _reading(run: Callable[..., tuple[Report, list[str]]], asked: Asked, date: str | None = None) -> None:
    """Read with a progress bar, print the summary, and end with the exit code."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from calcscope.assess import AssessSettings
    from calcscope.exam import ReadOptions
    from calcscope.reading import NothingToCompare, ReadSettings, Workers
    from calcscope.report.terminal import print_summary

    console, out = Console(stderr=True), asked.out
    try:
        options = ReadOptions(
            pixel_mm=asked.pixel_mm,
            laterality=asked.laterality,
            view=asked.view and asked.view.upper(),
            date=date,
            patient=asked.patient,
        )
        known = asked.prevalence
        settings = ReadSettings(
            mode=asked.mode,
            min_probability=asked.min_probability,
            all_groups=asked.all_groups,
            assess=AssessSettings() if known is None else AssessSettings(prevalence=known),
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("looking for exams", total=None)
        try:
            out.mkdir(parents=True, exist_ok=True)  # a folder that cannot be written is said before the work
            report, warnings = run(
                out,
                options,
                settings,
                render=asked.render,
                pdf=asked.pdf,
                progress=lambda what: bar.update(task, description=what),
                workers=Workers(processes=True),
            )
        except NothingToCompare as error:
            bar.stop()
            console.print(str(error), highlight=False, soft_wrap=True)
            raise typer.Exit(1) from error
        except OSError as error:
            bar.stop()
            console.print(
                f"[red]{error.strerror or error}[/red]: {out}. Nothing was changed there.", highlight=False
            )
            raise typer.Exit(1) from error
    print_summary(report, out, pages=asked.render)
    for warning in warnings:
        console.print(f"[yellow]Note[/yellow] {warning}", highlight=False)
    if report.failures:
        raise typer.Exit(1)


@app.command()
def evaluate(
    path: Annotated[Path, typer.Argument(help="The dataset as its owners distribute it.")],
    dataset: Annotated[
        Literal[
            "mini-mias",
            "inbreast",
            "cbis-ddsm",
            "cbis-ddsm-table",
            "ddsm",
            "vindr-mammo",
            "cmmd",
            "zenodo-5036062",
            "phantom",
        ],
        typer.Option(help="Which it is: the CSV file for cbis-ddsm-table, else the dataset's folder."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for the pictures.")] = Path("evaluation"),
) -> None:
    """Measure Calcscope on a public dataset or on simulated exams: tables with intervals, and curves.

    Exit code 0 when it was measured, 1 when the dataset cannot be read, 2 for wrong arguments.

        calcscope evaluate --dataset cbis-ddsm-table calc_case_description_test_set.csv

        calcscope evaluate --dataset mini-mias films/ --out curves
    """
    from rich.console import Console

    from calcscope.errors import UnreadableInput
    from calcscope.evaluate.datasets import DATASETS

    try:
        DATASETS[dataset](path, out, Console())
    except UnreadableInput as error:
        Console(stderr=True).print(str(error), highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        Console(stderr=True).print(f"{path}: {reason}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error


@app.command()
def phantom(
    out: Annotated[Path, typer.Option("--out", help="Folder for the exams, one folder each.")],
    count: Annotated[int, typer.Option(min=1, help="Exams to make, of seeds SEED, SEED + 1 …")] = 1,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the first exam; the same seed gives the same files.")
    ] = 0,
    views: Annotated[
        str,
        typer.Option(
            help="Views by comma: RCC, LMLO, LML …, with an M after the side for magnification (LMCC), or "
            "'diagnostic': the standard four and ML and magnification views of the first lesion."
        ),
    ] = "RCC,LCC,RMLO,LMLO",
    lesion: Annotated[
        list[str] | None,
        typer.Option(
            help="What to put in: MORPHOLOGY:DISTRIBUTION or KIND, with :L or :R for the side, or 'none'; "
            "may be given again. Drawn by the seed when left out."
        ),
    ] = None,
    generator: Annotated[
        Literal["own", "victre"], typer.Option(help="Of the two that draw calcifications.")
    ] = "own",
    maker: Annotated[
        Literal["A", "B", "C", "D", "raw", "film"],
        typer.Option(help="Processing for display (A to D), none (raw), or digitised film."),
    ] = "A",
    scanner: Annotated[
        Literal["drum_50", "laser_50", "coarse_200"], typer.Option(help="Of films.")
    ] = "drum_50",
    pixel_mm: Annotated[
        float | None,
        typer.Option(help="Pixel of the detector or the scan in mm; that of the device when left out."),
    ] = None,
    density: Annotated[
        Literal["a", "b", "c", "d"] | None, typer.Option(help="Of the breasts; drawn when left out.")
    ] = None,
    mimic: Annotated[
        list[str] | None,
        typer.Option(
            help="Put into every view: deodorant, powder, cream, metal, marker, clip, or 'none'; may be "
            "given again. Drawn by the seed when left out."
        ),
    ] = None,
    prior: Annotated[
        Literal["stable", "new", "more", "fewer", "larger", "resolved"] | None,
        typer.Option(help="Also make an earlier exam, since when the first lesion changed so."),
    ] = None,
    years: Annotated[int, typer.Option(min=1, max=30, help="From the earlier exam to the current one.")] = 2,
    clear: Annotated[
        bool,
        typer.Option(
            "--clear",
            help="Leave lesions all their calcium; otherwise they are thinned, many to where hardly any "
            "is seen.",
        ),
    ] = False,
    arrays: Annotated[
        bool, typer.Option("--arrays", help="Also write the calcium of each view as arrays (npz).")
    ] = False,
    background: Annotated[
        list[Path] | None,
        typer.Option(
            help="Set calcifications into this real normal mammogram instead (file or folder; may be given "
            "again); pixel size, side and view come from it or from its name."
        ),
    ] = None,
) -> None:
    """Simulate mammograms whose truth is known, for development, testing and teaching.

    Writes a folder for each exam: a DICOM file for each view and **truth.json** with every calcification,
    group, mark and landmark in pixels of those files. Without --background nothing in them is of a patient.

    Exit code 0 when all were made, 1 when they could not be written or a background could not be read, 2 for
    wrong arguments.

        calcscope phantom --out exams --count 4 --seed 10

        calcscope phantom --out exams --lesion fine_pleomorphic:grouped:L --views diagnostic --prior more
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from calcscope.errors import UnreadableInput
    from calcscope.phantom.exam import make_exam
    from calcscope.phantom.folders import write_exam
    from calcscope.phantom.hosts import read_hosts, write_host
    from calcscope.phantom.plan import ExamPlan, lesion_of

    console = Console(stderr=True)
    if background and (prior or arrays or mimic):
        raise typer.BadParameter("--background takes neither --prior nor --arrays nor --mimic")
    try:
        plans = [
            ExamPlan(
                seed=seed + n,
                views=tuple(part.strip() for part in views.split(",")),
                lesions=None if not lesion else tuple(lesion_of(one) for one in lesion if one != "none"),
                generator=generator,
                maker=maker,
                scanner=scanner,
                pixel_mm=pixel_mm,
                mimics=None if not mimic else tuple(one for one in mimic if one != "none"),
                change=prior,
                years=years,
                density=density,
                clear=clear,
            )
            for n in range(count)
        ]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("growing", total=count)
        try:
            hosts = read_hosts(background, pixel_mm) if background else []
            for plan in plans:
                if hosts:
                    write_host(plan, hosts[plan.seed % len(hosts)], out)
                else:
                    for exam in make_exam(plan):
                        write_exam(
                            exam, out, arrays=arrays, progress=lambda what: bar.update(task, description=what)
                        )
                bar.advance(task)
        except UnreadableInput as error:
            bar.stop()
            console.print(str(error), highlight=False, soft_wrap=True)
            raise typer.Exit(1) from error
        except ValueError as error:
            bar.stop()
            raise typer.BadParameter(str(error)) from error
        except OSError as error:
            bar.stop()
            console.print(f"[red]{error.strerror or error}[/red]: {out}", highlight=False)
            raise typer.Exit(1) from error
    Console().print(f"{count} exam{'s' if count > 1 else ''} in {out}", highlight=False)


def main() -> None:
    """Entry point of the ``calcscope`` command."""
    app()


if __name__ == "__main__":
    main()
