"""Hand-made exams with small DICOM images: a normal one, one with every term, one with an earlier exam."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import count, cycle
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian

from calcscope import lexicon
from calcscope.report.model import (
    Anatomy,
    Assessment,
    Calcification,
    Change,
    EarlierCalcification,
    EarlierFinding,
    ExamAssessment,
    ExamReport,
    Finding,
    Group,
    Location,
    Malignancy,
    Member,
    Mimic,
    NextStep,
    Place,
    Prior,
    PriorView,
    Reason,
    Report,
    ViewReport,
)
from calcscope.standards.subject import Subject, subject_of

ROWS, COLUMNS = 240, 180
PIXEL_MM = 0.5
MADE = datetime(2026, 11, 10, 14, 30)
VIEWS = (("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO"))
VIEW_CODES = {"CC": ("399162004", "cranio-caudal"), "MLO": ("399368009", "medio-lateral oblique")}


def image(side: str, name: str, study: str, number: int, day: str = "20261110") -> Dataset:
    """A small Digital Mammography X-Ray Image, For Presentation, of a woman who does not exist."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"{study}.1.{number}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study, f"{study}.1"
    ds.PatientName, ds.PatientID, ds.IssuerOfPatientID = "Beispiel^Änne", "W-4711", "Clinic"
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "19620301", "F", "064Y"
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = day
    ds.StudyTime, ds.AcquisitionTime, ds.ContentTime = "101500", f"1015{number:02d}", f"1015{number:02d}"
    ds.StudyID, ds.AccessionNumber, ds.ReferringPhysicianName = "S1", "A-99", ""
    ds.Modality, ds.SeriesNumber, ds.InstanceNumber, ds.Manufacturer = "MG", 1, number, "Maker"
    ds.ManufacturerModelName, ds.DeviceSerialNumber, ds.SoftwareVersions = "Model", "1", "1"
    ds.PresentationIntentType, ds.ImageType = "FOR PRESENTATION", ["ORIGINAL", "PRIMARY", ""]
    ds.BurnedInAnnotation, ds.LossyImageCompression = "NO", "00"
    ds.ImageLaterality, ds.ViewPosition, ds.BodyPartExamined = side, name, "BREAST"
    ds.PatientOrientation = [
        "A" if side == "L" else "P",
        "F" if name == "MLO" else "L" if side == "R" else "R",
    ]
    value, meaning = VIEW_CODES[name]
    ds.ViewCodeSequence = [_coded(value, "SCT", meaning)]
    ds.ViewCodeSequence[0].ViewModifierCodeSequence = []
    ds.AnatomicRegionSequence = [_coded("76752008", "SCT", "Breast")]
    ds.ImagerPixelSpacing, ds.PixelSpacing = [PIXEL_MM, PIXEL_MM], [PIXEL_MM, PIXEL_MM]
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.Rows, ds.Columns = ROWS, COLUMNS
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = "1800", "1500", "SIGMOID"
    ds.PixelIntensityRelationship, ds.PixelIntensityRelationshipSign = "LOG", 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.PresentationLUTShape, ds.PositionerType, ds.DetectorType = "IDENTITY", "MAMMOGRAPHIC", "DIRECT"
    rows, columns = np.mgrid[0:ROWS, 0:COLUMNS]
    pixels = (800 + 4 * columns + rows).astype(np.uint16)
    ds.PixelData = (pixels if side == "L" else pixels[:, ::-1]).tobytes()
    return ds


