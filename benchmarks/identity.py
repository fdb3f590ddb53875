"""`make bench-identity`: does who-is-this cost the same with a million customers as with few?

Makes two databases on the server of BENCH_DATABASE_URL (a PostgreSQL whose user may create
databases), with two mappings for each customer, and a web server in front of each. Asks both in
turns, with `requests` as in Klanten's document, and prints medians and their ratios. The
databases are dropped at the end.
"""

import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from hashlib import md5
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import requests

from benchmarks.servers import PRODUCT, UNBOUNDED, secrets_in

SERVER = os.environ.get("BENCH_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
FEW, MANY = 10_000, 1_000_000
PAIRS = 1_000
# How often each is asked for in a turn, and how many turns each database gets.
CALLS = {"query": 100, "upsert": 50, "register": 50, "bulk": 10}
TURNS = 11

# Rows in the order of their making, as they come over the years; ids in applications at random.
ID = "(lpad(to_hex(1700000000000 + n), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid"
FILL = f"""
INSERT INTO customers_customer
  (id, code, name, first_name, last_name, phone_number, domain, created_at, updated_at)
SELECT {ID}, 'C' || n, 'Customer ' || n, '', '', '+2547' || lpad(n::text, 8, '0'),
       'd' || n || '.example', now(), now()
FROM generate_series(1, %(rows)s) AS n;
INSERT INTO mappings_mapping (id, customer_id, app_id, customer_app_id, created_at, updated_at)
SELECT gen_random_uuid(), {ID}, app.id, app.slug || '-' || md5(n::text), now(), now()
FROM generate_series(1, %(rows)s) AS n, mappings_app AS app;
"""


def run_on(url: str, *statements: str, **values: Any) -> None:
    """Runs statements, each by itself."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, values or None)
    connection.close()


def manage(environment: dict[str, str], *arguments: str) -> str:
    """What `manage.py` prints."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


@contextmanager
def database(rows: int, secrets: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The environment, production's, of a new database with that many customers."""
    name = f"klanten_bench_{rows}"
    url = urlsplit(SERVER)._replace(path=f"/{name}").geturl()
    run_on(SERVER, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    try:
        environment = {
            **os.environ,
            **secrets,
            **UNBOUNDED,
            "DATABASE_URL": url,
            "DEBUG": "false",
            "ALLOWED_HOSTS": "127.0.0.1",
        }
        manage(environment, "migrate", "--verbosity", "0")
        run_on(url, FILL, "VACUUM ANALYZE", "CHECKPOINT", rows=rows)
        yield environment
    finally:
        run_on(SERVER, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def web_server(environment: dict[str, str]) -> Iterator[str]:
    """The address of the web server, as production runs it but with one worker."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    process = subprocess.Popen(
        ["sh", "-c", f"exec {PRODUCT.command}"],
        env={**environment, "PATH": path, "PORT": str(port), "WEB_WORKERS": "1"},
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(address)
        yield address
    finally:
        process.terminate()
        process.wait()


def wait_for(address: str) -> None:
    """Returns when the server answers."""
    for _ in range(300):
        try:
            requests.get(f"{address}/readyz", timeout=5).raise_for_status()
            return
        except requests.RequestException:
            time.sleep(0.1)
    raise SystemExit("The web server does not answer.")


class Partner:
    """Asks one server."""

    def __init__(self, address: str, key: str, rows: int) -> None:
        self.address, self.rows = address, rows
        self.headers = {"Authorization": f"Api-Key {key}"}
        self.seconds: dict[str, list[float]] = {name: [] for name in CALLS}

    def somebody(self) -> str:
        """The id of a random customer in an application."""
        number = random.randint(1, self.rows)  # noqa: S311 - no secret
        return f"amc-{md5(str(number).encode()).hexdigest()}"  # noqa: S324 - no secret

    def prepared(self, name: str) -> Callable[[], requests.Response]:
        """A request of a kind, ready to be sent."""
        now = time.monotonic_ns()
        body: Any
        match name:
            case "query":
                method, path, body = "GET", f"query/amc/{self.somebody()}", None
            case "upsert":
                method, path = "PUT", f"mappings/amc/{self.somebody()}/"
                body = {"name": f"Name {now}"}
            case "register":
                method, path = "PUT", f"mappings/amc/new-{now}/"
                body = {"name": "New", "domain": f"n{now}.example"}
            case _:
                method, path = "POST", "query/"
                body = [{"app": "amc", "customer_app_id": self.somebody()} for _ in range(PAIRS)]
        url = f"{self.address}/v1/{path}"
        return lambda: requests.request(
            method, url, json=body, headers=self.headers, timeout=60, allow_redirects=False
        )

    def take_turn(self) -> None:
        """Asks for everything a number of times."""
        for name, calls in CALLS.items():
            for _ in range(calls):
                send = self.prepared(name)
                start = time.perf_counter()
                response = send()
                self.seconds[name].append(time.perf_counter() - start)
                response.raise_for_status()

    def median(self, name: str) -> float:
        """Milliseconds."""
        return statistics.median(self.seconds[name]) * 1000


def compare() -> None:
    """Fills, asks in turns, and prints."""
    with ExitStack() as stack:
        secrets = secrets_in(Path(stack.enter_context(TemporaryDirectory())))
        partners = []
        for rows in (FEW, MANY):
            print(f"Filling {rows:,} customers ...", file=sys.stderr)
            environment = stack.enter_context(database(rows, secrets))
            made = manage(environment, "create_api_key", "Benchmark", "--scopes", "read write")
            address = stack.enter_context(web_server(environment))
            partners.append(Partner(address, made.split()[-1], rows))
        for partner in partners:
            partner.take_turn()
            partner.seconds = {name: [] for name in CALLS}
        for _ in range(TURNS):
            for partner in partners:
                partner.take_turn()
        few, many = partners
        print(f"{'median ms':10}{FEW:>12,}{MANY:>12,}{'ratio':>8}")
        for name in CALLS:
            ratio = many.median(name) / few.median(name)
            print(f"{name:10}{few.median(name):12.2f}{many.median(name):12.2f}{ratio:8.2f}")
        print(f"{PAIRS:,} pairs / one query: {many.median('bulk') / many.median('query'):.1f}")


if __name__ == "__main__":
    compare()
