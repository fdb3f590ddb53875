"""Directories that are full, missing or not for writing: what needs none goes on."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.attacks.disks import fill, small_disk
from tests.attacks.site import Site, site_with_orders
from tests.faults.server import Server, nobody_else_is_connected, serving
from tests.processes import ROOT, eventually

ONE_PROCESS = {"WEB_THREADS": "2", "WEB_WORKERS": "1", "METRICS_ALLOWED_NETWORKS": "127.0.0.0/8"}
KINDS = ("orders", "customers", "items", "mappings", "apps", "notifications", "imports", "nowhere")
CSV = b"code,name\n" + b"C-1,Jane\n" * 200_000

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site() -> Iterator[Site]:
    yield site_with_orders(3)
    eventually(nobody_else_is_connected)


def workers(server: Server) -> list[str]:
    """The ids of the server's processes: others, once it has started one anew."""
    assert server.process
    command = ["pgrep", "--parent", str(server.process.pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()


def ask_for_everything(server: Server) -> list[int]:
    """The statuses of requests of many kinds, each of which is counted by itself."""
    return [
        server.send(method, f"/v1/{kind}/{path}", {}).status_code
        for kind in KINDS
        for path in ("", "01a2135c-56e4-7171-8eea-75bb2ead0ce3/")
        for method in ("GET", "PUT", "OPTIONS")
    ]


def warnings(server: Server) -> str:
    return " ".join(server.send("GET", "/readyz", None).json()["warnings"])


@pytest.mark.parametrize("kilobytes", [8, 64])
def test_a_metrics_directory_without_room_fails_no_start_and_no_request(
    kilobytes: int, site: Site, tmp_path: Path
) -> None:
    with (
        small_disk(tmp_path / "metrics", kilobytes=kilobytes) as metrics,
        serving(site.key, {**ONE_PROCESS, "METRICS_DIR": str(metrics)}) as server,
    ):
        before = workers(server)

        assert max(ask_for_everything(server)) < 500
        assert workers(server) == before
        assert "METRICS_DIR cannot be used" in warnings(server)
        # This process has counted all the same.
        shown = server.send("GET", "/metrics", None).text
        assert re.search(r"klanten_http_request_seconds_count\{.*\} [1-9]", shown)


def test_a_metrics_directory_that_becomes_full_fails_nothing(site: Site, tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "metrics", kilobytes=300) as metrics,
        serving(site.key, {**ONE_PROCESS, "METRICS_DIR": str(metrics)}) as server,
    ):
        before = workers(server)
        fill(metrics)

        assert max(ask_for_everything(server)) < 500
        assert workers(server) == before
        assert server.send("GET", "/metrics", None).status_code == 200


def test_a_metrics_directory_that_goes_fails_nothing(site: Site, tmp_path: Path) -> None:
    metrics = tmp_path / "metrics"
    with serving(site.key, {**ONE_PROCESS, "METRICS_DIR": str(metrics)}) as server:
        shutil.rmtree(metrics)

        assert max(ask_for_everything(server)) < 500
        assert server.send("GET", "/metrics", None).status_code == 200
        assert "METRICS_DIR cannot be used" in warnings(server)


def upload(server: Server) -> requests.Response:
    return requests.post(
        server.url("/v1/imports/"),
        data={"resource": "customers", "dry_run": "true"},
        files={"file": ("customers.csv", CSV)},
        headers=server.headers,
        timeout=60,
    )


def test_an_upload_for_which_there_is_no_room_is_507_and_hurts_nobody(
    site: Site, tmp_path: Path
) -> None:
    with (
        small_disk(tmp_path / "uploads", kilobytes=6000) as uploads,
        serving(site.key, {**ONE_PROCESS, "UPLOAD_DIR": str(uploads)}) as server,
    ):
        filling = fill(uploads)
        refused = upload(server)

        assert refused.status_code == 507
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert refused.json()["code"] == "no_space"
        assert server.send("GET", f"/v1/orders/{site.order}/", None).status_code == 200

        filling.unlink()
        assert upload(server).status_code == 202


def test_an_upload_without_a_directory_is_507(site: Site, tmp_path: Path) -> None:
    environment = {**ONE_PROCESS, "UPLOAD_DIR": str(tmp_path / "missing")}
    with serving(site.key, environment) as server:
        assert upload(server).status_code == 507
        assert server.send("GET", f"/v1/orders/{site.order}/", None).status_code == 200


def test_a_full_disk_under_sqlite_is_503_until_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "state", kilobytes=8000) as state:
        environment = {
            **ONE_PROCESS,
            "STATE_DIR": str(state),
            "DATABASE_URL": f"sqlite:///{state}/klanten.sqlite3",
            "METRICS_DIR": str(state / "metrics"),
        }

        def manage(*arguments: str) -> str:
            command = [sys.executable, "manage.py", *arguments]
            return subprocess.run(
                command,
                cwd=ROOT,
                env={**os.environ, **environment},
                check=True,
                capture_output=True,
                text=True,
            ).stdout

        manage("migrate", "--verbosity", "0")
        key = manage("create_api_key", "disk", "--scopes", "read write").splitlines()[-1]
        with serving(key, environment) as server:
            customer = {"name": "Jane Doe", "code": "C-1"}
            assert server.send("POST", "/v1/customers/", customer).status_code == 201
            filling = fill(state)

            # A little room may be left in the pages that the database has already.
            statuses = [place_order(server) for _ in range(50)]
            assert set(statuses) <= {201, 503}
            assert statuses[-1] == 503
            assert server.send("GET", "/v1/customers/", None).status_code == 200
            login = {"username": "nobody", "password": "wrong"}
            page = requests.post(server.url("/admin/login/"), login, timeout=10)
            assert page.status_code < 500 or page.status_code == 503

            filling.unlink()
            assert place_order(server) == 201


def place_order(server: Server) -> int:
    order = {"customer_code": "C-1", "item": "Laptop " * 30, "amount": "10.00"}
    return server.send("POST", "/v1/orders/", order).status_code
