"""`/openapi.json` and `/swagger.json` say the same, all of it, and validly."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.test import Client
from django.urls import URLPattern
from jsonschema import Draft202012Validator
from schemathesis.core.result import Ok
from swagger_spec_validator.validator20 import validate_spec

from access.scopes import SCOPES
from config.api import openapi_document, router
from tests.conformance import registry, rooted, whole_members

Document = dict[str, Any]
# Operations that neither read nor write covers.
SPECIAL = {"/customers/{id}/export/": "export", "/customers/{id}/erase/": "erase"}
ALWAYS = {"400", "401", "403", "406", "429", "500", "503"}


@pytest.fixture
def openapi() -> Document:
    response = Client().get("/openapi.json")
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    content: Document = response.json()
    return content


@pytest.fixture
def swagger(db: None) -> Document:
    response = Client().get("/swagger.json")
    assert response.status_code == 200
    content: Document = response.json()
    return content


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Each path, method and operation."""
    for path, methods in document["paths"].items():
        for method in methods.keys() - {"parameters"}:
            yield path, method, methods[method]


def test_openapi_is_3_1(openapi: Document) -> None:
    assert openapi["openapi"] == "3.1.1"
    assert (openapi["info"]["title"], openapi["info"]["version"]) == ("Klanten", "v1")
    assert openapi["servers"] == [{"url": "/v1"}]


def test_openapi_is_made_once() -> None:
    assert openapi_document() is openapi_document()


