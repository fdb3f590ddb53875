"""`python -m benchmarks.profile orders-list`: where a request's processor time goes.

The WSGI application itself with production's settings, in this process, without a server or a
client. Prints how long one takes, and with `--lines N` the N costliest functions (cProfile, which
makes much-called ones look dearer than they are).
"""

import argparse
import cProfile
import io
import os
import pstats
import sys
import time
from collections.abc import Callable, Sequence
from itertools import cycle
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from benchmarks.load import Ask
from benchmarks.processes import NotInstalledError
from benchmarks.scenarios import PRODUCT, SCENARIOS
from benchmarks.servers import SERVERS, environment
from benchmarks.site import prepared

ROWS = 100_000
CALLS, TURNS = 200, 9


def environ(ask: Ask, authorization: str) -> dict[str, Any]:
    """A request as PEP 3333 hands it to an application."""
    url, body = urlsplit(ask.path), ask.body.encode()
    return {
        "REQUEST_METHOD": ask.method,
        "PATH_INFO": url.path,
        "QUERY_STRING": url.query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_AUTHORIZATION": authorization,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
    }


def answer(application: Callable[..., Any], ask: Ask, authorization: str) -> None:
    """Has the application answer, as a server would. Raises RuntimeError for an error."""
    statuses = list[str]()
    started = application(environ(ask, authorization), lambda status, *_: statuses.append(status))
    body = b"".join(started)
    started.close()
    if not statuses[0].startswith("2"):
        raise RuntimeError(f"{statuses[0]}: {body.decode()}")


def milliseconds(run: Callable[[], None], clock: Callable[[], float]) -> float:
    """Of a run by that clock, in milliseconds: the median over turns of many."""
    turns = []
    for _ in range(TURNS):
        start = clock()
        for _ in range(CALLS):
            run()
        turns.append((clock() - start) / CALLS * 1000)
    return median(turns)


def profiled(run: Callable[[], None], lines: int) -> str:
    """The costliest functions."""
    profile, out = cProfile.Profile(), io.StringIO()
    profile.enable()
    for _ in range(CALLS):
        run()
    profile.disable()
    pstats.Stats(profile, stream=out).strip_dirs().sort_stats("tottime").print_stats(lines)
    return out.getvalue()


def measure(names: Sequence[str], lines: int) -> None:
    """Prints what each scenario costs."""
    with prepared(ROWS) as site:
        os.environ.update(environment(site, SERVERS[PRODUCT.name].role))
        from config.wsgi import application  # noqa: PLC0415 - the environment is set by now

        authorization = site.authorization(PRODUCT.credential)
        print(f"{'ms':16}{'processor':>10}{'in all':>10}")
        for name in names:
            asks = cycle(SCENARIOS[name].asks(site.rows))

            def run() -> None:
                answer(application, next(asks), authorization)  # noqa: B023 - called in the loop

            milliseconds(run, time.process_time)
            processor, whole = (
                milliseconds(run, c) for c in (time.process_time, time.perf_counter)
            )
            print(f"{name:16}{processor:10.2f}{whole:10.2f}")
            if lines:
                print(profiled(run, lines))


def main() -> int:
    """Measures the scenarios that are named; all of them if none is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help=", ".join(SCENARIOS))
    parser.add_argument("--lines", type=int, default=0, help="of the profile; default: none")
    given = parser.parse_args()
    if unknown := set(given.scenarios) - set(SCENARIOS):
        parser.error(f"There is no scenario {', '.join(sorted(unknown))}.")
    try:
        measure(given.scenarios or list(SCENARIOS), given.lines)
    except NotInstalledError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
