"""A customer, with their own login, orders what and as only partners and staff may."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from access.tokens import issue
from common.models import IdempotencyRecord
from common.tests.problems import problem, wrong_fields
from customers.models import Customer
from customers.registration import register_login
from items.models import Item
from notifications.models import Message
from orders.models import Order
from orders.pricing import WantedLine
from orders.services import place_order

ORDERS = "/v1/orders/"
TAKEN = "PARTNER-1"


@pytest.fixture
def jane(db: None) -> Customer:
    """A customer with a login."""
    register_login(username="jane", email="", password="correct horse battery")
    return Customer.objects.get(name="jane")


@pytest.fixture
def login(jane: Customer) -> APIClient:
    assert jane.user
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue(jane.user).access}")
    return client


@pytest.fixture
def others_order(john: Customer) -> Order:
    """An order of somebody else's, with a code that a partner chose."""
    line = WantedLine(quantity=1, description="Mouse", unit_price=1)  # type: ignore[arg-type]
    return place_order(customer=john.pk, lines=[line], code=TAKEN)


def by_item(customer: Customer, item: Item, **more: Any) -> dict[str, Any]:
    return {"customer": str(customer.pk), "item": str(item.pk), "quantity": 2, **more}


def by_text(customer: Customer, **more: Any) -> dict[str, Any]:
    return {"customer_code": customer.code, "item": "Laptop", "amount": "0.01", **more}


def by_lines(customer: Customer, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"customer_code": customer.code, "lines": list(lines), **more}


def assert_only(order: Order) -> None:
    """Nothing was stored besides `order`."""
    assert list(Order.objects.all()) == [order]
    assert Message.objects.count() == 1
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.parametrize("may_price", [False, True])
@pytest.mark.parametrize("code", [TAKEN, "FREE-1", "x"])
def test_a_code_of_their_choice(
    login: APIClient,
    jane: Customer,
    shirt: Item,
    others_order: Order,
    settings: Settings,
    *,
    code: str,
    may_price: bool,
) -> None:
    """A code that is taken is refused in the same words as one that is free."""
    settings.CUSTOMERS_MAY_PRICE = may_price

    for body in (
        by_item(jane, shirt, code=code),
        by_lines(jane, {"item": str(shirt.pk), "quantity": 1}, code=code),
    ):
        answer = login.post(ORDERS, body, HTTP_IDEMPOTENCY_KEY="one")

        assert wrong_fields(answer, 403) == {"code": "forbidden"}
        assert problem(answer, 403)["detail"] == (
            "The code of an order is given by partners and staff; leave it out."
        )
        assert TAKEN not in answer.content.decode()
    assert_only(others_order)


def test_a_code_is_refused_by_one_answer(
    login: APIClient, jane: Customer, shirt: Item, others_order: Order
) -> None:
    answers = [
        login.post(ORDERS, by_item(jane, shirt, code=code)).json() | {"request_id": ""}
        for code in (TAKEN, "FREE-1")
    ]

    assert answers[0] == answers[1]


def test_a_code_that_is_null_is_none(login: APIClient, jane: Customer, shirt: Item) -> None:
    answer = login.post(ORDERS, by_item(jane, shirt, code=None))

    assert (answer.status_code, answer.json()["code"]) == (201, None)


PEN = {"description": "Pen", "quantity": 1, "unit_price": "0.01"}


@pytest.mark.parametrize("format_", ["json", "multipart"])
@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({}, ["amount"]),
        ({"amount": "0"}, ["amount"]),
        ({"currency": "USD"}, ["currency", "amount"]),
        ({"order_time": "2020-01-01T00:00:00Z"}, ["order_time", "amount"]),
        ({"code": TAKEN}, ["code", "amount"]),
    ],
)
def test_free_text_at_a_price_of_their_choice(
    login: APIClient,
    jane: Customer,
    others_order: Order,
    *,
    more: dict[str, str],
    wrong: list[str],
    format_: str,
) -> None:
    answer = login.post(ORDERS, by_text(jane, **more), format=format_)

    assert wrong_fields(answer, 403) == dict.fromkeys(wrong, "forbidden")
    assert_only(others_order)


