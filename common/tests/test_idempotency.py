"""It answers a repeated POST as it did the first time, and writes nothing twice."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIClient

from access.models import User
from common.models import IdempotencyRecord
from common.tests.problems import problem
from customers.models import Customer
from items.models import Item
from items.views import ItemViewSet
from notifications.models import Message
from orders.models import Order, OrderLine
from tests.cast import key_in_use

CUSTOMERS, ITEMS, ORDERS = "/v1/customers/", "/v1/items/", "/v1/orders/"
KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
COUNTED = (Customer, Item, Order, OrderLine, Message, IdempotencyRecord)


def keyed(key: str = KEY) -> dict[str, Any]:
    """The header, as the test client takes it."""
    return {"HTTP_IDEMPOTENCY_KEY": key}


def stored() -> dict[str, int]:
    """How many rows there are of everything that a POST writes."""
    return {model.__name__: model._default_manager.count() for model in COUNTED}


@pytest.fixture
def order(partner: APIClient, john: Customer) -> Order:
    """An order that can still be cancelled."""
    partner.post(ORDERS, {"customer_code": "CUST001", "item": "Laptop", "amount": 5})
    return Order.objects.get()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (ORDERS, {"customer_code": "CUST001", "item": "Laptop", "amount": 1299.99}, 201),
        (ORDERS, {"customer_code": "CUST001", "lines": [{"item": "{shirt}", "quantity": 2}]}, 201),
        (CUSTOMERS, {"name": "Jané Doe", "phone_number": "0712345679"}, 201),
        (CUSTOMERS, {"domain": "known.example"}, 200),
        (ITEMS, {"name": "Pen", "price": "1.50"}, 201),
        (f"{ORDERS}{{order}}/cancel/", {}, 200),
    ],
    ids=["order", "order of an item", "customer", "known customer", "item", "cancel"],
)
def test_replays_the_answer(
    partner: APIClient, order: Order, path: str, body: Any, status: int
) -> None:
    partner.post(CUSTOMERS, {"domain": "known.example"})
    shirt = partner.post(ITEMS, {"name": "Shirt", "price": "25.50"}).json()["id"]
    path = path.format(order=order.pk)
    body = json.loads(json.dumps(body).replace("{shirt}", shirt))

    first = partner.post(path, body, **keyed())
    after_first = stored()
    again = [partner.post(path, body, **keyed()) for _ in range(2)]

    assert first.status_code == status, first.content
    assert "Idempotency-Replayed" not in first
    for replay in again:
        assert replay.status_code == status
        assert replay.content == first.content
        assert replay["Content-Type"] == first["Content-Type"] == "application/json"
        assert replay["ETag"] == first["ETag"]
        assert replay["Idempotency-Replayed"] == "true"
        assert replay["X-Request-ID"] != first["X-Request-ID"]
    assert stored() == after_first
    assert after_first["IdempotencyRecord"] == 1


def test_replays_what_was_answered_then(partner: APIClient, john: Customer) -> None:
    body = {"customer_code": "CUST001", "item": "Laptop", "amount": 5}
    first = partner.post(ORDERS, body, **keyed())
    partner.post(f"{ORDERS}{first.json()['id']}/cancel/")

    assert partner.post(ORDERS, body, **keyed()).json()["status"] == "received"
    assert Order.objects.get().status == "cancelled"


def test_replays_bytes_and_not_meanings(partner: APIClient) -> None:
    pretty = partner.post(
        ITEMS, {"name": "Pen", "price": 1}, HTTP_ACCEPT="application/json; indent=4", **keyed()
    )
    replay = partner.post(ITEMS, {"name": "Pen", "price": 1}, **keyed())

    assert replay.content == pretty.content


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (ITEMS, {"name": "Pen", "price": "1.51"}),
        (ITEMS, {"price": "1.50", "name": "Pen"}),
        (ITEMS, {}),
        (CUSTOMERS, {"name": "Pen", "price": "1.50"}),
        ("/v1/items", {"name": "Pen", "price": "1.50"}),
        ("/api/items/", {"name": "Pen", "price": "1.50"}),
        (f"{ITEMS}?a=b", {"name": "Pen", "price": "1.50"}),
        (f"{ORDERS}{{order}}/cancel/", {"name": "Pen", "price": "1.50"}),
    ],
)
def test_refuses_the_key_of_another_request(
    partner: APIClient, order: Order, path: str, body: Any
) -> None:
    first = partner.post(ITEMS, {"name": "Pen", "price": "1.50"}, **keyed())
    before = stored()

    response = partner.post(path.format(order=order.pk), body, **keyed())

    refused = problem(response, 422)
    assert refused["code"] == "idempotency_key_reused"
    assert refused["detail"] == "This Idempotency-Key was used with another request."
    assert "Idempotency-Replayed" not in response
    assert stored() == before
    replay = partner.post(ITEMS, {"name": "Pen", "price": "1.50"}, **keyed())
    assert replay.content == first.content


def test_tells_a_form_from_json(partner: APIClient) -> None:
    partner.post(ITEMS, "{}", content_type="application/x-www-form-urlencoded", **keyed())
    body = b"name=Pen&price=1"
    form = "application/x-www-form-urlencoded"
    assert partner.post(ITEMS, body, content_type=form, **keyed()).status_code == 201

    response = partner.post(ITEMS, body, content_type="application/json", **keyed())

    # It is not JSON at all, which is said first.
    assert problem(response, 400)["code"] == "parse_error"
    assert Item.objects.count() == 1


def test_knows_each_principals_keys_apart(partner: APIClient, admin: User) -> None:
    other, person = APIClient(), APIClient()
    other.credentials(HTTP_AUTHORIZATION=f"Api-Key {key_in_use(name='Other', scopes='read write')}")
    person.force_login(admin)

    answers = [
        client.post(ITEMS, {"name": name, "price": 1}, **keyed())
        for name, client in [("Pen", partner), ("Pen", other), ("Ink", person)]
    ]

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len({answer.json()["id"] for answer in answers}) == 3
    assert all("Idempotency-Replayed" not in answer for answer in answers)
    assert Item.objects.count() == IdempotencyRecord.objects.count() == 3


@pytest.mark.parametrize("given", ["a", "~" * 255, "!", '"quoted"', "a/b?c=d&e,f;g"])
def test_takes_a_key(partner: APIClient, given: str) -> None:
    first = partner.post(ITEMS, {"name": "Pen", "price": 1}, **keyed(given))
    replay = partner.post(ITEMS, {"name": "Pen", "price": 1}, **keyed(given))

    assert (first.status_code, replay.content) == (201, first.content)
    assert Item.objects.count() == 1


@pytest.mark.parametrize(
    "given",
    ["", " ", "a" * 256, "a b", "a\t", "kéy", "\x7f", "a\n"],
    ids=["empty", "space", "256", "inner space", "tab", "non-ASCII", "DEL", "newline"],
)
def test_refuses_a_key(partner: APIClient, given: str) -> None:
    response = partner.post(ITEMS, {"name": "Pen", "price": 1}, **keyed(given))

    refused = problem(response, 400)
    assert refused["code"] == "idempotency_key"
    assert refused["detail"] == "Idempotency-Key needs 1 to 255 visible ASCII characters."
    assert set(stored().values()) == {0}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (ITEMS, {"name": "Pen"}, 400),
        (ITEMS, "{", 400),
        (ORDERS, {"customer_code": "CUST999", "item": "Laptop", "amount": 5}, 400),
        (CUSTOMERS, {"name": "John", "code": "CUST001"}, 409),
        (f"{ORDERS}01890a5d-ac96-774b-bcce-b302099a8057/cancel/", {}, 404),
    ],
)
def test_lets_the_key_of_a_refused_request_be_used_again(
    partner: APIClient, john: Customer, path: str, body: Any, status: int
) -> None:
    kind: dict[str, Any] = {"content_type": "application/json"} if isinstance(body, str) else {}
    problem(partner.post(path, body, **kind, **keyed()), status)
    problem(partner.post(path, body, **kind, **keyed()), status)
    assert not IdempotencyRecord.objects.exists()

    mended = partner.post(ITEMS, {"name": "Pen", "price": 1}, **keyed())

    assert mended.status_code == 201
    assert "Idempotency-Replayed" not in mended


@pytest.mark.parametrize(
    ("client_of", "status"), [("stranger", 401), ("reader", 403)], ids=["stranger", "reader"]
)
def test_asks_who_it_is_first(
    request: pytest.FixtureRequest, db: None, client_of: str, status: int
) -> None:
    client: APIClient = request.getfixturevalue(client_of)

    problem(client.post(ITEMS, {"name": "Pen", "price": 1}, **keyed()), status)

    assert set(stored().values()) == {0}


def test_forgets_a_request_that_failed_on_our_side(
    partner: APIClient, john: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"customer_code": "CUST001", "item": "Laptop", "amount": 5}

    def fail(*args: Any) -> NoReturn:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("orders.services.store_lines", fail)
        problem(partner.post(ORDERS, body, **keyed()), 500)
    assert stored() == {**dict.fromkeys(stored(), 0), "Customer": 1}

    retried = partner.post(ORDERS, body, **keyed())

    assert retried.status_code == 201
    assert "Idempotency-Replayed" not in retried
    assert Order.objects.count() == 1


@pytest.mark.undocumented  # a view of the test's own
def test_keeps_nothing_of_a_refusal_that_is_returned(
    partner: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes back what a view wrote before it answered with a refusal and did not raise one."""

    def create(view: ItemViewSet, request: Any) -> Response:
        Item.objects.create(name="Pen", price=1)
        return Response({"detail": "No."}, status=409)

    monkeypatch.setattr(ItemViewSet, "create", create)

    assert partner.post(ITEMS, {}, **keyed()).status_code == 409
    assert partner.post(ITEMS, {}).status_code == 409
    assert set(stored().values()) == {0}


