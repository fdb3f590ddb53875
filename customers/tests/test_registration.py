"""A customer makes a login of their own, and reaches what is theirs with it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from access.apps import CUSTOMERS
from access.models import User
from common.tests.problems import problem, wrong_fields
from customers.models import Customer
from customers.registration import register_login
from items.models import Item
from orders.models import Order
from orders.pricing import WantedLine
from orders.services import place_order

URL = "/api/rest-auth/registration/"
PASSWORD = "correct horse battery"
TAKEN = "A user with that username already exists."


@pytest.fixture(autouse=True)
def nobody_has_tried(settings: Settings, db: None) -> Iterator[None]:
    """No attempts of another test are counted."""
    settings.AUTH_CACHE_SECONDS = 0
    cache.clear()
    yield
    cache.clear()


def body(**changes: Any) -> dict[str, Any]:
    """A good registration, with changes; None leaves a member out."""
    good = {
        "username": "jane",
        "email": "jane@acme.example",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def register(**changes: Any) -> Any:
    return APIClient().post(URL, body(**changes))


def login(**changes: Any) -> APIClient:
    """A client with the key that a registration answers."""
    answer = register(**changes)
    assert answer.status_code == 201, answer.content
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {answer.json()['key']}")


@contextmanager
def nothing_new() -> Iterator[None]:
    """Neither a user nor a customer comes of it."""
    before = (User.objects.count(), Customer.objects.count())
    yield
    assert (User.objects.count(), Customer.objects.count()) == before


# --- Making one ----------------------------------------------------------------------


@pytest.mark.parametrize("url", [URL, URL.rstrip("/")])
@pytest.mark.parametrize("form", ["json", "multipart"])
def test_makes_a_login_and_its_customer(url: str, form: str) -> None:
    answer = APIClient().post(url, body(), format=form)

    assert answer.status_code == 201
    assert set(answer.json()) == {"key", "customer"}
    assert answer.json()["customer"] == {
        "id": str(Customer.objects.get().pk),
        "code": Customer.objects.get().code,
    }
    user = User.objects.get()
    assert (user.username, user.email) == ("jane", "jane@acme.example")
    assert user.check_password(PASSWORD)
    assert (user.is_active, user.is_staff, user.is_superuser) == (True, False, False)
    assert [group.name for group in user.groups.all()] == [CUSTOMERS]
    assert not user.user_permissions.exists()
    customer = Customer.objects.get()
    assert (customer.user, customer.name) == (user, "jane")
    assert customer.code.startswith("C-")


def test_gives_a_key_that_works() -> None:
    assert login().get("/v1/orders/").json() == []
    answer = APIClient().post("/api-token-auth/", {"username": "jane", "password": PASSWORD})
    assert answer.status_code == 200


@pytest.mark.parametrize("email", [None, ""])
def test_needs_no_address(email: str | None) -> None:
    assert register(email=email).status_code == 201
    assert User.objects.get().email == ""


def test_keeps_a_name_in_one_form() -> None:
    """Full-width letters look like another name, and are the same one."""
    assert register(username="\uff4a\uff41\uff4e\uff45").status_code == 201
    assert User.objects.get().username == Customer.objects.get().name == "jane"

    with nothing_new():
        assert wrong_fields(register()) == {"username": "unique"}


def test_takes_a_password_as_it_is() -> None:
    spaced = f"  {PASSWORD}  "

    assert register(password1=spaced, password2=spaced).status_code == 201
    assert User.objects.get().check_password(spaced)


def test_makes_no_user_when_there_is_no_customer() -> None:
    client = APIClient(raise_request_exception=False)
    with (
        nothing_new(),
        patch.object(Customer.objects, "create", side_effect=RuntimeError("no customer")),
    ):
        problem(client.post(URL, body()), 500)


def test_the_service_makes_both_or_neither() -> None:
    with (
        nothing_new(),
        patch.object(Customer.objects, "create", side_effect=RuntimeError("no customer")),
        pytest.raises(RuntimeError, match="no customer"),
    ):
        register_login(username="jane", email="", password=PASSWORD)


# --- Refusing ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("xq7Z", ["This password is too short. It must contain at least 8 characters."]),
        ("password", ["This password is too common."]),
        ("8203746159", ["This password is entirely numeric."]),
        ("jane-doe-4711", ["The password is too similar to the username."]),
        ("jane.d@acme.example", ["The password is too similar to the email address."]),
        (
            "123",
            [
                "This password is too short. It must contain at least 8 characters.",
                "This password is too common.",
                "This password is entirely numeric.",
            ],
        ),
    ],
)
def test_says_what_each_validator_has_against_a_password(password: str, says: list[str]) -> None:
    with nothing_new():
        answer = register(
            username="jane-doe-471",
            email="jane.d@acme.example",
            password1=password,
            password2=password,
        )

    errors = problem(answer, 400)["errors"]
    assert [(each["field"], each["detail"]) for each in errors] == [
        ("password1", sentence) for sentence in says
    ]


@pytest.mark.parametrize("second", [PASSWORD.upper(), f"{PASSWORD} ", "x"])
def test_refuses_two_passwords_that_differ(second: str) -> None:
    with nothing_new():
        answer = register(password2=second)

    assert problem(answer, 400)["errors"] == [
        {"field": "password2", "code": "invalid", "detail": "The two passwords differ."}
    ]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"username": None}, {"username": "required"}),
        ({"password1": None}, {"password1": "required"}),
        ({"password2": None}, {"password2": "required"}),
        ({"username": ""}, {"username": "blank"}),
        ({"username": "jane doe"}, {"username": "invalid"}),
        ({"username": "jane/doe"}, {"username": "invalid"}),
        ({"username": "jane\ndoe"}, {"username": "invalid"}),
        ({"username": "j" * 151}, {"username": "max_length"}),
        ({"username": "\ufdfa" * 20}, {"username": "invalid"}),
        ({"username": "jane\0"}, {"username": "null_characters_not_allowed"}),
        ({"username": ["jane"]}, {"username": "invalid"}),
        ({"email": "jane"}, {"email": "invalid"}),
        ({"email": "jane@"}, {"email": "invalid"}),
        ({"email": "jane@acme.example\0"}, {"email": "invalid"}),
        ({"email": f"{'j' * 60}@{'a.' * 120}example"}, {"email": "invalid"}),
        (
            {"password1": f"{PASSWORD}\0", "password2": f"{PASSWORD}\0"},
            {
                "password1": "null_characters_not_allowed",
                "password2": "null_characters_not_allowed",
            },
        ),
        (
            {"password1": "x" * 10_240, "password2": "x" * 10_240},
            {"password1": "max_length", "password2": "max_length"},
        ),
        ({"is_superuser": True}, {"is_superuser": "unknown"}),
        ({"groups": ["Staff"]}, {"groups": "unknown"}),
        (
            {"username": "jane doe", "password1": "x4-", "password2": "x4-"},
            {"username": "invalid", "password1": "password"},
        ),
    ],
)
def test_names_what_is_wrong(changes: dict[str, Any], wrong: dict[str, str]) -> None:
    with nothing_new():
        assert wrong_fields(register(**changes)) == wrong


def test_refuses_a_name_that_is_taken() -> None:
    register()

    with nothing_new():
        answer = register(email="other@acme.example")

    assert problem(answer, 400)["errors"] == [
        {"field": "username", "code": "unique", "detail": TAKEN}
    ]


def test_tells_capitals_apart_as_django_does() -> None:
    assert register().status_code == 201
    assert register(username="Jane").status_code == 201


def test_names_a_taken_name_and_a_bad_password_at_once() -> None:
    register()

    with nothing_new():
        answer = register(password1="zq7-", password2="zq7-")

    assert wrong_fields(answer) == {"username": "unique", "password1": "password"}


@contextmanager
def after_looking_for_the_name(rival: Callable[[], object]) -> Iterator[None]:
    """Lets `rival` run once, right after the name was found to be free."""
    done = False

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal done
        result = run(sql, params, many, context)
        if not done and sql.startswith("SELECT") and '"access_user"' in sql:
            done = True
            rival()
        return result

    with connection.execute_wrapper(execute):
        yield
    assert done


def test_refuses_a_name_that_a_rival_takes_in_the_middle() -> None:
    with after_looking_for_the_name(lambda: User.objects.create_user("jane")):
        answer = register()

    assert wrong_fields(answer) == {"username": "unique"}
    assert problem(answer, 400)["errors"][0]["detail"] == TAKEN
    assert not Customer.objects.exists()


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_takes_no_other_method(method: str) -> None:
    problem(getattr(APIClient(), method)(URL), 405)


def test_says_no_password_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    key = register().json()["key"]
    register()
    register(password2="another secret")
    register(username="x", password1="tiny", password2="tiny")

    for secret in (PASSWORD, "another secret", key, "tiny"):
        assert secret not in caplog.text


# --- What the login reaches ----------------------------------------------------------

ORDER = {"item": "Laptop", "amount": "10.00"}


@pytest.fixture
def jane() -> APIClient:
    return login()


@pytest.fixture
def own_code(jane: APIClient) -> str:
    return Customer.objects.get(name="jane").code


@pytest.fixture
def others_order(john: Customer) -> Order:
    line = WantedLine(quantity=1, description="Mouse", unit_price=Decimal(1))
    return place_order(customer=john.pk, lines=[line])


def of_the_catalogue(customer_code: str, item: Item) -> dict[str, Any]:
    """The body of an order that customers may place."""
    return {"customer_code": customer_code, "lines": [{"item": str(item.pk), "quantity": 1}]}


def test_makes_and_sees_their_own_orders(
    jane: APIClient, own_code: str, others_order: Order, shirt: Item
) -> None:
    made = jane.post("/v1/orders/", of_the_catalogue(own_code, shirt))
    assert made.status_code == 201
    order = made.json()

    assert (order["customer_code"], order["customer_name"]) == (own_code, "jane")
    assert jane.get("/v1/orders/").json() == [order]
    assert jane.get(f"/v1/orders/{order['id']}/").json() == order
    assert jane.get(f"/v1/orders/by-customer/?customer_code={own_code}").json() == [order]
    assert jane.get(f"/v1/orders/customer/{order['customer_id']}/").json() == [order]


def test_orders_from_the_catalogue_without_reading_it(
    jane: APIClient, own_code: str, shirt: Item
) -> None:
    customer = str(Customer.objects.get(code=own_code).pk)
    by_item = {"customer": customer, "item": str(shirt.pk), "quantity": 2}

    assert jane.post("/v1/orders/", by_item).json()["total"] == "51.00"
    problem(jane.get(f"/v1/items/{shirt.pk}/"), 403)


def test_does_not_see_anothers_order(jane: APIClient, others_order: Order, john: Customer) -> None:
    assert jane.get("/v1/orders/").json() == []
    problem(jane.get(f"/v1/orders/{others_order.pk}/"), 404)
    problem(jane.get(f"/v1/orders/customer/{john.pk}/"), 404)
    problem(jane.get(f"/v1/orders/by-customer/?customer_code={john.code}"), 404)


@pytest.mark.parametrize("by", ["customer_code", "customer", "lines", "lines by id"])
def test_does_not_order_for_another(jane: APIClient, john: Customer, shirt: Item, by: str) -> None:
    lines = [{"item": str(shirt.pk), "quantity": 1}]
    ways: dict[str, dict[str, Any]] = {
        "customer_code": {"customer_code": john.code, **ORDER},
        "customer": {"customer": str(john.pk), "item": str(shirt.pk), "quantity": 1},
        "lines": {"customer_code": john.code, "lines": lines},
        "lines by id": {"customer": str(john.pk), "lines": lines},
    }

    answer = jane.post("/v1/orders/", ways[by])

    assert problem(answer, 400)["error"] == "Customer not found"
    assert list(wrong_fields(answer).values()) == ["not_found"]
    assert not Order.objects.exists()


@pytest.mark.parametrize("whose", ["own", "another's"])
@pytest.mark.parametrize(
    ("method", "path", "lacks"),
    [
        ("put", "", "change"),
        ("patch", "", "change"),
        ("delete", "", "delete"),
        ("post", "cancel/", "change"),
    ],
)
def test_does_not_change_an_order(
    jane: APIClient,
    own_code: str,
    others_order: Order,
    shirt: Item,
    *,
    whose: str,
    method: str,
    path: str,
    lacks: str,
) -> None:
    own = jane.post("/v1/orders/", of_the_catalogue(own_code, shirt)).json()["id"]
    order = own if whose == "own" else str(others_order.pk)
    before = list(Order.objects.order_by("pk").values())

    answer = getattr(jane, method)(f"/v1/orders/{order}/{path}", {"amount": "1.00"})

    missing = f"Your user lacks the permission orders.{lacks}_order."
    assert problem(answer, 403)["detail"] == missing
    assert list(Order.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("resource", ["customers", "items", "notifications"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_reaches_nothing_else(
    jane: APIClient, john: Customer, others_order: Order, resource: str, method: str
) -> None:
    with nothing_new():
        problem(getattr(jane, method)(f"/v1/{resource}/", {}), 403)


def test_does_not_read_or_change_their_own_record(jane: APIClient, own_code: str) -> None:
    path = f"/v1/customers/{Customer.objects.get(code=own_code).pk}/"

    for method in ("get", "put", "patch", "delete"):
        problem(getattr(jane, method)(path), 403)
    assert Customer.objects.filter(code=own_code).exists()


def test_sees_nothing_once_the_customer_has_no_login(
    jane: APIClient, own_code: str, others_order: Order, shirt: Item
) -> None:
    body = of_the_catalogue(own_code, shirt)
    assert jane.post("/v1/orders/", body).status_code == 201
    Customer.objects.filter(code=own_code).update(user=None)

    assert jane.get("/v1/orders/").json() == []
    problem(jane.post("/v1/orders/", body), 400)


def test_does_not_get_into_the_admin(jane: APIClient) -> None:
    browser = Client()
    browser.force_login(
        User.objects.get(username="jane"), "django.contrib.auth.backends.ModelBackend"
    )

    answer = browser.get("/admin/")

    assert answer.status_code == 302
    assert answer["Location"] == "/admin/login/?next=/admin/"
