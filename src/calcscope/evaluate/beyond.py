"""What only simulated exams can tell: calcifications by SNR, the nipple, pairs of views, mimics."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np
from rich.table import Table

from calcscope.evaluate.froc import Froc, MarkedImage, bootstrap
from calcscope.evaluate.marked import MarkedView
from calcscope.evaluate.measure import Measured
from calcscope.evaluate.phantom import PhantomView
from calcscope.reading.findings import collect
from calcscope.reading.settings import ReadSettings
from calcscope.reading.view import ViewReading

BANDS = {"SNR 7 and more": (7.0, np.inf), "SNR 4 to 7": (4.0, 7.0), "SNR below 4": (0.0, 4.0)}
"""Of the ideal observer, who knows what to look for and where. Who must search needs more: 5 by A. Rose's
criterion (J. Opt. Soc. Am. 38:196-208, 1948), and what searching a whole image costs."""
RATES = (1.0, 2.0, 5.0)
"""False marks per normal image at which the share of single calcifications is printed."""
NOT_FOUND = "not found"
NEAR_MARK_MM = 3.0
"""What is named within a mark's half extent and this is named of it."""


@dataclass
class Beyond:
    """What is measured on simulated exams alone; views are to be added exam by exam.

    Parameters
    ----------
    nipple_mm : distance of the found nipple from the true one, by view and certainty (nan where not found)
    marks : (true kind, what it was called: a kind, or "" where nothing was said of it)
    missed, seen, paired : lesions with a group in the CC and the MLO view: those not found in both, those
        found in both, and those of them that are one finding
    """

    nipple_mm: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    marks: list[tuple[str, str]] = field(default_factory=list)
    missed: int = 0
    seen: int = 0
    paired: int = 0
    _open: list[tuple[PhantomView, ViewReading]] = field(default_factory=list)

    def add(self, marked: MarkedView, reading: ViewReading) -> None:
        """Compare one view with its truth."""
        assert isinstance(marked, PhantomView)
        if self._open and self._open[0][0].folder != marked.folder:
            self.close()
        self._add_nipple(marked, reading)
        self._add_marks(marked, reading)
        if not reading.info.modifiers:
            self._open.append((marked, reading))

    def close(self) -> None:
        """Compare the pairs of the exam whose views were added last."""
        marked, readings = [m for m, _ in self._open], [r for _, r in self._open]
        self._open = []
        sides = {
            (r.info.laterality, lesion) for m, r in zip(marked, readings, strict=True) for lesion in m.lesions
        }
        found = collect(readings, ReadSettings()) if sides else []
        findings = [{(s.view, s.group) for s in one.seen} for one in found if one.what == "group"]
        for side, lesion in sorted(sides):
            hits: dict[str, set[tuple[int, int]]] = {}
            for i, (m, r) in enumerate(zip(marked, readings, strict=True)):
                if r.info.laterality == side and lesion in m.lesions and r.info.view in ("CC", "MLO"):
                    place = m.lesions.index(lesion)
                    hits[r.info.view] = {
                        (i, k) for k, group in enumerate(r.groups) if place in m.hit_by(r, group)
                    }
            if len(hits) < 2:
                continue
            both = all(hits.values())
            self.missed += not both
            self.seen += both
            self.paired += both and any(hits["CC"] & one and hits["MLO"] & one for one in findings)

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

    def tables(self, measured: Measured) -> list[Table]:
        """What was measured, as tables; empty ones are left out."""
        self.close()
        made = [table_of_bands(measured), self._nipples(), self._pairs(), self._marks()]
        return [table for table in made if table.rows]

    def _nipples(self) -> Table:
        table = _table("Nipple", "view", "images", "distance, mm: median (90 %)", "within 10 mm")
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
        table = _table("Lesions in CC and MLO", "", "lesions")
        if self.seen + self.missed:
            table.add_row("shown in both views", str(self.seen + self.missed))
            table.add_row("found in both", str(self.seen))
            table.add_row("of these, one finding", str(self.paired))
        return table

    def _marks(self) -> Table:
        table = _table(
            "What only looks like calcium", "", "marks", "named so", "named otherwise", "not named"
        )
        for kind in sorted({kind for kind, _ in self.marks}):
            said = Counter(name for true, name in self.marks if true == kind)
            other = said.total() - said[kind] - said[""]
            table.add_row(kind, str(said.total()), str(said[kind]), str(other), str(said[""]))
        return table


def banded(measured: Measured, low: float, high: float) -> list[MarkedImage]:
    """The images with the calcifications of an SNR from ``low`` to below ``high`` alone.

    Marks on other calcifications are neither hits nor false.
    """
    images = []
    views = [view for view in measured.views if view.specks is not None]
    for view, image in zip(views, measured.singles, strict=True):
        kept = [n for n, s in enumerate(view.specks or ()) if s.snr is not None and low <= s.snr < high]
        place = {n: k for k, n in enumerate(kept)}
        marks = tuple(
            (score, None if hit is None else place[hit])
            for score, hit in image.marks
            if hit is None or hit in place
        )
        images.append(MarkedImage(marks, len(kept), image.normal))
    return images


def table_of_bands(measured: Measured) -> Table:
    """Share of single calcifications found, by the ideal observer's SNR."""
    columns = [f"at {rate:g} false an image" for rate in RATES]
    table = _table(
        "Single calcifications by SNR (95 %), false marks per normal image", "", "number", *columns
    )
    for name, limits in BANDS.items():
        images = banded(measured, *limits)
        if not any(image.truths for image in images) or not any(image.normal for image in images):
            continue
        curve = Froc.of(images)
        low, high = bootstrap(images, lambda drawn: drawn.sensitivity(RATES))
        shares = zip(curve.sensitivity(RATES), low, high, strict=True)
        cells = [f"{share:.2f} ({least:.2f} to {most:.2f})" for share, least, most in shares]
        table.add_row(name, str(len(curve.best)), *cells)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for n, column in enumerate(columns):
        table.add_column(column, justify="left" if n == 0 else "right")
    return table