@pytest.mark.parametrize(
    ("method", "status"), [("get", 200), ("put", 200), ("patch", 200), ("delete", 204)]
)
def test_ignores_the_key_of_other_methods(
    partner: APIClient, shirt: Item, method: str, status: int
) -> None:
    send: Callable[..., Any] = getattr(partner, method)
    data = {} if method == "get" else {"name": "Blouse"}

    for key in (KEY, "not a key"):
        shirt.save(force_insert=not Item.objects.filter(pk=shirt.pk).exists())
        response = send(f"{ITEMS}{shirt.pk}/", data, **keyed(key))
        assert response.status_code == status
        assert "Idempotency-Replayed" not in response
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.parametrize("kind", ["json", "multipart", "form"])
def test_takes_every_kind_of_body(partner: APIClient, kind: str) -> None:
    def post(name: str) -> Any:
        if kind == "form":
            form = "application/x-www-form-urlencoded"
            return partner.post(ITEMS, f"name={name}&price=1", content_type=form, **keyed())
        return partner.post(ITEMS, {"name": name, "price": "1"}, format=kind, **keyed())

    first, replay, other = post("Pen"), post("Pen"), post("Ink")

    assert (first.status_code, first.json()["name"]) == (201, "Pen")
    assert (replay.content, replay["Idempotency-Replayed"]) == (first.content, "true")
    problem(other, 422)
    assert [item.name for item in Item.objects.all()] == ["Pen"]


