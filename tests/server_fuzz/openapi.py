"""The server's pages as an OpenAPI 3.1 document, made from its own table of addresses.

Addresses, their parameters and methods are those of the table. The fields of queries and forms, the files,
the statuses and the kinds of answer are read from the source of the view and of whatever else of the server
it reaches. So a new page is in the document without anybody's doing; only of an address that takes JSON the
body is stated, in :data:`BODIES`.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from types import CodeType, FunctionType, ModuleType
from typing import Any

from django import forms
from django.urls import URLPattern, URLResolver, get_resolver
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import calcscope
from calcscope.server.people.middleware import OPEN
from calcscope.server.reading.content import Preview, ReadingContent

Schema = dict[str, Any]
OURS = "calcscope.server"
METHODS = ("get", "post", "put", "delete", "patch")
CONVERTERS: dict[str, Schema] = {
    "IntConverter": {"type": "integer", "minimum": 0},
    "SlugConverter": {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"},
    "UUIDConverter": {"type": "string", "format": "uuid"},
}
ANSWERED = {int(each) for each in HTTPStatus if 200 <= each < 500} | {503, 507}
COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
MEDIA = re.compile(r"(?:application|image|text)/[\w.+-]+")
STATUSES = {
    "redirect": 302, "HttpResponseRedirect": 302, "set_language": 302, "Http404": 404,
    "get_object_or_404": 404, "PermissionDenied": 403, "HttpResponseForbidden": 403,
}  # fmt: skip
KINDS = {
    "render": "text/html", "JsonResponse": "application/json", "FileResponse": "*/*",
    "ExportToDjangoView": "text/plain",
}  # fmt: skip
"""Statuses and kinds of answer of what our code names."""


def _object(required: tuple[str, ...], **properties: Any) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


_DRAFT = _object(("content",), revision=COUNT, content=ReadingContent)
_UUID: Schema = {"type": "string", "format": "uuid"}
_SIGNATURE = _object(
    ("revision", "versions", "request"),
    revision=COUNT, versions=COUNT, request=_UUID, note={"type": "string"},
)  # fmt: skip
BODIES: dict[str, tuple[Schema, Any]] = {
    "reading:draft": (_DRAFT, _object(("revision",), revision=COUNT)),
    "reading:preview": (_DRAFT, Preview),
    "reading:sign": (_SIGNATURE, _object(("version", "address"), version=COUNT, address={"type": "string"})),
}
"""Of the addresses that take JSON: what they are sent, and what they answer with 200."""


# --- the table -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Address:
    """A line of the table.

    Parameters
    ----------
    name : as in ``reverse``
    path : with parameters in braces
    """

    name: str
    path: str
    pattern: URLPattern

    @property
    def view(self) -> Any:
        """What answers."""
        return self.pattern.callback

    @property
    def methods(self) -> tuple[str, ...]:
        """Those that the view says it takes, by a decorator or as a class.

        Raises
        ------
        LookupError : where it says nothing, and so would take any
        """
        for each in _layers(self.view):
            stated = inspect.getclosurevars(each).nonlocals.get("request_method_list")
            if stated is not None:
                return tuple(one for one in METHODS if one.upper() in stated)
        if (made := getattr(self.view, "view_class", None)) is not None:
            return tuple(one for one in METHODS if one in made.http_method_names and hasattr(made, one))
        raise LookupError(f"{self.name}: found no method that it takes; expected require_safe or the like")


def addresses(resolver: URLResolver | None = None, at: str = "/", space: str = "") -> Iterator[Address]:
    """The server's table."""
    for each in (resolver or get_resolver()).url_patterns:
        path = at + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(each.pattern))
        if isinstance(each, URLResolver):
            yield from addresses(each, path, f"{space}{each.namespace}:" if each.namespace else space)
        else:
            yield Address(f"{space}{each.name}", path, each)


# --- what a view asks for and answers ------------------------------------------------------------------


@dataclass
class Read:
    """What code asks of a request, and what it answers with.

    Parameters
    ----------
    GET, POST, FILES, headers : names, as attributes of a request
    forms : of Django
    takes_json : whether it reads the body as such
    """

    GET: set[str] = field(default_factory=set)
    POST: set[str] = field(default_factory=set)
    FILES: set[str] = field(default_factory=set)
    headers: set[str] = field(default_factory=set)
    forms: set[type[forms.BaseForm]] = field(default_factory=set)
    statuses: set[int] = field(default_factory=set)
    media: set[str] = field(default_factory=set)
    takes_json: bool = False

    def __iadd__(self, other: Read) -> Read:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) | value)
        return self


