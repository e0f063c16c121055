"""Each public dataset on a tiny sample in its owners' format, made here."""

from __future__ import annotations

import plistlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from exam.builders import draw_breast, mg_dataset, save
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from typer.testing import CliRunner

from calcscope.cli import app
from calcscope.errors import UnreadableInput
from calcscope.evaluate import bmcd, cbis_ddsm_films, cmmd, ddsm, inbreast, mini_mias, vindr_mammo
from calcscope.evaluate.datasets import IMAGES
from calcscope.evaluate.marked import Box, Circle, MarkedSpeck
from calcscope.evaluate.measure import measure

ROWS, COLUMNS = 320, 256
SPECKS = [(60, 200), (66, 204), (62, 210), (70, 198), (72, 208), (58, 206), (67, 212)]
"""Columns and rows of seven bright specks of a cluster in the breast that :func:`image` draws."""


def image(view: str = "MLO", *, specks: bool = True) -> NDArray[np.uint16]:
    """A left breast of 12 bits with a cluster of specks of two pixels, or without."""
    pixels = draw_breast(ROWS, COLUMNS, view=view)
    for x, y in SPECKS if specks else []:
        pixels[y : y + 2, x : x + 2] = 4000
    return pixels


def roi(name: str, points: list[tuple[float, float]]) -> dict[str, object]:
    """A region as OsiriX exports it."""
    return {"Name": name, "NumberOfPoints": len(points), "Point_px": [f"({x:f}, {y:f})" for x, y in points]}


@pytest.fixture
def inbreast_folder(tmp_path: Path) -> Path:
    save(mg_dataset(image()), tmp_path / "AllDICOMs" / "20586908_6c613a14b80a8591_MG_L_ML_ANON.dcm")
    bare = image(specks=False)[:, ::-1].copy()
    save(
        mg_dataset(bare, laterality="R"),
        tmp_path / "AllDICOMs" / "20586934_6c613a14b80a8591_MG_R_ML_ANON.dcm",
    )
    cluster = [(55.0, 195.0), (76.0, 195.0), (76.0, 216.0), (55.0, 216.0)]
    regions = [roi("Cluster", cluster), roi("Mass", cluster)]
    regions += [roi("Calcification", [(x + 0.5, y + 0.5)]) for x, y in SPECKS[:-1]]
    x, y = SPECKS[-1]
    regions.append(roi("Calcification", [(x, y), (x + 2, y), (x + 2, y + 2), (x, y + 2)]))
    (tmp_path / "AllXML").mkdir()
    content = {"Images": [{"ImageIndex": 0, "NumberOfROIs": len(regions), "ROIs": regions}]}
    (tmp_path / "AllXML" / "20586908.xml").write_bytes(plistlib.dumps(content))
    (tmp_path / "INbreast.csv").write_text(
        "Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads\n"
        "removed;removed;L;MLO;201001;20586908;     ;4a\n"
        "removed;removed;R;MLO;201001;20586934;3;1\n;;;;;;;\n",
        encoding="utf-8",
    )
    return tmp_path


def test_inbreast(inbreast_folder: Path) -> None:
    marked, normal = inbreast.read(inbreast_folder)
    assert marked.specks is not None
    assert len(marked.specks) == 7
    assert marked.specks[0] == MarkedSpeck(60.5, 200.5)
    assert marked.specks[-1].radius == pytest.approx(np.sqrt(4 / np.pi))
    (group,) = marked.groups
    assert group.region.holds(np.array([[60.0, 210.0], [210.0, 60.0]])).tolist() == [True, False]
    assert (normal.normal, normal.specks, normal.woman) == (True, (), marked.woman)
    assert normal.exam().views[0].info.laterality == "R"