def multipart(boundary: str, *parts: tuple[str, str]) -> dict[str, Any]:
    """A multipart body, as a client writes it around a boundary that it made up."""
    body = "".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {name}\r\n\r\n{value}\r\n"
        for name, value in parts
    )
    return {
        "data": f"{body}--{boundary}--\r\n",
        "content_type": f"multipart/form-data; boundary={boundary}",
    }


def test_does_not_care_about_the_boundary_of_a_multipart_body(partner: APIClient) -> None:
    """It replays for clients that build the same body anew, with another random boundary."""
    parts = [('name="name"', "Pen"), ('name="price"', "1")]

    first = partner.post(ITEMS, **multipart("one", *parts), **keyed())
    replay = partner.post(ITEMS, **multipart("another", *parts), **keyed())

    assert (first.status_code, replay.status_code) == (201, 201)
    assert replay.content == first.content
    assert Item.objects.count() == 1


@pytest.mark.parametrize(
    "parts",
    [
        [('name="name"', "Ink"), ('name="price"', "1")],
        [('name="name"', "Pen"), ('name="price"', "1"), ('name="size"', "M")],
        [('name="name"', "Penprice1")],
    ],
    ids=["value", "more", "joined"],
)
def test_compares_the_parts_of_a_multipart_body(
    partner: APIClient, parts: list[tuple[str, str]]
) -> None:
    same = [('name="name"', "Pen"), ('name="price"', "1")]
    assert partner.post(ITEMS, **multipart("b", *same), **keyed()).status_code == 201

    problem(partner.post(ITEMS, **multipart("b", *parts), **keyed()), 422)


def test_compares_the_content_of_files(partner: APIClient) -> None:
    def upload(content: bytes) -> Any:
        form = {"file": SimpleUploadedFile("items.csv", content), "resource": "items"}
        return partner.post("/v1/imports/", form, format="multipart", **keyed())

    first, replay = upload(b"name,price\n"), upload(b"name,price\n")

    assert first.status_code == 202
    assert (replay.content, replay["Idempotency-Replayed"]) == (first.content, "true")
    problem(upload(b"name,size\n"), 422)


def test_costs_two_statements(partner: APIClient, john: Customer) -> None:
    body = {"customer_code": "CUST001", "item": "Laptop", "amount": 5}
    partner.get(ORDERS)

    def statements(headers: dict[str, Any]) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert partner.post(ORDERS, body, **headers).status_code == 201
        return [
            query["sql"].partition(" ")[0]
            for query in captured
            if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))
        ]

    without = statements({})

    assert statements(keyed()) == ["INSERT", *without, "UPDATE"]
    # The record that is in the way, and what it says.
    assert statements(keyed()) == ["INSERT", "SELECT"]


@pytest.fixture
def old_and_new(partner: APIClient) -> None:
    """One record of more than a day ago, and one of nearly a day ago."""
    for key, age in [("old", 86_401), ("new", 86_390)]:
        partner.post(ITEMS, {"name": key, "price": 1}, **keyed(key))
        made = timezone.now() - timedelta(seconds=age)
        IdempotencyRecord.objects.filter(key=key).update(created_at=made)


@pytest.mark.usefixtures("old_and_new")
def test_is_forgotten_by_housekeeping_after_a_day(
    partner: APIClient, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("housekeeping")

    assert "idempotency records: 1\n" in capsys.readouterr().out
    assert [record.key for record in IdempotencyRecord.objects.all()] == ["new"]
    answers = [
        partner.post(ITEMS, {"name": key, "price": 1}, **keyed(key)) for key in ("old", "new")
    ]
    assert ["Idempotency-Replayed" in answer for answer in answers] == [False, True]
    assert Item.objects.count() == 3