def test_openapis_schemas_are_schemas(openapi: Document) -> None:
    for schema in openapi["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_openapi_can_be_loaded_by_others(openapi: Document) -> None:
    schema = schemathesis.openapi.from_dict(openapi)

    loaded = [result for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert {result.ok().label for result in loaded} == {
        f"{method.upper()} {path}" for path, method, _ in operations(openapi)
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_swagger_is_valid(swagger: Document) -> None:
    validate_spec(swagger)


def test_both_have_the_same_operations(openapi: Document, swagger: Document) -> None:
    def said(document: Document) -> dict[tuple[str, str], list[Any]]:
        return {
            (path, method): [
                *(each[name] for name in ("operationId", "summary", "description", "tags")),
                set(each["responses"]),
                {name for name, place in places(each) if place not in {"body", "formData"}},
                {status: set(answer["headers"]) for status, answer in each["responses"].items()},
            ]
            for path, method, each in operations(document)
        }

    assert said(openapi) == said(swagger)


def places(operation: Document) -> Iterator[tuple[str, str]]:
    """The name of each parameter, and where it stands."""
    return ((each["name"], each["in"]) for each in operation["parameters"])


def test_every_route_is_there(openapi: Document) -> None:
    """Named by the router's own view of it: the number of its actions."""
    routes = [
        (pattern.name, method)
        for pattern in router.urls
        if isinstance(pattern, URLPattern) and pattern.name != "api-root"
        for method in set(getattr(pattern.callback, "actions", None) or ()) - {"head"}
    ]

    assert len(routes) == len(list(operations(openapi)))


def test_every_operation_is_complete(openapi: Document) -> None:
    for path, method, operation in operations(openapi):
        assert operation["summary"]
        assert operation["description"]
        reads = method == "get" or path == "/query/"
        verb = SPECIAL.get(path, "read" if reads else "write")
        scope = f"{operation['tags'][0]}:{verb}"
        assert scope in SCOPES
        assert operation["security"] == [{name: [scope]} for name in ("ApiKey", "Bearer", "OAuth2")]
        assert operation["responses"].keys() >= expected_errors(path, method)


def expected_errors(path: str, method: str) -> set[str]:
    """The errors that api.md names for a method."""
    found = set(ALWAYS)
    if "{" in path:
        found |= {"404"}
    if method != "get":
        found |= {"409", "413", "415"}
        found |= {"412", "428"} if "{" in path else set()
    return found | ({"422"} if method == "post" else set())


def test_operation_ids_are_good_names(openapi: Document) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(openapi)]

    assert len(set(ids)) == len(ids)
    assert {each for each in ids if each.startswith("orders_")} == {
        *("orders_list", "orders_create", "orders_retrieve", "orders_update"),
        *("orders_partial_update", "orders_destroy", "orders_cancel"),
        *("orders_by_customer", "orders_customer"),
    }


def test_every_error_is_a_problem(openapi: Document) -> None:
    for _, _, operation in operations(openapi):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                content = answer["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert content["example"]["status"] == int(status)


def examples(openapi: Document) -> Iterator[tuple[str, Any, Any]]:
    """Where each example stands, its schema and its value."""
    for _, _, operation in operations(openapi):
        body = operation.get("requestBody", {"content": {}})
        for answer in (body, *operation["responses"].values()):
            for content in answer.get("content", {}).values():
                for each in content.get("examples", {}).values():
                    yield operation["operationId"], content["schema"], each["value"]
                if "example" in content:
                    yield operation["operationId"], content["schema"], content["example"]


def test_every_example_fits(openapi: Document) -> None:
    checked = 0
    for name, schema, value in examples(openapi):
        validator = Draft202012Validator(whole_members(rooted(schema)), registry=registry())
        assert [(name, error.message) for error in validator.iter_errors(value)] == []
        checked += 1

    assert checked > 100


def test_savannahs_order_is_an_example(openapi: Document, savannah_order: Document) -> None:
    body = openapi["paths"]["/orders/"]["post"]["requestBody"]["content"]

    assert set(body) == {
        *("application/json", "application/x-www-form-urlencoded", "multipart/form-data"),
    }
    assert body["application/json"]["examples"]["Free-text"]["value"] == savannah_order


def test_says_which_customers_come_with_which_status(openapi: Document) -> None:
    answers = openapi["paths"]["/customers/"]["post"]["responses"]

    assert {status for status in answers if int(status) < 300} == {"200", "201"}


def test_leads_from_what_is_made_to_what_can_be_done(openapi: Document) -> None:
    links = openapi["paths"]["/customers/"]["post"]["responses"]["201"]["links"]

    assert {name: link["parameters"] for name, link in links.items()} == {
        **{
            f"customers_{action}": {"id": "$response.body#/id"}
            for action in (
                *("retrieve", "update", "partial_update", "destroy"),
                *("merge", "export", "erase"),
            )
        },
        "orders_customer": {"customer_id": "$response.body#/id"},
        "orders_by_customer": {"customer_code": "$response.body#/code"},
    }


def test_shows_contributed_members_exactly(openapi: Document) -> None:
    order = openapi["components"]["schemas"]["Order"]

    values = ["queued", "sent", "delivered", "undelivered", "failed", "unknown", "skipped"]
    assert order["properties"]["sms_status"]["oneOf"] == [
        {"type": "string", "enum": values},
        {"type": "null"},
    ]
    assert order["properties"]["sms_sent"]["type"] == "boolean"
    assert set(order["required"]) == set(order["properties"])


def test_names_orderings_filters_and_fields(openapi: Document) -> None:
    listing = {
        each["name"]: each["schema"] for each in openapi["paths"]["/items/"]["get"]["parameters"]
    }

    assert listing["ordering"]["enum"] == [
        *("created_at", "-created_at", "name", "-name", "price", "-price"),
    ]
    assert listing["size"]["enum"] == ["S", "M", "L", "XL", "XXL"]
    assert listing["fields"]["items"]["enum"] == [
        *("id", "uuid", "name", "size", "price", "currency", "created_at", "updated_at"),
    ]
    assert set(listing) == {
        *("limit", "cursor", "ordering", "count", "fields", "X-Request-ID"),
        *("created_after", "created_before", "size", "search"),
    }


def test_a_document_of_another_host_is_the_same(db: None) -> None:
    first = Client().get("/swagger.json", headers={"host": "one.example"}).content
    other = Client().get("/swagger.json", headers={"host": "two.example"}).content

    assert first == other
    assert "host" not in json.loads(first)
