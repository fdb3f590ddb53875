"""It lists in a definite order, in pages that neither lose nor repeat a row, narrowed as asked."""

import json
from base64 import urlsafe_b64encode
from decimal import Decimal
from operator import attrgetter
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from requests.utils import parse_header_links
from rest_framework.test import APIClient

from common.models import BaseModel
from common.pagination import Cursor
from common.tests.lists import (
    CODE,
    DOCUMENTS,
    LISTS,
    NOBODY,
    VIEWSETS,
    customer,
    fill,
    filters_of,
    id_of,
    made_at,
    orderings_of,
)
from common.tests.problems import problem, wrong_fields
from customers.models import Customer
from items.models import Item

ROWS = 20
LIMIT = 3
EACH_LIST = pytest.mark.parametrize("name", LISTS)


@pytest.fixture
def rows(name: str, partner: APIClient) -> list[BaseModel]:
    """The rows of the list, in the order of their making."""
    return fill(name, ROWS)


@pytest.fixture
def ask(partner: APIClient, name: str, rows: list[BaseModel]) -> Any:
    """Asks for the list with some parameters."""
    if LISTS[name].make is customer:
        # One that every address can be made with, and that is not in the way of the others.
        return lambda query="": partner.get(f"/v1/customers/?{query}")
    return lambda query="": partner.get(LISTS[name].at(query))


def ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()]


def links(response: Any) -> dict[str, str]:
    """The addresses in a Link header (RFC 8288), by relation."""
    return {link["rel"]: link["url"] for link in parse_header_links(response.get("Link", ""))}


def in_order(rows: list[BaseModel], ordering: str) -> list[str]:
    """The ids of `rows` as they must come, ties in the order of the ids."""
    field = ordering.removeprefix("-")
    key = attrgetter("id") if field == "created_at" else attrgetter(field, "id")
    return [str(row.pk) for row in sorted(rows, key=key, reverse=ordering.startswith("-"))]


def test_every_list_is_looked_at() -> None:
    assert set(LISTS) == set(VIEWSETS)


ORDERINGS = pytest.mark.parametrize(
    ("name", "ordering"), [(name, ordering) for name in LISTS for ordering in orderings_of(name)]
)


@ORDERINGS
def test_orders_by_a_field_and_then_by_the_id(
    ask: Any, rows: list[BaseModel], ordering: str
) -> None:
    assert ids(ask(f"ordering={ordering}")) == in_order(rows, ordering)


@ORDERINGS
def test_walks_there_and_back(
    partner: APIClient, ask: Any, rows: list[BaseModel], ordering: str
) -> None:
    expected = in_order(rows, ordering)
    pages = [expected[start : start + LIMIT] for start in range(0, ROWS, LIMIT)]

    page = ask(f"ordering={ordering}&limit={LIMIT}")
    there = [ids(page)]
    while following := links(page).get("next"):
        page = partner.get(following)
        there.append(ids(page))
    assert there == pages

    back = [ids(page)]
    while following := links(page).get("prev"):
        page = partner.get(following)
        back.append(ids(page))
    assert back == pages[::-1]


@EACH_LIST
def test_lists_the_newest_first(ask: Any, rows: list[BaseModel]) -> None:
    assert ids(ask()) == in_order(rows, "-created_at")


@EACH_LIST
def test_keeps_its_pages_while_rows_come(
    name: str, partner: APIClient, ask: Any, rows: list[BaseModel]
) -> None:
    first = ask(f"limit={LIMIT}")
    LISTS[name].make(ROWS).save(force_insert=True)
    second = partner.get(links(first)["next"])

    expected = in_order(rows, "-created_at")
    assert ids(second) == expected[LIMIT : 2 * LIMIT]
    assert ids(partner.get(links(second)["prev"])) == expected[:LIMIT]


@EACH_LIST
@pytest.mark.parametrize(
    ("query", "total"),
    [("", None), ("count=false", None), ("count=true", "20"), ("count=true&limit=3", "20")],
)
def test_counts_when_asked(ask: Any, query: str, total: str | None) -> None:
    assert ask(query).headers.get("X-Total-Count") == total


@EACH_LIST
def test_counts_all_pages_from_each(partner: APIClient, ask: Any) -> None:
    first = ask(f"limit={LIMIT}&count=true")

    assert partner.get(links(first)["next"])["X-Total-Count"] == "20"


