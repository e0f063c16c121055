"""The report in a terminal: what was found, what to do next, where the files are."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from calcscope.assess.wording import joined
from calcscope.report import files, words
from calcscope.report.model import Category, Change, EarlierFinding, ExamReport, Finding, Report
from calcscope.report.palette import CATEGORY_COLOURS
from calcscope.report.writing import REPORT_NAME


def print_summary(report: Report, out: Path, console: Console | None = None, *, pages: bool = True) -> None:
    """Print the summary of a report that was written to the folder ``out``, ``pages``: with renderings."""
    console = console or Console()
    for exam in report.exams:
        console.print(_exam(exam, Path(out), pages))
    if report.failures:
        console.print("Not read", style="bold red")
    for failure in report.failures:
        # Never folded: a line for each input is what people and scripts look for.
        console.print(Text(f"{failure.source}: {failure.reason}"), soft_wrap=True)
    console.print(Text.assemble("Report: ", (str(Path(out) / REPORT_NAME), "bold")))
    console.print(Padding(Text(report.notice, style="italic"), (1, 0, 0, 0)))


def _exam(exam: ExamReport, out: Path, pages: bool) -> RenderableType:
    pressing = [finding for finding in exam.findings if not finding.benign]
    benign = len(exam.findings) - len(pressing)
    verdict = exam.assessment
    head = Text.assemble(
        (f"{f'Exam of {words.day(exam.date)}' if exam.date else 'Exam without a date'}, {exam.mode}", "bold"),
        f"  {len(exam.views)} view{'' if len(exam.views) == 1 else 's'}  ",
        "right ", _chip(verdict.right), "  left ", _chip(verdict.left), "  exam ", _chip(verdict.overall),
        f"  {words.category(verdict.overall)}",
    )  # fmt: skip
    parts: list[RenderableType] = [head, *_priors(exam)]
    if pressing:
        parts.append(_findings(exam, pressing))
    for finding, change in exam.compared:
        if not (isinstance(finding, Finding) and finding.benign):
            parts.append(_change(finding, change))
    said = str(benign) if benign else "No"
    parts.append(Text(f"{said} typically benign finding{'' if benign == 1 else 's'}", style="dim"))
    for step in exam.next_steps:
        when = words.due(step, exam)
        parts.append(
            Text.assemble(("Next  ", "bold"), step.text, (f" Due by {when}." if when else "", "dim"))
        )
    if pages:
        parts.append(Text.assemble("Page: ", (str(out / exam.folder / files.HTML), "bold")))
    return Padding(Group(*parts), (0, 0, 1, 0))


def _priors(exam: ExamReport) -> list[RenderableType]:
    """The earlier exams in use, and each that is not with its reason."""
    used = [words.day(prior.date) for prior in exam.priors if prior.used]
    parts: list[RenderableType] = []
    if used:
        exams = "exam" if len(used) == 1 else "exams"
        parts.append(Text(f"Compared with the {exams} of {joined(used)}"))
    elif exam.priors:
        parts.append(_note(words.NOTHING_COMPARED))
    for prior in exam.priors:
        if not prior.used:
            parts.append(_note(words.left_out_prior(prior)))
        parts += [_note(f"Exam of {words.day(prior.date)}, {warning}") for warning in prior.warnings]
    return parts


def _note(text: str) -> Text:
    return Text.assemble(("Note  ", "bold yellow"), text)


def _change(finding: Finding | EarlierFinding, change: Change) -> Text:
    """What became of a finding, in words."""
    what = "" if isinstance(finding, Finding) else f"{words.title(finding)} of {words.month(change.date)}: "
    reason = [change.reason] if change.reason else []
    said = " ".join([f"{what}{words.status(change)}.", *reason, *change.words])
    return Text.assemble((f"{finding.id}  ", "bold"), said)


def _findings(exam: ExamReport, findings: list[Finding]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Finding")
    table.add_column("Category")
    table.add_column("What", overflow="fold")
    table.add_column("Where", overflow="fold")
    table.add_column("Number", justify="right")
    table.add_column("Extent", justify="right")
    table.add_column("Views")
    labels = {view.sop_uid: view.label for view in exam.views}
    for finding in findings:
        table.add_row(
            escape(finding.id),
            _chip(finding.assessment.category),
            escape(words.title(finding)),
            escape(f"{words.SIDES[finding.laterality]}, {words.place(finding.location)}"),
            str(finding.count),
            words.length(finding.span_mm),
            escape(", ".join(labels[member.view] for member in finding.members)),
        )
    return table


def _chip(category: Category | None) -> Text:
    if category is None:
        return Text("not read", style="dim")
    return Text(f" {category} ", style=f"bold #111111 on {CATEGORY_COLOURS[category]}")
