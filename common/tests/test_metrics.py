"""It shows its numbers to whoever is meant to see them, and counts for all its processes."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from common import metric_files, metrics
from common.metric_files import DIRECTORY, share_metrics
from common.models import Chore
from common.networks import parse_networks
from common.tests.problems import problem
from tests.processes import ROOT

TOKEN = "a token of some length"
PRIVATE = "10.1.2.3"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def guarded(settings: Settings) -> None:
    """For a token, and for a network."""
    settings.METRICS_TOKEN = TOKEN
    settings.METRICS_ALLOWED_NETWORKS = parse_networks("10.0.0.0/8")


@pytest.fixture
def scraper(client: Client) -> Client:
    client.defaults["REMOTE_ADDR"] = PRIVATE
    return client


def families(client: Client) -> dict[str, Metric]:
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.content
    return {each.name: each for each in text_string_to_metric_families(answer.content.decode())}


def requests_counted(client: Client, **labels: str) -> float:
    """How many requests with these labels `/metrics` knows of."""
    samples = families(client)["klanten_http_request_seconds"].samples
    return sum(
        sample.value
        for sample in samples
        if sample.name.endswith("_count") and labels.items() <= sample.labels.items()
    )


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("192.0.2.7", {}, 404),
        ("192.0.2.7", {"Authorization": f"Bearer {TOKEN}"}, 200),
        ("192.0.2.7", {"Authorization": f"bearer  {TOKEN}"}, 200),
        ("192.0.2.7", {"Authorization": "Bearer another"}, 404),
        ("192.0.2.7", {"Authorization": "Bearer "}, 404),
        ("192.0.2.7", {"Authorization": "Bearer \xe9"}, 404),
        ("192.0.2.7", {"Authorization": f"Api-Key {TOKEN}"}, 404),
        (PRIVATE, {}, 200),
        (PRIVATE, {"X-Forwarded-For": "192.0.2.7"}, 404),
        (PRIVATE, {"X-Forwarded-For": "10.9.9.9"}, 404),
        (PRIVATE, {"Forwarded": "for=10.9.9.9"}, 404),
        (PRIVATE, {"Authorization": "Bearer another"}, 404),
        ("", {}, 404),
    ],
)
def test_is_seen_by_whoever_may(
    client: Client, peer: str, headers: dict[str, str], status: int
) -> None:
    answer = client.get("/metrics", REMOTE_ADDR=peer, headers=headers)

    assert answer.status_code == status
    assert (b"klanten_http_request_seconds" in answer.content) is (status == 200)
    if status == 404:
        assert problem(answer, 404)["code"] == "not_found"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer "}, {"Authorization": "x"}])
def test_is_seen_by_nobody_unless_that_is_set_up(
    client: Client, settings: Settings, headers: dict[str, str]
) -> None:
    settings.METRICS_TOKEN = ""
    settings.METRICS_ALLOWED_NETWORKS = ()

    assert client.get("/metrics", REMOTE_ADDR="127.0.0.1", headers=headers).status_code == 404


@pytest.mark.parametrize(("token", "fault"), [("", False), ("x" * 19, True), ("x" * 20, False)])
def test_takes_no_token_that_can_be_guessed(settings: Settings, token: str, fault: bool) -> None:
    settings.METRICS_TOKEN = token

    assert ("common.E001" in {each.id for each in run_checks()}) is fault


def test_is_answered_whatever_it_is_called_and_without_tls(
    scraper: Client, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["klanten.example"]
    settings.SECURE_SSL_REDIRECT = True

    assert scraper.get("/metrics", HTTP_HOST="10.0.0.7:8000").status_code == 200


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
    ],
)
def test_speaks_the_format_that_it_is_asked_for(
    scraper: Client, accept: str, content_type: str
) -> None:
    answer = scraper.get("/metrics", headers={"Accept": accept} if accept else {})

    assert answer["Content-Type"] == content_type
    assert answer["Cache-Control"] == "no-store"
    assert answer.content.endswith(b"# EOF\n") is bool(accept)


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("GET", "/v1/items/", {"method": "GET", "route": "/v1/items/", "status": "4xx"}),
        (
            "PATCH",
            "/api/v1/orders/00000000-0000-7000-8000-000000000000",
            {"method": "PATCH", "route": "/api/v1/orders/<pk>/", "status": "4xx"},
        ),
        ("GET", "/redoc/", {"method": "GET", "route": "/redoc/", "status": "2xx"}),
        ("BREW", "/nowhere", {"method": "other", "route": "none", "status": "4xx"}),
    ],
)
def test_counts_requests_by_what_was_asked_for(
    scraper: Client, method: str, path: str, labels: dict[str, str]
) -> None:
    before = requests_counted(scraper, **labels)

    scraper.generic(method, path)
    scraper.get("/healthz")

    assert requests_counted(scraper, **labels) == before + 1
    routes = {
        sample.labels["route"]
        for sample in families(scraper)["klanten_http_request_seconds"].samples
    }
    assert not {"/metrics", "/healthz"} & routes


def test_shows_the_rest_when_a_source_fails(
    scraper: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away() -> list[Metric]:
        raise OperationalError("away")

    monkeypatch.setattr(metrics, "_sources", [away, *metrics._sources])

    shown = families(scraper)

    (failed,) = shown["klanten_metrics_failed_sources"].samples
    assert failed.value == 1
    assert "klanten_messages_open" in shown
    assert "A source of metrics failed" in caplog.text


def test_shows_when_the_house_was_kept(scraper: Client) -> None:
    assert families(scraper)["klanten_housekeeping_done_timestamp_seconds"].samples == []

    call_command("housekeeping", verbosity=0)

    samples = families(scraper)["klanten_housekeeping_done_timestamp_seconds"].samples
    done = {sample.labels["chore"]: sample.value for sample in samples}
    assert done == {
        chore.name: chore.done_at.timestamp() for chore in Chore.objects.all() if chore.done_at
    }
    assert "idempotency records" in done


# --- Processes that count together ---------------------------------------------------

SERVE = """
from config.wsgi import application
from django.test import Client
client = Client(REMOTE_ADDR="127.0.0.1")
for _ in range({times}):
    client.get("/v1/nowhere")
