"""What a woman may read of an unsigned report, as XHTML. Every word comes from ``patient.yaml``."""

from __future__ import annotations

from html import escape

from calcscope import lexicon
from calcscope.report import words
from calcscope.report.model import ExamReport, NextStep
from calcscope.standards.fhir_codes import Json, later


def narrative(exam: ExamReport) -> Json:
    """The text of the DiagnosticReport. It holds no probability, no category and no name."""
    say = lexicon.patient()
    lines = [f"<p><b>{escape(say.unsigned)}</b></p>"]
    if exam.date is not None:
        lines.append(f"<p>Mammogram of {escape(words.day(exam.date))}</p>")
    lines.append(f"<p>{escape(_seen(exam))} {escape(say.categories[exam.assessment.overall].text)}</p>")
    if exam.findings:
        lines.append(f"<p>{escape(say.about)}</p>")
    steps = "".join(f"<li>{escape(_step(step, exam))}</li>" for step in exam.next_steps)
    if steps:
        lines.append(f"<p>What the program proposes, for your doctor to decide:</p><ul>{steps}</ul>")
        lines.append(f"<p>{escape(say.follow)}</p>")
    lines.append(f"<p>{escape(say.not_for_emergencies)}</p>")
    body = "".join(lines)
    return {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml" lang="en" xml:lang="en">{body}</div>',
    }


def _seen(exam: ExamReport) -> str:
    seen, number = lexicon.patient().seen, len(exam.findings)
    if number == 0:
        return seen["nothing"]
    return seen["one"] if number == 1 else seen["many"].format(count=number)


def _step(step: NextStep, exam: ExamReport) -> str:
    say = lexicon.patient()
    day = later(exam.date, step.due_days)
    by = "" if day is None else say.by.format(day=words.day(day))
    return say.steps[step.code].text.format(by=by)
