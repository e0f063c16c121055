"""The page, the paper, the table and the terminal say what the report says."""

from __future__ import annotations

import html
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sample
from rich.console import Console

from calcscope.exam.model import View
from calcscope.report.html import render_html
from calcscope.report.model import ExamReport, Failure, Report
from calcscope.report.pdf import PdfUnavailable, render_pdf
from calcscope.report.rendering import render_exam
from calcscope.report.table import write_table
from calcscope.report.terminal import print_summary


class Page(HTMLParser):
    """Tags with their attributes, and the words a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._hidden = False
        self.feed(text)
        self.words = re.sub(r"\s+", " ", self.words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._hidden = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(rendered: Path) -> Page:
    return Page((rendered / "report.html").read_text(encoding="utf-8"))


def test_the_folder_holds_what_the_contract_names(rendered: Path) -> None:
    assert {path.name for path in rendered.iterdir()} == {
        "report.html",
        "report.pdf",
        "calcifications.parquet",
        "overlays",
    }
    assert {path.name for path in (rendered / "overlays").iterdir()} == {
        *("rcc.png", "rmlo.png", "lcc.png", "lmlo.png"),
        *("finding-F1-rcc.png", "finding-F1-rmlo.png"),
        *("finding-F2-lcc.png", "finding-F2-lmlo.png", "finding-F3-lcc.png", "finding-F3-lmlo.png"),
    }


def test_no_file_name_tells_who_the_woman_is(rendered: Path) -> None:
    for path in rendered.parent.rglob("*"):
        assert sample.PATIENT.lower() not in path.name.lower()
        assert sample.STUDY not in path.name
        assert "2026" not in path.name


def test_the_page_needs_nothing_but_its_folder(rendered: Path, page: Page) -> None:
    for image in page.all("img"):
        assert (rendered / str(image["src"])).is_file()
    assert page.all("script") == []
    assert page.all("link") == []
    assert not re.search(r"(src|href)=\"(https?:)?//", (rendered / "report.html").read_text())


def test_the_page_says_what_matters(page: Page, report: Report) -> None:
    exam = report.exams[0]
    finding = exam.findings[0]
    assert page.words.count("research and second-reader software") == 1
    for words in (
        exam.patient_id,
        "10 November 2026",
        finding.sentence,
        exam.next_steps[0].text,
        "Due by 24 November 2026",
        finding.reasons[0].text,
        finding.reasons[0].source,
        "29 % (interval 17 % to 44 %) at a prevalence of 20 %",
        "calibrated on simulation",
        "Not compared with earlier.zip of 2 October 2024: no view of the same side",
        "Which way is up was assumed",
        "exam.zip!notes.pdf",
        "take it out of the folder",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "skin marker",
        "none needed",
    ):
        assert words in page.words, words


def test_only_what_could_not_be_verified_is_marked_so(page: Page) -> None:
    assert page.words.count("not verified") == 1
    assert re.search(
        r"About 29 % of fine pleomorphic calcifications are malignant\.\D*not verified", page.words
    )


def test_a_mark_inside_the_source_is_shown_once(report: Report) -> None:
    exam = report.exams[0]
    reason = exam.findings[0].reasons[1].model_copy(update={"verified": True, "source": "X (not verified)"})
    finding = exam.findings[0].model_copy(update={"reasons": [reason]})
    words = Page(render_html(report, exam.model_copy(update={"findings": [finding]}))).words
    assert words.count("not verified") == 1


def test_benign_findings_are_folded_and_the_others_are_not(report: Report) -> None:
    text = render_html(report, report.exams[0])
    outside = re.sub(r"<details.*?</details>", "", text, flags=re.DOTALL)
    assert report.exams[0].findings[0].sentence in html.unescape(outside)
    assert report.exams[0].findings[1].sentence not in html.unescape(outside)
    assert '<details class="folded">' in text


def test_the_page_can_be_used_without_seeing_it(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert all(len(image.get("alt") or "") > 10 for image in page.all("img"))
    assert page.all("html") == [{"lang": "en"}]
    identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    for attributes in (attributes for _, attributes in page.tags if "aria-labelledby" in attributes):
        assert attributes["aria-labelledby"] in identifiers


def test_hostile_text_stays_text(report: Report) -> None:
    attack = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    exam = report.exams[0]
    view = exam.views[0].model_copy(update={"source": attack, "warnings": [attack]})
    finding = exam.findings[0].model_copy(update={"sentence": attack, "kind": attack})
    hostile = exam.model_copy(
        update={"patient_id": attack, "views": [view, *exam.views[1:]], "findings": [finding]}
    )
    whole = report.model_copy(
        update={
            "notice": attack,
            "failures": [Failure(source=attack, reason=attack)],
            "settings": {attack: attack},
        }
    )
    page = Page(render_html(whole, hostile))
    assert page.all("script") == []
    assert all("onerror" not in image for image in page.all("img"))
    assert page.words.count(attack) == 9


def test_an_exam_with_nothing_to_say_still_makes_a_page(report: Report) -> None:
    exam = report.exams[0]
    views = [
        view.model_copy(update={"calcifications": [], "groups": [], "mimics": []}) for view in exam.views
    ]
    empty = exam.model_copy(
        update={"views": views, "findings": [], "next_steps": [], "priors": [], "date": None}
    )
    words = Page(render_html(report.model_copy(update={"failures": [], "models": {}}), empty)).words
    assert "No calcifications that make a finding." in words
    assert "no earlier exam" in words
    assert "not stated" in words


def test_the_table_has_a_row_for_each_calcification(rendered: Path, report: Report) -> None:
    table = pq.read_table(rendered / "calcifications.parquet")
    exam = report.exams[0]
    told = [(view.sop_uid, speck) for view in exam.views for speck in view.calcifications]
    rows = table.to_pylist()
    assert len(rows) == len(told)
    for row, (uid, speck) in zip(rows, told, strict=True):
        assert (row["study_uid"], row["sop_uid"], row["id"]) == (exam.study_uid, uid, speck.id)
        assert (row["x"], row["length_mm"], row["group"]) == (speck.x, speck.length_mm, speck.group)
        assert [tuple(point) for point in row["outline"]] == speck.outline
    assert {row["finding"] for row in rows} == {"F1", "F2", "F3", None}
    assert table.schema.field("length_mm").metadata[b"unit"] == b"mm"
    assert b"pixels" in table.schema.field("x").metadata[b"unit"]


def test_the_table_of_no_calcifications_has_its_columns(
    report: Report, screening: tuple[ExamReport, Sequence[View]], rendered: Path, tmp_path: Path
) -> None:
    exam = report.exams[0]
    views = [view.model_copy(update={"calcifications": []}) for view in exam.views]
    write_table(exam.model_copy(update={"views": views, "findings": []}), tmp_path / "none.parquet")
    table = pq.read_table(tmp_path / "none.parquet")
    assert table.num_rows == 0
    assert table.schema == pq.read_schema(rendered / "calcifications.parquet")


def test_the_pdf_opens_and_says_what_matters(rendered: Path, report: Report) -> None:
    path = rendered / "report.pdf"
    assert path.read_bytes().startswith(b"%PDF-")
    assert path.stat().st_size < 3e6
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not here to read the PDF with")
    words = subprocess.run(["pdftotext", str(path), "-"], capture_output=True, text=True, check=True).stdout
    pages = words.count("\f")
    assert 1 < pages < 10
    for page in range(1, pages + 1):
        assert f"Page {page} of {pages}" in words
    flat = re.sub(r"\s+", " ", words)
    # What is folded away on the screen is there on paper.
    assert report.exams[0].findings[1].sentence in flat
    assert report.exams[0].findings[0].reasons[0].text in flat


def test_without_the_systems_libraries_the_rest_is_written_and_the_user_told(
    report: Report,
    screening: tuple[ExamReport, Sequence[View]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    exam, films = screening
    (warning,) = render_exam(report, exam, films, tmp_path / exam.folder)
    assert "report.pdf was not written" in warning
    assert "apt install libpango" in warning
    assert "\n" not in warning
    assert {path.name for path in (tmp_path / exam.folder).iterdir()} == {
        "report.html",
        "calcifications.parquet",
        "overlays",
    }
    with pytest.raises(PdfUnavailable):
        render_pdf(report, exam, tmp_path / exam.folder)


def test_the_terminal_names_findings_files_and_failures(report: Report, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=200)
    print_summary(report, tmp_path, console)
    words = console.file.getvalue()  # type: ignore[attr-defined]
    exam = report.exams[0]
    for expected in (
        "F1",
        "fine pleomorphic",
        "2 typically benign findings",
        exam.next_steps[0].text,
        "exam.zip!notes.pdf",
        str(tmp_path / exam.folder / "report.html").replace("\n", ""),
        str(tmp_path / "report.json"),
        "research and second-reader software",
    ):
        assert expected in words, expected
    assert exam.patient_id not in words


def test_the_page_says_what_was_not_searched_beside_its_view_and_advises_on_mimics_alone(
    report: Report, screening: tuple[ExamReport, Sequence[View]]
) -> None:
    page = render_html(report, screening[0])
    assert "<td>film edge, scanner line</td>" in page
    table = page[page.index("Not calcifications") :]
    table = table[: table.index("</table>")]
    assert "skin marker" in table
    assert "film edge" not in table
    bare = [view.model_copy(update={"mimics": []}) for view in screening[0].views]
    assert "Not calcifications" not in render_html(report, screening[0].model_copy(update={"views": bare}))


def test_an_input_that_was_not_read_is_one_line_on_any_terminal(report: Report, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=40)
    failure = Failure(source="a long folder/and another/film.dcm", reason="found nothing; " * 20)
    print_summary(report.model_copy(update={"failures": [failure]}), tmp_path, console)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert [line for line in lines if "film.dcm" in line] == [f"{failure.source}: {failure.reason}"]


def test_brackets_in_the_report_are_not_taken_for_terminal_markup(report: Report, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=200)
    failure = Failure(source="[bold]x[/bold].dcm", reason="[link=evil]found[/link] nothing")
    print_summary(report.model_copy(update={"failures": [failure]}), tmp_path, console)
    words = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[bold]x[/bold].dcm" in words
    assert "[link=evil]found[/link] nothing" in words
