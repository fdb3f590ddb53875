"""`python -m benchmarks.soak --minutes 60`: whether memory grows under a load that does not end.

Klanten's web workers and its delivery worker, under every scenario in turns.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks import results
from benchmarks.load import Load, drive
from benchmarks.measure import memory_mb
from benchmarks.processes import NotInstalledError
from benchmarks.scenarios import PRODUCT, SCENARIOS, Scenario
from benchmarks.servers import SERVERS, Running, delivering, running
from benchmarks.site import BenchmarkSite, available, prepared

ROWS = 100_000
SLICE_SECONDS = 5
# A worker's memory in MB, and how much of it may come after the first quarter of the time.
MOST_MB, MOST_GROWTH = 120, 1.05
HEADERS = ("minute", "requests/s", "not answered", "largest worker MB", "all workers MB")


@dataclass(frozen=True, slots=True)
class Minute:
    """What was answered in a minute, and how large the web workers were at its end."""

    number: int
    rate: float
    unanswered: int
    workers_mb: Sequence[float]


def minute(
    number: int, site: BenchmarkSite, server: Running, scenarios: Sequence[Scenario]
) -> Minute:
    """A minute of load: the scenarios in turns."""
    end, loads = time.monotonic() + 60, list[Load]()
    while time.monotonic() < end:
        loads += [
            drive(
                server.url,
                scenario.asks(site.rows),
                authorization=site.authorization(PRODUCT.credential),
                seconds=SLICE_SECONDS,
                directory=site.directory,
            )
            for scenario in scenarios
        ]
    rate = sum(load.requests for load in loads) / sum(load.seconds for load in loads)
    unanswered = sum(load.refused + load.broken for load in loads)
    return Minute(number, rate, unanswered, memory_mb(server.pid))


def growth(minutes: Sequence[Minute]) -> float:
    """How many times as large the largest worker is in the last quarter as in the second."""
    largest = [max(each.workers_mb) for each in minutes]
    quarter = max(1, len(largest) // 4)
    return median(largest[-quarter:]) / median(largest[quarter : 2 * quarter] or largest[:quarter])


def verdict(minutes: Sequence[Minute]) -> str:
    """One sentence on what was found."""
    most, grown = max(max(each.workers_mb) for each in minutes), growth(minutes)
    good = most <= MOST_MB and grown <= MOST_GROWTH
    return (
        f"{'Good' if good else 'Too much'}: a web worker had {most:.0f} MB at most (goal:"
        f" {MOST_MB}), and {grown:.3f} times its second quarter's at the end (goal: {MOST_GROWTH})."
    )


def row(each: Minute) -> list[str]:
    mb = each.workers_mb
    sizes = [f"{max(mb):.1f}", f"{sum(mb):.1f}"]
    return [str(each.number), f"{each.rate:,.0f}", str(each.unanswered), *sizes]


def soak(count: int) -> int:
    """So many minutes of load; non-zero when memory grew."""
    minutes: list[Minute] = []
    with prepared(ROWS) as site:
        scenarios, _ = available(site, list(SCENARIOS))
        with delivering(site), running(SERVERS["klanten"], site) as server:
            for number in range(1, count + 1):
                minutes.append(minute(number, site, server, scenarios))
                print(*row(minutes[-1]), sep="\t", flush=True)
        about = results.origin(site.cluster.version)
    found = verdict(minutes)
    text = f"{results.markdown(HEADERS, [row(each) for each in minutes])}\n\n{found}"
    kept = results.write("soak", text, [results.plain(each) for each in minutes], about)
    print(f"{found}\nKept as {kept}")
    return 0 if found.startswith("Good") else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=60, help="default: 60")
    try:
        return soak(parser.parse_args().minutes)
    except NotInstalledError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
