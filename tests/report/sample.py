"""A hand-made report over drawn films, for the tests of the renderings.

The films are drawn in the canonical orientation (chest wall left) and stored the way real ones are:
as they are, mirrored, or turned. Every calcification is where it was put.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from calcscope.exam.model import Mammogram, Orientation, Points, View, ViewInfo
from calcscope.report.model import (
    Anatomy,
    Assessment,
    Calcification,
    ExamAssessment,
    ExamReport,
    Failure,
    Finding,
    Group,
    LeftOut,
    Location,
    Malignancy,
    Member,
    Mimic,
    NextStep,
    Prior,
    Reason,
    Report,
    ViewReport,
)

PIXEL_MM = 0.1
SHAPE = (1100, 800)
PATIENT = "WOMAN-4711"
STUDY = "1.2.826.0.1.4711.1"


@dataclass(frozen=True)
class Speck:
    """A drawn disc: place in canonical pixels, radius in pixels, brightness above the tissue."""

    x: float
    y: float
    radius: float
    bright: float = 0.35


def drawn_film(specks: Sequence[Speck], seed: int) -> np.ndarray:
    """A half-elliptic breast with a little structure and noise, float32 in 0 to 1, canonical."""
    rows, columns = SHAPE
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    inside = 1 - (x / 620) ** 2 - ((y - 560) / 470) ** 2
    random = np.random.default_rng(seed)
    coarse = random.normal(size=(12, 9)).astype(np.float32)
    structure = np.kron(coarse, np.ones((100, 100), np.float32))[:rows, :columns]
    film = np.where(inside > 0, 0.25 + 0.25 * np.sqrt(np.clip(inside, 0, 1)) + 0.02 * structure, 0.02)
    film += random.normal(scale=0.01, size=SHAPE)
    for speck in specks:
        distance = np.hypot(x - speck.x, y - speck.y)
        film += speck.bright * np.clip(speck.radius + 0.5 - distance, 0, 1)
    return np.clip(film, 0, 1).astype(np.float32)


def circle(x: float, y: float, radius: float, corners: int = 16) -> Points:
    """Corners of a regular polygon."""
    turns = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.stack([x + radius * np.cos(turns), y + radius * np.sin(turns)], axis=1)


def stored(laterality: str, quarter_turns: int) -> Orientation:
    """Orientation of a film stored turned; right breasts are stored mirrored."""
    rows, columns = SHAPE if quarter_turns % 2 == 0 else SHAPE[::-1]
    return Orientation(rows, columns, quarter_turns, flip=laterality == "R")


def view(
    laterality: str,
    name: str,
    groups: dict[str, Sequence[Speck]],
    *,
    quarter_turns: int = 0,
    loose: Sequence[Speck] = (),
    mimics: Sequence[tuple[float, float, str]] = (),
    left_out: Sequence[tuple[str, list[tuple[float, float]]]] = (),
    modifiers: Sequence[str] = (),
) -> tuple[ViewReport, View]:
    """A view as the report tells of it, and the film itself."""
    orientation = stored(laterality, quarter_turns)
    specks = [each for members in groups.values() for each in members] + list(loose)
    film = drawn_film(specks, seed=len(specks))
    uid = f"1.2.826.0.1.{laterality}{name}{quarter_turns}"
    info = ViewInfo(
        source=f"{laterality}{name}.dcm",
        sop_uid=uid,
        laterality=laterality,  # type: ignore[arg-type]
        view=name,
        rows=orientation.rows,
        columns=orientation.columns,
        pixel_mm=PIXEL_MM,
        modifiers=tuple(modifiers),
    )
    mammogram = Mammogram(info, film, np.ones(SHAPE, bool), orientation, display=lambda pixels: pixels)
    source: Callable[[Points], list[tuple[float, float]]] = lambda xy: [  # noqa: E731
        (x, y) for x, y in orientation.to_source(xy).tolist()
    ]
    calcifications, report_groups = [], []
    for group, members in [*groups.items(), (None, loose)]:
        for speck in members:
            number = len(calcifications) + 1
            (at,) = source(np.array([[speck.x, speck.y]]))
            diameter = 2 * speck.radius * PIXEL_MM
            calcifications.append(
                Calcification(
                    id=f"c{number}",
                    x=at[0],
                    y=at[1],
                    probability=0.99 - number / 1000,
                    diameter_mm=diameter,
                    length_mm=diameter,
                    width_mm=diameter,
                    area_mm2=np.pi * (diameter / 2) ** 2,
                    contrast=speck.bright,
                    snr=12.5,
                    size_class="micro" if diameter < 0.5 else "between" if diameter < 1 else "macro",
                    size_is_upper_bound=diameter < 3 * PIXEL_MM,
                    kind=None,
                    outline=source(circle(speck.x, speck.y, speck.radius)),
                    group=group,
                )
            )
        if group is not None:
            report_groups.append(_group(group, members, source))
    turns = np.linspace(-np.pi / 2, np.pi / 2, 60)
    skin = np.stack([620 * np.cos(turns), 560 + 470 * np.sin(turns)], axis=1)
    return (
        ViewReport(
            source=info.source,
            sop_uid=uid,
            laterality=info.laterality,
            view=name,
            modifiers=list(modifiers),
            rows=orientation.rows,
            columns=orientation.columns,
            pixel_mm=PIXEL_MM,
            breast_area_cm2=45.8,
            warnings=["Which way is up was assumed: the header does not say."],
            anatomy=Anatomy(
                outline=source(skin),
                pectoral_line=tuple(source(np.array([[260, 0], [0, 640]]))) if name == "MLO" else None,  # type: ignore[arg-type]
                nipple=source(np.array([[622.0, 560.0]]))[0],
                nipple_certainty="seen" if name == "CC" else "estimated",
            ),
            morphology_assessable=True,
            calcifications=calcifications,
            groups=report_groups,
            mimics=[
                Mimic(x=x, y=y, kind=kind, extent_mm=1.5)
                for mx, my, kind in mimics
                for x, y in source(np.array([[mx, my]]))
            ],
            left_out=[
                LeftOut(x=x, y=y, kind=kind, extent_mm=9.5, outline=source(np.array(corners)))
                for kind, corners in left_out
                for x, y in source(np.mean(corners, axis=0)[None])
            ],
        ),
        View(info, load=lambda slice=None: mammogram),
    )


def _group(
    name: str, members: Sequence[Speck], source: Callable[[Points], list[tuple[float, float]]]
) -> Group:
    xy = np.array([[each.x, each.y] for each in members])
    (centre,) = source(xy.mean(axis=0)[None, :])
    spans = np.hypot(*(xy[:, None, :] - xy[None, :, :]).transpose(2, 0, 1))
    return Group(
        id=name,
        x=centre[0],
        y=centre[1],
        span_mm=float(spans.max()) * PIXEL_MM,
        count=len(members),
        density_per_cm2=21.5,
        probability=0.93,
        distribution="grouped",
        distribution_probabilities={"grouped": 0.81, "linear": 0.15, "regional": 0.04},
        morphology="fine_pleomorphic",
        morphology_probabilities={"fine_pleomorphic": 0.62, "amorphous": 0.3, "punctate": 0.08},
        outline=source(np.vstack([circle(each.x, each.y, each.radius) for each in members])),
    )


CLUSTER = [
    Speck(400 + dx, 470 + dy, r)
    for dx, dy, r in [
        (0, 0, 2),
        (18, 7, 1.5),
        (9, -16, 2.5),
        (-14, 11, 1.5),
        (-22, -9, 2),
        (31, -20, 1.6),
        (5, 24, 1.2),
    ]
]
ROUNDS = [Speck(220, 700, 6), Speck(310, 350, 5)]
NOTICE = (
    "Calcscope is research and second-reader software, not a cleared medical device. Its findings, "
    "categories and probabilities are suggestions for a qualified reader to check against the images."
)


def screening_exam() -> tuple[ExamReport, list[View]]:
    """Four views: a suspicious group on the right, seen twice; two benign singles on the left."""
    rcc, rcc_film = view(
        "R",
        "CC",
        {"g1": CLUSTER},
        mimics=[(90, 420, "marker")],
        left_out=[
            ("film_edge", [(5, 5), (500, 5), (500, 40), (5, 40)]),
            ("scanner_line", [(40, 60), (40, 900)]),
        ],
        loose=[Speck(330, 640, 1.5)],
    )
    rmlo, rmlo_film = view("R", "MLO", {"g1": CLUSTER}, quarter_turns=2)
    lcc, lcc_film = view("L", "CC", {}, loose=ROUNDS)
    lmlo, lmlo_film = view("L", "MLO", {}, loose=ROUNDS, quarter_turns=1)
    members = [
        Member(view=each.sop_uid, group="g1", calcifications=[c.id for c in each.calcifications if c.group])
        for each in (rcc, rmlo)
    ]
    suspicious = Finding(
        id="F1",
        laterality="R",
        kind="group",
        benign=False,
        members=members,
        distribution="grouped",
        morphology="fine_pleomorphic",
        count=7,
        span_mm=5.7,
        location=Location(
            quadrant="upper_outer", clock=10, depth="middle", nipple_mm=31.2, certainty="both views"
        ),
        malignancy=Malignancy(
            probability=0.29,
            low=0.17,
            high=0.44,
            prevalence=0.2,
            note="Fitted on the calcification table of CBIS-DDSM, calibrated on simulation",
        ),
        provisional_suspicion="moderate",
        assessment=Assessment(category="0", basis="Suspicious shape on screening views"),
        next_step=NextStep(
            code="magnification_views",
            text="Magnification views of the right breast, CC and a true lateral, within 14 days.",
            due_days=14,
        ),
        reasons=[
            Reason(
                rule="suspicious_morphology",
                text="Fine pleomorphic shapes are suspicious whatever their number.",
                source="HL7 breast imaging guide, quoting the BI-RADS atlas",
            ),
            Reason(
                rule="published_rate",
                text="About 29 % of fine pleomorphic calcifications are malignant.",
                source="Often quoted",
                verified=False,
            ),
        ],
        sentence=(
            "Right breast, upper outer quadrant, 10 o'clock, middle depth, 31 mm from the nipple: seven fine "
            "pleomorphic calcifications, grouped over 6 mm, seen in CC and MLO. No earlier mammogram was "
            "available for comparison. Category 0: magnification views, CC and a true lateral."
        ),
    )
    rounds = [
        Finding(
            id=f"F{number + 2}",
            laterality="L",
            kind="single",
            benign=True,
            members=[Member(view=each.sop_uid, calcifications=[f"c{number + 1}"]) for each in (lcc, lmlo)],
            typical_kind="round",
            count=1,
            location=Location(half="outer", depth="posterior", nipple_mm=42.0, certainty="one view"),
            assessment=Assessment(category="2", basis="Benign by shape"),
            next_step=NextStep(code="routine", text="Routine mammogram in 12 months.", due_days=365),
            reasons=[Reason(rule="typical_kind", text="Coarse and round: benign.", source="MedlinePlus")],
            sentence="Left breast: one coarse round calcification of 1.2 mm, benign. Category 2.",
        )
        for number in range(2)
    ]
    exam = ExamReport(
        study_uid=STUDY,
        patient_id=PATIENT,
        date="2026-11-10",
        mode="screening",
        priors=[
            Prior(source="earlier.zip", date="2024-10-02", used=False, reason="no view of the same side")
        ],
        views=[rcc, rmlo, lcc, lmlo],
        findings=[suspicious, *rounds],
        assessment=ExamAssessment(
            left="2",
            right="0",
            overall="0",
            reasons=[
                Reason(
                    rule="overall_order",
                    text="The exam takes its most urgent finding's category.",
                    source="BI-RADS atlas",
                )
            ],
        ),
        next_steps=[
            NextStep(
                code="prior_films",
                text="Request the earlier mammograms, before or with the recall, within 14 days.",
                due_days=14,
            ),
            suspicious.next_step,
        ],
    )
    return exam, [rcc_film, rmlo_film, lcc_film, lmlo_film]


def report_of(*exams: ExamReport) -> Report:
    """A report of exams that were read with the settings of a screening."""
    return Report(
        calcscope_version="0.1.0",
        notice=NOTICE,
        models={"speck_judge.onnx": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
        settings={"operating_point": 0.5, "prevalence": 0.006, "micro_below_mm": 0.5, "all_groups": False},
        failures=[
            Failure(
                source="exam.zip!notes.pdf",
                reason="found a PDF document; expected a mammogram; take it out of the folder",
            )
        ],
        exams=list(exams),
    )
