"""It lists orders, newest first; all of them, or one customer's. Each costs what it must."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import DjangoAssertNumQueries
from rest_framework.test import APIClient

from access.cache import forget_all
from common.tests.problems import UNKNOWN_ID, problem, wrong_fields
from customers.models import Customer
from items.models import Item
from orders.pricing import WantedLine
from orders.services import place_order

URL = "/v1/orders/"


@pytest.fixture
def jane(db: None) -> Customer:
    """Another customer."""
    return Customer.objects.create(code="CUST002", name="Jane Doe")


@pytest.fixture
def johns(partner: APIClient, john: Customer, jane: Customer) -> list[dict[str, Any]]:
    """John's three orders, newest first; one of Jane's is between them."""
    made = [
        partner.post(URL, {"customer_code": code, "item": item, "amount": 5}).json()
        for code, item in [("CUST001", "a"), ("CUST001", "b"), ("CUST002", "c"), ("CUST001", "d")]
    ]
    return [order for order in made[::-1] if order["customer_code"] == "CUST001"]


def of_john(path: str, john: Customer) -> str:
    return f"{URL}{path.format(john=john.pk)}"


OF_JOHN = pytest.mark.parametrize(
    "path",
    [
        "?customer_code=CUST001",
        "by-customer/?customer_code=CUST001",
        "by-customer?customer_code=CUST001",
        "customer/{john}/",
        "customer/{john}",
    ],
)


def test_lists_the_newest_first(partner: APIClient, johns: list[dict[str, Any]]) -> None:
    assert [order["item"] for order in partner.get(URL).json()] == ["d", "c", "b", "a"]


@OF_JOHN
def test_lists_one_customers(
    partner: APIClient, john: Customer, johns: list[dict[str, Any]], path: str
) -> None:
    response = partner.get(of_john(path, john))

    assert (response.status_code, response.json()) == (200, johns)


@OF_JOHN
def test_lists_one_customers_a_page_at_a_time(
    partner: APIClient, john: Customer, johns: list[dict[str, Any]], path: str
) -> None:
    url = of_john(path, john)

    first = partner.get(f"{url}{'&' if '?' in url else '?'}limit=2")
    second = partner.get(first["Link"].partition("<")[2].partition(">")[0])

    assert first.json() + second.json() == johns
    assert 'rel="next"' not in second["Link"]


@OF_JOHN
def test_answers_an_empty_array(partner: APIClient, john: Customer, path: str) -> None:
    response = partner.get(of_john(path, john))

    assert (response.status_code, response.json()) == (200, [])


def test_filters_by_a_code_of_nobody(partner: APIClient, johns: list[dict[str, Any]]) -> None:
    assert partner.get(f"{URL}?customer_code=CUST003").json() == []


@pytest.mark.parametrize(
    "path",
    [
        "by-customer/?customer_code=CUST003",
        "by-customer/?customer_code=cust001",
        f"customer/{UNKNOWN_ID}/",
        "customer/CUST001/",
        "customer/0/",
    ],
)
def test_knows_no_such_customer(partner: APIClient, johns: list[dict[str, Any]], path: str) -> None:
    body = problem(partner.get(f"{URL}{path}"), 404)

    assert body["detail"] == body["error"] == "Customer not found"


@pytest.mark.parametrize("query", ["", "?customer_code=", "?limit=5"])
def test_needs_the_code(partner: APIClient, johns: list[dict[str, Any]], query: str) -> None:
    response = partner.get(f"{URL}by-customer/{query}")

    assert wrong_fields(response) == {"customer_code": "required"}
    assert response.json()["error"] == "Missing required field: customer_code"


@pytest.mark.parametrize("path", ["", "by-customer/", "customer/{john}/"])
@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("customer_cod=CUST001", "customer_cod"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
        (f"customer_code={'x' * 51}", "customer_code"),
        ("customer_code=%00", "customer_code"),
    ],
)
def test_refuses_a_parameter(
    partner: APIClient, john: Customer, path: str, query: str, wrong: str
) -> None:
    code = "" if query.startswith("customer_code") else "customer_code=CUST001&"

    assert set(wrong_fields(partner.get(f"{of_john(path, john)}?{code}{query}"))) == {wrong}


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ["by-customer/", "customer/{john}/"])
def test_is_read_only_by_customer(
    partner: APIClient, john: Customer, johns: list[Any], path: str, method: str
) -> None:
    problem(getattr(partner, method)(of_john(path, john)), 405)

    assert len(partner.get(URL).json()) == 4


CHEAP = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")


@pytest.mark.parametrize(
    ("body", "statements"),
    [
        # The customer; the order, its message, its lines.
        ({"customer_code": "CUST001", "item": "Laptop", "amount": 5}, 4),
        # And the items, all at once.
        ({"customer": "{john}", "item": "{shirt}", "quantity": 3}, 5),
        (
            {
                "customer": "{john}",
                "lines": [{"item": "{shirt}", "quantity": 3}] * 3
                + [{"description": "Pen", "quantity": 1, "unit_price": 5}] * 97,
            },
            5,
        ),
    ],
    ids=["free text", "item", "lines"],
)
def test_costs_few_statements_to_place(
    partner: APIClient, john: Customer, shirt: Item, body: dict[str, Any], statements: int
) -> None:
    members = repr(body).replace("{john}", str(john.pk)).replace("{shirt}", str(shirt.pk))
    wanted = members.replace("'", '"')

    counts = []
    for _ in range(2):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            response = partner.post(URL, wanted, content_type="application/json")
        assert response.status_code == 201
        counts.append(
            sum(not query["sql"].startswith(CHEAP) for query in captured.captured_queries)
        )

    # The first time the credential is looked up; then it is remembered.
    assert counts == [statements + 1, statements]


def place_many(customer: Customer, shirt: Item, orders: int) -> None:
    """Makes orders of three lines each."""
    pen = WantedLine(quantity=1, description="Pen", unit_price=shirt.price)
    for _ in range(orders):
        place_order(customer=customer.pk, lines=[WantedLine(quantity=1, item=shirt.pk), pen, pen])


@OF_JOHN
@pytest.mark.parametrize("orders", [1, 50])
def test_costs_one_statement_to_list(
    partner: APIClient,
    john: Customer,
    shirt: Item,
    django_assert_num_queries: DjangoAssertNumQueries,
    *,
    orders: int,
    path: str,
) -> None:
    shirt.refresh_from_db()
    place_many(john, shirt, orders)

    for url in (URL, of_john(path, john)):
        forget_all()
        with django_assert_num_queries(2):  # One of them for the credential.
            listed = partner.get(url).json()
        with django_assert_num_queries(1):
            partner.get(url)
        assert len(listed) == orders
        assert all(len(order["lines"]) == 3 for order in listed)
        assert all(order["sms_status"] == "queued" for order in listed)


def test_costs_one_statement_to_show(
    partner: APIClient,
    john: Customer,
    shirt: Item,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    shirt.refresh_from_db()
    place_many(john, shirt, 1)
    url = f"{URL}{partner.get(URL).json()[0]['id']}"

    with django_assert_num_queries(1):
        assert len(partner.get(url).json()["lines"]) == 3
    forget_all()
    with django_assert_num_queries(2):
        partner.get(url)
