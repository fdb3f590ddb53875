"""It changes the members that are given, and no others."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from common.tests.problems import UNKNOWN_ID, problem, wrong_fields
from customers.models import Customer

MEMBERS = ("code", "name", "first_name", "last_name", "phone_number", "domain", "document")


@pytest.fixture
def doe(db: None) -> Customer:
    """A customer of whom everything is known."""
    return Customer.objects.create(
        code="CUST002",
        name="Jane Doe",
        first_name="Jane",
        last_name="Doe",
        phone_number="+254722000111",
        domain="doe.example",
        document="52998224725",
    )


def stored(customer: Customer) -> dict[str, Any]:
    """What the database says of `customer`."""
    row: dict[str, Any] = Customer.objects.values(*MEMBERS).get(pk=customer.pk)
    return row


def url_of(customer: Customer) -> str:
    return f"/v1/customers/{customer.pk}/"


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"code": "CUST003"},
        {"name": "Doe Ltd"},
        {"phone_number": "+254733000222"},
        {"phone_number": ""},
        {"domain": "other.example"},
        {"domain": None},
        {"document": None},
        {"first_name": "Janet", "name": "Janet Doe"},
        {"code": "CUST001_UPDATED", "name": "Doe Updated", "phone_number": "+254712345679"},
        {"name": "", "document": None},
    ],
)
def test_changes_what_is_given(
    partner: APIClient, doe: Customer, method: str, changes: dict[str, Any]
) -> None:
    before = stored(doe)

    response = getattr(partner, method)(url_of(doe), changes)

    assert response.status_code == 200
    assert stored(doe) == before | changes
    assert response.json() == partner.get(url_of(doe)).json()
    assert {name: response.json()[name] for name in MEMBERS} == before | changes


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"first_name": "Janet"}, "Janet Doe"),
        ({"last_name": ""}, "Jane"),
        ({"first_name": "", "last_name": "Roe"}, "Roe"),
        ({"first_name": "", "last_name": ""}, ""),
    ],
)
def test_composes_the_name_anew(
    partner: APIClient, doe: Customer, changes: dict[str, str], name: str
) -> None:
    assert partner.patch(url_of(doe), changes).json()["name"] == name
    assert stored(doe)["name"] == name


def test_leaves_a_given_name(partner: APIClient, doe: Customer) -> None:
    partner.patch(url_of(doe), {"name": "Doe Ltd"})

    assert partner.patch(url_of(doe), {"first_name": "Janet"}).json()["name"] == "Doe Ltd"
    assert (stored(doe)["first_name"], stored(doe)["name"]) == ("Janet", "Doe Ltd")


def test_normalises_what_is_given(partner: APIClient, doe: Customer) -> None:
    changes = {
        "phone_number": "0712 345678",
        "domain": "KÖLN.example.",
        "document": "111.444.777-35",
    }

    partner.patch(url_of(doe), changes)

    assert stored(doe)["phone_number"] == "+254712345678"
    assert stored(doe)["domain"] == "xn--kln-sna.example"
    assert stored(doe)["document"] == "11144477735"


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize(
    "changes",
    [
        {"name": "", "domain": None, "document": None},
        {"name": "", "domain": "", "document": ""},
        {"first_name": "", "last_name": "", "domain": None, "document": None},
    ],
)
def test_keeps_an_identity(
    partner: APIClient, doe: Customer, method: str, changes: dict[str, Any]
) -> None:
    before = stored(doe)

    response = getattr(partner, method)(url_of(doe), changes)

    assert wrong_fields(response) == dict.fromkeys(("name", "domain", "document"), "required")
    assert stored(doe) == before


@pytest.mark.parametrize("sort_keys", [False, True])
def test_takes_back_what_was_read(partner: APIClient, doe: Customer, sort_keys: bool) -> None:
    read = partner.get(url_of(doe)).json()

    response = partner.put(
        url_of(doe), json.dumps(read, sort_keys=sort_keys), content_type="application/json"
    )

    assert response.status_code == 200
    assert response.json() | {"updated_at": ""} == read | {"updated_at": ""}
    assert stored(doe) == {name: read[name] for name in MEMBERS}


def test_ignores_what_is_read_only(partner: APIClient, doe: Customer) -> None:
    before = partner.get(url_of(doe)).json()

    response = partner.patch(
        url_of(doe), {"id": UNKNOWN_ID, "uuid": UNKNOWN_ID, "created_at": "2020-01-01T00:00Z"}
    )

    assert response.json() | {"updated_at": ""} == before | {"updated_at": ""}


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"code": "", "domain": "..", "nmae": "x"}, {"code", "domain", "nmae"}),
        ({"name": None}, {"name"}),
        ({"phone_number": "x", "name": "Changed"}, {"phone_number"}),
    ],
)
def test_changes_nothing_when_something_is_wrong(
    partner: APIClient, doe: Customer, changes: dict[str, Any], fields: set[str]
) -> None:
    before = stored(doe)

    assert set(wrong_fields(partner.patch(url_of(doe), changes))) == fields
    assert stored(doe) == before


@pytest.mark.parametrize("field", ["code", "domain", "document"])
def test_refuses_what_another_customer_has(
    partner: APIClient, doe: Customer, john: Customer, field: str
) -> None:
    before = stored(john)

    response = partner.patch(url_of(john), {field: stored(doe)[field], "name": "Changed"})

    assert wrong_fields(response, 409) == {field: "unique"}
    assert stored(john) == before


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
@pytest.mark.parametrize("customer_id", [UNKNOWN_ID, "CUST002", "0", "%00", "null", "x" * 300])
def test_knows_no_such_customer(
    partner: APIClient, doe: Customer, method: str, customer_id: str
) -> None:
    before = stored(doe)

    response = getattr(partner, method)(f"/v1/customers/{customer_id}/")

    body = problem(response, 404)
    assert body["detail"] == body["error"] == "Customer not found"
    assert stored(doe) == before