def test_regions_of_inbreast_that_are_spelled_otherwise(inbreast_folder: Path) -> None:
    """An outline in the plural is a group; what has no name is neither, but its image is not normal."""
    outline = [(60.0, 200.0), (70.0, 200.0), (70.0, 210.0)]
    regions = [roi("Calcifications", outline), roi("Calcifications ", [(9.5, 8.5)]), roi("Mass", [])]
    content = {"Images": [{"NumberOfROIs": len(regions), "ROIs": regions}]}
    (inbreast_folder / "AllXML" / "20586908.xml").write_bytes(plistlib.dumps(content))
    content = {"Images": [{"NumberOfROIs": 1, "ROIs": [roi("Unnamed", [(5.0, 5.0)])]}]}
    (inbreast_folder / "AllXML" / "20586934.xml").write_bytes(plistlib.dumps(content))
    marked, unnamed = inbreast.read(inbreast_folder)
    assert len(marked.groups) == 1
    assert marked.specks == (MarkedSpeck(9.5, 8.5),)
    assert (unnamed.groups, unnamed.specks, unnamed.normal) == ((), (), False)


def test_a_reading_of_inbreast_finds_what_was_painted(inbreast_folder: Path) -> None:
    measured = measure(inbreast.read(inbreast_folder))
    assert np.isfinite(measured.every[0].best).all()
    assert np.isfinite(measured.singles[0].best).sum() >= 6
    (overlap,) = measured.overlaps  # one of the seven is outlined
    assert overlap.dice > 0.5
    assert overlap.hausdorff_mm < 0.2
    assert measured.calcified.keys() == {("6c613a14b80a8591", "L"), ("6c613a14b80a8591", "R")}