print(client.get("/metrics").content.decode())
"""


def serve(times: int, directory: Path) -> str:
    """What a web process shows after so many requests; this test is the parent of all."""
    environment = {name: value for name, value in os.environ.items() if name != DIRECTORY}
    return subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", SERVE.format(times=times)],
        cwd=ROOT,
        env={**environment, "METRICS_DIR": str(directory)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_counts_for_all_processes_of_a_server(tmp_path: Path) -> None:
    first, second = serve(2, tmp_path), serve(3, tmp_path)

    count = r'^klanten_http_request_seconds_count\{.*status="4xx"\} (\S+)$'
    assert re.findall(count, first, re.MULTILINE) == ["2.0"]
    # The first has ended; what it counted has not.
    assert re.findall(count, second, re.MULTILINE) == ["5.0"]


@pytest.fixture
def undecided(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a process that starts."""
    monkeypatch.delitem(sys.modules, "prometheus_client")
    monkeypatch.setattr(metric_files, "metric_file", metric_files.MetricFile())
    yield
    os.environ.pop(DIRECTORY, None)


@pytest.mark.usefixtures("undecided")
def test_forgets_servers_that_have_ended(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for name in (str(ended.pid), "1", "not-ours"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "histogram_1.db").touch()

    share_metrics(tmp_path)

    ours = os.environ[DIRECTORY]
    assert ours == str(tmp_path / str(os.getppid()))
    assert {each.name for each in tmp_path.iterdir()} == {"1", "not-ours", str(os.getppid())}
    assert Path(ours).stat().st_mode & 0o777 == 0o700


def test_counts_alone_once_it_has_begun_to(tmp_path: Path) -> None:
    share_metrics(tmp_path)

    assert DIRECTORY not in os.environ
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("undecided")
def test_counts_alone_where_nothing_can_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()

    share_metrics(tmp_path / "file")

    assert DIRECTORY not in os.environ
    assert "METRICS_DIR cannot be used" in caplog.text
