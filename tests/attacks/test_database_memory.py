"""Reads with every limit, ordering, cursor and filter, to fill the memory of PostgreSQL.

A prepared statement keeps its plan in the backend for as long as the connection lasts: some 50 kB
for a page of orders. One for each `?limit=` took a backend from 2 MB to 450 MB in 9,000 reads.
"""

import gc
import resource
from collections.abc import Iterator
from itertools import cycle, islice

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from common.pagination import MOST
from common.prepared import MOST_PREPARED
from common.tests.lists import CODE, LISTS, fill
from common.tests.test_plans import queries
from customers.models import Customer

ROWS = 20
LONG_READS = 9_000
# What a backend may have grown by, in bytes, once every statement has been seen.
MOST_GROWTH = 1_000_000

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL prepares."),
]


@pytest.fixture
def unlimited(settings: Settings) -> None:
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, 10**9)


@pytest.fixture
def filled(partner: APIClient, unlimited: None) -> None:
    """Some rows to list."""
    for name in ("customers", "items", "orders"):
        fill(name, ROWS)


def addresses() -> Iterator[str]:
    """Every list, by each of its filters and orderings, each time with another limit."""
    limits = cycle(range(1, MOST + 1))
    john = Customer.objects.get(code=CODE).pk
    while True:
        for name, listed in LISTS.items():
            path = listed.path.replace("CUST001", CODE).format(john=john)
            for query in queries(name):
                url = f"/v1/{path}{'&' if '?' in path else '?'}{query}"
                yield f"{url}&limit={next(limits)}"


def prepared() -> int:
    """How many statements this backend has prepared."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        return int(cursor.fetchone()[0])


def backend_bytes() -> int:
    """The memory of this backend."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(total_bytes) FROM pg_backend_memory_contexts")
        return int(cursor.fetchone()[0])


def may_see_memory() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_function_privilege('pg_get_backend_memory_contexts()', 'execute')"
        )
        return bool(cursor.fetchone()[0])


def read(partner: APIClient, count: int) -> None:
    for url in islice(addresses(), count):
        response = partner.get(url)
        assert response.status_code in {200, 404}, (url, response.content)


def test_a_limit_is_a_parameter(partner: APIClient, filled: None) -> None:
    partner.get("/v1/items/?limit=1")
    before = prepared()
    for limit in range(2, 100):
        assert len(partner.get(f"/v1/items/?limit={limit}").json()) == min(limit, ROWS)
    assert prepared() == before


def test_a_connection_keeps_a_bounded_number_of_statements(
    partner: APIClient, filled: None
) -> None:
    with CaptureQueriesContext(connection) as captured:
        read(partner, 600)
    assert any(query["sql"].startswith("EXECUTE") for query in captured.captured_queries)
    assert prepared() <= MOST_PREPARED


@pytest.mark.long
def test_memory_stays_flat(partner: APIClient, filled: None) -> None:
    if not may_see_memory():
        pytest.skip("only a superuser sees a backend's memory")
    read(partner, 1_000)
    before, web_before = backend_bytes(), web_kilobytes()
    read(partner, LONG_READS)
    grown, web_grown = backend_bytes() - before, web_kilobytes() - web_before
    print(f"\n{LONG_READS} reads: the backend {before} + {grown} bytes, the web + {web_grown} kB")
    assert prepared() <= MOST_PREPARED
    assert grown < MOST_GROWTH
    assert web_grown * 1024 < 20 * MOST_GROWTH


def web_kilobytes() -> int:
    """The most memory that this process has had."""
    gc.collect()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
