"""It finds the customers behind applications' ids: one statement, however many there are."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from common.tests.problems import problem, wrong_fields
from customers.models import Customer
from mappings.models import App, Mapping


@pytest.fixture
def hundred(db: None) -> list[Customer]:
    """A hundred customers with an id in each of two applications."""
    customers = Customer.objects.bulk_create(
        Customer(name=f"Customer {number}") for number in range(100)
    )
    for slug in ("amc", "edx"):
        there = App.objects.get(slug=slug)
        Mapping.objects.bulk_create(
            Mapping(customer=customer, app=there, customer_app_id=f"{slug}-{number}")
            for number, customer in enumerate(customers)
        )
    return customers


def pair(app: str, customer_app_id: str) -> dict[str, str]:
    return {"app": app, "customer_app_id": customer_app_id}


def test_finds_one_in_one_statement(reader: APIClient, hundred: list[Customer]) -> None:
    reader.get("/v1/apps/")
    with CaptureQueriesContext(connection) as captured:
        answer = reader.get("/v1/query/edx/edx-7")

    assert len(captured) == 1
    assert answer.json() == reader.get(f"/v1/customers/{hundred[7].pk}/").json()
    assert reader.get("/v1/query/edx/edx-7/").json() == answer.json()
    known = reader.get("/v1/query/edx/edx-7", HTTP_IF_NONE_MATCH=answer["ETag"])
    assert known.status_code == 304


@pytest.mark.parametrize("path", ["edx/amc-7", "amc/AMC-7", "moodle/amc-7", "amc/x%00y", "a%20/b"])
def test_knows_nobody_else(reader: APIClient, hundred: list[Customer], path: str) -> None:
    assert problem(reader.get(f"/v1/query/{path}"), 404)


def test_gives_the_members_that_were_asked_for(reader: APIClient, hundred: list[Customer]) -> None:
    answer = reader.get("/v1/query/edx/edx-7?fields=name,uuid")

    assert answer.json() == {"uuid": str(hundred[7].pk), "name": "Customer 7"}
    assert wrong_fields(reader.get("/v1/query/edx/edx-7?nmae=x")) == {"nmae": "unknown"}


@pytest.mark.parametrize("size", [1, 100])
def test_finds_many_in_one_statement(reader: APIClient, hundred: list[Customer], size: int) -> None:
    reader.get("/v1/apps/")
    pairs = [pair("amc", f"amc-{number}") for number in reversed(range(size))]
    with CaptureQueriesContext(connection) as captured:
        answer = reader.post("/v1/query/", pairs)

    asked = [each for each in captured if "SAVEPOINT" not in each["sql"]]
    assert len(asked) == 1
    assert [row["id"] for row in answer.json()] == [
        str(customer.pk) for customer in reversed(hundred[:size])
    ]


def test_answers_in_the_order_of_the_pairs(reader: APIClient, hundred: list[Customer]) -> None:
    pairs = [
        pair("edx", "edx-3"),
        pair("amc", "edx-3"),
        pair("amc", "amc-3"),
        pair("moodle", "amc-3"),
        pair("edx", "edx-1"),
        pair("edx", "edx-3"),
    ]

    answer = reader.post("/v1/query/", pairs).json()

    three, one = str(hundred[3].pk), str(hundred[1].pk)
    assert [row and row["id"] for row in answer] == [three, None, three, None, one, three]
    assert answer[0] == reader.get("/v1/query/edx/edx-3").json()


def test_finds_nothing_for_nothing(reader: APIClient) -> None:
    answer = reader.post("/v1/query/", [])

    assert (answer.status_code, answer.json()) == (200, [])


def test_takes_a_thousand_and_no_more(reader: APIClient, db: None) -> None:
    pairs = [pair("amc", str(number)) for number in range(1001)]

    assert reader.post("/v1/query/", pairs[:1000]).json() == [None] * 1000
    assert problem(reader.post("/v1/query/", pairs), 400)["errors"][0]["code"] == "max_length"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ([{"app": "amc"}], {"[0].customer_app_id": "required"}),
        (
            [pair("amc", "x"), {"app": 1, "customer_app_id": ""}],
            {"[1].app": "invalid", "[1].customer_app_id": "blank"},
        ),
        ([pair("amc", "x") | {"id": "1"}], {"[0].id": "unknown"}),
        ([pair("amc", "a\0b")], {"[0].customer_app_id": "null_characters_not_allowed"}),
        (["amc"], {"[0]": "invalid"}),
        ({"app": "amc"}, {"": "not_a_list"}),
    ],
)
def test_refuses(reader: APIClient, body: Any, wrong: dict[str, str]) -> None:
    assert wrong_fields(reader.post("/v1/query/", body)) == wrong


@pytest.mark.undocumented
def test_takes_json_alone(reader: APIClient) -> None:
    assert problem(reader.post("/v1/query/", {"app": "amc"}, format="multipart"), 415)