def _layers(view: Any) -> Iterator[FunctionType]:
    """A view and what its decorators wrap, from the outside."""
    while view is not None:
        if isinstance(view, FunctionType):
            yield view
        view = getattr(view, "__wrapped__", None)


def _names(code: CodeType) -> set[str]:
    inner = [_names(each) for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*inner)


def _near(function: FunctionType) -> Iterator[Any]:
    """What a function names of its module and of the server's other modules, and what it encloses."""
    names = _names(function.__code__)
    for name in names:
        given = function.__globals__.get(name)
        if isinstance(given, ModuleType) and given.__name__.startswith(OURS):
            yield from (vars(given)[one] for one in names if one in vars(given))
        else:
            yield given
    yield from (each.cell_contents for each in function.__closure__ or ())
    yield getattr(function, "__wrapped__", None)


def read_of(view: Any) -> Read:
    """What a view and all that it reaches ask for and answer with."""
    by_class = getattr(view, "view_class", None)
    todo: list[Any] = [view] if by_class is None else [by_class]
    seen: set[int] = set()
    found = Read()
    while todo:
        each = todo.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, dict) and each and all(isinstance(one, FunctionType) for one in each.values()):
            todo += each.values()  # a table of acts
        elif isinstance(each, type):
            if issubclass(each, forms.BaseForm):
                found.forms.add(each)
            elif each is by_class:
                todo += [one for one in vars(each).values() if isinstance(one, FunctionType)]
                todo += [getattr(each, name, None) for name in ("form_class", "authentication_form")]
                found += Read(GET={"next"}, POST={"next"}, statuses={200, 302}, media={"text/html"})
        elif isinstance(each, FunctionType):
            if each.__module__.startswith(OURS):
                found += _read(each)
            if each.__module__.startswith((OURS, "django.views.decorators")):
                todo += _near(each)
    return found


@cache
def _read(function: FunctionType) -> Read:
    """What one function asks for and answers with, by its source."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    found, names = Read(), _names(function.__code__)
    queries = {
        each.arg for each in ast.walk(tree) if isinstance(each, ast.arg) and "QueryDict" in ast.dump(each)
    }

    def words(node: ast.expr) -> list[str]:
        """What an expression may be, where it says so: a text, a name for one, a name that runs over some."""
        if isinstance(node, ast.Constant):
            return [node.value] if isinstance(node.value, str) else []
        if isinstance(node, ast.Tuple):
            return [one for each in node.elts for one in words(each)]
        if not isinstance(node, ast.Name):
            return []
        for each in ast.walk(tree):
            runs = isinstance(each, ast.comprehension | ast.For) and isinstance(each.target, ast.Name)
            if runs and each.target.id == node.id:
                return words(each.iter)
        given = function.__globals__.get(node.id)
        return [given] if isinstance(given, str) else list(given) if isinstance(given, tuple) else []

    def note(of: ast.expr, name: ast.expr) -> None:
        if isinstance(of, ast.Attribute) and of.attr in ("GET", "POST", "FILES", "headers"):
            getattr(found, of.attr).update(words(name))
        elif isinstance(of, ast.Name) and of.id in queries:
            found.GET.update(words(name))
            found.POST.update(words(name))

    for each in ast.walk(tree):
        if isinstance(each, ast.Subscript):
            note(each.value, each.slice)
        elif isinstance(each, ast.Compare):
            note(each.comparators[0], each.left)
        elif isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.args:
            note(each.func.value, each.args[0])
        elif isinstance(each, ast.Constant) and type(each.value) is int:
            found.statuses |= {each.value} & ANSWERED
        elif isinstance(each, ast.Constant) and isinstance(each.value, str):
            found.media |= set(MEDIA.findall(each.value.partition(";")[0]))
    found.statuses |= {status for name, status in STATUSES.items() if name in names}
    kinds = {kind for name, kind in KINDS.items() if name in names}
    found.media |= kinds - {"*/*"} if found.media else kinds
    found.takes_json = {"loads", "body"} <= names
    return found


def _schema(given: forms.Field) -> Schema:
    """Values that a field of a form takes."""
    if isinstance(given, forms.BooleanField):
        return {"type": "string", "enum": ["on"]}
    if isinstance(given, forms.ChoiceField) and isinstance(given.choices, list) and given.choices:
        return {"type": "string", "enum": [str(value) for value, _words in given.choices]}
    if isinstance(given, forms.DateField):
        return {"type": "string", "format": "date"}
    if isinstance(given, forms.EmailField):
        return {"type": "string", "format": "email"}
    if isinstance(given, forms.IntegerField | forms.ModelChoiceField):
        return {"type": "integer"}
    longest = getattr(given, "max_length", None)
    return {"type": "string"} | ({"maxLength": longest} if longest else {})


# --- the document --------------------------------------------------------------------------------------


def _parameter(name: str, where: str, schema: Schema) -> Schema:
    return {"name": name, "in": where, "required": where == "path", "schema": schema}


def _acts(view: Any) -> list[str]:
    """Words that an address may end with: the keys of the view's own table of acts, and texts beside it."""
    found: set[str] = set()
    for each in _layers(view):
        if "what" in each.__code__.co_varnames and each.__module__.startswith(OURS):
            tables = [each.__globals__.get(name) for name in _names(each.__code__)]
            found |= {key for one in tables if isinstance(one, dict) for key in one if isinstance(key, str)}
            found |= {
                one
                for one in each.__code__.co_consts
                if isinstance(one, str) and re.fullmatch("[a-z-]+", one)
            }
    return sorted(found)


