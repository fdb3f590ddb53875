"""`python -m benchmarks.growth`: what becomes of the rates as the tables and the clients grow.

Klanten alone. Every figure is beside the one of the smallest table (or of 16 clients), because
that is what is judged: at most a fifth may be lost.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from benchmarks import data, results
from benchmarks.load import CONNECTIONS, Ask, Load, drive
from benchmarks.processes import NotInstalledError
from benchmarks.scenarios import PRODUCT, SCENARIOS, Scenario
from benchmarks.servers import SERVERS, Running, running
from benchmarks.site import BenchmarkSite, available, prepared

SIZES = (10_000, 1_000_000, 10_000_000)
# Beyond, only what reads lists and single rows by index is asked.
MOST_TO_WRITE = 1_000_000
CLIENTS = (CONNECTIONS, 10, 1000)
PAGE, DEEP = 100, 10_000
LEAST = 0.8
HEADERS = ("What", "rows", "clients", "requests/s", "p50 ms", "p99 ms", "not answered", "of first")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement of the growing."""

    what: str
    rows: int
    clients: int
    load: Load


def deep_page(url: str, authorization: str, rows: int) -> tuple[str, Ask]:
    """Page DEEP, or the last full one: its title, and how it is asked for.

    Its cursor is that of the link which a list of one row, older than the rows of the pages
    before, is answered with.
    """
    number = min(DEEP, rows // PAGE - 1)
    moment = data.FIRST_MILLISECOND + rows - (number - 1) * PAGE
    params = {"limit": "1", "created_before": data.rfc3339(moment)}
    headers = {"Authorization": authorization}
    answer = requests.get(f"{url}/v1/orders/", params=params, headers=headers, timeout=30)
    answer.raise_for_status()
    cursor = parse_qs(urlsplit(answer.links["next"]["url"]).query)["cursor"][0]
    return f"page {number:,}", Ask(f"/v1/orders/?limit={PAGE}&cursor={cursor}")


def at_size(site: BenchmarkSite, scenarios: Sequence[Scenario], seconds: int) -> list[Figure]:
    """Every scenario, and a deep page, with the rows that there are."""
    with running(SERVERS["klanten"], site) as server:
        asked = [
            (scenario.title, scenario.asks(site.rows))
            for scenario in scenarios
            if not (scenario.writes and site.rows > MOST_TO_WRITE)
        ]
        title, ask = deep_page(server.url, site.authorization("key"), site.rows)
        asked.append((f"GET /v1/orders/?limit={PAGE}, {title}", [ask]))
        return [
            Figure(what, site.rows, CONNECTIONS, load(site, server, asks, seconds))
            for what, asks in asked
        ]


def at_once(site: BenchmarkSite, scenarios: Sequence[Scenario], seconds: int) -> list[Figure]:
    """Every scenario for few and for many clients."""
    with running(SERVERS["klanten"], site) as server:
        return [
            Figure(
                f"{scenario.title}, by clients",
                site.rows,
                clients,
                load(site, server, scenario.asks(site.rows), seconds, clients),
            )
            for scenario in scenarios
            for clients in CLIENTS
        ]


def load(
    site: BenchmarkSite,
    server: Running,
    asks: Sequence[Ask],
    seconds: int,
    clients: int = CONNECTIONS,
) -> Load:
    """The load after a warm-up; orders that it placed are taken away."""

    def once(length: float, connections: int) -> Load:
        return drive(
            server.url,
            asks,
            authorization=site.authorization(PRODUCT.credential),
            seconds=length,
            directory=site.directory,
            connections=connections,
        )

    once(1, CONNECTIONS)
    found = once(seconds, clients)
    wait_until_idle(server.url)
    if any(ask.method != "GET" for ask in asks):
        data.forget_later(site.cluster, site.rows)
    return found


def wait_until_idle(url: str) -> None:
    """Returns when the servers have worked off what clients asked that have left since.

    A connection gets its turn behind those; so many reach every worker.
    """
    for _ in range(10):
        requests.get(f"{url}/healthz", timeout=300)


def render(figures: Sequence[Figure]) -> str:
    """The table. A deep page is beside the first page of the smallest table, as all lists are."""
    first: dict[str, float] = {}
    rows = []
    for figure in figures:
        rate = figure.load.rate
        # Nothing may be answered at all, when very many ask for very little time.
        times = rate / (first.setdefault(figure.what.split(", page")[0], rate) or 1)
        rows.append(
            [
                figure.what,
                f"{figure.rows:,}",
                f"{figure.clients:,}",
                f"{rate:,.0f}",
                f"{figure.load.p50_ms:.1f}",
                f"{figure.load.p99_ms:.1f}",
                str(figure.load.refused + figure.load.broken),
                f"{times:.2f}{'' if times >= LEAST else ' missed'}",
            ]
        )
    return results.markdown(HEADERS, rows)


def measure(sizes: Sequence[int], seconds: int, say: Callable[[str], None]) -> int:
    """Grows the tables size by size, and asks at each."""
    with prepared(sizes[0]) as first:
        scenarios, _ = available(first, list(SCENARIOS))
        figures, site = at_once(first, scenarios, seconds), first
        for size in sizes:
            if size > site.rows:
                say(f"Making {size:,} rows in each table ...")
                site = site.with_rows(size)
            figures += at_size(site, scenarios, seconds)
            say(render(figures))
        about = results.origin(site.cluster.version)
    content: list[dict[str, Any]] = [results.plain(figure) for figure in figures]
    say(f"Kept as {results.write('growth', render(figures), content, about)}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=list(SIZES), help="default: to 10^7")
    parser.add_argument("--seconds", type=int, default=10, help="of each load; default: 10")
    given = parser.parse_args()
    try:
        return measure(sorted(given.sizes), given.seconds, lambda text: print(text, flush=True))
    except NotInstalledError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
