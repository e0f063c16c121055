"""What a user gives as earlier exams: read from their paths, each once; what cannot be used is named."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from calcscope.exam import Exam, Failure, ReadOptions, joined, read_exams
from calcscope.reading.comparison import LeftOut, Offered


@dataclass(frozen=True)
class Offers:
    """Exams given as earlier ones.

    Parameters
    ----------
    exams : each once, in the order given
    left_out : paths that held none, or one that another path held too
    failures : inputs that were not read
    """

    exams: tuple[Offered, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    failures: tuple[Failure, ...] = ()

    def of(self, exam: Exam, everybody: Collection[str]) -> tuple[Offered, ...]:
        """What is offered to one of several exams: not what is plainly another of these women's.

        Parameters
        ----------
        exam : the exam that is read
        everybody : patient IDs of all exams that are read
        """
        others = set(everybody) - {exam.patient_id}
        offered = [one for one in self.exams if one.exam.patient_id not in others]
        same_day = [one for one in offered if one.exam.date == exam.date]
        before = [one for one in offered if one.exam.date != exam.date]
        return (*one_a_day(before), *same_day)


def one_a_day(offered: Sequence[Offered]) -> tuple[Offered, ...]:
    """The same with studies of one woman and day, such as one for each view, put together as one exam."""
    days: dict[object, list[Offered]] = {}
    for one in offered:
        exam = one.exam
        like = [each.exam for each in offered if _day(each.exam) == _day(exam)]
        women = {each.birth_date for each in like if each.birth_date}
        alone = exam.date is None or not exam.has_patient_id or len(women) > 1
        days.setdefault(id(one) if alone else _day(exam), []).append(one)
    return tuple(
        day[0]
        if len(day) == 1
        else Offered(
            joined([one.exam for one in day]), " and ".join(dict.fromkeys(one.source for one in day))
        )
        for day in days.values()
    )


def _day(exam: Exam) -> tuple[str, str | None]:
    return exam.patient_id, exam.date


def read_offers(paths: Sequence[str | Path], options: ReadOptions) -> Offers:
    """The exams among ``paths``: files and folders, in any mix. An exam may lie in several of them."""
    if not paths:
        return Offers()
    exams, failures = read_exams(paths, options)
    left_out = []
    seen: set[str] = set()
    for path in paths:
        own, missed = (exams, failures) if len(paths) == 1 else read_exams([path], options)
        images = {view.info.sop_uid for exam in own for view in exam.views}
        date, uid = (own[0].date, own[0].study_uid) if len(own) == 1 else (None, None)
        if not images:
            why = missed[0].reason if missed else "found no mammogram"
            left_out.append(LeftOut(str(path), None, f"None of it could be read: {why}."))
        elif images <= seen:
            left_out.append(LeftOut(str(path), date, "This exam was given twice; it is used once.", uid))
        seen |= images
    offered = [Offered(exam, _source(exam, paths)) for exam in exams]
    return Offers(tuple(offered), tuple(left_out), tuple(failures))


def _source(exam: Exam, paths: Sequence[str | Path]) -> str:
    """The path that an exam came from, as the user gave it."""
    first = exam.views[0].info.source
    for path in map(str, paths):
        if first == path or first.startswith((path.rstrip("/") + "/", path + "!")):
            return path
    return first
