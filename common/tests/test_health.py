"""It tells a load balancer that it is well, whatever the balancer calls it."""

import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings
from pytest_django.fixtures import DjangoAssertNumQueries

from common import health

HOSTS = pytest.mark.parametrize("host", ["klanten.example", "10.0.0.7:8000", "unknown", "", "a_b"])


@HOSTS
def test_is_alive_without_a_database(client: Client, settings: Settings, host: str) -> None:
    settings.ALLOWED_HOSTS = ["klanten.example"]

    response = client.get("/healthz", HTTP_HOST=host)

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@HOSTS
@pytest.mark.django_db
def test_is_ready_with_its_database(
    client: Client,
    settings: Settings,
    host: str,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    settings.ALLOWED_HOSTS = ["klanten.example"]

    # That it answers, and what has been due for longest.
    with django_assert_num_queries(2):
        response = client.get("/readyz", HTTP_HOST=host)
    with django_assert_num_queries(1):
        assert client.get("/readyz", HTTP_HOST=host).json() == response.json()

    ready = {"status": "ok", "database": "ok", "warnings": []}
    assert (response.status_code, response.json()) == (200, ready)


@pytest.mark.django_db
def test_warns_when_it_cannot_tell_what_to_warn_of(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> str:
        raise OperationalError("away")

    monkeypatch.setattr(health, "_warners", [away])

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert answer.json()["warnings"] == [
        "It could not be found out whether there is something to warn of."
    ]


@pytest.mark.django_db
def test_refuses_an_unknown_host_elsewhere(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["klanten.example"]

    assert client.get("/v1/", HTTP_HOST="unknown").status_code == 400
    assert client.get("/v1/", HTTP_HOST="klanten.example").status_code == 200


def test_is_not_redirected_to_https(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert client.get("/healthz").status_code == 200
