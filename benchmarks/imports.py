"""`make bench-imports`: a bulk upload against PostgreSQL's own COPY.

`python -m benchmarks.imports [--rows N] [--gigabyte]`. BENCH_DATABASE_URL names a PostgreSQL
database for nothing else: its customers are deleted. Both times are into the same table, with all
its indexes; the import goes the way of an upload, through the worker's own loop in a process of
its own, whose peak of memory is printed.
"""

import argparse
import csv
import io
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.secret_files import new_rsa_key, new_secret_key

COLUMNS = ("code", "name", "first_name", "last_name", "phone_number", "domain")
FIRST = ("Wanjiru", "Otieno", "Amina", "Kamau", "Njeri", "Mutua", "Chebet", "Juma", "Zawadi")
LAST = ("Mwangi", "Odhiambo", "Hassan", "Kiprotich", "Wambui", "Musyoka", "Barasa", "Auma")
GIGABYTE = 10**9


def customer(number: int) -> list[str]:
    """A row as a company has it: half of them with a domain, each phone in a local spelling."""
    first, last = FIRST[number % len(FIRST)], LAST[number // 7 % len(LAST)]
    phone = f"07{number % 100_000_000:08}" if number % 3 else f"+254 7{number % 100_000_000:08}"
    domain = f"shop-{number}.example.co.ke" if number % 2 else ""
    return [f"CUST{number:08}", f"{first} {last}", first, last, phone, domain]


def wide_customer(number: int) -> list[str]:
    """One with names as long as can be stored, so that a gigabyte is done in minutes."""
    code, name, first, last, phone, domain = customer(number)
    return [code, name, first.ljust(249, "x"), last.ljust(249, "x"), phone, domain]


def write_file(path: Path, *, rows: int | None = None, size: int = 0) -> int:
    """Writes so many rows, or so many bytes; how many rows that were."""
    number = 0
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        while number < rows if rows is not None else file.tell() < size:
            writer.writerow(customer(number) if size == 0 else wide_customer(number))
            number += 1
    return number


def clear() -> None:
    """Empties the table, as new."""
    from django.db import connection  # noqa: PLC0415 - once Django is set up

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE customers_customer CASCADE")
        cursor.execute("VACUUM ANALYZE customers_customer")


def copied(path: Path) -> float:
    """Seconds that COPY takes for the rows of a file, in the form in which they are stored."""
    from django.db import connection  # noqa: PLC0415

    from common.models import new_id  # noqa: PLC0415
    from customers.normalise import normalise_phone  # noqa: PLC0415

    lines = io.StringIO()
    writer = csv.writer(lines)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            phone = normalise_phone(row.pop("phone_number"))
            moment = "2026-01-01T00:00:00Z"
            writer.writerow([new_id(), moment, moment, *row.values(), phone])
    names = "id, created_at, updated_at, code, name, first_name, last_name, domain, phone_number"
    lines.seek(0)
    with connection.cursor() as cursor:
        begun = time.monotonic()
        cursor.copy_expert(f"COPY customers_customer ({names}) FROM STDIN (FORMAT csv)", lines)
    return time.monotonic() - begun


def uploaded(path: Path) -> Any:
    """The file, handed in."""
    from access.principals import Kind, Principal  # noqa: PLC0415
    from imports.services import begin_import  # noqa: PLC0415

    principal = Principal(Kind.API_KEY, id="bench", scopes=frozenset({"write"}))
    with path.open("rb") as file:
        return begin_import(
            principal=principal,
            file=file,
            file_name=path.name,
            size=path.stat().st_size,
            resource="customers",
        )


def worked_off(one: Any) -> tuple[float, float]:
    """Seconds until a worker is done with it, its own start included, and its peak in MB."""
    begun = time.monotonic()
    peak = 0
    with subprocess.Popen([sys.executable, "manage.py", "deliver"]) as worker:
        status = Path(f"/proc/{worker.pid}/status")
        while one.state in one.OPEN and worker.poll() is None:
            # Not by getrusage, which counts what the child was before it became the worker.
            if found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text()):
                peak = int(found[1])
            time.sleep(0.1)
            one.refresh_from_db()
        seconds = time.monotonic() - begun
        worker.terminate()
    return seconds, peak / 1024


def cpu_of_children() -> float:
    """Seconds of CPU that processes of ours have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(path: Path, *, with_copy: bool) -> Iterator[str]:
    """The lines of the report on one file."""
    copy = 0.0
    if with_copy:
        clear()
        copy = copied(path)
        yield f"COPY           {copy:8.2f} s"
    clear()
    begun = time.monotonic()
    one = uploaded(path)
    yield f"upload         {time.monotonic() - begun:8.2f} s"
    cpu_before = cpu_of_children()
    seconds, peak = worked_off(one)
    cpu = cpu_of_children() - cpu_before
    yield f"import         {seconds:8.2f} s, {one.rows / seconds:,.0f} rows a second"
    yield f"worker's CPU   {cpu:8.2f} s"
    counts = ", ".join(f"{getattr(one, name)} {name}" for name in one.COUNTS)
    yield f"               {one.state}: {counts}"
    yield f"worker's peak  {peak:8.0f} MB"
    if with_copy:
        bound = 3 * copy + 10
        yield f"ratio          {seconds / copy:8.1f} x COPY; 3 x COPY + 10 s is {bound:.1f} s"
        yield "holds" if seconds <= bound else "DOES NOT HOLD"


def as_in_production() -> None:
    """Sets the environment: without DEBUG, with which Django keeps every statement."""
    os.environ |= {
        "DATABASE_URL": os.environ["BENCH_DATABASE_URL"],
        "DEBUG": "false",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": new_secret_key(),
        "OIDC_RSA_PRIVATE_KEY": new_rsa_key(),
        "ALLOWED_HOSTS": "localhost",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--gigabyte", action="store_true", help="a file of 1 GB instead")
    options = parser.parse_args()
    as_in_production()
    import django  # noqa: PLC0415 - once the environment is set

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    with tempfile.TemporaryDirectory(prefix="klanten-bench-") as directory:
        path = Path(directory) / "customers.csv"
        rows = None if options.gigabyte else options.rows
        size = GIGABYTE if options.gigabyte else 0
        written = write_file(path, rows=rows, size=size)
        print(f"{written:,} customers, {path.stat().st_size / 10**6:,.0f} MB", flush=True)
        for line in measure(path, with_copy=not options.gigabyte):
            print(line, flush=True)


if __name__ == "__main__":
    main()