def _coded(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


class Exam:
    """Puts an exam together: views first, then findings in them."""

    def __init__(self, folder: Path, study: str = "1.2.826.0.1.4711.7") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.study = study
        self.calcifications: dict[str, list[Calcification]] = {}
        self.groups: dict[str, list[Group]] = {}
        self.mimics: dict[str, list[Mimic]] = {}
        self.findings: list[Finding] = []
        self.places: dict[str, tuple[str, str, Path]] = {}
        for number, (side, name) in enumerate(VIEWS, 1):
            ds = image(side, name, study, number)
            ds.save_as(path := folder / f"{side}{name}.dcm", enforce_file_format=True)
            self.places[side + name] = (ds.SOPInstanceUID, side, path)
            self.calcifications[side + name], self.groups[side + name], self.mimics[side + name] = [], [], []
        self._at = count()

    def speck(self, view: str, x: float, y: float, group: str | None = None, kind: str | None = None) -> str:
        """A calcification of 1 mm at a pixel; its id."""
        own = self.calcifications[view]
        outline = [(x - 1, y - 1), (x + 1, y - 1), (x + 1, y + 1), (x - 1, y + 1)]
        own.append(
            Calcification(
                id=f"c{len(own) + 1}",
                x=x,
                y=y,
                probability=0.9 - len(own) / 1000,
                diameter_mm=1.1,
                length_mm=1.4,
                width_mm=1.0,
                area_mm2=1.0,
                contrast=0.2,
                snr=9.5,
                size_class="macro",
                size_is_upper_bound=True,
                kind=kind,
                outline=outline,
                group=group,
            )
        )
        return own[-1].id

    def group(
        self,
        side: str,
        morphology: str,
        distribution: str,
        category: str = "0",
        views: Sequence[str] = ("CC", "MLO"),
        typical: str | None = None,
        change: Change | None = None,
        members: int = 6,
    ) -> Finding:
        """A group of six in the views given, as a finding."""
        found = []
        for name in views:
            view, at = side + name, next(self._at)
            x, y = 20.0 + 8 * (at % 18), 20.0 + 12 * (at // 18 % 17)
            gid = f"g{len(self.groups[view]) + 1}"
            ids = [self.speck(view, x + 2.5 * (k % 3), y + 3 * (k // 3), gid) for k in range(members)]
            self.groups[view].append(
                Group(
                    id=gid,
                    x=x + 2.5,
                    y=y + 1.5,
                    span_mm=4.2,
                    count=members,
                    density_per_cm2=40.0,
                    probability=0.9,
                    distribution=distribution,
                    distribution_probabilities={distribution: 1.0},
                    morphology=morphology,
                    morphology_probabilities={morphology: 1.0},
                    typical_kind=typical,
                    outline=[(x - 1, y - 1), (x + 6, y - 1), (x + 6, y + 4), (x - 1, y + 4)],
                )
            )
            found.append(Member(view=self.places[view][0], group=gid, calcifications=ids))
        return self._finding(
            side, "group", found, category, members, morphology, distribution, typical, change
        )

    def single(self, side: str, kind: str, views: Sequence[str] = ("CC",), category: str = "2") -> Finding:
        """A lone typically benign calcification as a finding."""
        found = []
        for name in views:
            at = next(self._at)
            speck = self.speck(side + name, 20.0 + 8 * (at % 18), 20.0 + 12 * (at // 18 % 17), kind=kind)
            found.append(Member(view=self.places[side + name][0], calcifications=[speck]))
        return self._finding(side, "single", found, category, 1, None, None, kind, None)

    def _finding(
        self,
        side: str,
        kind: str,
        members: list[Member],
        category: str,
        number: int,
        morphology: str | None,
        distribution: str | None,
        typical: str | None,
        change: Change | None,
    ) -> Finding:
        worked_up = category.startswith("4")
        step = lexicon.next_steps().by_category[category]
        due = {"0": 14, "1": 365, "2": 365, "3": 183}.get(category, 14)
        both = len(members) > 1
        finding = Finding(
            id=f"F{len(self.findings) + 1}",
            laterality=side,
            kind=kind,
            benign=category == "2",
            members=members,  # type: ignore[arg-type]
            distribution=distribution,
            morphology=morphology,
            typical_kind=typical,
            count=number,
            span_mm=4.2 if number > 1 else None,
            location=Location(
                quadrant="upper_outer", clock=10, depth="middle", nipple_mm=31.0, certainty="both views"
            )
            if both
            else Location(half="outer", depth="posterior", nipple_mm=31.0, certainty="one view"),
            change=change,
            malignancy=Malignancy(probability=0.22, low=0.12, high=0.37, prevalence=0.3, note="a table")
            if worked_up
            else None,
            provisional_suspicion="moderate" if category == "0" else None,
            assessment=Assessment(category=category, basis="hand-made"),  # type: ignore[arg-type]
            next_step=NextStep(code=step, text=f"Do {step}.", due_days=due),
            reasons=[Reason(rule="some_rule", text="A rule fired.", source="a source", verified=False)],
            sentence=f"{side}: {number} calcifications, category {category}.",
        )
        self.findings.append(finding)
        return finding

    def report(
        self,
        overall: str,
        mode: str = "screening",
        priors: Sequence[Prior] = (),
        earlier: Sequence[EarlierFinding] = (),
    ) -> Report:
        """The report of this exam alone."""
        views = []
        for name, (uid, side, path) in self.places.items():
            views.append(
                ViewReport(
                    source=str(path),
                    sop_uid=uid,
                    laterality=side,
                    view=name[1:],
                    modifiers=[],
                    rows=ROWS,  # type: ignore[arg-type]
                    columns=COLUMNS,
                    pixel_mm=PIXEL_MM,
                    breast_area_cm2=100.0,
                    warnings=[],
                    anatomy=Anatomy(
                        outline=[(0, 0), (100, 0), (100, 200)], nipple=(150.0, 120.0), nipple_certainty="seen"
                    ),
                    morphology_assessable=True,
                    calcifications=self.calcifications[name],
                    groups=self.groups[name],
                    mimics=self.mimics[name],
                )
            )
        step = lexicon.next_steps().by_category[overall]
        exam = ExamReport(
            study_uid=self.study,
            patient_id="W-4711",
            date="2026-11-10",
            mode=mode,
            priors=list(priors),  # type: ignore[arg-type]
            views=sorted(views, key=lambda one: ("RL".index(one.laterality), one.view)),
            findings=self.findings,
            earlier_findings=list(earlier),
            assessment=ExamAssessment(left=overall, right=overall, overall=overall),  # type: ignore[arg-type]
            next_steps=[NextStep(code=step, text=f"Do {step}.", due_days=14 if overall == "0" else 365)],
        )
        return Report(
            calcscope_version="0.1.0",
            notice="Research software, not a cleared medical device.",
            models={"specks.json": "0" * 64},
            settings={"operating_point": 0.5},
            failures=[],
            exams=[exam],
        )


def normal(folder: Path) -> Report:
    """Four views without any finding."""
    return Exam(folder).report("1")


def all_terms(folder: Path) -> Report:
    """Every shape, distribution, typical kind and mimic of the lexicon, in a diagnostic exam."""
    exam, terms = Exam(folder), lexicon.terms()
    spreads, categories = cycle(terms.distribution), cycle(["0", "3", "4A", "4B", "4C", "5"])
    for morphology in terms.morphology:
        exam.group("R", morphology, next(spreads), next(categories))
    exam.group("R", "punctate", "segmental", "4B", views=("CC",), members=3)
    for kind in terms.typical_kinds:
        exam.single("L", kind, views=("CC", "MLO") if kind == "popcorn" else ("CC",))
    exam.group("L", "punctate", "diffuse", "2", typical="skin", views=("MLO",))
    for number, kind in enumerate(terms.mimics):
        exam.mimics["LMLO"].append(Mimic(x=10.0 + 12 * number, y=200.0, kind=kind, extent_mm=3.0))
    return exam.report("5", "diagnostic")


def with_prior(folder: Path) -> Report:
    """One group of each change since an exam of two years before, whose images lie beside."""
    study = "1.2.826.0.1.4711.5"
    (folder / "prior").mkdir(parents=True, exist_ok=True)
    laid = []
    exam = Exam(folder / "current")
    for number, (side, name) in enumerate(VIEWS, 1):
        ds = image(side, name, study, number, "20241108")
        ds.save_as(path := folder / "prior" / f"{side}{name}.dcm", enforce_file_format=True)
        laid.append(
            PriorView(
                view=exam.places[side + name][0],
                prior_view=ds.SOPInstanceUID,
                source=str(path),
                pixel_mm=PIXEL_MM,
                agreement=0.9,
                error_mm=1.5,
            )
        )
    used = Prior(
        source=str(folder / "prior"), study_uid=study, date="2024-11-08", years=2.0, used=True, views=laid
    )
    refused = Prior(source="other.zip", used=False, reason="of another woman")

    def change(*status: str, view: str | None = None, then: int = 4) -> Change:
        at = [
            EarlierCalcification(
                x=30.0 + k,
                y=40.0,
                diameter_mm=1.0,
                probability=0.8,
                outline=[(29.0 + k, 39.0), (31.0 + k, 39.0), (31.0 + k, 41.0)],
                found_now=True,
            )
            for k in range(then)
        ]
        places = [
            Place(
                view=one.view,
                prior_view=one.prior_view,
                x=31.0,
                y=40.0,
                error_mm=1.5,
                map=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
                calcifications=[],
                not_found_then=[],
                earlier=at,
            )
            for one in laid
            if view is None or one.view == view
        ]
        compared = status != ("not_comparable",)
        return Change(
            prior=study,
            date="2024-11-08",
            status=list(status),
            numbers={"count_now": 6, "count_then": then, "count_change": 6 - then, "years": 2.0},
            interval={"count_change": (0.0, 4.0)} if compared else {},
            detection_limit={"then_mm": 0.3},
            words=[f"{then} found in November 2024, 6 now."],
            reason=None if compared else "the earlier view does not show the place",
            raises_suspicion=status[0] in ("new", "more"),
            view="CC",
            places=places if compared else [],
        )

    for status in lexicon.terms().change:
        if status != "resolved":
            exam.group("R", "round", "grouped", change=change(status), views=("CC",))
    exam.group("L", "amorphous", "grouped", change=change("more", "larger", "wider"))
    exam.group("L", "amorphous", "grouped", change=change("not_comparable"), views=("MLO",))
    gone = EarlierFinding(
        id="E1",
        laterality="L",
        distribution="grouped",
        morphology="punctate",
        count=5,
        span_mm=5.0,
        location=Location(half="outer", depth="middle", certainty="one view"),
        change=change("resolved"),
    )
    return exam.report("0", priors=[used, refused], earlier=[gone])


EXAMS = {"normal": normal, "all_terms": all_terms, "with_prior": with_prior}


def subject(name: str, folder: Path) -> Subject:
    """One of the three exams, ready to be written."""
    report = EXAMS[name](folder)
    return subject_of(report, report.exams[0], MADE)
