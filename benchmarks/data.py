"""The rows that are asked for: made in the database, with ids that follow from their number.

Row `n` of each table (from 1) belongs to row `n` of the others; of each ten orders, all are one
customer's. `extend` adds rows to those there are, `forget_later` takes away what a load wrote.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg2

from benchmarks.cluster import Cluster

# The id of row 0: 2025-01-01 as a UUIDv7. Each row is a millisecond younger than the one before.
FIRST_MILLISECOND = 1_735_689_600_000
# How often what was written is deleted again when the worker is in the way.
TRIES = 10
APP = "bench"
APP_ID = UUID("01941f29-7c00-7000-8000-000000000000")
MAPPINGS = "mappings_mapping"

ROW_ID = f"(lpad(to_hex({FIRST_MILLISECOND} + {{n}}), 12, '0') || '70008000000000000000')::uuid"
ROW_TIME = f"to_timestamp(({FIRST_MILLISECOND} + n) / 1000.0)"
ID = ROW_ID.format(n="n")
CUSTOMER = ROW_ID.format(n="greatest(n - mod(n, 10), 1)")
ROWS = "generate_series(%(first)s::bigint, %(last)s::bigint) AS n"

FILL = {
    "customers_customer": f"""
        INSERT INTO customers_customer (id, created_at, updated_at, code, name, first_name,
            last_name, phone_number, domain, document)
        SELECT {ID}, {ROW_TIME}, {ROW_TIME}, 'C-' || lpad(n::text, 8, '0'),
            'Wanjiru Kamau ' || n, 'Wanjiru', 'Kamau ' || n,
            '+2547' || lpad((mod(n, 100000000))::text, 8, '0'), NULL, NULL
        FROM {ROWS}""",
    "orders_order": f"""
        INSERT INTO orders_order (id, created_at, updated_at, customer_id, code, description,
            amount, currency, status, order_time)
        SELECT {ID}, {ROW_TIME}, {ROW_TIME}, {CUSTOMER}, 'O-' || n,
            'Laptop Computer ' || mod(n, 1000), 100 + mod(n, 100000) / 100.0, 'KES',
            (ARRAY['received', 'ready', 'completed', 'cancelled'])[1 + mod(n, 4)], {ROW_TIME}
        FROM {ROWS}""",
    "orders_orderline": f"""
        INSERT INTO orders_orderline (order_id, position, item_id, description, quantity,
            unit_price)
        SELECT {ID}, 0, NULL, 'Laptop Computer ' || mod(n, 1000), 1, 100 + mod(n, 100000) / 100.0
        FROM {ROWS}""",
    "notifications_message": f"""
        INSERT INTO notifications_message (id, created_at, updated_at, attempts,
            next_attempt_at, claimed_at, last_error, provider_id, sent_at, kind, order_id,
            customer_id, "to", text, status)
        SELECT {ID}, {ROW_TIME}, {ROW_TIME}, 1, {ROW_TIME}, NULL, '', 'ATXid_' || n, {ROW_TIME},
            'order_received', {ID}, {CUSTOMER}, '+254712345678',
            'Hello Wanjiru Kamau! Your order for Laptop Computer worth KES 1299.99 has been'
            || ' received. Thank you!', 'delivered'
        FROM {ROWS}""",
    MAPPINGS: f"""
        INSERT INTO {MAPPINGS} (id, created_at, updated_at, customer_id, app_id, customer_app_id)
        SELECT {ID}, {ROW_TIME}, {ROW_TIME}, {ID}, '{APP_ID}', 'user-' || n
        FROM {ROWS}""",
}
WRITTEN = ("notifications_message", "orders_orderline", "orders_order")
OF_ORDER = {"notifications_message": "order_id", "orders_orderline": "order_id"}


def row_id(n: int) -> UUID:
    """The id of row `n`."""
    return UUID(f"{FIRST_MILLISECOND + n:012x}70008000000000000000")


def rfc3339(millisecond: int) -> str:
    """A time as the API takes it."""
    return datetime.fromtimestamp(millisecond / 1000, UTC).isoformat()


def customer_code(n: int) -> str:
    """The code of customer `n`."""
    return f"C-{n:08d}"


def app_user(n: int) -> str:
    """The id by which the application knows customer `n`."""
    return f"user-{n}"


def tables(cluster: Cluster) -> list[str]:
    """Those of FILL that the product has."""
    connection = cluster.connect()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM unnest(%s) name WHERE to_regclass(name) IS NOT NULL", [list(FILL)]
        )
        present = {name for (name,) in cursor.fetchall()}
    connection.close()
    return [name for name in FILL if name in present]


def extend(cluster: Cluster, first: int, last: int) -> None:
    """Makes the rows `first` to `last` of every table, and lets the planner know them."""
    present = tables(cluster)
    connection = cluster.connect()
    with connection.cursor() as cursor:
        # The rows are known to fit together: no look at each foreign key, no wait for the disk.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET synchronous_commit = off")
        if MAPPINGS in present:
            cursor.execute(
                "INSERT INTO mappings_app (id, created_at, updated_at, slug, name, active)"
                " VALUES (%s, now(), now(), %s, 'Benchmark', true) ON CONFLICT DO NOTHING",
                [str(APP_ID), APP],
            )
        for table in present:
            cursor.execute(FILL[table], {"first": first, "last": last})
        tidy(cursor, present)
    connection.close()


def forget_later(cluster: Cluster, last: int) -> None:
    """Deletes the orders that came after row `last`, so that the next in turn finds the same."""
    connection = cluster.connect()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for table in WRITTEN:
            column = OF_ORDER.get(table, "id")
            delete_beside_the_worker(cursor, f"DELETE FROM {table} WHERE {column} > %s", last)
        tidy(cursor, WRITTEN)
    connection.close()


def delete_beside_the_worker(cursor: Any, statement: str, last: int) -> None:
    """Runs a statement that the worker, who records outcomes meanwhile, may be in the way of."""
    for _ in range(TRIES):
        with suppress(psycopg2.errors.DeadlockDetected):
            cursor.execute(statement, [str(row_id(last))])
            return
    raise RuntimeError("What was written could not be deleted: the worker holds it.")


def tidy(cursor: Any, names: Sequence[str]) -> None:
    """What autovacuum would do some time, now: nobody pays for what another one left."""
    for table in names:
        cursor.execute(f"VACUUM ANALYZE {table}")
    cursor.execute("CHECKPOINT")


def share_key(cluster: Cluster) -> None:
    """Gives the library's own table, which peer (b) reads, the key that Klanten made."""
    columns = "id, prefix, hashed_key, created, name, revoked, expiry_date"
    connection = cluster.connect()
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO rest_framework_api_key_apikey ({columns})"
            f" SELECT {columns} FROM access_apikey"
        )
    connection.close()
