"""Mais Todos's document, call by call: the login."""

from typing import Any

import pytest
import requests
from django.contrib.auth.models import Permission
from pytest_django.live_server_helper import LiveServer

from access.cache import forget_all
from access.models import User


class MaisTodos:
    """A client written against the document: JSON, Bearer, the pair of the JWT library."""

    def __init__(self, live_server: LiveServer) -> None:
        self.base = live_server.url

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return requests.post(f"{self.base}{path}", json=body, timeout=10, allow_redirects=False)

    def customers(self, token: str) -> int:
        """The status of a call with this token, asked anew."""
        forget_all()
        headers = {"Authorization": f"Bearer {token}"}
        return requests.get(f"{self.base}/api/customers/", headers=headers, timeout=10).status_code


@pytest.fixture
def mais_todos(live_server: LiveServer) -> MaisTodos:
    user = User.objects.create_user("erp", password="correct horse")
    user.user_permissions.add(Permission.objects.get(codename="view_customer"))
    return MaisTodos(live_server)


@pytest.fixture
def pair(mais_todos: MaisTodos) -> dict[str, str]:
    answer = mais_todos.post("/api/token/", {"username": "erp", "password": "correct horse"})
    assert answer.status_code == 200, answer.text
    tokens: dict[str, str] = answer.json()
    return tokens


def test_the_login_answers_a_pair(mais_todos: MaisTodos, pair: dict[str, str]) -> None:
    assert pair.keys() == {"access", "refresh"}
    assert mais_todos.customers(pair["access"]) == 200
    assert mais_todos.customers(pair["refresh"]) == 401


@pytest.mark.parametrize("username", ["erp", "nobody"])
def test_a_wrong_login_is_a_401(mais_todos: MaisTodos, username: str) -> None:
    answer = mais_todos.post("/api/token/", {"username": username, "password": "wrong"})

    assert answer.status_code == 401
    assert answer.json()["detail"] == "Unable to log in with the credentials given."


def test_a_refresh_rotates(mais_todos: MaisTodos, pair: dict[str, str]) -> None:
    answer = mais_todos.post("/api/token/refresh/", {"refresh": pair["refresh"]})

    assert answer.status_code == 200
    newer = answer.json()
    assert newer.keys() == {"access", "refresh"}
    assert not set(newer.values()) & set(pair.values())
    assert mais_todos.customers(newer["access"]) == 200
    assert mais_todos.customers(pair["access"]) == 401


def test_a_refresh_token_works_once(mais_todos: MaisTodos, pair: dict[str, str]) -> None:
    newer = mais_todos.post("/api/token/refresh/", {"refresh": pair["refresh"]}).json()

    replayed = mais_todos.post("/api/token/refresh/", {"refresh": pair["refresh"]})

    assert replayed.status_code == 401
    assert replayed.json()["code"] == "token_not_valid"
    # Stolen or lost on the way: nothing that came of that login works any longer.
    assert mais_todos.customers(newer["access"]) == 401
    again = mais_todos.post("/api/token/refresh/", {"refresh": newer["refresh"]})
    assert again.status_code == 401


def test_a_made_up_refresh_token_is_a_401(mais_todos: MaisTodos) -> None:
    assert mais_todos.post("/api/token/refresh/", {"refresh": "x"}).status_code == 401
