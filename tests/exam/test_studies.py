"""Images are sorted into exams: one for each woman and study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from exam.builders import draw_breast, mg_dataset, save
from pydicom.uid import SecondaryCaptureImageStorage

from calcscope.exam import Exam, ReadOptions, joined, read_exams

FOUR_VIEWS = [("L", "MLO"), ("R", "MLO"), ("L", "CC"), ("R", "CC")]


def write_exam(folder: Path, **attributes: Any) -> None:
    for number, (laterality, view) in enumerate(FOUR_VIEWS):
        pixels = draw_breast(view=view, seed=number)
        ds = mg_dataset(
            pixels, laterality=laterality, view=view, patient_orientation=["A", "F"], **attributes
        )
        save(ds, folder / f"IM{number:04d}")


def labels(exam: Exam) -> list[str]:
    return [view.info.label for view in exam.views]


def test_the_eight_films_are_two_women_of_four_views(films: dict[str, Path]) -> None:
    folder = next(iter(films.values())).parents[1]
    exams, failures = read_exams([folder], ReadOptions(pixel_mm=0.0435))
    assert failures == []
    assert [exam.patient_id for exam in exams] == ["P_00173", "P_00820"]
    for exam in exams:
        assert labels(exam) == ["RCC", "RMLO", "LCC", "LMLO"]
        assert exam.date is None  # the stored date is that of the dataset, decades after the films
        for view in exam.views:
            assert (view.info.acquisition, view.info.processing) == ("film", "secondary")
            assert view.info.warnings == ()
    assert exams[0].study_uid != exams[1].study_uid


def test_views_are_hung_right_before_left_and_cc_before_mlo(tmp_path: Path) -> None:
    write_exam(tmp_path)
    exams, failures = read_exams([tmp_path])
    assert failures == []
    assert labels(exams[0]) == ["RCC", "RMLO", "LCC", "LMLO"]
    assert (exams[0].study_uid, exams[0].patient_id, exams[0].date) == ("2.25.1001", "TEST-1", "2024-05-06")


def test_women_and_studies_are_sorted_apart(tmp_path: Path) -> None:
    write_exam(tmp_path / "a")
    write_exam(tmp_path / "b", PatientID="TEST-2", StudyInstanceUID="2.25.2002")
    write_exam(tmp_path / "c", StudyInstanceUID="2.25.3003", StudyDate="20230102")
    exams, failures = read_exams([tmp_path])
    assert failures == []
    assert [(exam.patient_id, exam.date, len(exam.views)) for exam in exams] == [
        ("TEST-1", "2024-05-06", 4),
        ("TEST-2", "2024-05-06", 4),
        ("TEST-1", "2023-01-02", 4),
    ]


@pytest.mark.parametrize("other", [{"PatientID": "OTHER-7"}, {"PatientBirthDate": "19700101"}])
def test_two_patients_in_one_study_are_refused_without_naming_them(
    tmp_path: Path, other: dict[str, str]
) -> None:
    save(mg_dataset(laterality="L"), tmp_path / "a.dcm")
    save(mg_dataset(laterality="R", **other), tmp_path / "b.dcm")
    write_exam(tmp_path / "c", StudyInstanceUID="2.25.9")
    exams, failures = read_exams([tmp_path])
    assert [exam.study_uid for exam in exams] == ["2.25.9"]
    (failure,) = failures
    assert failure.source.endswith("a.dcm")
    assert "2 patients" in failure.reason
    for secret in ("TEST-1", "OTHER-7", "Secret", "1960", "1970"):
        assert secret not in failure.reason


def test_a_view_without_patient_id_belongs_to_its_study(tmp_path: Path) -> None:
    save(mg_dataset(laterality="L", PatientID=None), tmp_path / "a.dcm")
    save(mg_dataset(laterality="R"), tmp_path / "b.dcm")
    exams, failures = read_exams([tmp_path])
    assert failures == []
    assert [exam.patient_id for exam in exams] == ["TEST-1"]


def test_an_exam_says_whether_it_states_a_patient_id_and_never_shows_the_date_of_birth(
    tmp_path: Path,
) -> None:
    save(mg_dataset(laterality="L"), tmp_path / "a.dcm")
    save(mg_dataset(laterality="R", PatientID=None, StudyInstanceUID="2.25.9"), tmp_path / "b.dcm")
    exams, _ = read_exams([tmp_path])
    assert {exam.study_uid: exam.has_patient_id for exam in exams} == {"2.25.1001": True, "2.25.9": False}
    assert exams[0].birth_date == "19600102"
    assert "19600102" not in repr(exams)


def test_studies_of_one_day_are_joined_in_the_order_they_hang(tmp_path: Path) -> None:
    save(mg_dataset(laterality="L", view="MLO"), tmp_path / "a.dcm")
    save(mg_dataset(laterality="L", view="CC", StudyInstanceUID="2.25.9"), tmp_path / "b.dcm")
    exams, _ = read_exams([tmp_path])
    assert len(exams) == 2
    whole = joined(exams)
    assert labels(whole) == ["LCC", "LMLO"]
    assert whole.study_uid == exams[0].study_uid


def test_a_copy_of_an_image_is_read_once(tmp_path: Path) -> None:
    ds = mg_dataset()
    save(ds, tmp_path / "a.dcm")
    ds.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
    save(ds, tmp_path / "b.dcm")
    exams, failures = read_exams([tmp_path, tmp_path / "a.dcm"])
    assert failures == []
    assert len(exams[0].views) == 1


def test_one_uid_on_different_pixels_is_named(tmp_path: Path) -> None:
    ds = mg_dataset()
    save(ds, tmp_path / "a.dcm")
    ds.PixelData = draw_breast(seed=5).tobytes()
    save(ds, tmp_path / "b.dcm")
    exams, failures = read_exams([tmp_path])
    assert len(exams[0].views) == 1
    (failure,) = failures
    assert failure.source.endswith("b.dcm")
    assert "a.dcm" in failure.reason


def test_missing_uids_are_made_from_the_content(tmp_path: Path) -> None:
    save(mg_dataset(StudyInstanceUID=None), tmp_path / "a.dcm")
    content = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "bare.dcm").write_bytes(content)
    first, _ = read_exams([tmp_path / "a.dcm"])
    again, _ = read_exams([tmp_path / "bare.dcm"])
    assert first[0].study_uid.startswith("2.25.")
    assert first[0].study_uid == again[0].study_uid


def test_digitised_films_of_other_modalities_are_read(tmp_path: Path) -> None:
    ds = mg_dataset(Modality="RG", SOPClassUID=SecondaryCaptureImageStorage, ConversionType="DF")
    exams, failures = read_exams([save(ds, tmp_path / "a.dcm")])
    assert failures == []
    assert exams[0].views[0].info.acquisition == "film"


def test_plain_images_are_grouped_by_the_rest_of_their_names(shared_data: Path) -> None:
    exams, failures = read_exams([shared_data / "ffdm"], ReadOptions(pixel_mm=0.07))
    assert failures == []
    found = {exam.patient_id: labels(exam) for exam in exams}
    assert found == {"bcc_1": ["RCC", "LCC"], "gmic_0": ["RCC", "RMLO", "LCC", "LMLO"]}


def test_the_films_of_one_woman_in_mini_mias_are_one_exam(shared_data: Path) -> None:
    paths = [shared_data / "mias" / f"mdb00{number}.png" for number in (1, 2, 7)]
    exams, _ = read_exams(paths, ReadOptions(pixel_mm=0.2))
    assert [labels(exam) for exam in exams] == [["RMLO", "LMLO"], ["LMLO"]]


def test_a_magnification_view_is_recognised_by_its_factor(tmp_path: Path) -> None:
    ds = mg_dataset(EstimatedRadiographicMagnificationFactor=1.8)
    exams, _ = read_exams([save(ds, tmp_path / "a.dcm")])
    info = exams[0].views[0].info
    assert info.is_magnification
    assert info.label == "LMLO magnification"
    assert info.pixel_mm == pytest.approx(0.07 / 1.8)
    assert info.warnings == ()


def test_a_magnification_view_without_factor_says_so(tmp_path: Path) -> None:
    ds = mg_dataset(SeriesDescription="L MLO MAG")
    exams, _ = read_exams([save(ds, tmp_path / "a.dcm")])
    info = exams[0].views[0].info
    assert info.is_magnification
    assert len(info.warnings) == 1


def test_loading_twice_gives_the_same(tmp_path: Path) -> None:
    exams, _ = read_exams([save(mg_dataset(), tmp_path / "a.dcm")])
    view = exams[0].views[0]
    np.testing.assert_array_equal(view.load().pixels, view.load().pixels)


def draw(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), draw_breast(seed=seed))
    return path


PLAIN = {"pixel_mm": 0.07, "laterality": "L", "view": "MLO"}


@pytest.mark.parametrize(
    ("name", "date", "where"),
    [
        ("2019-05-02.png", "2019-05-02", "file"),
        ("anna 2019-05-02 LMLO.png", "2019-05-02", "file"),
        ("exam-2019-05-02/film.png", "2019-05-02", "folder"),
        ("02-05-2019.png", None, ""),
        ("20190502.png", None, ""),
        ("2019-13-02.png", None, ""),
        ("2019-05-02 to 2021-06-10.png", None, ""),
    ],
)
def test_a_plain_image_may_have_its_date_in_its_name(
    tmp_path: Path, name: str, date: str | None, where: str
) -> None:
    (exam,), failures = read_exams([draw(tmp_path / name)], ReadOptions(**PLAIN))
    assert failures == []
    assert exam.date == date
    assert not exam.has_patient_id
    said = [one for one in exam.views[0].info.warnings if "date" in one]
    assert said == ([f"The date {date} was taken from the {where} name."] if date else [])


def test_films_of_two_days_in_one_folder_are_two_exams(tmp_path: Path) -> None:
    for n, name in enumerate(("2019-05-02 LCC", "2019-05-02 LMLO", "2021-06-10 LCC", "2021-06-10 LMLO")):
        draw(tmp_path / f"{name}.png", n)
    exams, _ = read_exams([tmp_path], ReadOptions(pixel_mm=0.07, patient="W-1"))
    assert [(exam.date, labels(exam)) for exam in exams] == [
        ("2019-05-02", ["LCC", "LMLO"]),
        ("2021-06-10", ["LCC", "LMLO"]),
    ]
    assert {(exam.patient_id, exam.has_patient_id) for exam in exams} == {("W-1", True)}


def test_the_user_states_date_and_patient_of_what_states_none(tmp_path: Path) -> None:
    draw(tmp_path / "left" / "LCC.png", 1)
    draw(tmp_path / "right" / "RCC.png", 2)
    save(mg_dataset(PatientID=None, StudyDate=None), tmp_path / "a.dcm")
    exams, failures = read_exams([tmp_path], ReadOptions(pixel_mm=0.07, date="2021-06-10", patient="W-1"))
    assert failures == []
    assert [labels(exam) for exam in exams] == [["LMLO"], ["RCC", "LCC"]]
    for exam in exams:
        assert (exam.date, exam.patient_id, exam.has_patient_id) == ("2021-06-10", "W-1", True)


def test_what_the_image_states_wins_with_a_warning_that_names_nobody(tmp_path: Path) -> None:
    save(mg_dataset(), tmp_path / "a.dcm")
    (exam,), _ = read_exams([tmp_path], ReadOptions(date="2021-06-10", patient="W-1"))
    assert (exam.date, exam.patient_id) == ("2024-05-06", "TEST-1")
    warnings = " ".join(exam.views[0].info.warnings)
    assert "The header says date 2024-05-06, the command line says 2021-06-10" in warnings
    assert "another patient ID than --patient" in warnings
    assert "W-1" not in warnings
    assert "TEST-1" not in warnings


def test_a_named_dataset_says_whose_a_film_is(films: dict[str, Path]) -> None:
    (exam,), _ = read_exams(
        [films["1-280.dcm"]], ReadOptions(pixel_mm=0.0435, patient="W-1", date="1999-02-03")
    )
    assert (exam.patient_id, exam.date) == ("P_00820", "1999-02-03")
    assert exam.views[0].info.warnings


@pytest.mark.parametrize("date", ["2019-13-01", "02/05/2019", "20190502", "2019-W18-4", ""])
def test_what_is_no_date_is_refused(date: str) -> None:
    with pytest.raises(ValueError, match="such as 2019-05-02"):
        ReadOptions(date=date)
    with pytest.raises(ValueError, match="empty patient"):
        ReadOptions(patient=" ")
    assert "W-1" not in repr(ReadOptions(patient="W-1"))


@pytest.mark.filterwarnings("ignore:Invalid value for VR DA")
def test_a_date_in_the_header_that_is_none_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    save(mg_dataset(StudyDate="20241345"), tmp_path / "a.dcm")
    (exam,), _ = read_exams([tmp_path])
    assert exam.date is None
