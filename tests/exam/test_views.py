"""Side, view and modifiers, wherever a header or a name says them."""

from __future__ import annotations

from typing import Any

import pytest
from exam.builders import coded, mg_dataset
from pydicom.sr.codedict import codes

from calcscope.errors import UnreadableInput
from calcscope.exam import ReadOptions
from calcscope.exam.conventions import NameFacts, facts_of_name
from calcscope.exam.views import Projection, projection_of, view_codes


def projection(
    file_name: str = "IM0001", options: ReadOptions | None = None, **attributes: Any
) -> Projection:
    return projection_of(mg_dataset(**attributes), file_name, file_name, options or ReadOptions())


SILENT: dict[str, Any] = {"ImageLaterality": None, "ViewPosition": None}


def test_every_code_of_the_standard_is_known_and_means_the_same() -> None:
    table = view_codes()
    views = {
        "CC": codes.SCT.CranioCaudal,
        "MLO": codes.SCT.MedioLateralObliqueProjection,
        "ML": codes.SCT.MedioLateralProjection,
        "LM": codes.SCT.LateroMedial,
        "LMO": codes.SCT.LateroMedialOblique,
        "FB": codes.SCT.CaudoCranial,
        "SIO": codes.SCT.SuperolateralToInferomedialOblique,
        "ISO": codes.SCT.InferomedialToSuperolateralOblique,
        "XCCL": codes.SCT.CranioCaudalExaggeratedLaterally,
        "XCCM": codes.SCT.CranioCaudalExaggeratedMedially,
    }
    modifiers = {
        "magnification": codes.SCT.Magnification,
        "spot": codes.SCT.SpotCompression,
        "tangential": codes.SCT.Tangential,
        "rolled_lateral": codes.SCT.RolledLateral,
        "rolled_medial": codes.SCT.RolledMedial,
        "rolled_superior": codes.SCT.RolledSuperior,
        "rolled_inferior": codes.SCT.RolledInferior,
        "implant_displaced": codes.SCT.ImplantDisplaced,
        "axillary_tail": codes.SCT.AxillaryTail,
        "axillary_tissue": codes.SCT.AxillaryTissue,
        "cleavage": codes.SCT.Cleavage,
        "nipple_in_profile": codes.SCT.NippleInProfile,
        "anterior_compression": codes.SCT.AnteriorCompression,
        "inframammary_fold": codes.SCT.InfraMammaryFold,
    }
    # A retired SNOMED RT code equals its SNOMED CT successor in pydicom's code dictionary.
    for known, expected in ((table.views, views), (table.modifiers, modifiers)):
        assert set(known.values()) == set(expected)
        for value, name in known.items():
            scheme = "SCT" if value.isdigit() else "SRT"
            assert type(expected[name])(value, scheme, "") == expected[name], name
    assert codes.cid4014.TissueSpecimenFromBreast.value in table.specimen
    assert len(views) + 1 == len(codes.cid4014.dir())
    assert len(modifiers) == len(codes.cid4015.dir())


@pytest.mark.parametrize("keyword", ["ImageLaterality", "FrameLaterality", "Laterality"])
def test_the_side_from_any_of_its_attributes(keyword: str) -> None:
    found = projection(**SILENT | {keyword: "R", "ViewPosition": "CC"})
    assert (found.laterality, found.view, found.warnings) == ("R", "CC", ())


def test_side_and_view_written_together() -> None:
    found = projection(**SILENT | {"ViewPosition": "RMLO"})
    assert (found.laterality, found.view, found.warnings) == ("R", "MLO", ())


@pytest.mark.parametrize(("code", "scheme", "view"), [("399162004", "SCT", "CC"), ("R-10224", "SRT", "ML")])
def test_the_view_from_its_code(code: str, scheme: str, view: str) -> None:
    found = projection(ViewPosition=None, ViewCodeSequence=[coded(code, "x", scheme)])
    assert (found.view, found.warnings) == (view, ())


def test_modifiers_from_codes_and_words() -> None:
    modified = coded(
        "399162004",
        "cranio-caudal",
        ViewModifierCodeSequence=[coded("R-102D7", "Spot", "SRT"), coded("399163009", "Magnification")],
    )
    assert projection(view="CC", ViewCodeSequence=[modified]).modifiers == ("spot", "magnification")
    assert projection(view="CC", SeriesDescription="L CC MAG").modifiers == ("magnification",)


