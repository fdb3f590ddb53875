"""lori's document, call by call: registration and login."""

from typing import Any

import pytest
import requests
from pytest_django.live_server_helper import LiveServer

from access.models import User
from customers.models import Customer
from orders.models import Order

JANE = {
    "username": "jane",
    "email": "jane@klanten.example",
    "password1": "correct horse",
    "password2": "correct horse",
}


def post(live_server: LiveServer, path: str, body: dict[str, str]) -> Any:
    """A form, without following a redirect: the document's addresses are the real ones."""
    return requests.post(f"{live_server.url}{path}", data=body, timeout=10, allow_redirects=False)


def orders(live_server: LiveServer, word: str, token: str) -> Any:
    """The orders that whoever has this token sees."""
    headers = {"Authorization": f"{word} {token}"}
    return requests.get(f"{live_server.url}/api/v1/orders/", headers=headers, timeout=10)


@pytest.fixture
def key(live_server: LiveServer) -> str:
    """The key of the registration."""
    answer = post(live_server, "/api/rest-auth/registration/", JANE)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


def test_registration_makes_the_login_and_its_customer(key: str) -> None:
    user = User.objects.get()
    customer = Customer.objects.get()

    assert (user.username, user.email, user.is_staff) == ("jane", "jane@klanten.example", False)
    assert (customer.name, customer.user) == ("jane", user)


@pytest.mark.parametrize("word", ["JWT", "Bearer"])
def test_the_key_sees_its_own_orders_alone(live_server: LiveServer, key: str, word: str) -> None:
    other = Customer.objects.create(name="John Doe")
    own, _ = (
        Order.objects.create(customer=customer, description="Laptop", amount="10.00")
        for customer in (Customer.objects.get(name="jane"), other)
    )

    answer = orders(live_server, word, key)

    assert answer.status_code == 200
    assert [order["id"] for order in answer.json()] == [str(own.pk)]


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"password2": "another horse"}, "password2"),
        ({"password1": "password", "password2": "password"}, "password1"),
        ({"email": "nobody"}, "email"),
        ({"username": ""}, "username"),
    ],
)
def test_a_registration_that_is_refused_makes_nothing(
    live_server: LiveServer, change: dict[str, str], detail: str
) -> None:
    answer = post(live_server, "/api/rest-auth/registration/", {**JANE, **change})

    assert answer.status_code == 400
    assert detail in {error["field"] for error in answer.json()["errors"]}
    assert (User.objects.count(), Customer.objects.count()) == (0, 0)


def test_a_name_is_registered_once(live_server: LiveServer, key: str) -> None:
    answer = post(live_server, "/api/rest-auth/registration/", JANE)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "username"
    assert (User.objects.count(), Customer.objects.count()) == (1, 1)


@pytest.mark.parametrize("word", ["JWT", "Bearer"])
def test_the_login_answers_a_token(live_server: LiveServer, key: str, word: str) -> None:
    answer = post(
        live_server, "/api-token-auth/", {"username": "jane", "password": "correct horse"}
    )

    assert answer.status_code == 200
    assert answer.json().keys() == {"token"}
    assert orders(live_server, word, answer.json()["token"]).json() == []


@pytest.mark.parametrize("username", ["jane", "nobody"])
def test_a_wrong_login_is_a_400(live_server: LiveServer, key: str, username: str) -> None:
    answer = post(live_server, "/api-token-auth/", {"username": username, "password": "wrong"})

    assert answer.status_code == 400
    assert answer.json()["detail"] == "Unable to log in with the credentials given."
