"""How fast SMS leave the house, against a gateway that answers after 200 ms.

`python -m benchmarks.delivery` (`make bench-delivery`) makes a database of its own on the server
that BENCH_DATABASE_URL names, starts the simulated gateway and workers as processes, prints what
it measured, and removes all of it. Times are those at which the gateway received each SMS.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request, urlopen

import django
import psycopg2

from config.secret_files import OIDC_KEY_FILE, SECRET_KEY_FILE, create_all

ROOT = Path(__file__).resolve().parent.parent
SERVER = os.environ.get("BENCH_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
DATABASE = f"klanten_bench_{os.getpid()}"
LATENCY_SECONDS = 0.2
FULL_THREADS, FEW_THREADS = 160, 16
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@contextmanager
def production() -> Iterator[None]:
    """The environment of production, with secrets that are thrown away."""
    with TemporaryDirectory() as directory:
        create_all(Path(directory))
        os.environ |= {
            "DEBUG": "false",
            "STATE_DIR": directory,
            "SECRET_KEY_FILE": f"{directory}/{SECRET_KEY_FILE}",
            "OIDC_RSA_PRIVATE_KEY_FILE": f"{directory}/{OIDC_KEY_FILE}",
        }
        yield


@contextmanager
def database() -> Iterator[None]:
    """A database of this run alone, which this process and its children use."""
    administration = psycopg2.connect(SERVER)
    administration.autocommit = True
    with administration.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{DATABASE}"')
        os.environ["DATABASE_URL"] = urlunsplit(urlsplit(SERVER)._replace(path=f"/{DATABASE}"))
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        django.setup()
        try:
            subprocess.run([*MANAGE, "migrate", "--verbosity", "0"], cwd=ROOT, check=True)
            yield
        finally:
            cursor.execute(f'DROP DATABASE "{DATABASE}" WITH (FORCE)')
    administration.close()


MANAGE = (sys.executable, "manage.py")


class Process:
    """A `manage.py` command in the background."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            [*MANAGE, *arguments],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """The next line that it prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def peak_megabytes(self) -> float:
        """The most memory that it had resident so far."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024

    def cpu_seconds(self) -> float:
        """The processor time that it has used."""
        after_name = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2]
        return sum(map(int, after_name.split()[11:13])) / TICKS_PER_SECOND

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=30)


class Gateway:
    """The simulated gateway, and its record."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.url = process.line().split()[-1]

    def received(self) -> list[tuple[str, float]]:
        """The phone and the time (seconds since the epoch) of each SMS."""
        with urlopen(f"{self.url}/messages") as answer:  # noqa: S310 - our own address
            record = json.load(answer)
        return [
            (sms["to"], datetime.fromisoformat(sms["received_at"]).timestamp()) for sms in record
        ]

    def forget(self) -> None:
        """Starts a new record."""
        with urlopen(Request(f"{self.url}/messages", method="DELETE")):  # noqa: S310
            pass

    def worker(self, threads: int) -> Process:
        """A worker that delivers to it."""
        return Process(
            *("deliver", "--threads", str(threads)),
            SMS_GATEWAY="africastalking",
            AFRICAS_TALKING_API_KEY="benchmark",
            AFRICAS_TALKING_URL=self.url,
            LOG_LEVEL="WARNING",
        )


def queue(count: int) -> None:
    """Puts so many messages into the empty outbox."""
    from notifications.models import Message  # noqa: PLC0415 - after django.setup()

    Message.objects.all().delete()
    Message.objects.bulk_create(
        [
            Message(kind="order_received", to=f"+2547{number:08}", text="Your order was received.")
            for number in range(count)
        ],
        batch_size=1000,
    )


def drain(gateway: Gateway, *, count: int, threads: int, workers: int) -> tuple[float, float]:
    """SMS per second from the first to the last of `count`, and the largest worker's megabytes."""
    from notifications.models import Message  # noqa: PLC0415 - after django.setup()

    queue(0)
    gateway.forget()
    with ExitStack() as stack:
        running = [stack.enter_context(gateway.worker(threads)) for _ in range(workers)]
        for worker in running:
            worker.line()
        started = [worker.cpu_seconds() for worker in [*running, gateway.process]]
        queue(count)
        while Message.objects.filter(status="pending").exists():
            time.sleep(0.2)
        used = [worker.cpu_seconds() for worker in [*running, gateway.process]]
        megabytes = max(worker.peak_megabytes() for worker in running)
    times = sorted(moment for _, moment in gateway.received())
    assert len(times) == count == Message.objects.filter(status="sent").count()
    cost = [
        f"{(after - before) / count * 1000:.2f}"
        for after, before in zip(used, started, strict=True)
    ]
    rate = (count - 1) / (times[-1] - times[0])
    print(
        f"{workers} worker(s) with {threads} threads: {rate:.0f} SMS/s, {megabytes:.0f} MB;"
        f" ms of CPU per SMS: {', '.join(cost[:-1])}; the simulator {cost[-1]}"
    )
    return rate, megabytes


def idle_latencies(gateway: Gateway, count: int) -> list[float]:
    """Milliseconds from the commit of an order to its SMS at the gateway, one by one."""
    from customers.models import Customer  # noqa: PLC0415 - after django.setup()
    from orders.pricing import WantedLine  # noqa: PLC0415
    from orders.services import place_order  # noqa: PLC0415

    queue(0)
    gateway.forget()
    committed = {}
    with gateway.worker(FULL_THREADS) as worker:
        worker.line()
        for number in range(count):
            phone = f"+2547123{number:05}"
            customer = Customer.objects.create(name="John", phone_number=phone)
            # At no particular moment of the worker's own rhythm.
            time.sleep(0.6 + number % 7 * 0.071)
            line = WantedLine(quantity=1, description="Laptop", unit_price=1)  # type: ignore[arg-type]
            place_order(customer=customer.pk, lines=[line])
            committed[phone] = time.time()
        time.sleep(2)
    received = dict(gateway.received())
    return sorted((received[phone] - moment) * 1000 for phone, moment in committed.items())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sms", type=int, default=5000, help="how many for one full worker")
    parser.add_argument("--idle", type=int, default=40, help="how many one by one")
    options = parser.parse_args()
    with (
        production(),
        database(),
        Process(
            *("simulate_gateways", "--port", "0", "--latency", str(LATENCY_SECONDS))
        ) as simulator,
    ):
        gateway = Gateway(simulator)
        drain(gateway, count=options.sms, threads=FULL_THREADS, workers=1)
        few = options.sms // 5
        one, _ = drain(gateway, count=few, threads=FEW_THREADS, workers=1)
        two, _ = drain(gateway, count=few, threads=FEW_THREADS, workers=2)
        print(f"two workers: {two / one:.2f} x one")
        latencies = idle_latencies(gateway, options.idle)
        print(
            f"from commit to gateway when idle: {statistics.median(latencies):.0f} ms at the"
            f" median, {latencies[int(len(latencies) * 0.95)]:.0f} ms at the 95th percentile"
        )


if __name__ == "__main__":
    main()
