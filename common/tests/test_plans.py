"""It reads no more of a big table than it lists, whatever it is asked for: PostgreSQL's plans."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from access.models import ApiKey
from common.models import first_id_at
from common.pagination import Cursor
from common.tests.lists import DOCUMENTS, LISTS, NOBODY, ORDERED, VIEWSETS, filters_of, orderings_of
from customers.models import Customer
from imports.models import Import
from items.models import Item
from mappings.models import App, Mapping
from notifications.models import Message
from orders.models import Order, OrderLine

ROWS = 20_000
# Of the 20,000 rows, whichever way they are read.
MOST_TOUCHED = 1_000

pytestmark = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite shows no plan with numbers of rows"
)


def moment(number: int) -> datetime:
    """When row `number` was made, and ordered."""
    return ORDERED + timedelta(minutes=number)


def at(number: int) -> str:
    """The same, as a parameter."""
    return moment(number).isoformat().replace("+00:00", "Z")


def id_of(number: int) -> UUID:
    """The id of row `number`."""
    return first_id_at(moment(number))


# Of each filter: what many rows have, what few have, what none has.
CREATED = {
    "created_after": [at(0), at(ROWS - 5), at(ROWS)],
    "created_before": [at(ROWS), at(5), at(0)],
}
ORDERS = {
    **CREATED,
    "customer": [str(id_of(1)), str(id_of(7)), NOBODY],
    "customer_code": ["C00007", "nobody"],
    "code": ["A00007", "none"],
    "status": ["received", "ready", "cancelled"],
    "ordered_after": [at(0), at(ROWS // 10), at(ROWS - 5), at(ROWS)],
    "ordered_before": [at(ROWS), at(ROWS // 10), at(5), at(0)],
}
# The customer is a parameter of the address.
ONE_CUSTOMERS = {name: values for name, values in ORDERS.items() if name != "customer_code"}
VALUES: dict[str, dict[str, list[str]]] = {
    "customers": {
        **CREATED,
        "code": ["C00007", "nobody"],
        "phone_number": ["%2B254700000003", "%2B254711111111"],
        "domain": ["d7.example", "none.example"],
        "document": [DOCUMENTS[0], DOCUMENTS[2]],
        "search": ["john", "number 19999", "nobody at all"],
    },
    "apps": CREATED,
    "mappings": {
        **CREATED,
        "customer": [str(id_of(7)), NOBODY],
        "app": ["app-1", "app-7", "none"],
    },
    "items": {
        **CREATED,
        "size": ["S", "XL", "XXL"],
        "search": ["shirt", "number 19999", "nothing at all"],
    },
    "orders": ORDERS,
    "orders/by-customer": {**ONE_CUSTOMERS, "customer_code": ["C00007"]},
    "orders/customer/(?P<customer_id>[^/.]+)": ORDERS,
    "notifications": {
        **CREATED,
        "status": ["queued", "sent", "failed"],
        "order": [str(id_of(7)), NOBODY],
        "customer": [str(id_of(1)), str(id_of(7)), NOBODY],
        "to": ["%2B254700000003", "%2B254711111111"],
    },
    "imports": CREATED,
}
# In the middle of each ordering: how a cursor says it.
MIDDLE = {
    "created_at": id_of(ROWS // 2),
    "name": f"John number {ROWS // 2}",
    "price": "5000.00",
    "amount": "5000.00",
    "order_time": moment(ROWS // 2).isoformat(),
}


AT = f"timestamptz '{ORDERED.isoformat()}' + n * interval '1 minute'"


def id_as_sql(number: str) -> str:
    """The id of a row, as `id_of` makes it."""
    moment_ = f"(timestamptz '{ORDERED.isoformat()}' + ({number}) * interval '1 minute')"
    milliseconds = f"extract(epoch FROM {moment_})::bigint * 1000"
    return f"(lpad(to_hex({milliseconds}), 12, '0') || '70008000000000000000')::uuid"


# Each table, in the order of filling: its columns by what they hold in row `n`. Most customers
# have a few orders, and one has a quarter of all.
OF_ALL = {"id": id_as_sql("n"), "created_at": AT, "updated_at": AT}
ORDERER = f"CASE n % 4 WHEN 1 THEN {id_as_sql('1')} ELSE {id_as_sql(f'n % {ROWS // 10}')} END"
PARTNER = f"'key:' || (SELECT max(prefix) FROM {ApiKey._meta.db_table})"  # noqa: S608
PHONE = "'+25470' || lpad((n % 5000)::text, 7, '0')"
SCATTERED = "n * 7919 % 10000"
TABLES: dict[type[Model], dict[str, str]] = {
    Customer: {
        **OF_ALL,
        "code": "'C' || lpad(n::text, 5, '0')",
        "name": "'John number ' || n",
        "first_name": "''",
        "last_name": "''",
        "phone_number": PHONE,
        "domain": "'d' || n || '.example'",
        "document": f"CASE n WHEN 0 THEN '{DOCUMENTS[0]}' END",
    },
    App: {
        **OF_ALL,
        "slug": "'app-' || n",
        "name": "'Application ' || n",
        "active": "true",
    },
    # Half of them in one application, a few in another.
    Mapping: {
        **OF_ALL,
        "customer_id": id_as_sql("n"),
        "app_id": f"CASE n % 2 WHEN 0 THEN {id_as_sql('1')} ELSE {id_as_sql('2 + n % 1000')} END",
        "customer_app_id": "'user' || n",
    },
    Item: {
        **OF_ALL,
        "name": "'Shirt number ' || n",
        "size": "CASE n % 4000 WHEN 0 THEN 'XL' ELSE 'S' END",
        "price": SCATTERED,
        "currency": "'KES'",
    },
    Order: {
        **OF_ALL,
        "customer_id": ORDERER,
        "code": "'A' || lpad(n::text, 5, '0')",
        "description": "'Laptop'",
        "amount": SCATTERED,
        "currency": "'KES'",
        "status": "CASE n % 4000 WHEN 0 THEN 'ready' ELSE 'received' END",
        "order_time": AT,
    },
    OrderLine: {
        "order_id": id_as_sql("n"),
        "position": "1",
        "description": "'Laptop'",
        "quantity": "1",
        "unit_price": "5",
    },
    Message: {
        **OF_ALL,
        "kind": "'order_received'",
        "status": "CASE n % 4000 WHEN 0 THEN 'sent' ELSE 'pending' END",
        "to": PHONE,
        "text": "''",
        "order_id": id_as_sql("n"),
        "customer_id": ORDERER,
        "attempts": "0",
        "next_attempt_at": AT,
        "last_error": "''",
        "provider_id": "''",
    },
    # Of the partner, who sees no others, and of somebody else.
    Import: {
        **OF_ALL,
        "principal": f"CASE n % 4 WHEN 0 THEN 'somebody' ELSE {PARTNER} END",
        "resource": "'customers'",
        "mode": "'good'",
        "dry_run": "false",
        "notify": "true",
        "stored": "true",
        "checked": "false",
        "state": "'done'",
        "file_name": "'x'",
        "size": "1",
        "offset": "1",
        "line": "1",
        "rows": "1",
        "created": "1",
        "updated": "0",
        "unchanged": "0",
        "refused": "0",
        "detail": "''",
    },
}


@pytest.fixture
def filled(partner: APIClient) -> None:
    """Everything, 20,000 times, and known to the planner."""
    with connection.cursor() as cursor:
        for model, columns in TABLES.items():
            table = model._meta.db_table
            names = ", ".join(f'"{name}"' for name in columns)
            cursor.execute(
                f"INSERT INTO {table} ({names}) SELECT {', '.join(columns.values())}"  # noqa: S608
                f" FROM generate_series(0, {ROWS - 1}) AS n"
            )
            cursor.execute(f"ANALYZE {table}")
        # What a vacuum does for what was written last.
        for index in ("customers_customer_name_trigrams", "items_item_name_trigrams"):
            cursor.execute("SELECT gin_clean_pending_list(%s)", [index])


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's node and all below it."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def touched(node: dict[str, Any]) -> int:
    """How many rows a node read, whether it passed them on or not."""
    read = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    return int(sum(node.get(name, 0) for name in read) * node["Actual Loops"])


def faults(client: APIClient, url: str) -> list[str]:
    """What is wrong with the plans of the statements behind a list."""
    with CaptureQueriesContext(connection) as captured:
        response = client.get(url)
    assert response.status_code == 200, (url, response.content)
    found = []
    for query in captured.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {query['sql']}")
            answer = cursor.fetchone()[0]
        plan = answer if isinstance(answer, list) else json.loads(answer)
        found += [
            f"{node['Node Type']}, {touched(node)} rows"
            for node in nodes(plan[0]["Plan"])
            if node["Node Type"] == "Seq Scan" or touched(node) > MOST_TOUCHED
        ]
    return found


def queries(name: str) -> Iterator[str]:
    """Every filter and every ordering, from the first page and from the middle."""
    for filter_, values in VALUES[name].items():
        yield from (f"{filter_}={value}" for value in values)
    for ordering in orderings_of(name):
        yield f"ordering={ordering}"
        field = ordering.removeprefix("-")
        for backwards in (False, True):
            cursor = Cursor(str(MIDDLE[field]), str(id_of(ROWS // 2)), backwards).encode()
            yield f"ordering={ordering}&cursor={cursor}"


def test_every_filter_is_asked_for() -> None:
    assert {name: set(values) for name, values in VALUES.items()} == {
        name: filters_of(name) for name in VIEWSETS
    }


def test_reads_no_more_than_it_lists(partner: APIClient, filled: None) -> None:
    partner.get("/v1/items/")
    wrong = {}
    for name, listed in LISTS.items():
        path = listed.path.replace("CUST001", "C00007").format(john=id_of(7))
        for query in queries(name):
            url = f"/v1/{path}{'&' if '?' in path else '?'}{query}&limit=100"
            if found := faults(partner, url):
                wrong[url] = found
    assert wrong == {}


@pytest.mark.parametrize(
    ("index", "query"),
    [("item_by_price", "ordering=price"), ("item_size_newest", "size=XL")],
)
def test_would_notice(partner: APIClient, filled: None, index: str, query: str) -> None:
    """It finds fault with what has no index."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {index}")

    assert faults(partner, f"/v1/items/?{query}&limit=100")
