"""Every answer of the test run, held against `/openapi.json`.

Whatever a test asks of the API, through Django's client or through a live server, must be
answered with a documented status, its headers, and a body that fits its schema, without any
member that the schema does not have.
"""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from access.principals import Principal
from common.errors import PROBLEM_JSON
from config.api import openapi_document

Schema = dict[str, Any]
BASE = re.compile("^/(?:v1|api/v1|api)(?=/)")


@cache
def document() -> Schema:
    """The document as the tests read it: its objects have no members but the named ones."""
    content: Schema = json.loads(openapi_document())
    for schema in content["components"]["schemas"].values():
        schema["additionalProperties"] = False
    return content


@cache
def registry() -> Any:
    resource = DRAFT202012.create_resource(document())
    return Registry().with_resource("urn:document", resource)


@cache
def patterns() -> list[tuple[re.Pattern[str], str]]:
    """Each path of the document as an expression; those without parameters first."""
    paths = sorted(document()["paths"], key=lambda path: "{" in path)
    return [(re.compile(re.sub(r"{\w+}", "[^/]+", path) + "?"), path) for path in paths]


def template_of(path: str) -> str | None:
    """The path of the document that a request's path is."""
    below = BASE.sub("", path)
    if below == path:
        return None
    return next((path for pattern, path in patterns() if pattern.fullmatch(below)), None)


@cache
def validator(
    path: str, method: str, status: str, *, whole: bool, reader: bool
) -> Draft202012Validator:
    """The check of one answer's body; `whole`: without `?fields=`, when nothing is left out.

    Nothing is left out for a `reader`, either, where others see only a part of a row.
    """
    operation = document()["paths"][path][method]
    (content,) = operation["responses"][status]["content"].values()
    schema = rooted(deepcopy(content["schema"]))
    if whole:
        schema = whole_members(schema)
    if reader:
        schema = json.loads(json.dumps(schema).replace('Visible"}', '"}'))
    return Draft202012Validator(
        schema, registry=registry(), format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def rooted(schema: Any) -> Any:
    """`schema` with its references into the document made absolute."""
    if isinstance(schema, dict):
        return {
            name: f"urn:document{value}" if name == "$ref" else rooted(value)
            for name, value in schema.items()
        }
    return [rooted(each) for each in schema] if isinstance(schema, list) else schema


def whole_members(schema: Schema) -> Schema:
    """The first of two: the representation of which nothing is left out."""
    if "items" in schema:
        return schema | {"items": whole_members(schema["items"])}
    first: Schema = schema.get("anyOf", [schema])[0]
    return first


def reads_everything(request: HttpRequest) -> bool:
    """Whether a request came with a credential that may read whatever there is."""
    principal = getattr(request, "auth", None)
    if not isinstance(principal, Principal):
        return False
    return principal.user.is_superuser if principal.user else "read" in principal.scopes


def mismatches(request: HttpRequest, response: Any) -> Iterator[str]:
    """What an answer has that the document does not say, or the other way round."""
    path = template_of(request.path)
    method = "get" if request.method == "HEAD" else str(request.method).lower()
    if path is None or method == "options":
        return
    status = str(response.status_code)
    operations = document()["paths"][path]
    if method not in operations:
        if status not in {"401", "403", "405"}:
            yield f"the status {status} for a method that is not documented"
        return
    answer = operations[method]["responses"].get(status)
    if answer is None:
        yield f"the status {status} is not documented"
        return
    yield from wrong_headers(answer, response)
    if content := answer.get("content"):
        if response["Content-Type"] not in content:
            yield f"the media type {response['Content-Type']} is not documented"
        elif request.method != "HEAD" and "json" in response["Content-Type"]:
            whole = response["Content-Type"] == PROBLEM_JSON or "fields" not in request.GET
            reader = reads_everything(request)
            errors = validator(path, method, status, whole=whole, reader=reader).iter_errors(
                json.loads(response.content)
            )
            yield from (f"{error.json_path}: {error.message}" for error in errors)
    elif response.content:
        yield "a body where none is documented"


def wrong_headers(answer: Schema, response: HttpResponseBase) -> Iterator[str]:
    """Header fields that are missing, or not as documented."""
    for name, header in answer["headers"].items():
        if name not in response:
            if header["required"]:
                yield f"the header {name} is missing"
        elif not Draft202012Validator(header["schema"]).is_valid(response[name]):
            yield f"the header {name} is {response[name]!r}"


@pytest.fixture(autouse=True)
def conformance(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails a test in which an answer of the API is not as documented."""
    found: list[str] = []
    answer = BaseHandler.get_response

    def checked(self: BaseHandler, asked: HttpRequest) -> HttpResponseBase:
        response = answer(self, asked)
        found.extend(
            f"{asked.method} {asked.get_full_path()}: {mismatch}"
            for mismatch in mismatches(asked, response)
        )
        return response

    monkeypatch.setattr(BaseHandler, "get_response", checked)
    yield
    assert found == [] or request.node.get_closest_marker("undocumented")
