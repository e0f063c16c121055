"""The lexicon is complete, its codes are DICOM's own, and every number says where it comes from."""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError
from pydicom.sr import _cid_dict, _concepts_dict

from calcscope import lexicon
from calcscope.lexicon.model import Code, Entry, Figure, Morphology, Rate, Sizes, Source

MORPHOLOGY = {
    "punctate", "round", "amorphous", "coarse_heterogeneous", "fine_pleomorphic", "fine_linear",
    "fine_linear_branching", "not_assessable",
}  # fmt: skip
TYPICAL_KINDS = {
    "skin", "vascular", "popcorn", "rod", "rim", "lucent_centred", "dystrophic", "milk_of_calcium",
    "suture", "round",
}  # fmt: skip
DISTRIBUTION = {"diffuse", "regional", "grouped", "linear", "segmental"}
CHANGE = {
    "new", "more", "fewer", "larger", "smaller", "wider", "denser", "changed_morphology",
    "changed_distribution", "unchanged", "resolved",
}  # fmt: skip
LEFT_OUT = {"label", "film_edge", "collimator", "scanner_line", "implant"}
MIMICS = {"deodorant", "powder", "cream", "metal", "marker", "clip", "film_artifact"}


def everything() -> list[Entry]:
    """Every model of every file."""
    return [
        lexicon.terms(), lexicon.sizes(), lexicon.groups(), lexicon.categories(), lexicon.next_steps(),
        lexicon.malignancy(), lexicon.fhir(), lexicon.patient(), *lexicon.rules().values(),
    ]  # fmt: skip


