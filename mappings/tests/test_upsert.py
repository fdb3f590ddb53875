"""It makes or changes a mapping and its customer by the application's id, in one transaction."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from common.tests.problems import UNKNOWN_ID, problem, wrong_fields
from customers.models import Customer
from mappings.models import Mapping
from mappings.services import map_customer

PAIR = "/v1/mappings/amc/jdoe/"


@pytest.fixture
def mapping(john: Customer) -> Mapping:
    return map_customer(customer=john.pk, app="amc", customer_app_id="jdoe")[0]


def test_maps_a_customer(partner: APIClient, john: Customer) -> None:
    first = partner.put(PAIR, {"customer": str(john.pk)})
    second = partner.put(PAIR, {"customer": str(john.pk)})

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    assert Mapping.objects.get().customer == john


def test_registers_a_customer_with_its_mapping(partner: APIClient) -> None:
    members = {"domain": "Acme.Example", "name": "Acme", "phone_number": "0712345678"}
    answer = partner.put(PAIR, members)

    customer = Customer.objects.get()
    assert answer.status_code == 201
    assert answer.json()["customer"] == str(customer.pk)
    assert answer.json()["domain"] == "acme.example"
    assert (customer.name, customer.phone_number) == ("Acme", "+254712345678")


def test_finds_a_known_domain(partner: APIClient) -> None:
    known = Customer.objects.create(domain="acme.example", name="Acme")

    answer = partner.put(PAIR, {"domain": "acme.example"})

    assert (answer.status_code, answer.json()["customer"]) == (201, str(known.pk))
    assert Customer.objects.count() == 1


def test_changes_the_customer_behind_the_id(partner: APIClient, mapping: Mapping) -> None:
    answer = partner.put(PAIR, {"name": "Johnny Doe", "domain": "doe.example"})

    mapping.customer.refresh_from_db()
    assert (answer.status_code, answer.json()["domain"]) == (200, "doe.example")
    assert (mapping.customer.name, mapping.customer.code) == ("Johnny Doe", "CUST001")


def test_leaves_all_as_it_is_without_members(partner: APIClient, mapping: Mapping) -> None:
    answer = partner.put(PAIR, {})

    assert (answer.status_code, answer.json()["id"]) == (200, str(mapping.pk))


def test_points_the_id_at_another_customer(partner: APIClient, mapping: Mapping) -> None:
    jane = Customer.objects.create(name="Jane Doe")

    answer = partner.put(PAIR, {"customer": str(jane.pk)})

    assert (answer.status_code, answer.json()["customer"]) == (200, str(jane.pk))
    assert Mapping.objects.get().customer == jane


def test_refuses_a_customer_with_another_id_there(partner: APIClient, mapping: Mapping) -> None:
    jane = Customer.objects.create(name="Jane Doe")
    map_customer(customer=jane.pk, app="amc", customer_app_id="jane")

    assert wrong_fields(partner.put(PAIR, {"customer": str(jane.pk)}), 409) == {
        "customer": "mapped"
    }
    assert wrong_fields(partner.put("/v1/mappings/amc/x", {"customer": str(jane.pk)}), 409) == {
        "customer": "mapped"
    }
    mapping.refresh_from_db()
    assert mapping.customer.code == "CUST001"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"customer": UNKNOWN_ID}, {"customer": "not_found"}),
        ({"customer": 1}, {"customer": "invalid"}),
        ({"phone_number": "x"}, {"phone_number": "phone"}),
        ({"nmae": "x"}, {"nmae": "unknown"}),
    ],
)
@pytest.mark.parametrize("path", [PAIR, "/v1/mappings/amc/new/"])
def test_refuses(
    partner: APIClient, mapping: Mapping, path: str, body: dict[str, Any], wrong: dict[str, str]
) -> None:
    assert wrong_fields(partner.put(path, body)) == wrong
    assert (Mapping.objects.count(), Customer.objects.count()) == (1, 1)


def test_refuses_a_customer_together_with_members(partner: APIClient, mapping: Mapping) -> None:
    body = {"customer": str(mapping.customer.pk), "name": "Jane"}

    assert wrong_fields(partner.put(PAIR, body)) == {"customer": "clash", "name": "clash"}


def test_needs_an_identity_for_somebody_new(partner: APIClient, db: None) -> None:
    assert set(wrong_fields(partner.put(PAIR, {"phone_number": "0712345678"}))) == {
        "name",
        "domain",
        "document",
    }
    assert not Customer.objects.exists()


def test_registers_nobody_for_an_unsupported_application(partner: APIClient) -> None:
    assert wrong_fields(partner.put("/v1/mappings/moodle/jdoe", {"name": "John"})) == {
        "app": "unsupported"
    }
    assert not Customer.objects.exists()


@pytest.mark.undocumented
def test_refuses_an_id_that_is_too_long(partner: APIClient) -> None:
    address = f"/v1/mappings/amc/{'x' * 256}/"

    assert wrong_fields(partner.put(address, {"name": "John"})) == {"customer_app_id": "max_length"}
    assert problem(partner.get(address), 404)
    assert not Customer.objects.exists()


def test_changes_what_was_read_alone(partner: APIClient, mapping: Mapping) -> None:
    read = partner.get(PAIR)
    partner.put(PAIR, {"customer": str(Customer.objects.create(name="Jane").pk)})

    stale = partner.put(PAIR, {"name": "Johnny"}, HTTP_IF_MATCH=read["ETag"])
    assert problem(stale, 412)["code"] == "precondition_failed"
    nothing = partner.put("/v1/mappings/amc/new", {"name": "Johnny"}, HTTP_IF_MATCH="*")
    assert problem(nothing, 412)["detail"] == "There is no such mapping."
    assert not Customer.objects.filter(name="Johnny").exists()


@pytest.mark.parametrize(("body", "statements"), [({"name": "Acme"}, 6), ({"domain": "a.io"}, 6)])
def test_registers_in_few_statements(
    partner: APIClient, body: dict[str, str], statements: int
) -> None:
    partner.get("/v1/apps/")
    with CaptureQueriesContext(connection) as captured:
        assert partner.put(PAIR, body).status_code == 201

    asked = [each for each in captured if "SAVEPOINT" not in each["sql"]]
    assert len(asked) == statements, [each["sql"] for each in asked]
