"""It exports everything that is held about a customer, in a fixed number of statements."""

from typing import Any

import pytest
from pytest_django.fixtures import DjangoAssertNumQueries
from rest_framework.test import APIClient

from access.models import User
from common.tests.problems import UNKNOWN_ID, problem
from customers.merging import merge_customers
from customers.models import Customer
from mappings.services import map_customer
from tests.cast import key_in_use

URL, ORDERS = "/v1/customers/", "/v1/orders/"


@pytest.fixture
def exporter(db: None) -> APIClient:
    """A machine that may do nothing else."""
    key = key_in_use(name="Export", scopes="customers:export")
    return APIClient(HTTP_AUTHORIZATION=f"Api-Key {key}")


def place(partner: APIClient, code: str = "CUST001") -> Any:
    body = {"customer_code": code, "item": "Laptop", "amount": "5.00"}
    return partner.post(ORDERS, body).json()


def test_holds_what_each_resource_shows(
    partner: APIClient, exporter: APIClient, john: Customer
) -> None:
    john.user = User.objects.create_user("john", "john@doe.example")
    john.user.external_identities.create(issuer="https://issuer.example", subject="j")
    john.save()
    other = Customer.objects.create(code="CUST002", name="Other")
    merged = Customer.objects.create(code="CUST003", name="Johnny")
    place(partner)
    place(partner, "CUST002")
    place(partner, "CUST003")
    map_customer(customer=john.pk, app="amc", customer_app_id="john")
    map_customer(customer=other.pk, app="amc", customer_app_id="other")
    merge_customers(merged.pk, into=john.pk, by="user:1")

    response = exporter.get(f"{URL}{john.pk}/export/")

    assert response.status_code == 200
    answer = response.json()
    assert set(answer) == {
        *("exported_at", "customer", "login", "merges", "mappings", "orders", "notifications"),
        *("former_phones", "delivery_reports", "decisions", "incoming_messages", "opt_outs"),
        *("consents", "tokens", "logins", "failed_logins", "login_attempts", "history"),
        *("imports", "import_problems"),
    }
    assert answer["customer"] == partner.get(f"{URL}{john.pk}/").json()
    for name in ("orders", "notifications", "mappings"):
        listed = partner.get(f"/v1/{name}/?customer={john.pk}").json()
        assert answer[name] == listed[::-1]
    assert [len(answer[name]) for name in ("orders", "notifications", "mappings")] == [2, 2, 1]
    assert answer["login"]["username"] == "john"
    assert answer["login"]["email"] == "john@doe.example"
    assert answer["login"]["external_identities"] == [
        {"issuer": "https://issuer.example", "subject": "j"}
    ]
    (merge,) = answer["merges"]
    assert (merge["merged_id"], merge["code"]) == (str(merged.pk), "CUST003")
    assert merge["snapshot"]["merged"]["name"] == "Johnny"


@pytest.mark.parametrize("orders", [1, 5])
def test_costs_the_same_however_much_there_is(
    partner: APIClient,
    exporter: APIClient,
    john: Customer,
    django_assert_num_queries: DjangoAssertNumQueries,
    orders: int,
) -> None:
    for _ in range(orders):
        place(partner)
    exporter.get(URL)

    with django_assert_num_queries(27):
        answer = exporter.get(f"{URL}{john.pk}/export/")
    assert len(answer.json()["orders"]) == orders


def test_is_found_by_an_old_id(exporter: APIClient, john: Customer) -> None:
    old = Customer.objects.create(name="Old")
    old_id = old.pk
    merge_customers(old_id, into=john.pk, by="user:1")

    customer = exporter.get(f"{URL}{old_id}/export/").json()["customer"]

    assert (customer["id"], customer["merged_from"]) == (str(john.pk), str(old_id))


def test_shows_the_wanted_members(exporter: APIClient, john: Customer) -> None:
    assert exporter.get(f"{URL}{john.pk}/export/?fields=orders,login").json() == {
        "orders": [],
        "login": None,
    }
    assert exporter.get(f"{URL}{john.pk}/export/?fields=secrets").status_code == 400


def test_read_does_not_cover_it(partner: APIClient, reader: APIClient, john: Customer) -> None:
    for client in (partner, reader):
        answer = problem(client.get(f"{URL}{john.pk}/export/"), 403)
        assert answer["detail"] == "The credential lacks the scope customers:export."


def test_knows_no_unknown_customer(exporter: APIClient) -> None:
    assert exporter.get(f"{URL}{UNKNOWN_ID}/export/").status_code == 404