def test_lines_at_a_price_of_their_choice(
    login: APIClient, jane: Customer, shirt: Item, others_order: Order
) -> None:
    lines = [{"item": str(shirt.pk), "quantity": 1}, PEN, {**PEN, "unit_price": "0"}]

    answer = login.post(ORDERS, by_lines(jane, *lines))

    assert wrong_fields(answer, 403) == {
        "lines[1].unit_price": "forbidden",
        "lines[2].unit_price": "forbidden",
    }
    assert problem(answer, 403)["detail"] == (
        "The price is that of the catalogue: order an item of it, without a price."
    )
    assert_only(others_order)


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"currency": "KES"}, 403),
        ({"currency": "USD"}, 403),
        ({"order_time": "2020-01-01T00:00:00Z"}, 403),
        ({"order_time": "2999-01-01T00:00:00Z"}, 403),
        # As for everybody: a new order is received, and an amount belongs to free text.
        ({"status": "completed"}, 400),
        ({"amount": "0.01"}, 400),
        ({"unit_price": "0.01"}, 400),
    ],
)
def test_an_order_of_the_catalogue_with_more(
    login: APIClient,
    jane: Customer,
    shirt: Item,
    others_order: Order,
    *,
    more: dict[str, str],
    status: int,
) -> None:
    answer = login.post(ORDERS, by_item(jane, shirt, **more))

    assert set(more) <= set(wrong_fields(answer, status))
    assert_only(others_order)


def test_an_item_at_another_price(login: APIClient, jane: Customer, shirt: Item) -> None:
    line = {"item": str(shirt.pk), "quantity": 1, "unit_price": "0.01"}

    wrong = wrong_fields(login.post(ORDERS, by_lines(jane, line)))

    assert set(wrong.values()) == {"clash"}
    assert not Order.objects.exists()


def test_the_catalogue_is_open(login: APIClient, jane: Customer, shirt: Item) -> None:
    bodies = [by_item(jane, shirt), by_lines(jane, {"item": str(shirt.pk), "quantity": 2})]

    answers = [login.post(ORDERS, body) for body in bodies]

    assert [(each.status_code, each.json()["total"]) for each in answers] == [(201, "51.00")] * 2
    assert answers[0].json()["customer_name"] == "jane"
    assert len(login.get(ORDERS).json()) == 2


def test_customers_may_price_where_it_is_allowed(
    login: APIClient, jane: Customer, settings: Settings
) -> None:
    settings.CUSTOMERS_MAY_PRICE = True
    more = {"currency": "USD", "order_time": "2026-01-01T00:00:00Z"}

    answers = [login.post(ORDERS, by_text(jane, **more)), login.post(ORDERS, by_lines(jane, PEN))]

    assert [(each.status_code, each.json()["amount"]) for each in answers] == [(201, "0.01")] * 2


@pytest.mark.parametrize("others", ["taken code", "price", "catalogue", "unknown item"])
def test_for_somebody_else(
    login: APIClient, john: Customer, shirt: Item, others_order: Order, others: str
) -> None:
    """Somebody else's code is answered exactly as one that nobody has."""
    bodies = []
    for code in (john.code, "NOBODY"):
        line = {"item": str(uuid4() if others == "unknown item" else shirt.pk), "quantity": 1}
        body: dict[str, Any] = {"customer_code": code, "lines": [line]}
        if others == "price":
            body = {"customer_code": code, "item": "Laptop", "amount": "1.00"}
        if others == "taken code":
            body["code"] = TAKEN
        bodies.append(body)

    answers = [login.post(ORDERS, body) for body in bodies]

    assert wrong_fields(answers[0], 400)["customer_code"] == "not_found"
    said = [answer.json() | {"request_id": ""} for answer in answers]
    assert said[0] == said[1]
    assert_only(others_order)


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
@pytest.mark.parametrize("which", ["another's", "nobody's"])
def test_somebody_elses_order(
    login: APIClient, others_order: Order, method: str, which: str
) -> None:
    pk = others_order.pk if which == "another's" else uuid4()
    if method != "get":
        allow(login, Order, "change_own_order", "delete_own_order")

    answer = getattr(login, method)(f"{ORDERS}{pk}/")

    assert problem(answer, 404)["detail"] == "Order not found"
    assert_only(others_order)


def test_a_filter_for_somebody_elses_order(login: APIClient, others_order: Order) -> None:
    for query in (f"code={TAKEN}", f"customer={others_order.customer_id}", "customer_code=CUST001"):
        answer = login.get(f"{ORDERS}?{query}&count=true")
        assert (answer.json(), answer["X-Total-Count"]) == ([], "0")


# --- Changing, where staff let customers change their own orders -------------------------


def allow(client: APIClient, model: type[Order], *codenames: str) -> None:
    """Gives jane permissions that a house can make for itself."""
    jane = Customer.objects.get(name="jane").user
    assert jane
    kind = ContentType.objects.get_for_model(model)
    for codename in codenames:
        permission, _ = Permission.objects.get_or_create(codename=codename, content_type=kind)
        jane.user_permissions.add(permission)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue(jane).access}")


