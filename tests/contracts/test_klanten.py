"""Klanten's document, call by call, as its Python does: forms, an API key, `requests`."""

from importlib import import_module
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests
from django.apps import apps
from django.db import connection
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from access.models import User

# What the documents' own members are; more may come with them.
DOMAIN = "ahmed.jazzar.com"


class Klanten:
    """A script as in the document: its paths, with the slash where it has one."""

    def __init__(self, base: str, token: str) -> None:
        self.base = base
        self.headers = {"Authorization": f"Api-Key {token}"}

    def post(self, path: str, data: dict[str, str]) -> requests.Response:
        return requests.post(
            self.base + path, data=data, headers=self.headers, timeout=10, allow_redirects=False
        )

    def get(self, path: str, data: dict[str, str] | None = None) -> requests.Response:
        return requests.get(
            self.base + path, data=data, headers=self.headers, timeout=10, allow_redirects=False
        )

    def create_customer(self) -> str:
        answer = self.post("/v1/customers/", {"domain": DOMAIN})
        assert answer.status_code == 201
        uuid: str = answer.json()["uuid"]
        return uuid

    def map(self, customer: str, app: str, customer_app_id: str) -> requests.Response:
        data = {"customer_app_id": customer_app_id, "customer": customer, "app": app}
        return self.post("/v1/mappings/", data)


@pytest.fixture
def supported(transactional_db: None) -> None:
    """The applications of the first migration, which a test with a live server empties."""
    migration = import_module("mappings.migrations.0002_supported_applications")
    with connection.schema_editor() as editor:
        migration.add(apps, editor)


@pytest.fixture
def klanten(live_server: LiveServer, supported: None, key: str) -> Klanten:
    return Klanten(live_server.url, key)


def members(answer: Any, *names: str) -> dict[str, Any]:
    return {name: answer[name] for name in names}


def test_an_api_key_is_made_in_the_admin_and_works(
    client: Client, admin: User, live_server: LiveServer, supported: None
) -> None:
    client.force_login(admin)
    form = {"name": "My application", "scopes": "read write", "rate_class": "standard"}
    page = client.post("/admin/access/apikey/add/", form, follow=True).content.decode()
    token = page.partition("The API key for My application is: ")[2].split()[0]
    token = token.removesuffix(".")

    assert Klanten(live_server.url, token).create_customer()


def test_without_a_usable_key_nothing_is_granted(klanten: Klanten, key: str) -> None:
    prefix = key.partition(".")[0]
    for credential in ("", "Api-Key", f"Api-Key {prefix}.{'x' * 32}", f"Token {key}"):
        klanten.headers = {"Authorization": credential}
        assert klanten.get("/v1/query/amc/jazzar").status_code == 401
        assert klanten.post("/v1/customers/", {"domain": DOMAIN}).status_code == 401


def test_creates_a_customer_record_once(klanten: Klanten) -> None:
    first = klanten.post("/v1/customers/", {"domain": DOMAIN})
    second = klanten.post("/v1/customers/", {"domain": DOMAIN})

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["domain"] == DOMAIN
    assert str(UUID(first.json()["uuid"])) == first.json()["uuid"]
    assert second.json() == first.json()


def test_creates_a_customer_mapping_once(klanten: Klanten) -> None:
    uuid = klanten.create_customer()
    first = klanten.map(uuid, "amc", "username")
    second = klanten.map(uuid, "amc", "username")

    assert (first.status_code, second.status_code) == (201, 200)
    expected = {"customer": uuid, "customer_app_id": "username", "app": "amc"}
    assert members(first.json(), *expected) == expected
    assert second.json() == first.json()


def test_prevents_a_second_mapping_in_the_same_app(klanten: Klanten) -> None:
    uuid = klanten.create_customer()
    other = klanten.post("/v1/customers/", {"domain": "other.example"}).json()["uuid"]
    assert klanten.map(uuid, "amc", "username").status_code == 201

    assert klanten.map(uuid, "amc", "another").status_code == 409
    assert klanten.map(other, "amc", "username").status_code == 409
    assert klanten.map(uuid, "edx", "username").status_code == 201
    assert len(klanten.get("/v1/mappings/", {"customer": uuid}).json()) == 2
    assert klanten.get("/v1/mappings/", {"customer": other}).json() == []


def test_names_the_supported_applications(klanten: Klanten) -> None:
    answer = klanten.map(klanten.create_customer(), "moodle", "username")

    assert answer.status_code == 400
    assert "amc, edx" in answer.json()["detail"]


def test_gets_a_customers_uuid(klanten: Klanten) -> None:
    uuid = klanten.create_customer()
    klanten.map(uuid, "edx", "jazzar")

    answer = klanten.get("/v1/query/edx/jazzar")

    assert answer.status_code == 200
    assert members(answer.json(), "domain", "uuid") == {"domain": DOMAIN, "uuid": uuid}
    assert klanten.get("/v1/query/amc/jazzar").status_code == 404
    assert klanten.get("/v1/query/moodle/jazzar").status_code == 404


def test_gets_a_customers_mappings_by_a_form_in_the_body(klanten: Klanten) -> None:
    uuid = klanten.create_customer()
    other = klanten.post("/v1/customers/", {"domain": "other.example"}).json()["uuid"]
    klanten.map(uuid, "amc", "1234")
    klanten.map(uuid, "edx", "ajazzar")
    klanten.map(other, "edx", "other")

    answers = [
        klanten.get("/v1/mappings/", {"customer": uuid}),
        klanten.get(f"/v1/mappings/?customer={uuid}"),
    ]

    for answer in answers:
        assert answer.status_code == 200
        found = sorted((members(row, "app", "domain", "app_id") for row in answer.json()), key=str)
        assert found == [
            {"app": "amc", "domain": DOMAIN, "app_id": "1234"},
            {"app": "edx", "domain": DOMAIN, "app_id": "ajazzar"},
        ]
    assert klanten.get("/v1/mappings/", {"customer": str(uuid4())}).json() == []