def test_the_command_prints_both_curves_and_draws_them(inbreast_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["evaluate", "--dataset", "inbreast", str(inbreast_folder), "--out", str(out)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "Marked groups found" in done.output
    assert "Marked calcifications found" in done.output
    assert "weighted AFROC" in done.output
    assert "Outlines of 1 calcifications found" in done.output
    assert "Probability stated and truth" in done.output
    assert {path.name for path in out.iterdir()} == {
        "froc-inbreast.png",
        "froc-inbreast-calcifications.png",
        "reliability-inbreast-groups.png",  # no drawn calcification is listed at the operating point
    }


def test_mini_mias_as_its_owners_distribute_it(tmp_path: Path) -> None:
    """y is counted from the bottom; a film may have two lines, and widely spread ones have no centre."""
    film = np.zeros((1024, 1024), np.uint8)
    film[200:900, :500] = 150
    for number in (219, 220, 223, 245):
        cv2.imwrite(str(tmp_path / f"mdb{number}.pgm"), film if number % 2 else film[:, ::-1])
    (tmp_path / "Info.txt").write_text(
        "INFORMATION:\nThis file lists the films in the database\n\n"
        "mdb219 G CALC B 546 756 29\nmdb220 G NORM\n"
        "mdb223 D CALC B 523 482 29\nmdb223 D CALC M 591 529 6\nmdb245 F CALC M *NOTE 3*\n",
        encoding="latin-1",
    )
    one, normal, two, spread = mini_mias.read(tmp_path)
    assert [group.region for group in one.groups] == [Circle(546, 1024 - 756, 29)]
    assert (one.malignant, two.malignant, len(two.groups)) == (False, True, 2)
    assert (normal.normal, spread.normal, spread.groups) == (True, False, ())
    assert one.woman == normal.woman != two.woman
    assert normal.exam().views[0].info.laterality == "R"
    assert one.exam().views[0].info.pixel_mm == 0.2


def test_mini_mias_with_a_table_of_rows_from_the_top(tmp_path: Path) -> None:
    (tmp_path / "mdb001.png").write_bytes(b"")
    lines = ["image,class,severity,x,y,radius", "mdb001,CALC,M,50,60,9", "mdb001,CALC,B,70,80,5"]
    (tmp_path / "truth.csv").write_text("\n".join(lines) + "\n")
    (film,) = mini_mias.read(tmp_path)
    assert [group.region for group in film.groups] == [Circle(50, 60, 9), Circle(70, 80, 5)]
    (tmp_path / "mdb001.png").unlink()
    with pytest.raises(UnreadableInput, match="mdb001"):
        mini_mias.read(tmp_path)


ICS = """ics_version 1.0
filename B-3027-1
DATE_OF_STUDY 28 4 1995
PATIENT_AGE 65
FILM
FILM_TYPE REGULAR
DENSITY 2
DATE_DIGITIZED 23 7 1997
DIGITIZER LUMISYS LASER
SEQUENCE
LEFT_CC LINES 320 PIXELS_PER_LINE 256 BITS_PER_PIXEL 12 RESOLUTION 50 NON_OVERLAY
LEFT_MLO LINES 320 PIXELS_PER_LINE 256 BITS_PER_PIXEL 12 RESOLUTION 50 {overlay}
"""
OVERLAY = """TOTAL_ABNORMALITIES 2
ABNORMALITY 1
LESION_TYPE CALCIFICATION TYPE PUNCTATE-PLEOMORPHIC DISTRIBUTION CLUSTERED
LESION_TYPE MASS SHAPE ARCHITECTURAL_DISTORTION MARGINS N/A
ASSESSMENT 4
SUBTLETY 5
PATHOLOGY MALIGNANT
TOTAL_OUTLINES 2{space}
BOUNDARY
50 190 {right} {down} {left} {up} #
\tCORE
60 200 2 2 4 4 6 6 0 0 #
ABNORMALITY 2
LESION_TYPE MASS SHAPE OVAL MARGINS CIRCUMSCRIBED
ASSESSMENT 3
SUBTLETY 5
PATHOLOGY BENIGN
TOTAL_OUTLINES 1
BOUNDARY
100 100 2 4 6 0 #
"""


@pytest.fixture
def ddsm_folder(tmp_path: Path) -> Path:
    case, other = tmp_path / "cancer_05" / "case3027", tmp_path / "normal_01" / "case0001"
    for folder in (case, other):
        folder.mkdir(parents=True)
    (case / "B-3027-1.ics").write_text(ICS.format(overlay="OVERLAY"))
    (other / "A-0001-1.ics").write_text(ICS.format(overlay="NON_OVERLAY"))
    for view in ("CC", "MLO"):
        cv2.imwrite(str(case / f"B_3027_1.LEFT_{view}.png"), image(view))
        cv2.imwrite(str(other / f"A_0001_1.LEFT_{view}.LJPEG.tif"), image(view, specks=False))
    codes = {
        name: " ".join(code * 30) for name, code in zip(("right", "down", "left", "up"), "2460", strict=True)
    }
    (case / "B_3027_1.LEFT_MLO.OVERLAY").write_text(OVERLAY.format(**codes, space=" "))
    return tmp_path


def test_ddsm(ddsm_folder: Path) -> None:
    films = {view.name: view for view in ddsm.read(ddsm_folder)}
    marked = films["B_3027_1.LEFT_MLO"]
    (group,) = marked.groups
    inside, outside = (65.0, 205.0), (205.0, 65.0)
    assert group.region.holds(np.array([inside, outside])).tolist() == [True, False]
    assert (group.shape, group.distribution, group.malignant) == ("pleomorphic", "grouped", True)
    assert marked.exam().views[0].info.pixel_mm == 0.05
    # The other film of a case with a finding is not normal, though nothing is outlined on it.
    assert not films["B_3027_1.LEFT_CC"].normal
    assert films["A_0001_1.LEFT_CC"].normal


def test_words_and_outcome_of_ddsm_are_set_against_the_reading(ddsm_folder: Path) -> None:
    measured = measure(ddsm.read(ddsm_folder))
    assert [theirs for theirs, _ in measured.shapes] == ["pleomorphic"]
    assert [true for _, true in measured.malignant.values()] == [True]


def test_ddsm_says_when_a_film_is_not_converted(ddsm_folder: Path) -> None:
    film = ddsm_folder / "cancer_05" / "case3027" / "B_3027_1.LEFT_CC.png"
    film.rename(film.with_suffix(".LJPEG"))
    with pytest.raises(UnreadableInput, match="LJPEG"):
        ddsm.read(ddsm_folder)


def test_vindr_mammo(tmp_path: Path) -> None:
    header = (
        "study_id,series_id,image_id,laterality,view_position,height,width,breast_birads,breast_density,"
        "finding_categories,finding_birads,xmin,ymin,xmax,ymax,split\n"
    )
    both = "\"['Suspicious Calcification', 'Mass']\""
    rows = [
        f"s1,e1,i1,L,MLO,320,256,BI-RADS 4,DENSITY C,{both},BI-RADS 4,50.5,190,80,220,training",
        "s1,e1,i1,L,MLO,320,256,BI-RADS 4,DENSITY C,['Mass'],BI-RADS 3,1,2,3,4,training",
        "s1,e1,i2,R,CC,320,256,BI-RADS 1,DENSITY C,['No Finding'],,,,,,test",
    ]
    (tmp_path / "finding_annotations.csv").write_text(header + "\n".join(rows) + "\n")
    save(mg_dataset(image()), tmp_path / "images" / "s1" / "i1.dicom")
    save(mg_dataset(image("CC"), laterality="R", view="CC"), tmp_path / "images" / "s1" / "i2.dicom")
    marked, normal = vindr_mammo.read(tmp_path)
    assert [group.region for group in marked.groups] == [Box(50.5, 190, 80, 220)]
    assert (marked.normal, normal.normal, marked.specks) == (False, True, None)
    assert normal.exam().views[0].info.label == "RCC"


@pytest.mark.parametrize(
    "folders", ["{woman}/07-18-2010-NA-NA-79377/1.000000-NA-70244", "1.3.6.1.4.{number}"]
)
def test_cmmd(folders: str, tmp_path: Path) -> None:
    """In folders as the archive's downloader and as others name them."""
    (tmp_path / "CMMD_clinicaldata_revision.csv").write_text(
        "ID1,LeftRight,Age,number,abnormality,classification,subtype\n"
        "D1-0001,L,44,2,calcification,Benign,\nD2-0001,R,50,2,mass,Malignant,Luminal A\n"
    )
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "399368009", "SCT"
    code.CodeMeaning = "medio-lateral oblique"
    for number, (woman, side) in enumerate((("D1-0001", "L"), ("D1-0001", "R"), ("D2-0001", "R"))):
        laid = image() if side == "L" else image()[:, ::-1].copy()
        header = {"PatientID": woman, "ViewPosition": None, "ViewCodeSequence": [code]}
        place = tmp_path / "CMMD" / folders.format(woman=woman, number=number)
        save(mg_dataset(laid, laterality=side, **header), place / f"1-{number}.dcm")
    one, other = cmmd.read(tmp_path)  # the right breast of the first woman is in no row
    assert (one.woman, one.calcified, one.malignant) == ("D1-0001", True, False)
    assert (other.woman, other.calcified, other.malignant) == ("D2-0001", False, True)
    assert other.exam().views[0].info.label == "RMLO"


DOWNLOADER = ("{}/08-07-2016-DDSM-NA-06269/1.000000-full mammogram images-26717",
              "{}/08-29-2017-DDSM-NA-59186/1.000000-ROI mask images-59186")  # fmt: skip
BY_SERIES = ("1.4", "1.6")


@pytest.mark.parametrize(
    ("places", "mask_size"),
    [(DOWNLOADER, (ROWS, COLUMNS)), (BY_SERIES, (ROWS, COLUMNS)), (DOWNLOADER, (ROWS + 6, COLUMNS - 4))],
    ids=["as downloaded", "by series", "mask of another size"],
)
def test_cbis_ddsm_with_mask_and_crop_exchanged(
    places: tuple[str, str], mask_size: tuple[int, int], tmp_path: Path
) -> None:
    header = (
        "patient_id,breast density,left or right breast,image view,abnormality id,abnormality type,calc type,"
        "calc distribution,assessment,pathology,subtlety,image file path,cropped image file path,"
        "ROI mask file path\n"
    )
    film, finding = "Calc-Training_P_00005_LEFT_MLO", "Calc-Training_P_00005_LEFT_MLO_1"
    (tmp_path / "calc_case_description_train_set.csv").write_text(
        f"{header}P_00005,3,LEFT,MLO,1,calcification,AMORPHOUS,CLUSTERED,3,MALIGNANT,3,{film}/1.3/1.4/000000.dcm,"
        f'"{finding}/1.5/1.6/000001.dcm\n","{finding}/1.5/1.6/000000.dcm\n"\n'
    )
    mask = np.zeros(mask_size, np.uint8)
    mask[190:220, 50:80] = 255
    stored = {"PatientID": film, "ImagerPixelSpacing": None}
    archive = tmp_path / "CBIS-DDSM"
    whole, cut = archive / places[0].format(film), archive / places[1].format(finding)
    save(mg_dataset(image(), **stored), whole / "1-1.dcm")
    save(mg_dataset(image()[190:220, 50:80].copy(), **stored), cut / "1-1.dcm")
    save(mg_dataset(mask, bits=8, **stored), cut / "1-2.dcm")
    (view,) = cbis_ddsm_films.read(tmp_path)
    (group,) = view.groups
    points = np.array([[65.0, 205.0], [205.0, 65.0], [-1.0, 999.0]])
    assert group.region.holds(points).tolist() == [True, False, False]
    assert (group.shape, group.distribution, view.malignant) == ("amorphous", "grouped", True)
    assert view.exam().views[0].info.pixel_mm == cbis_ddsm_films.PIXEL_MM


def painted(path: Path, boxes: list[tuple[int, int, int, int]], shrink: int = 1) -> None:
    """The drawn breast as a JPEG with red boxes (left, top, right, bottom of the reduced picture)."""
    grey = (image(specks=False) >> 4).astype(np.uint8)[::shrink, ::shrink]
    colour = np.repeat(grey[:, :, None], 3, axis=2)
    for left, top, right, bottom in boxes:
        colour[top:bottom, left:right] = (0, 0, 255)  # OpenCV's order is blue, green, red
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), colour)