def parts(value: object) -> Iterator[Entry]:
    """``value`` and every entry inside it."""
    if isinstance(value, Entry):
        yield value
        for name in type(value).model_fields:
            yield from parts(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from parts(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from parts(item)


def all_parts() -> list[Entry]:
    return [part for entry in everything() for part in parts(entry)]


ALL_CODES = sorted(
    {(c.scheme, c.value, c.meaning, c.cid, c.verified) for c in all_parts() if isinstance(c, Code)},
    key=str,
)


def test_every_identifier_that_the_description_uses_is_a_term() -> None:
    terms = lexicon.terms()
    assert set(terms.morphology) == MORPHOLOGY
    assert set(terms.typical_kinds) == TYPICAL_KINDS
    assert set(terms.distribution) == DISTRIBUTION
    assert set(terms.change) == CHANGE
    assert set(terms.mimics) == MIMICS
    assert set(terms.non_lesions) >= LEFT_OUT
    assert not set(terms.mimics) & set(terms.non_lesions)


@pytest.mark.parametrize(("scheme", "value", "meaning", "cid", "verified"), ALL_CODES)
def test_a_code_is_in_pydicoms_tables_or_says_that_it_is_not(
    scheme: str, value: str, meaning: str, cid: int | None, verified: bool
) -> None:
    held = {
        (held_meaning, tuple(cids or ()))
        for codes in _concepts_dict.concepts.get(scheme, {}).values()
        for held_value, (held_meaning, cids) in codes.items()
        if held_value == value
    }
    if not verified:
        assert not held, "pydicom does hold this code: mark it verified"
        return
    assert held, f"pydicom has no {scheme} {value}"
    if cid == 6027:
        # pydicom leaves CID 6027 empty, but holds these SNOMED CT concepts under SNOMED's own longer
        # names, which say the category's number.
        number = meaning.split()[0]
        assert any(f"(Category {number})" in held_meaning for held_meaning, _ in held)
        return
    assert meaning in {held_meaning for held_meaning, _ in held}
    if cid is not None:
        assert any(cid in cids for _, cids in held), f"not in CID {cid}"


def test_the_shapes_and_distributions_cover_what_dicom_has_for_them() -> None:
    terms = lexicon.terms()
    for cid, tables in {
        6010: (terms.morphology, terms.typical_kinds, terms.size_classes),
        6012: (terms.distribution, terms.concepts),
    }.items():
        ours = {code.value for table in tables for term in table.values() for code in term.codes}
        names = _cid_dict.cid_concepts[cid]
        theirs = {
            value
            for scheme, keywords in names.items()
            for keyword in keywords
            for value, (_, cids) in _concepts_dict.concepts[scheme][keyword].items()
            if cid in cids
        }
        assert theirs <= ours


def cited(value: object) -> Iterator[str]:
    """Every source named anywhere in a file as it is written."""
    if isinstance(value, dict):
        if isinstance(value.get("source"), str):
            yield value["source"]
        if isinstance(value.get("sources"), list):
            yield from value["sources"]
        for item in value.values():
            yield from cited(item)
    elif isinstance(value, list):
        for item in value:
            yield from cited(item)


def test_every_source_cited_exists_and_every_source_is_cited() -> None:
    assert {source for name in lexicon.names() for source in cited(lexicon.load(name))} == set(
        lexicon.sources()
    )


def test_readers_can_tell_the_sources_apart() -> None:
    shorts = [source.short for source in lexicon.sources().values()]
    assert len(set(shorts)) == len(shorts)


def test_a_figure_resting_on_an_unread_source_is_not_called_verified() -> None:
    for part in all_parts():
        if isinstance(part, Figure | Rate) and not lexicon.sources()[part.source].verified:
            assert not part.verified, part


def test_what_could_not_be_checked_is_marked_for_the_reader() -> None:
    rates = [rate for term in lexicon.terms().distribution.values() for rate in term.rates]
    assert {rate.percent for rate in rates if not rate.verified} == {0, 26, 31, 60, 62}
    assert lexicon.cite(["often_quoted"]).endswith("(not verified)")
    assert lexicon.cite(["S0"], verified=False).endswith("(not verified)")
    assert "not verified" not in lexicon.cite(["S0", "S3"])


def test_the_bands_of_category_4_meet_without_a_gap() -> None:
    bands = [lexicon.categories().categories[name].band for name in ("3", "4A", "4B", "4C", "5")]
    edges = [(band.low, band.high) for band in bands if band]
    assert edges == [(0, 0.02), (0.02, 0.10), (0.10, 0.50), (0.50, 0.95), (0.95, 1)]


def test_the_overall_order_is_the_clinical_one() -> None:
    categories = lexicon.categories()
    assert categories.overall_order == ("5", "4C", "4B", "4A", "0", "6", "3", "2", "1")
    assert set(categories.overall_order) == set(categories.categories)


def test_thresholds() -> None:
    sizes, groups = lexicon.sizes(), lexicon.groups()
    assert (sizes.micro_below_mm.value, sizes.macro_from_mm.value) == (0.5, 1.0)
    assert (sizes.fine_shape_pixel_mm.value, sizes.size_pixels.value) == (0.1, 3)
    assert sizes.typical_span_pixels.value == 5
    assert (groups.min_count.value, groups.within_mm.value) == (5, 10)
    assert (groups.min_count_linear.value, groups.regional_from_mm.value) == (2, 20)


def test_a_rule_only_has_fields_that_are_spelled_as_fields() -> None:
    for rule in lexicon.rules().values():
        for _, field, _, _ in string.Formatter().parse(rule.text):
            assert field is None or field.isidentifier()


def test_loading_gives_a_copy_that_may_be_changed() -> None:
    raw: dict[str, Any] = lexicon.load("sizes")
    raw["micro_below_mm"]["value"] = 7
    assert lexicon.load("sizes")["micro_below_mm"]["value"] == 0.5
    assert Sizes.model_validate(lexicon.load("sizes")) == lexicon.sizes()


def test_an_unknown_file_names_those_there_are() -> None:
    with pytest.raises(KeyError, match="terms"):
        lexicon.load("colours")


def test_entries_are_frozen_and_refuse_unknown_fields() -> None:
    source = lexicon.sources()["S0"]
    with pytest.raises(ValidationError):
        source.short = "another"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Source.model_validate({**source.model_dump(), "colour": "blue"})


def test_a_suspicious_shape_needs_a_floor() -> None:
    amorphous = lexicon.load("terms")["morphology"]["amorphous"]
    del amorphous["floor"]
    with pytest.raises(ValidationError, match="floor"):
        Morphology.model_validate(amorphous)


def test_an_unverified_code_needs_a_reason() -> None:
    with pytest.raises(ValidationError, match="does not say why"):
        Code(scheme="BI", value="X", meaning="x", verified=False)


def test_the_notice_says_what_the_software_is_not() -> None:
    assert "not a cleared medical device" in lexicon.notices().research_use