def _operation(address: Address, method: str, read: Read) -> Schema:
    parameters = [_parameter(name, "query", {"type": "string"}) for name in sorted(read.GET)]
    # Whether a page's script sent it is asked of every request.
    headers = sorted(read.headers - {"X-Requested-With"})
    parameters += [_parameter(name, "header", {"type": "string"}) for name in headers]
    for name, converter in address.pattern.pattern.converters.items():
        schema = CONVERTERS[type(converter).__name__]
        if name == "what" and (acts := _acts(address.view)):
            schema = schema | {"examples": acts}
        parameters.append(_parameter(name, "path", schema))
    operation: Schema = {"operationId": f"{method} {address.name}", "parameters": parameters}
    if about := inspect.getdoc(inspect.unwrap(address.view)):
        operation["summary"] = about.splitlines()[0]
    answer: Any = {"type": "object"} if read.media == {"application/json"} else {}
    if address.name in BODIES:
        sent, answer = BODIES[address.name]
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": sent}}}
    elif method != "get":
        fields: dict[str, Schema] = {name: {"type": "string"} for name in sorted(read.POST)}
        for form in sorted(read.forms, key=lambda each: each.__name__):
            fields |= {name: _schema(each) for name, each in form.base_fields.items()}
        binary = {"type": "array", "items": {"type": "string", "format": "binary"}}
        fields |= dict.fromkeys(sorted(read.FILES), binary)
        kind = "multipart/form-data" if read.FILES else "application/x-www-form-urlencoded"
        if fields:
            operation["requestBody"] = {
                "content": {kind: {"schema": {"type": "object", "properties": fields}}}
            }
    own = {media: {"schema": answer} if media == "application/json" else {} for media in sorted(read.media)}
    other = {media: {} for media in sorted(read.media | {"text/html"})}  # what is wrong is said on a page
    operation["responses"] = {
        str(status): {"description": HTTPStatus(status).phrase, "content": own if status == 200 else other}
        for status in sorted(_statuses(address, method, read))
    }
    return operation


def _statuses(address: Address, method: str, read: Read) -> set[int]:
    """The view's own, and those of what stands before it."""
    found = (read.statuses - {200}) | {400}  # 400: zero characters, too much, what is no form
    if read.media:
        found.add(200)
    if address.name not in OPEN and not getattr(address.view, "open_to_all", False):
        found |= {302, 401}
    if getattr(address.view, "roles", ()) or method != "get":
        found.add(403)
    if address.pattern.pattern.converters:
        found.add(404)
    return found


def document() -> Schema:
    """The whole."""
    paths: dict[str, Schema] = {}
    for address in addresses():
        read = read_of(address.view)
        for method in address.methods:
            operations = paths.setdefault(address.path, {})
            assert method not in operations, f"two addresses are {address.path}"
            operations[method] = _operation(address, method, read)
    models: set[type[BaseModel]] = set()

    def plain(value: Any) -> Any:
        """The same with each model as a reference."""
        if isinstance(value, type):
            models.add(value)
            return {"$ref": f"#/components/schemas/{value.__name__}"}
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items()}
        return [plain(each) for each in value] if isinstance(value, list) else value

    paths = plain(paths)
    wanted = [(each, "validation") for each in sorted(models, key=lambda each: each.__name__)]
    _map, schemas = models_json_schema(wanted, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Calcscope", "version": calcscope.__version__},
        "paths": paths,
        "components": {"schemas": schemas["$defs"]},
    }