@pytest.fixture
def own(login: APIClient, jane: Customer, shirt: Item) -> Order:
    """An own order with a line of each kind, the second at a price that a partner has said."""
    allow(login, Order, "change_own_order")
    pen = WantedLine(quantity=1, description="Pen", unit_price=5)  # type: ignore[arg-type]
    return place_order(customer=jane.pk, lines=[WantedLine(quantity=1, item=shirt.pk), pen])


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"code": TAKEN}, "code"),
        ({"code": "FREE-1"}, "code"),
        ({"status": "cancelled"}, "status"),
        ({"status": "completed"}, "status"),
        ({"order_time": "2020-01-01T00:00:00Z"}, "order_time"),
        ({"lines": [PEN]}, "lines[0].unit_price"),
        (
            {"lines": [{"description": "Car", "quantity": 1, "unit_price": "5"}]},
            "lines[0].unit_price",
        ),
    ],
)
def test_a_change_of_their_own_order(
    login: APIClient,
    own: Order,
    others_order: Order,
    *,
    method: str,
    change: dict[str, Any],
    wrong: str,
) -> None:
    before = list(Order.objects.order_by("pk").values())

    answer = getattr(login, method)(f"{ORDERS}{own.pk}/", change)

    assert wrong_fields(answer, 403) == {wrong: "forbidden"}
    assert list(Order.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("change", [{"item": "Car"}, {"amount": "0.01"}, {"currency": "USD"}])
def test_a_change_of_their_own_free_text(
    login: APIClient, jane: Customer, change: dict[str, str]
) -> None:
    allow(login, Order, "change_own_order")
    pen = WantedLine(quantity=1, description="Pen", unit_price=5)  # type: ignore[arg-type]
    order = place_order(customer=jane.pk, lines=[pen])

    answer = login.patch(f"{ORDERS}{order.pk}/", change)

    assert set(wrong_fields(answer, 403).values()) == {"forbidden"}
    order.refresh_from_db()
    assert str(order) == "Pen, KES 5.00"


def test_their_own_order_as_it_was_read(login: APIClient, own: Order, shirt: Item) -> None:
    """What they may say is changed; the lines that were there keep their prices."""
    path = f"{ORDERS}{own.pk}/"
    read = login.get(path).json()
    kept = [line | {"quantity": 3} for line in read["lines"]]
    new = {"item": str(shirt.pk), "quantity": 1}

    assert login.put(path, read).status_code == 200
    changed = login.patch(path, {"lines": [*kept, new]})

    # 3 x 25.50, 3 x 5.00, and 25.50.
    assert (changed.status_code, changed.json()["amount"]) == (200, "117.00")


def test_their_own_order_is_not_given_to_another(
    login: APIClient, own: Order, john: Customer
) -> None:
    answer = login.patch(f"{ORDERS}{own.pk}/", {"customer_code": john.code})

    assert wrong_fields(answer) == {"customer_code": "not_found"}


# --- What else is unique across customers ------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/v1/customers/", {"code": "CUST001", "name": "Jane"}),
        ("post", "/v1/customers/", {"domain": "known.example"}),
        ("patch", "/v1/customers/{jane}/", {"code": "CUST001"}),
        ("patch", "/v1/customers/{jane}/", {"document": "52998224725"}),
        ("post", "/v1/mappings/", {"customer": "{jane}", "app": "amc", "customer_app_id": "jdoe"}),
        ("put", "/v1/mappings/amc/jdoe/", {"customer": "{jane}"}),
        ("get", "/v1/query/amc/jdoe", {}),
        ("post", "/v1/imports/", {}),
    ],
)
def test_other_names_that_are_one_customers_alone(
    login: APIClient,
    jane: Customer,
    john: Customer,
    *,
    method: str,
    path: str,
    body: dict[str, str],
) -> None:
    before = list(Customer.objects.order_by("pk").values())
    filled = {name: value.format(jane=jane.pk) for name, value in body.items()}

    problem(getattr(login, method)(path.format(jane=jane.pk), filled), 403)

    assert list(Customer.objects.order_by("pk").values()) == before


def test_an_idempotency_key_that_somebody_else_used(
    login: APIClient, partner: APIClient, jane: Customer, shirt: Item
) -> None:
    answers = [
        client.post(ORDERS, by_item(jane, shirt), HTTP_IDEMPOTENCY_KEY="one")
        for client in (partner, login)
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]
    assert "Idempotency-Replayed" not in answers[1]
