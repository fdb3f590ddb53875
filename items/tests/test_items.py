"""It keeps the catalogue."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django.fixtures import DjangoAssertNumQueries
from rest_framework.test import APIClient

from common.tests.problems import UNKNOWN_ID, problem, wrong_fields
from items.models import Item

URL = "/v1/items"
SHIRT = {"name": "Shirt", "size": "M", "price": "25.50"}


def stored(item: Item) -> dict[str, Any]:
    """What the database says of `item`."""
    members = ("name", "size", "price", "currency", "updated_at")
    row: dict[str, Any] = Item.objects.values(*members).get(pk=item.pk)
    return row


def test_creates(partner: APIClient) -> None:
    response = partner.post(URL, SHIRT)

    answer = response.json()
    item = Item.objects.get()
    assert response.status_code == 201
    assert set(answer) == {*SHIRT, "id", "uuid", "currency", "created_at", "updated_at"}
    assert answer["id"] == answer["uuid"] == str(item.pk)
    assert {name: answer[name] for name in (*SHIRT, "currency")} == SHIRT | {"currency": "KES"}
    assert answer == partner.get(f"{URL}/{item.pk}").json()


def test_creates_from_a_form(partner: APIClient) -> None:
    response = partner.post(
        URL, "name=Shirt&size=XXL&price=25.5", content_type="application/x-www-form-urlencoded"
    )

    assert response.status_code == 201
    assert (response.json()["size"], response.json()["price"]) == ("XXL", "25.50")


def test_lists_the_newest_first(partner: APIClient) -> None:
    created = [partner.post(URL, SHIRT | {"name": name}).json() for name in "abc"]

    assert partner.get(URL).json() == created[::-1]


@pytest.mark.parametrize("rows", [1, 50])
def test_costs_one_statement(
    partner: APIClient, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    items = Item.objects.bulk_create(Item(name="Shirt", price=1) for _ in range(rows))

    with django_assert_num_queries(2):  # One of them for the credential, then remembered.
        assert len(partner.get(URL).json()) == rows
    with django_assert_num_queries(1):
        partner.get(URL)
    with django_assert_num_queries(1):
        partner.get(f"{URL}/{items[0].pk}")


@pytest.mark.parametrize("size", ["S", "M", "L", "XL", "XXL", ""])
def test_takes_a_size(partner: APIClient, size: str) -> None:
    assert partner.post(URL, SHIRT | {"size": size}).json()["size"] == size
    assert Item.objects.get().size == size


@pytest.mark.parametrize(
    ("given", "price"),
    [
        (0, "0.00"),
        ("0.01", "0.01"),
        (25, "25.00"),
        (25.5, "25.50"),
        ("25.5", "25.50"),
        (0.1, "0.10"),
        ("1e3", "1000.00"),
        ("99999999.99", "99999999.99"),
        (99999999.99, "99999999.99"),
    ],
)
def test_takes_a_price(partner: APIClient, given: Any, price: str) -> None:
    answer = partner.post(URL, SHIRT | {"price": given}).json()

    assert answer["price"] == price
    assert partner.get(f"{URL}/{answer['id']}").json()["price"] == price


def test_gives_zero_no_sign(partner: APIClient) -> None:
    assert partner.post(URL, SHIRT | {"price": "-0"}).json()["price"] == "0.00"


BAD = [
    ("price", -1, "min_value"),
    ("price", "-0.01", "min_value"),
    ("price", "25.001", "max_decimal_places"),
    ("price", "100000000", "max_whole_digits"),
    ("price", "100000000.00", "max_digits"),
    ("price", "1e30", "max_digits"),
    ("price", 10**400, "max_digits"),
    ("price", "1" * 1001, "max_string_length"),
    ("price", "NaN", "invalid"),
    ("price", "sNaN", "invalid"),
    ("price", "Infinity", "invalid"),
    ("price", "-Infinity", "invalid"),
    ("price", "KES 5", "invalid"),
    ("price", "5,00", "invalid"),
    ("price", "", "invalid"),
    ("price", None, "null"),
    ("price", True, "invalid"),
    ("price", [], "invalid"),
    ("price", {}, "invalid"),
    ("name", "", "blank"),
    ("name", " ", "blank"),
    ("name", None, "null"),
    ("name", "x" * 251, "max_length"),
    ("name", "a\0b", "null_characters_not_allowed"),
    ("name", [], "invalid"),
    ("name", {}, "invalid"),
    ("name", True, "invalid"),
    ("size", "m", "invalid_choice"),
    ("size", "XXXL", "invalid_choice"),
    ("size", None, "null"),
    ("size", [], "invalid_choice"),
    ("size", {}, "invalid_choice"),
    ("size", "\0", "invalid_choice"),
    ("currency", "kes", "currency"),
    ("currency", "KESX", "currency"),
    ("currency", "K€S", "currency"),
    ("currency", "", "blank"),
    ("currency", None, "null"),
    ("currency", [], "invalid"),
    ("sku", "1", "unknown"),
]


def ident(value: Any) -> str:
    return repr(value)[:24]


@pytest.mark.parametrize(("field", "value", "code"), BAD, ids=ident)
def test_refuses(partner: APIClient, shirt: Item, field: str, value: Any, code: str) -> None:
    before = stored(shirt)

    created = partner.post(URL, SHIRT | {field: value})
    changed = partner.patch(f"{URL}/{shirt.pk}", SHIRT | {field: value})

    assert wrong_fields(created) == wrong_fields(changed) == {field: code}
    assert stored(shirt) == before
    assert Item.objects.count() == 1


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 5000])
def test_refuses_a_number_that_is_none(partner: APIClient, number: str) -> None:
    body = json.dumps(SHIRT).replace('"25.50"', number)

    response = partner.generic("POST", URL, body, content_type="application/json")

    assert problem(response, 400)["code"] in {"parse_error", "invalid"}
    assert not Item.objects.exists()


def test_says_nothing_of_python(partner: APIClient) -> None:
    body = '{"price": ' + "9" * 5000 + "}"

    response = partner.generic("POST", URL, body, content_type="application/json")

    assert "sys." not in problem(response, 400)["detail"]


def test_refuses_a_size_that_no_text_holds(partner: APIClient) -> None:
    partner.raise_request_exception = False
    body = json.dumps(SHIRT | {"size": "\ud800"})

    response = partner.post(URL, body, content_type="application/json")

    assert wrong_fields(response) == {"size": "invalid_choice"}
    assert not Item.objects.exists()


def test_names_all_that_is_missing(partner: APIClient) -> None:
    response = partner.post(URL, {})

    assert wrong_fields(response) == {"name": "required", "price": "required"}
    assert response.json()["detail"] == "Missing required field: name"
    assert not Item.objects.exists()


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize(
    "changes",
    [{"price": "30.00"}, {"name": "Polo", "size": "L"}, {"size": ""}, {"currency": "USD"}, {}],
)
def test_changes_what_is_given(
    partner: APIClient, shirt: Item, method: str, changes: dict[str, str]
) -> None:
    url = f"{URL}/{shirt.pk}"
    before = partner.get(url).json()

    response = getattr(partner, method)(url, changes)

    assert response.status_code == 200
    assert response.json() == partner.get(url).json()
    assert response.json() | {"updated_at": ""} == before | changes | {"updated_at": ""}


def test_deletes(partner: APIClient, shirt: Item) -> None:
    response = partner.delete(f"{URL}/{shirt.pk}")

    assert (response.status_code, response.content) == (204, b"")
    assert not Item.objects.exists()


@pytest.fixture
def ordered(partner: APIClient, john: Any, shirt: Item) -> Callable[[], Any]:
    """Asks for the one order, which holds `shirt`."""
    body = {"customer": str(john.pk), "item": str(shirt.pk), "quantity": 1}
    url = f"/v1/orders/{partner.post('/v1/orders', body).json()['id']}"
    return lambda: partner.get(url).json()


def test_keeps_an_item_that_orders_hold(
    partner: APIClient, shirt: Item, ordered: Callable[[], Any]
) -> None:
    before, order = stored(shirt), ordered()

    body = problem(partner.delete(f"{URL}/{shirt.pk}"), 409)

    assert body["code"] == "referenced"
    assert stored(shirt) == before
    assert ordered() == order


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
@pytest.mark.parametrize("item_id", [UNKNOWN_ID, "shirt", "0"])
def test_knows_no_such_item(partner: APIClient, shirt: Item, method: str, item_id: str) -> None:
    before = stored(shirt)

    body = problem(getattr(partner, method)(f"{URL}/{item_id}"), 404)

    assert body["detail"] == "Item not found"
    assert stored(shirt) == before
