"""The document of the server's addresses: whole, valid, and true of the fields that its pages have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.urls import get_resolver, path
from openapi import BODIES, Schema, addresses, document, read_of

import calcscope.server

TEMPLATES = Path(calcscope.server.__file__).parent
FIELD = re.compile(r'<(?:input|select|textarea|button)\b[^>]*\bname="(\w+)"')


@pytest.fixture(scope="module")
def made() -> Schema:
    """The document."""
    return document()


def test_it_is_valid_and_has_every_address_with_what_it_takes(made: Schema) -> None:
    schemathesis.openapi.from_dict(made, config=schemathesis.Config()).validate()
    operations = [each for ways in made["paths"].values() for each in ways.values()]
    names = {each["operationId"].partition(" ")[2] for each in operations}
    assert names == {each.name for each in addresses()} >= {"home", "reading:sign", "patients:say"}
    bring = made["paths"]["/exams/bring"]
    assert set(bring) == {"get", "post"}
    form = bring["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert set(form) == {"files", "mode", "site"}
    act = made["paths"]["/follow-up/steps/{step_uuid}/{what}"]["post"]
    (what,) = [each for each in act["parameters"] if each["name"] == "what"]
    assert {"schedule", "close", "result"} <= set(what["schema"]["examples"])
    fields = act["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]["properties"]
    assert fields["day"] == {"type": "string", "format": "date"}
    assert fields["how"]["enum"] == ["phone", "email", "letter", "in_person"]
    sign = made["paths"]["/exams/{exam_uuid}/sign"]["post"]
    assert set(sign["responses"]) >= {"200", "403", "404", "409", "422"}


def test_the_fields_of_every_page_are_in_it(made: Schema) -> None:
    def names(within: Any) -> set[str]:
        if isinstance(within, list):
            return set().union(*map(names, within))
        if not isinstance(within, dict):
            return set()
        found = set(within.get("properties", ())) | ({within["name"]} if "in" in within else set())
        return found.union(*map(names, within.values()))

    documented = names(list(made["paths"].values()))
    shown = {
        name
        for template in TEMPLATES.rglob("*.html")
        for name in FIELD.findall(template.read_text(encoding="utf-8"))
    }
    assert len(shown) > 30
    assert shown - documented == set()


def test_what_takes_json_has_its_body_stated() -> None:
    assert {each.name for each in addresses() if read_of(each.view).takes_json} == set(BODIES)


def test_a_view_says_which_methods_it_takes() -> None:
    def silent(request: object) -> None:
        """Takes any."""

    for each in addresses():
        assert each.methods, each.name
    resolver = get_resolver()
    (address,) = addresses(type(resolver)(resolver.pattern, [path("silent", silent, name="silent")]))
    with pytest.raises(LookupError, match="silent: found no method"):
        _ = address.methods
