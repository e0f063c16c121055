"""Where a site's signed reports go: ``send`` in its settings, as ``[[send]]`` in the node's configuration."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from calcscope.errors import CalcscopeError
from calcscope.node.config import Place
from calcscope.server.people.models import Site
from calcscope.standards.exporting import KINDS, Kind

_PLACES: TypeAdapter[tuple[Place, ...]] = TypeAdapter(tuple[Place, ...])
MADE: tuple[Kind, ...] = tuple(KINDS)


class FaultyPlaces(CalcscopeError):
    """Places that cannot be used; the message names the site, the field and what is wrong."""


def places_of(site: Site) -> tuple[Place, ...]:
    """The places of a site.

    Raises
    ------
    FaultyPlaces
    """
    try:
        return _PLACES.validate_python(site.settings.get("send", []))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise FaultyPlaces(f"site {site.code}: send.{where}: {first['msg']}") from None


def takes(place: Place, kind: str) -> bool:
    """Whether a kind of object goes to a place; FHIR goes to folders alone."""
    if kind == "fhir" and place.to != "folder":
        return False
    return place.kinds is None or kind in place.kinds
