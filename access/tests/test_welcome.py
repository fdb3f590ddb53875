"""It shows a way in on the first start, and never again."""

import re
import socket
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from access.models import ApiKey, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the installation is reached."""
    monkeypatch.setenv("HOST", "klanten.example")
    monkeypatch.setenv("PORT", "8080")


def welcome() -> str:
    printed = StringIO()
    call_command("welcome", stdout=printed)
    return printed.getvalue()


def test_makes_a_login_and_a_key_that_work() -> None:
    printed = welcome()

    login = re.search(r"Admin login +(\S+) / (\S+)", printed)
    key = re.search(r"API key +(\S+)", printed)
    assert login
    assert key
    form = {"username": login[1], "password": login[2]}
    assert Client().post("/admin/login/", form)["Location"] == "/"
    assert User.objects.get().is_superuser
    partner = APIClient(HTTP_AUTHORIZATION=f"Api-Key {key[1]}")
    assert partner.post("/v1/customers/", {"name": "John Doe"}).status_code == 201
    assert len(partner.get("/v1/customers/").json()) == 1
    assert ApiKey.objects.count() == 1


def test_shows_commands_that_carry_the_key() -> None:
    printed = welcome()

    key = re.search(r"API key +(\S+)", printed)
    assert key
    header = f"-H 'Authorization: Api-Key {key[1]}'"
    assert printed.count(f"curl {header} http://klanten.example:8080/v1/") == 2


def test_prints_only_addresses_the_second_time() -> None:
    welcome()

    assert welcome().split() == [
        *("API", "http://klanten.example:8080/v1/"),
        *("Swagger", "http://klanten.example:8080/"),
        *("Admin", "http://klanten.example:8080/admin/"),
    ]
    assert (User.objects.count(), ApiKey.objects.count()) == (1, 1)


@pytest.mark.parametrize("there", ["key", "admin"])
def test_makes_nothing_where_somebody_can_get_in(
    request: pytest.FixtureRequest, there: str
) -> None:
    request.getfixturevalue(there)
    before = (User.objects.count(), ApiKey.objects.count())

    assert "first start" not in welcome()
    assert (User.objects.count(), ApiKey.objects.count()) == before


def test_refuses_a_port_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        monkeypatch.setenv("HOST", "127.0.0.1")
        monkeypatch.setenv("PORT", port)

        with pytest.raises(CommandError, match=f"127.0.0.1:{port} is in use"):
            call_command("welcome")

    assert not User.objects.exists()