def test_the_pairs_of_zenodo(tmp_path: Path) -> None:
    """Red on a JPEG of the mammogram, in its size or smaller; a normal breast may have benign ones."""
    suspicious = tmp_path / "Dataset_v3" / "Suspicious_cases" / "46"
    normal = tmp_path / "Dataset_v3" / "Normal_cases" / "46"
    save(mg_dataset(image(), ViewPosition=None), suspicious / "MLO_recent.DCM")
    painted(suspicious / "MLO_recent_GT.jpg", [(60, 200, 64, 204), (100, 150, 106, 152)])
    for name in ("MLO_prior", "MLO_recent"):
        save(mg_dataset(image(specks=False)), normal / f"{name}.dcm")
    painted(normal / "MLO_prior_GT.jpg", [])
    painted(normal / "MLO_recent_GT.jpg", [(30, 100, 32, 102)], shrink=2)
    (normal / "._MLO_prior.dcm").write_bytes(b"made by an archiver")
    prior, benign, marked = bmcd.read(tmp_path)
    assert (prior.normal, prior.specks) == (True, ())
    assert benign.specks is not None
    assert marked.specks is not None
    assert (benign.normal, benign.calcified, marked.normal) == (False, True, False)
    assert prior.woman == benign.woman != marked.woman
    places = [(speck.x, speck.y) for speck in (*benign.specks, *marked.specks)]
    # 2 × 2 pixels of half the size are 4 × 4 of the mammogram.
    assert np.allclose(places, [(61.5, 201.5), (102.5, 150.5), (61.5, 201.5)], atol=1.0)
    assert marked.exam().views[0].info.label == "LMLO"
    (suspicious / "MLO_recent_GT.jpg").unlink()
    with pytest.raises(UnreadableInput, match="MLO_recent_GT"):
        bmcd.read(tmp_path)
    cv2.imwrite(str(suspicious / "MLO_recent_GT.jpg"), np.zeros((ROWS, ROWS, 3), np.uint8))
    with pytest.raises(UnreadableInput, match="aspect"):
        bmcd.read(tmp_path)


@pytest.mark.parametrize("read", IMAGES.values(), ids=IMAGES)
def test_a_wrong_folder_is_refused_with_what_was_expected(
    read: Callable[[Path], object], tmp_path: Path
) -> None:
    with pytest.raises(UnreadableInput, match="expected"):
        read(tmp_path)
