"""What only simulated exams can tell: calcifications by SNR, the nipple, pairs of views, terms, mimics."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from calcscope import lexicon
from calcscope.evaluate.agreement import cross_table, kappa, kappa_interval
from calcscope.evaluate.bands import draw_bands, table_of_bands
from calcscope.evaluate.marked import MarkedView, Outline
from calcscope.evaluate.match import REACH_MM
from calcscope.evaluate.measure import Measured
from calcscope.evaluate.phantom import PhantomView
from calcscope.evaluate.tabulate import interval, plain_table
from calcscope.evaluate.visible import figures, is_seen
from calcscope.reading.findings import collect
from calcscope.reading.settings import ReadSettings
from calcscope.reading.view import ViewReading

NOT_FOUND = "not found"
NEAR_MARK_MM = 3.0
"""What is named within a mark's half extent and this is named of it."""
BENIGN = "a typically benign kind"
NOT_ASSESSABLE = "not_assessable"
MOST = 0.5
"""A group of which more than this share is taken for a mimic is lost."""


@dataclass
class Beyond:
    """What is measured on simulated exams alone; views are to be added exam by exam.

    Parameters
    ----------
    normal_cm2 : area of the breast in each normal view
    groups, unseen : lesions to find, and those left out since too few of their calcifications can be seen,
        counted once a view
    lost : of ``groups``, those of which most calcifications that can be seen were taken for a mimic
    nipple_mm : distance of the found nipple from the true one, by view and certainty (nan where not found)
    marks : (true kind, what it was called: a kind, or "" where nothing was said of it)
    terms : by ``morphology`` and ``distribution``, (true, said) of each group that was found
    missed, seen, paired : lesions to find in the CC and the MLO view: those not found in both, those found in
        both, and those of them that are one finding
    left_out : lesions that lie in both views, by the number of them, 0 or 1, in which they are to be found
    """

    normal_cm2: list[float] = field(default_factory=list)
    groups: int = 0
    unseen: int = 0
    lost: int = 0
    nipple_mm: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    marks: list[tuple[str, str]] = field(default_factory=list)
    terms: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    missed: int = 0
    seen: int = 0
    paired: int = 0
    left_out: Counter[int] = field(default_factory=Counter)
    _open: list[tuple[PhantomView, ViewReading]] = field(default_factory=list)

    def add(self, marked: MarkedView, reading: ViewReading) -> None:
        """Compare one view with its truth."""
        assert isinstance(marked, PhantomView)
        if self._open and self._open[0][0].folder != marked.folder:
            self.close()
        if marked.normal:
            self.normal_cm2.append(reading.breast.area_cm2)
        self.groups += len(marked.groups)
        self.unseen += len(marked.unseen)
        self._add_nipple(marked, reading)
        self._add_marks(marked, reading)
        self._add_terms(marked, reading)
        self._add_lost(marked, reading)
        if not reading.info.modifiers:
            self._open.append((marked, reading))

    def close(self) -> None:
        """Compare the pairs of the exam whose views were added last."""
        marked, readings = [m for m, _ in self._open], [r for _, r in self._open]
        self._open = []
        # The groups of the reading that hit each lesion in each view; None where it is not to be found.
        lesions: dict[tuple[str, int], dict[str, set[tuple[int, int]] | None]] = defaultdict(dict)
        for i, (m, r) in enumerate(zip(marked, readings, strict=True)):
            if r.info.view not in ("CC", "MLO"):
                continue
            for lesion in m.unseen:
                lesions[r.info.laterality, lesion][r.info.view] = None
            for place, lesion in enumerate(m.lesions):
                lesions[r.info.laterality, lesion][r.info.view] = {
                    (i, k) for k, group in enumerate(r.groups) if place in m.hit_by(r, group)
                }
        found = collect(readings, ReadSettings()) if lesions else []
        findings = [{(s.view, s.group) for s in one.seen} for one in found if one.what == "group"]
        for views in lesions.values():
            if len(views) < 2:
                continue
            hits = [each for each in views.values() if each is not None]
            if len(hits) < 2:
                self.left_out[len(hits)] += 1
                continue
            both = all(hits)
            self.missed += not both
            self.seen += both
            self.paired += both and any(all(each & one for each in hits) for one in findings)

    def _add_nipple(self, marked: PhantomView, reading: ViewReading) -> None:
        nipple = reading.breast.nipple
        if marked.nipple is None:
            return
        if nipple is None:
            self.nipple_mm[reading.info.view, NOT_FOUND].append(np.nan)
            return
        ((x, y),) = reading.orientation.to_source(np.array([nipple]))
        away = float(np.hypot(x - marked.nipple[0], y - marked.nipple[1])) * reading.info.pixel_mm
        self.nipple_mm[reading.info.view, reading.breast.nipple_certainty].append(away)

    def _add_marks(self, marked: PhantomView, reading: ViewReading) -> None:
        named = [(m.kind, m.x, m.y) for m in reading.mimics]
        named += [(f.kind, f.x, f.y) for f in reading.breast.foreign]
        places = reading.orientation.to_source(np.array([xy for _, *xy in named]).reshape(-1, 2))
        for kind, x, y, extent in marked.marks:
            away = np.hypot(places[:, 0] - x, places[:, 1] - y) * reading.info.pixel_mm
            near = [named[n][0] for n in np.flatnonzero(away <= extent / 2 + NEAR_MARK_MM)]
            self.marks.append((kind, kind if kind in near else near[0] if near else ""))

    def _add_terms(self, marked: PhantomView, reading: ViewReading) -> None:
        """The terms of the most probable group that hits each true one."""
        if not marked.terms:
            return
        every = (*reading.groups, *reading.more_groups)
        described = (*reading.descriptions, *reading.more_descriptions)
        hits = [marked.hit_by(reading, group) for group in every]
        for place, (morphology, distribution) in enumerate(marked.terms):
            hitting = [k for k, places in enumerate(hits) if place in places]
            if not hitting:
                continue
            words = described[max(hitting, key=lambda k: every[k].probability)]
            said = BENIGN if words.typical_kind else words.morphology
            self.terms["morphology"].append((morphology, said))
            self.terms["distribution"].append((distribution, words.distribution))

    def _add_lost(self, marked: PhantomView, reading: ViewReading) -> None:
        specks = marked.specks or ()
        if not marked.lesions or not specks or not (reading.mimics or reading.breast.foreign):
            return
        taken = _taken_for_mimics(marked, reading)
        for lesion in marked.lesions:
            own = [
                n
                for n, speck in enumerate(specks)
                if marked.speck_lesions[n] == lesion and speck.snr is not None and is_seen(speck.snr)
            ]
            self.lost += bool(taken[own].mean() > MOST)

    def tables(self, measured: Measured) -> list[Table]:
        """What was measured, as tables; empty ones are left out."""
        self.close()
        bands = [table_of_bands(measured, float(np.mean(self.normal_cm2)))] if self.normal_cm2 else []
        made = [*bands, self._lesions(), self._terms(), self._nipples(), self._pairs(), self._marks()]
        return [table for table in made if table.rows]

    def draw(self, measured: Measured, path: Path) -> bool:
        """Draw the curves of single calcifications by SNR; whether there was anything to draw."""
        return bool(self.normal_cm2) and draw_bands(measured, float(np.mean(self.normal_cm2)), path)

    def _lesions(self) -> Table:
        table = plain_table("Simulated groups, each counted once a view", "", "groups")
        if self.groups + self.unseen:
            snr = figures()["seen_from_snr"].value
            table.add_row("to be found", str(self.groups))
            table.add_row(f"left out: too few calcifications of SNR {snr:g} and more", str(self.unseen))
            table.add_row(
                "lost: most of what can be seen taken for a mimic", _share_of(self.lost, self.groups)
            )
        return table

    def _terms(self) -> Table:
        table = plain_table(
            "Terms of the groups found against the truth (simulated only)",
            "", "groups", "alike", "kappa (95 %)", "not assessable",
        )  # fmt: skip
        known = lexicon.terms()
        shapes = [term for term in known.morphology if term != NOT_ASSESSABLE]
        labels = {"morphology": [*shapes, BENIGN], "distribution": list(known.distribution)}
        for what, pairs in self.terms.items():
            said = [pair for pair in pairs if pair[1] != NOT_ASSESSABLE]
            silent = str(len(pairs) - len(said))
            if not said:
                table.add_row(what, "0", "", "", silent)
                continue
            true, ours = zip(*said, strict=True)
            counts = cross_table(true, ours, labels[what])
            agreement = kappa(counts)
            cell = (
                "" if np.isnan(agreement) else interval(agreement, *kappa_interval(counts, fixed_rows=False))
            )
            alike = f"{np.trace(counts) / counts.sum():.2f}"
            table.add_row(what, str(len(said)), alike, cell, silent)
        return table

    def _nipples(self) -> Table:
        table = plain_table("Nipple", "view", "images", "distance, mm: median (90 %)", "within 10 mm")
        for (view, certainty), distances in sorted(self.nipple_mm.items()):
            if certainty == NOT_FOUND:
                table.add_row(f"{view}, {NOT_FOUND}", str(len(distances)), "", "")
                continue
            middle, most = np.quantile(distances, [0.5, 0.9])
            near = np.mean(np.array(distances) <= 10)
            table.add_row(
                f"{view}, {certainty}", str(len(distances)), f"{middle:.1f} ({most:.1f})", f"{near:.0%}"
            )
        return table

    def _pairs(self) -> Table:
        table = plain_table("Lesions in CC and MLO", "", "lesions")
        both = self.seen + self.missed
        if both + self.left_out.total():
            table.add_row("to be found in both views", str(both))
            table.add_row("found in both", _share_of(self.seen, both))
            table.add_row("of these, one finding", _share_of(self.paired, self.seen))
            table.add_row("left out: too little to be seen in one view", str(self.left_out[1]))
            table.add_row("left out: too little to be seen in either", str(self.left_out[0]))
        return table

    def _marks(self) -> Table:
        table = plain_table(
            "What only looks like calcium", "", "marks", "named so", "named otherwise", "not named"
        )

        def add(name: str, said: Counter[str], right: int) -> None:
            total, silent = said.total(), said[""]
            cells = (total, _share_of(right, total), total - right - silent, silent)
            table.add_row(name, *(str(cell) for cell in cells))

        for kind in sorted({kind for kind, _ in self.marks}):
            said = Counter(name for true, name in self.marks if true == kind)
            add(kind, said, said[kind])
        if self.marks:
            table.add_section()
            right = sum(true == name for true, name in self.marks)
            add("all", Counter(name for _, name in self.marks), right)
        return table


def _taken_for_mimics(marked: PhantomView, reading: ViewReading) -> NDArray[np.bool_]:
    """Which of the view's calcifications no mark is left of, where something else was named, bool (n,).

    A mimic reaches as far from its middle as half its extent: of a long one that is more than it covers, so
    that rather too many calcifications are called taken.
    """
    xy = np.array([(speck.x, speck.y) for speck in marked.specks or ()])
    under = np.zeros(len(xy), dtype=bool)
    for mimic in reading.mimics:
        ((x, y),) = reading.orientation.to_source(np.array([[mimic.x, mimic.y]]))
        away = np.hypot(xy[:, 0] - x, xy[:, 1] - y) * reading.info.pixel_mm
        under |= away <= mimic.extent_mm / 2 + REACH_MM
    for foreign in reading.breast.foreign:
        under |= Outline(reading.orientation.to_source(foreign.outline)).holds(xy)
    singly = marked.marked_singly(reading)
    return under if singly is None else under & ~np.isfinite(singly.best)


def _share_of(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.0%})" if whole else f"{part}"