@EACH_LIST
@pytest.mark.parametrize("count", ["", "1", "True", "yes", "truee"])
def test_refuses_to_count_otherwise(ask: Any, count: str) -> None:
    assert wrong_fields(ask(f"count={count}")) == {"count": "invalid"}


@EACH_LIST
def test_gives_the_members_that_were_asked_for(partner: APIClient, ask: Any, name: str) -> None:
    whole = ask().json()
    for query, names in [
        ("fields=id", {"id"}),
        ("fields=created_at,id", {"id", "created_at"}),
        ("fields=updated_at,%20id", {"id", "updated_at"}),
        ("fields=created_at&fields=id", {"id", "created_at"}),
    ]:
        narrow = ask(f"{query}&limit=20").json()
        assert narrow == [{key: row[key] for key in row if key in names} for row in whole]


@pytest.mark.parametrize("name", ["customers", "items", "orders"])
def test_gives_the_members_of_one_that_were_asked_for(
    partner: APIClient, ask: Any, name: str
) -> None:
    row = ask("limit=1").json()[0]
    url = f"/v1/{name}/{row['id']}/"

    assert partner.get(f"{url}?fields=id,created_at").json() == {
        "id": row["id"],
        "created_at": row["created_at"],
    }
    assert wrong_fields(partner.get(f"{url}?fields=id,nmae")) == {"fields": "unknown"}
    assert wrong_fields(partner.get(f"{url}?limit=1")) == {"limit": "unknown"}


def crafted(*content: Any) -> str:
    """A cursor that we did not make."""
    return urlsafe_b64encode(json.dumps(content).encode()).decode()


@EACH_LIST
@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("nmae=x", {"nmae": "unknown"}),
        ("a=1&b=2", {"a": "unknown", "b": "unknown"}),
        ("ordering=nmae", {"ordering": "invalid"}),
        ("ordering=id", {"ordering": "invalid"}),
        ("ordering=", {"ordering": "invalid"}),
        ("ordering=--created_at", {"ordering": "invalid"}),
        ("limit=0", {"limit": "invalid"}),
        ("limit=1001", {"limit": "invalid"}),
        ("cursor=x", {"cursor": "invalid"}),
        (f"cursor={crafted('x', 'x', 0)}", {"cursor": "invalid"}),
        (f"cursor={crafted('x', NOBODY, 2)}", {"cursor": "invalid"}),
        (f"cursor={crafted(1, NOBODY, 0)}", {"cursor": "invalid"}),
        (f"cursor={'W1tb' * 3000}", {"cursor": "invalid"}),
        (f"cursor={'W1tb' * 2000}", {"cursor": "invalid"}),
        ("fields=nmae", {"fields": "unknown"}),
        ("fields=id,", {"fields": "unknown"}),
        ("fields=", {"fields": "unknown"}),
    ],
)
def test_refuses_a_parameter(ask: Any, query: str, wrong: dict[str, str]) -> None:
    assert wrong_fields(ask(query)) == wrong


@pytest.mark.parametrize(
    ("name", "ordering", "value"),
    [
        ("customers", "name", "a\0"),
        ("customers", "name", "\ud800"),
        ("customers", "name", "x" * 502),
        ("items", "price", "x"),
        ("items", "price", "NaN"),
        ("items", "price", "Infinity"),
        ("items", "price", "1E+999"),
        ("items", "price", "1.001"),
        ("orders", "order_time", ""),
        ("orders", "order_time", "2026-01-01"),
        ("orders", "order_time", "2026-01-01T00:00:00"),
        ("orders", "order_time", "2026-01-01T00:00:00+24:00"),
        ("orders", "order_time", "2026-13-01T00:00:00+00:00"),
    ],
)
def test_refuses_a_place_in_the_order_that_is_none(ask: Any, ordering: str, value: str) -> None:
    cursor = crafted(value, NOBODY, 0)

    assert wrong_fields(ask(f"ordering={ordering}&cursor={cursor}")) == {"cursor": "invalid"}


