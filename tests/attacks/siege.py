"""`make siege`: every attack at once on production's form, while honest clients ask on.

`python -m tests.attacks.siege --minutes 10`: half of the time with nginx in front, as in
`deploy/nginx/klanten.conf`, half without. SIEGE_DATABASE_URL names an empty database; without it a
SQLite file is made and thrown away. Ends non-zero when an honest request failed or took too long,
memory grew beyond its bounds, or a process was started anew.
"""

import argparse
import http.server
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import psycopg2
import requests

from benchmarks.measure import memory_mb, tree
from benchmarks.processes import background, free_port, wait_until_answered
from tests.attacks import slow
from tests.attacks.nginx import is_installed, proxy
from tests.attacks.strikes import STRIKES, Strike, Target
from tests.fuzz import environment, manage
from tests.processes import web_command, web_environment

SLOW_CLIENTS = 100
PAUSE_SECONDS = 0.5
HONEST_CLIENTS = 4
HONEST_PAUSE_SECONDS = 0.05
HONEST_TIMEOUT_SECONDS = 30
ISSUER_SECONDS = 4.5
# At any moment, of one web process, and of one connection of PostgreSQL's without what all of them
# share. A web process that stays above 200 MB is started anew, and that is counted as well.
WEB_MOST_MB, DATABASE_MOST_MB = 200, 100


# --- The attackers, in a process of their own ----------------------------------------


def attack(target: Target, names: Sequence[str], stop: Event, report: Any) -> None:
    """The strikes with these names again and again, and all slow clients, until `stop`."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    threads = [
        threading.Thread(target=strike_on, args=(each, target, stop, counts[each.__name__]))
        for each in STRIKES
        if each.__name__ in counts
    ]
    threads.append(threading.Thread(target=be_slow, args=(target, stop)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report.put({name: dict(count) for name, count in counts.items()})


def strike_on(strike: Strike, target: Target, stop: Event, count: Counter[str]) -> None:
    while not stop.wait(PAUSE_SECONDS):
        try:
            count[str(strike(target))] += 1
        except OSError as error:
            count[type(error).__name__] += 1


def be_slow(target: Target, stop: Event) -> None:
    """Keeps SLOW_CLIENTS connections, in turns of each kind, and drips a byte a second into each.

    Whoever was cut comes again.
    """
    kinds = cycle((*slow.SENDERS, *slow.READERS))
    connections: list[tuple[slow.SlowClient, socket.socket]] = []
    while not stop.wait(1):
        with suppress(OSError):
            while len(connections) < SLOW_CLIENTS:
                kind = next(kinds)
                connections.append((kind, kind(target.host, target.port, target.key)))
        for kind, connection in connections:
            if kind in slow.DRIPPING:
                slow.drip(connection)
        gone = [each for each in connections if slow.is_over(each[1])]
        for each in gone:
            each[1].close()
            connections.remove(each)
    for _, connection in connections:
        connection.close()


# --- The honest ----------------------------------------------------------------------


@dataclass(slots=True)
class Honest:
    """What honest clients have seen: the seconds of what was answered, and what was not."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def ask(self, target: Target, stop: threading.Event) -> None:
        """Reads, lists and orders in turns."""
        url = f"http://{target.host}:{target.port}/v1/orders/"
        order = {"customer_code": target.customer_code, "item": "Laptop", "amount": "10.00"}
        asks: tuple[tuple[str, str, Any, int], ...] = (
            ("GET", f"{url}{target.order}/", None, 200),
            ("GET", f"{url}?limit=20", None, 200),
            ("POST", url, order, 201),
        )
        with requests.Session() as session:
            session.headers["Authorization"] = target.key
            for method, address, body, expected in cycle(asks):
                start = time.monotonic()
                try:
                    status = session.request(
                        method, address, json=body, timeout=HONEST_TIMEOUT_SECONDS
                    ).status_code
                    if status != expected:
                        self.failures.append(f"{method}: {status}")
                except requests.RequestException as error:
                    self.failures.append(f"{method}: {type(error).__name__}")
                self.seconds.append(time.monotonic() - start)
                if stop.wait(HONEST_PAUSE_SECONDS):
                    return


def percentile(seconds: Sequence[float], percent: int) -> float:
    if len(seconds) < 2:
        return max(seconds, default=0.0)
    return statistics.quantiles(seconds, n=100)[percent - 1]


# --- The installation ----------------------------------------------------------------


class SlowIssuer(http.server.BaseHTTPRequestHandler):
    """Answers with keys that nobody has, after ISSUER_SECONDS."""

    def do_GET(self) -> None:
        time.sleep(ISSUER_SECONDS)
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(b'{"keys": []}')

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@contextmanager
def slow_issuer() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SlowIssuer)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True, slots=True)
class Installation:
    """A web server in production's form, and how to reach it."""

    target: Target
    process: "subprocess.Popen[bytes]"
    database: str


