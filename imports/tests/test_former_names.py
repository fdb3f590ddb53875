"""It goes on knowing customers who were merged, and leaves alone who was erased."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from customers.models import Customer
from imports.tests.uploads import counts, imported, report
from mappings.models import Mapping


@pytest.fixture
def survivor(partner: APIClient, john: Customer) -> Customer:
    """Jane, into whom John (CUST001, doe.example) was merged."""
    Customer.objects.filter(pk=john.pk).update(domain="doe.example")
    jane = Customer.objects.create(code="CUST002", name="Jane Doe", domain="jane.example")
    merged = partner.post(f"/v1/customers/{john.pk}/merge", {"into": str(jane.pk)})
    assert merged.status_code == 200
    return jane


@pytest.mark.parametrize("named", ["id,{john.pk}", "code,CUST001", "domain,Doe.Example"])
def test_changes_the_survivor(
    partner: APIClient, john: Customer, survivor: Customer, named: str
) -> None:
    name, _, value = named.format(john=john).partition(",")
    shown = imported(partner, f"{name},phone_number\n{value},0712000111\n")

    survivor.refresh_from_db()
    assert counts(shown) == {"rows": 1, "updated": 1}
    assert (survivor.phone_number, survivor.code) == ("+254712000111", "CUST002")
    assert (survivor.domain, Customer.objects.count()) == ("jane.example", 1)


def test_changes_the_survivor_by_either_name(partner: APIClient, survivor: Customer) -> None:
    rows = "code,first_name,last_name\nCUST001,Janet,\nCUST002,,Roe\nCUST001,Janet,\n"
    shown = imported(partner, rows)

    survivor.refresh_from_db()
    assert counts(shown) == {"rows": 3, "updated": 2, "unchanged": 1}
    assert (survivor.first_name, survivor.last_name) == ("Janet", "Roe")


def test_knows_who_is_named_twice_by_different_names(
    partner: APIClient, survivor: Customer
) -> None:
    shown = imported(partner, "code,first_name\nCUST001,Jane\nCUST002,Janet\n")

    survivor.refresh_from_db()
    assert counts(shown) == {"rows": 2, "refused": 2}
    says = "Lines 2 and 3 of the file contradict each other here."
    assert report(partner, shown) == [
        (line, "first_name", "contradiction", says) for line in (2, 3)
    ]
    assert survivor.first_name == ""


def test_gives_a_former_name_to_nobody(partner: APIClient, survivor: Customer) -> None:
    shown = imported(partner, "code,domain\nCUST003,doe.example\n")

    problems = [(line, field, code) for line, field, code, _ in report(partner, shown)]
    assert problems == [(2, "domain", "unique")]
    assert Customer.objects.count() == 1


@pytest.mark.parametrize(
    "named", ["customer,{john.pk}", "customer_code,CUST001", "domain,doe.example"]
)
def test_maps_the_survivor(
    partner: APIClient, john: Customer, survivor: Customer, named: str
) -> None:
    name, _, value = named.format(john=john).partition(",")
    shown = imported(partner, f"{name},app,customer_app_id\n{value},amc,jdoe\n", "mappings")

    assert counts(shown) == {"rows": 1, "created": 1}
    assert Mapping.objects.get().customer == survivor


def test_orders_for_the_survivor(partner: APIClient, survivor: Customer) -> None:
    shown = imported(partner, "customer_code,item,amount\nCUST001,Pen,5\n", "orders")

    assert counts(shown) == {"rows": 1, "created": 1}
    assert survivor.orders.count() == 1


@pytest.mark.parametrize(
    ("resource", "content", "problem"),
    [
        ("customers", "code,name\nCUST001,John\n", (2, "", "erased")),
        (
            "mappings",
            "customer_code,app,customer_app_id\nCUST001,amc,x\n",
            (2, "customer_code", "not_found"),
        ),
        ("orders", "customer_code,item,amount\nCUST001,Pen,5\n", (2, "", "erased")),
    ],
)
def test_refuses_what_is_about_somebody_erased(
    john: Customer, key: str, resource: str, content: str, problem: tuple[Any, ...]
) -> None:
    from tests.cast import key_in_use  # noqa: PLC0415 - a key of its own

    eraser = APIClient(
        HTTP_AUTHORIZATION="Api-Key "
        + key_in_use(name="Eraser", scopes="read write customers:erase")
    )
    assert eraser.post(f"/v1/customers/{john.pk}/erase").status_code == 200

    shown = imported(eraser, content, resource)

    assert [each[:3] for each in report(eraser, shown)] == [problem]
    john.refresh_from_db()
    assert (john.name, john.orders.count()) == ("Erased customer", 0)