@pytest.mark.parametrize(
    ("ordering", "value"),
    [("order_time", "0001-01-01T00:00:00+00:00"), ("amount", "999999999999.99")],
)
@pytest.mark.parametrize("name", ["orders"])
def test_takes_a_place_at_the_end_of_the_world(ask: Any, ordering: str, value: str) -> None:
    cursor = Cursor(value, NOBODY)
    backwards = Cursor(value, NOBODY, backwards=True)

    queries = [f"ordering={ordering}&cursor={each.encode()}" for each in (cursor, backwards)]
    assert sorted(len(ids(ask(query))) for query in queries) == [0, ROWS]


# For each filter: a value, and the rows that it leaves; a value that leaves none; a bad one.
CREATED = [
    ("created_after={10}", range(11, ROWS)),
    ("created_after={19}", []),
    ("created_after=x", None),
    ("created_before={10}", range(10)),
    ("created_before={0}", []),
    ("created_before=2026-13-01T00:00:00Z", None),
    ("created_after={4}&created_before={6}", [5]),
]
ORDER = [
    *CREATED,
    ("customer={john}", range(ROWS)),
    (f"customer={NOBODY}", []),
    ("customer=x", None),
    (f"customer_code={CODE}", range(ROWS)),
    ("customer_code=CUST002", []),
    (f"customer_code={'x' * 51}", None),
    ("code=A00003", [3]),
    ("code=a00003", []),
    ("code=%00", None),
    ("status=ready", range(1, ROWS, 3)),
    ("status=cancelled", []),
    ("status=lost", None),
    ("ordered_after=2026-01-01T12:00:00.000003Z", range(12, ROWS)),
    ("ordered_after=2026-01-01T15:00:00.000005%2B03:00", [18, 19]),
    ("ordered_after=2027-01-01T00:00:00Z", []),
    ("ordered_after=yesterday", None),
    ("ordered_before=2026-01-01T12:00:00.000001Z", [0, 1, 2]),
    ("ordered_before=2026-01-01T12:00:00Z", []),
    ("ordered_before=", None),
    ("ordered_before=1", None),
    ("status=ready&ordered_after=2026-01-01T12:00:00.000003Z", [13, 16, 19]),
]
FILTERS: dict[str, list[tuple[str, Any]]] = {
    "customers": [
        *CREATED,
        ("code=C00003", [3]),
        ("code=c00003", []),
        (f"code={'x' * 51}", None),
        ("phone_number=%2B254700000001", [1, 8, 15]),
        ("phone_number=0700 000 001", [1, 8, 15]),
        ("phone_number=0700000009", []),
        ("phone_number=call%20me", None),
        ("domain=d3.example", [3]),
        ("domain=D3.Example", [3]),
        ("domain=d99.example", []),
        ("domain=not%20a%20domain", None),
        (f"document={DOCUMENTS[1]}", [1]),
        ("document=529.982.247-25", [0]),
        (f"document={DOCUMENTS[2]}", []),
        ("document=12345678900", None),
        ("search=abel", range(0, ROWS, 3)),
        ("search=B%20BAK", range(1, ROWS, 3)),
        ("search=a__b", []),
        ("search=a%25b", []),
        ("search=ab", None),
        (f"search={'x' * 101}", None),
        ("search=abel&code=C00003", [3]),
        ("search=abel&code=C00004", []),
    ],
    "apps": CREATED,
    "mappings": [
        *CREATED,
        ("customer={john}", [0]),
        (f"customer={NOBODY}", []),
        ("customer=x", None),
        ("customer=", None),
        ("app=amc", range(0, ROWS, 2)),
        ("app=AMC", []),
        (f"app={'x' * 51}", None),
        ("app=edx&customer={john}", []),
    ],
    "items": [
        *CREATED,
        ("size=M", range(1, ROWS, 3)),
        ("size=XXL", []),
        ("size=m", None),
        ("search=ABEL", range(0, ROWS, 3)),
        ("search=nothing", []),
        (f"search={'x' * 101}", None),
    ],
    "orders": ORDER,
    "orders/by-customer": [case for case in ORDER if "customer_code" not in case[0]]
    # What it is asked by is a filter as well, and given twice the last one holds.
    + [
        (f"customer_code={CODE}", range(ROWS)),
        (f"customer_code={CODE}&status=cancelled", []),
        (f"customer_code={'x' * 51}", None),
    ],
    "orders/customer/(?P<customer_id>[^/.]+)": ORDER,
    "notifications": [
        *CREATED,
        ("status=queued", range(0, ROWS, 3)),
        ("status=unknown", range(2, ROWS, 3)),
        ("status=failed", []),
        ("status=pending", None),
        (f"order={id_of(3)}", [3]),
        (f"order={NOBODY}", []),
        ("order=3", None),
        ("customer={john}", range(5)),
        (f"customer={NOBODY}", []),
        ("customer=CUST001", None),
        ("to=%2B254700000001", [1, 8, 15]),
        ("to=%2B254700000009", []),
        (f"to={'1' * 17}", None),
    ],
    "imports": CREATED,
}


