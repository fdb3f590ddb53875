"""It lists customers, newest first, a page at a time."""

from base64 import b64encode
from typing import Any

import pytest
from pytest_django.fixtures import DjangoAssertNumQueries
from requests.utils import parse_header_links
from rest_framework.test import APIClient

from access.cache import forget_all
from common.tests.problems import wrong_fields
from customers.models import Customer

URL = "/v1/customers/"


@pytest.fixture
def twenty_five(db: None) -> list[str]:
    """The codes of 25 customers, newest first."""
    codes = [f"CUST{number:03}" for number in range(25)]
    Customer.objects.bulk_create(Customer(code=code, name="Acme") for code in codes)
    return codes[::-1]


def links(response: Any) -> dict[str, str]:
    """The addresses in a Link header (RFC 8288), by relation."""
    return {link["rel"]: link["url"] for link in parse_header_links(response.get("Link", ""))}


def codes(response: Any) -> list[str]:
    return [customer["code"] for customer in response.json()]


def test_answers_an_empty_array(partner: APIClient) -> None:
    response = partner.get(URL)

    assert (response.status_code, response.json()) == (200, [])
    assert "Link" not in response


def test_lists_the_newest_first(partner: APIClient, twenty_five: list[str]) -> None:
    response = partner.get(URL)

    assert codes(response) == twenty_five
    assert "Link" not in response


def test_lists_what_a_detail_shows(partner: APIClient, john: Customer) -> None:
    assert partner.get(URL).json() == [partner.get(f"{URL}{john.pk}/").json()]


def test_walks_there_and_back(partner: APIClient, twenty_five: list[str]) -> None:
    first = partner.get(f"{URL}?limit=10")
    second = partner.get(links(first)["next"])
    third = partner.get(links(second)["next"])
    second_again = partner.get(links(third)["prev"])
    first_again = partner.get(links(second_again)["prev"])

    assert [len(codes(page)) for page in (first, second, third)] == [10, 10, 5]
    assert codes(first) + codes(second) + codes(third) == twenty_five
    assert codes(second_again) == codes(second)
    assert codes(first_again) == codes(first)
    assert [set(links(page)) for page in (first, second, third, second_again, first_again)] == [
        {"next"},
        {"next", "prev"},
        {"prev"},
        {"next", "prev"},
        {"next"},
    ]


def test_ends_where_the_rows_end(partner: APIClient, twenty_five: list[str]) -> None:
    assert "Link" not in partner.get(f"{URL}?limit=25")
    assert set(links(partner.get(f"{URL}?limit=24"))) == {"next"}


def test_meets_each_row_once_while_rows_come_and_go(
    partner: APIClient, twenty_five: list[str]
) -> None:
    first = partner.get(f"{URL}?limit=10")
    Customer.objects.create(code="NEW", name="Acme")
    Customer.objects.filter(code__in=[codes(first)[-1], twenty_five[10]]).delete()
    second = partner.get(links(first)["next"])

    assert codes(second) == twenty_five[11:21]


@pytest.mark.parametrize("limit", [1, 25, 1000])
def test_takes_a_limit(partner: APIClient, twenty_five: list[str], limit: int) -> None:
    assert codes(partner.get(f"{URL}?limit={limit}")) == twenty_five[:limit]


def test_gives_a_hundred_without_a_limit(partner: APIClient) -> None:
    Customer.objects.bulk_create(Customer(name="Acme") for _ in range(101))

    response = partner.get(URL)

    assert len(response.json()) == 100
    assert len(partner.get(links(response)["next"]).json()) == 1


@pytest.mark.parametrize(
    "limit",
    # The eighth is ARABIC-INDIC DIGIT ONE.
    ["0", "1001", "abc", "-1", "", "1.5", "+1", "%D9%A1", "%00", "1e2", "9" * 1000, "9" * 5000],
    ids=lambda limit: limit[:8],
)
def test_refuses_a_limit(partner: APIClient, limit: str) -> None:
    assert wrong_fields(partner.get(f"{URL}?limit={limit}")) == {"limit": "invalid"}


def token(text: str) -> str:
    """A cursor that says `text`."""
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    ["x", "%C3%A4", token("p=x"), token("p=%00"), token("o=-1"), token("o=x"), token("p=")],
)
def test_refuses_a_cursor(partner: APIClient, john: Customer, cursor: str) -> None:
    assert wrong_fields(partner.get(f"{URL}?cursor={cursor}")) == {"cursor": "invalid"}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("nmae=x", ["nmae"]),
        ("customer_code=CUST001", ["customer_code"]),
        ("page=2&offset=3&limit=5", ["offset", "page"]),
    ],
)
def test_refuses_a_parameter(
    partner: APIClient, john: Customer, query: str, names: list[str]
) -> None:
    assert wrong_fields(partner.get(f"{URL}?{query}")) == dict.fromkeys(names, "unknown")


@pytest.mark.parametrize("rows", [1, 50])
def test_costs_one_statement(
    partner: APIClient, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    Customer.objects.bulk_create(Customer(name="Acme") for _ in range(rows))

    with django_assert_num_queries(2):  # One of them for the credential, then remembered.
        assert len(partner.get(URL).json()) == rows
    with django_assert_num_queries(1):
        assert len(partner.get(URL).json()) == rows


def test_costs_one_statement_for_one_customer(
    partner: APIClient, john: Customer, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    partner.get(URL)

    with django_assert_num_queries(1):
        partner.get(f"{URL}{john.pk}/")
    forget_all()
    with django_assert_num_queries(2):
        partner.get(f"{URL}{john.pk}/")
