"""An import of many rows with one that is bad: 20,000 here, a million with `make test-million`."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import File
from rest_framework.test import APIClient

from customers.models import Customer
from imports.models import Import
from imports.tests.uploads import IMPORTS, counts, report
from tests.processes import manage

ROWS = int(os.environ.get("ROWS", "20000"))
BAD = ROWS * 2 // 3
WORKER = {"DEBUG": "false", "LOG_LEVEL": "WARNING", "ALLOWED_HOSTS": "localhost"}
# Of the worker, whatever the number of rows.
MOST_MEGABYTES = 200


@pytest.fixture
def upload(partner: APIClient, tmp_path: Path) -> Any:
    """Hands in a file of ROWS customers, of which the one in line BAD is none."""
    path = tmp_path / "customers.csv"
    with path.open("w") as file:
        file.write("code,name,phone_number\n")
        for line in range(2, ROWS + 2):
            file.write(f"C{line},,\n" if line == BAD else f"C{line},Ann Lee,\n")
    with path.open("rb") as opened:
        form = {"file": File(opened), "resource": "customers"}
        yield lambda mode: partner.post(IMPORTS, {**form, "mode": mode}, format="multipart").json()


def work_off() -> float:
    """Has a worker do everything there is to do; its peak of memory in megabytes."""
    peak = 0
    secrets = {"SECRET_KEY": "s" * 50, "OIDC_RSA_PRIVATE_KEY": "unused"}
    with manage("deliver", "--once", **WORKER, **secrets) as worker:
        status = Path(f"/proc/{worker.pid}/status")
        while worker.poll() is None:
            if found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text()):
                peak = int(found[1])
            try:
                worker.wait(timeout=0.1)
            except subprocess.TimeoutExpired:
                continue
    assert worker.returncode == 0
    return peak / 1024


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("mode", "state", "stored"), [("good", "done", ROWS - 1), ("all", "failed", 0)]
)
def test_says_which_one_is_bad(
    partner: APIClient, upload: Any, mode: str, state: str, stored: int
) -> None:
    shown = upload(mode)

    peak = work_off()

    shown = partner.get(f"{IMPORTS}{shown['id']}/").json()
    created = {"created": stored} if stored else {}
    assert (shown["state"], counts(shown)) == (state, {"rows": ROWS, "refused": 1} | created)
    assert {line for line, *_ in report(partner, shown)} == {BAD}
    assert Customer.objects.count() == stored
    assert Import.objects.get().line == ROWS + 2
    print(f"{ROWS} rows, {mode}: the worker had {peak:.0f} MB at most")
    assert peak < MOST_MEGABYTES