@EACH_LIST
def test_every_filter_is_tried(name: str) -> None:
    """It has hits, no hits and a refusal for each."""
    for filter_ in filters_of(name):
        outcomes = {
            "refused" if expected is None else "hits" if expected else "none"
            for query, expected in FILTERS[name]
            if query.split("=")[0] == filter_
        }
        assert outcomes == {"refused", "hits", "none"}, filter_


@pytest.mark.parametrize(
    ("name", "query", "expected"),
    [(name, *case) for name, cases in FILTERS.items() for case in cases],
)
def test_narrows(ask: Any, rows: list[BaseModel], name: str, query: str, expected: Any) -> None:
    john = Customer.objects.filter(code=CODE).values_list("pk", flat=True).first()
    times = [made_at(number).isoformat().replace("+00:00", "Z") for number in range(ROWS)]

    response = ask(f"{query.format(*times, john=john)}&count=true&limit=1000")

    if expected is None:
        assert set(wrong_fields(response)) == {query.split("=", maxsplit=1)[0]}
        return
    assert ids(response) == [str(id_of(number)) for number in expected][::-1]
    assert response["X-Total-Count"] == str(len(expected))


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        (name, each)
        for name in LISTS
        for each in sorted(filters_of(name))
        if each.endswith(("_after", "_before"))
    ],
)
@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00%2B14:00",
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59-12:00",
        "1969-12-31T23:59:59Z",
    ],
)
def test_takes_every_moment(ask: Any, parameter: str, moment: str) -> None:
    """It lists all or nothing, or refuses a moment that is none in UTC; it does not fail."""
    response = ask(f"{parameter}={moment}")

    if response.status_code == 400:
        assert wrong_fields(response) == {parameter: "invalid"}
        assert moment.endswith(("14:00", "12:00"))
    else:
        everything = moment.startswith(("0", "1")) is parameter.endswith("after")
        assert len(ids(response)) == (ROWS if everything else 0)


@EACH_LIST
@pytest.mark.parametrize("rows_of_a_page", [1, 10, 20])
def test_costs_one_statement_and_one_for_the_count(
    partner: APIClient, ask: Any, rows_of_a_page: int
) -> None:
    # The credential is checked once.
    page = ask(f"limit={rows_of_a_page}")
    addresses = [f"limit={rows_of_a_page}", f"limit={rows_of_a_page}&count=true"]

    counted = []
    for query in addresses:
        url = ask(query).wsgi_request.get_full_path()
        with CaptureQueriesContext(connection) as captured:
            assert len(ids(partner.get(url))) == rows_of_a_page
        counted.append(len(captured))
    assert counted == [1, 2]
    if following := links(page).get("next"):
        with CaptureQueriesContext(connection) as captured:
            partner.get(following)
        assert len(captured) == 1


@pytest.mark.parametrize("name", ["orders/by-customer"])
def test_says_that_a_customer_is_not_there(partner: APIClient, ask: Any) -> None:
    problem(partner.get("/v1/orders/by-customer/?customer_code=CUST002"), 404)


def test_keeps_money_exact_in_a_cursor(partner: APIClient, db: None) -> None:
    """It walks past prices that no float holds."""
    prices = [Decimal("99999999.99"), Decimal("99999999.98"), Decimal("0.10"), Decimal("0.30")]
    Item.objects.bulk_create(Item(name="Pen", price=price) for price in prices)

    page, seen = partner.get("/v1/items/?ordering=price&limit=1"), []
    while True:
        seen += [row["price"] for row in page.json()]
        if "next" not in links(page):
            break
        page = partner.get(links(page)["next"])
    assert seen == ["0.10", "0.30", "99999999.98", "99999999.99"]