@pytest.mark.parametrize(
    ("letters", "side", "view"),
    [(["A", "R"], "L", "CC"), (["P", "L"], "R", "CC"), (["A", "FR"], "L", "MLO"), (["P", "FL"], "R", "MLO")],
)
def test_patient_orientation_speaks_where_nothing_else_does(letters: list[str], side: str, view: str) -> None:
    found = projection(**SILENT, patient_orientation=letters)
    assert (found.laterality, found.view) == (side, view)
    assert len(found.warnings) == 2


def test_a_description_or_file_name_is_the_last_resort_and_warned_about() -> None:
    described = projection(**SILENT, SeriesDescription="Right CC")
    assert (described.laterality, described.view, len(described.warnings)) == ("R", "CC", 2)
    named = projection("x_LEFT_MLO.dcm", **SILENT)
    assert (named.laterality, named.view, len(named.warnings)) == ("L", "MLO", 2)


def test_the_user_is_believed_before_a_description() -> None:
    options = ReadOptions(laterality="L", view="CC")
    found = projection(options=options, **SILENT, SeriesDescription="Right MLO")
    assert (found.laterality, found.view) == ("L", "CC")
    assert len(found.warnings) == 2


def test_contradictions_are_warned_about_and_the_attribute_wins() -> None:
    found = projection(laterality="R", view="MLO", ViewCodeSequence=[coded("399162004", "cranio-caudal")])
    assert (found.laterality, found.view) == ("R", "MLO")
    assert any("CC" in warning for warning in found.warnings)
    other_side = projection("LCC.dcm", laterality="R", view="CC")
    assert other_side.laterality == "R"
    assert len(other_side.warnings) == 1


def test_a_less_exact_word_is_no_contradiction() -> None:
    assert projection(view="XCCL", SeriesDescription="L CC").warnings == ()


@pytest.mark.parametrize(
    ("missing", "word"), [("ImageLaterality", "--laterality"), ("ViewPosition", "--view")]
)
def test_what_nothing_says_is_refused_and_says_how_to_give_it(missing: str, word: str) -> None:
    with pytest.raises(UnreadableInput, match=word):
        projection(**{missing: None})


def test_specimens_and_pairs_of_breasts_are_refused() -> None:
    with pytest.raises(UnreadableInput, match="specimen"):
        projection(ViewCodeSequence=[coded("127457009", "tissue specimen from breast")])
    with pytest.raises(UnreadableInput, match="both breasts"):
        projection(laterality="B")


@pytest.mark.parametrize(
    ("name", "side", "view", "woman"),
    [
        ("gmic_0_R-MLO.png", "R", "MLO", "gmic_0"),
        ("bcc_1_L_CC.png", "L", "CC", "bcc_1"),
        ("LCC.png", "L", "CC", ""),
        ("x_RIGHT_MLO", "R", "MLO", "x"),
        ("case 12 left ml.tif", "L", "ML", "case_12"),
        ("IM0001.dcm", None, None, "IM0001"),
        ("R_vs_L_CC.png", None, "CC", "vs"),
        ("Smith_CLL.png", None, None, "Smith_CLL"),
    ],
)
def test_names(name: str, side: str | None, view: str | None, woman: str) -> None:
    assert facts_of_name(name) == NameFacts(side, view, woman)  # type: ignore[arg-type]


def test_mini_mias_numbers_pair_left_and_right() -> None:
    left, right = facts_of_name("mdb001.png"), facts_of_name("mdb002.png")
    assert (left.laterality, right.laterality, left.view, left.acquisition) == ("L", "R", "MLO", "film")
    assert left.woman == right.woman != facts_of_name("mdb003.png").woman


def test_cbis_ddsm_identifiers() -> None:
    whole = facts_of_name("Mass-Test_P_00820_RIGHT_MLO")
    assert (whole.woman, whole.laterality, whole.view, whole.refused) == ("P_00820", "R", "MLO", None)
    assert facts_of_name("Calc-Training_P_00005_RIGHT_CC_1").refused