@contextmanager
def installation(directory: Path, *, behind_nginx: bool) -> Iterator[Installation]:
    """One with a thousand orders, behind nginx or not."""
    with ExitStack() as stack:
        issuer = stack.enter_context(slow_issuer())
        trusted = [{"issuer": issuer, "audience": "klanten", "jwks_uri": f"{issuer}/keys"}]
        env = environment(str(directory)) | {
            "OIDC_TRUSTED_ISSUERS": json.dumps(trusted),
            "TRUSTED_PROXIES": "127.0.0.1/32",
            # An attacker who is refused for asking too often has done little harm.
            "LOGIN_RATE": "100000/min",
        }
        if url := os.environ.get("SIEGE_DATABASE_URL"):
            env["DATABASE_URL"] = url
        manage(env, "migrate", "--noinput", "--verbosity", "0")
        filled = "from tests.attacks.site import print_site; print_site(1000)"
        site = json.loads(manage(env, "shell", "--no-imports", "-c", filled).splitlines()[-1])
        port = free_port()
        env = web_environment(env, PORT=str(port), PUBLIC_URL=f"http://127.0.0.1:{port}")
        log = directory / "web.log"
        process = stack.enter_context(background(web_command(), env=env, log=log))
        wait_until_answered(f"http://127.0.0.1:{port}/healthz", process, log)
        if behind_nginx:
            port = stack.enter_context(proxy(directory / "nginx", application=port))
        target = Target(host="127.0.0.1", port=port, issuer=issuer, **site)
        yield Installation(target, process, env["DATABASE_URL"])


def database_mb(url: str) -> list[float]:
    """What each connection to a local PostgreSQL holds for itself; nothing of SQLite."""
    if not url.startswith("postgres"):
        return []
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        pids = [pid for (pid,) in cursor.fetchall()]
    connection.close()
    found = []
    for pid in pids:
        with suppress(OSError):
            status = Path(f"/proc/{pid}/status").read_text().splitlines()
            fields = dict(line.split(":", 1) for line in status)
            found.append(int(fields["RssAnon"].split()[0]) / 1024)
    return found


# --- The siege -----------------------------------------------------------------------


def besiege(
    directory: Path, names: Sequence[str], *, behind_nginx: bool, seconds: float, most: float
) -> list[str]:
    """What was not as it should be."""
    print(f"\n=== {'Behind nginx' if behind_nginx else 'Without a proxy'} ===", flush=True)
    with installation(directory, behind_nginx=behind_nginx) as found:
        context = multiprocessing.get_context("spawn")
        stop, report = context.Event(), context.Queue()
        attackers = context.Process(target=attack, args=(found.target, names, stop, report))
        processes = set(tree(found.process.pid))
        honest, done = Honest(), threading.Event()
        clients = [
            threading.Thread(target=honest.ask, args=(found.target, done))
            for _ in range(HONEST_CLIENTS)
        ]
        attackers.start()
        for client in clients:
            client.start()
        web, database = watch(found, honest, processes, seconds)
        done.set()
        for client in clients:
            client.join()
        stop.set()
        struck = report.get(timeout=120)
        attackers.join()
        for name, count in struck.items():
            print(f"  {name}: {count}")
        restarted = set(tree(found.process.pid)) != processes
    return [
        *(
            f"{count} honest requests failed: {text}"
            for text, count in Counter(honest.failures).items()
        ),
        *(
            [f"p99 was {percentile(honest.seconds, 99):.2f} s"]
            if percentile(honest.seconds, 99) >= most
            else []
        ),
        *([f"a web process had {web:.0f} MB"] if web > WEB_MOST_MB else []),
        *([f"a connection had {database:.0f} MB"] if database > DATABASE_MOST_MB else []),
        *(["a web process was started anew"] if restarted else []),
    ]


def watch(
    found: Installation, honest: Honest, processes: set[int], seconds: float
) -> tuple[float, float]:
    """Prints how it goes; the most that a web process and a connection to the database had."""
    print(
        "second  requests  failed  p50 ms  p99 ms  web MB       database MB  restarts", flush=True
    )
    start, seen, web, database = time.monotonic(), 0, 0.0, 0.0
    interval = max(1.0, min(30.0, seconds / 10))
    while (elapsed := time.monotonic() - start) < seconds:
        time.sleep(min(interval, max(0.1, seconds - elapsed)))
        recent = honest.seconds[seen:]
        seen += len(recent)
        workers, backends = memory_mb(found.process.pid), database_mb(found.database)
        web, database = max(web, *workers), max([database, *backends])
        print(
            f"{time.monotonic() - start:6.0f}  {seen:8}  {len(honest.failures):6}"
            f"  {percentile(recent, 50) * 1000:6.0f}  {percentile(recent, 99) * 1000:6.0f}"
            f"  {'+'.join(f'{mb:.0f}' for mb in workers):11}  {sum(backends):11.0f}"
            f"  {len(set(tree(found.process.pid)) - processes):8}",
            flush=True,
        )
    return web, database


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--most-seconds", type=float, default=1, help="of the 99th percentile")
    names = [each.__name__ for each in STRIKES]
    parser.add_argument(
        "--strikes", nargs="*", default=names, choices=names, help="beside slow clients; all"
    )
    arguments = parser.parse_args()
    forms = [False, True] if is_installed() else [False]
    seconds = 60 * arguments.minutes / len(forms)
    wrong = []
    for behind_nginx in forms:
        with tempfile.TemporaryDirectory(prefix="klanten-siege-") as directory:
            form = {"behind_nginx": behind_nginx, "seconds": seconds}
            names, most = arguments.strikes, arguments.most_seconds
            wrong += besiege(Path(directory), names, most=most, **form)
    print("\nIt did not hold: " + "; ".join(wrong) if wrong else "\nIt holds.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
