"""It says which version it shows, and changes only the version that was read."""

import re
from typing import Any

import pytest
from rest_framework.test import APIClient

from access.cache import forget_all
from access.models import ApiKey
from common.tests.problems import UNKNOWN_ID, problem
from customers.models import Customer
from items.models import Item
from notifications.models import Message
from orders.models import Order

CUSTOMERS, ITEMS, ORDERS = "/v1/customers/", "/v1/items/", "/v1/orders/"
STRONG = re.compile(r'"[0-9]{16}-[0-9a-f]{16}"')

# Where to make one, what, and what to change in it.
RESOURCES = pytest.mark.parametrize(
    ("url", "body", "change"),
    [
        (CUSTOMERS, {"name": "Jane Doe", "domain": "jane.example"}, {"name": "Jane Roe"}),
        (ITEMS, {"name": "Pen", "price": "1.50"}, {"price": "1.51"}),
        (
            ORDERS,
            {"customer_code": "CUST001", "item": "Laptop", "amount": "5.00"},
            {"amount": "6.00"},
        ),
    ],
    ids=["customer", "item", "order"],
)


@pytest.fixture
def order(partner: APIClient, john: Customer) -> str:
    """The address of an order with an SMS that is queued."""
    made = partner.post(ORDERS, {"customer_code": "CUST001", "item": "Laptop", "amount": 5})
    return f"{ORDERS}{made.json()['id']}/"


def etag(client: APIClient, url: str) -> str:
    """The tag of what is at an address now."""
    return str(client.get(url)["ETag"])


@RESOURCES
def test_tags_what_it_shows(
    partner: APIClient, john: Customer, url: str, body: Any, change: Any
) -> None:
    made = partner.post(url, body)
    at = f"{url}{made.json()['id']}/"
    assert STRONG.fullmatch(made["ETag"])
    assert [etag(partner, at) for _ in range(2)] == [made["ETag"]] * 2
    assert partner.get(f"{at}?fields=id")["ETag"] == made["ETag"]
    assert partner.head(at)["ETag"] == made["ETag"]

    seen = {made["ETag"]}
    for method in (partner.patch, partner.put):
        changed = method(at, {**body, **change} if method == partner.put else change)
        assert changed.status_code == 200
        assert STRONG.fullmatch(changed["ETag"])
        assert etag(partner, at) == changed["ETag"]
        assert changed["ETag"] not in seen
        seen.add(changed["ETag"])


def test_tags_no_list(partner: APIClient, shirt: Item) -> None:
    assert "ETag" not in partner.get(ITEMS)
    assert "ETag" not in partner.delete(f"{ITEMS}{shirt.pk}/")


def test_tags_a_cancelled_order(partner: APIClient, order: str) -> None:
    before = etag(partner, order)

    cancelled = partner.post(f"{order}cancel/")

    assert cancelled["ETag"] == etag(partner, order) != before


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ('"other", {tag}', 304),
        ('W/"other",W/{tag} , "another"', 304),
        ("*", 304),
        (" * ", 304),
        ('"other"', 200),
        ('"{version}-0000000000000000"', 200),
        ("{bare}", 200),
        ("garbage", 200),
        ('"', 200),
        ("", 200),
    ],
)
@pytest.mark.parametrize("method", ["get", "head"])
def test_sends_nothing_that_is_known(
    partner: APIClient, order: str, known: str, status: int, method: str
) -> None:
    tag = etag(partner, order)
    bare = tag.strip('"')
    header = known.format(tag=tag, bare=bare, version=bare.partition("-")[0])

    response = getattr(partner, method)(order, HTTP_IF_NONE_MATCH=header)

    assert (response.status_code, response["ETag"]) == (status, tag)
    assert bool(response.content) is (status == 200 and method == "get")


def test_sends_what_is_not_there_as_404(partner: APIClient, db: None) -> None:
    problem(partner.get(f"{ITEMS}{UNKNOWN_ID}/", HTTP_IF_NONE_MATCH="*"), 404)
    problem(partner.patch(f"{ITEMS}{UNKNOWN_ID}/", {}, HTTP_IF_MATCH="*"), 404)


CURRENT = ["{tag}", "W/{tag}", '"other", {tag}', 'W/"other",W/{tag}', "*", " * "]
STALE = [
    "{stale}",
    "W/{stale}",
    '"other", {stale}',
    "{bare}",
    "garbage",
    '"*"',
    '"',
    '""',
    '"-"',
    "",
]
# What changes an order at its address, and what it answers.
CHANGES = pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("put", "", {"amount": "6.00"}, 200),
        ("patch", "", {"amount": "6.00"}, 200),
        ("delete", "", None, 204),
        ("post", "cancel/", None, 200),
    ],
    ids=["put", "patch", "delete", "cancel"],
)


def change(client: APIClient, order: str, case: tuple[str, str, Any], **headers: str) -> Any:
    """One of CHANGES, with headers."""
    method, path, body = case
    return getattr(client, method)(f"{order}{path}", body, **headers)


def state() -> list[Any]:
    """All that there is of orders."""
    return list(Order.objects.values())


@CHANGES
@pytest.mark.parametrize("header", CURRENT)
def test_changes_the_version_that_was_read(
    partner: APIClient, order: str, header: str, *, method: str, path: str, body: Any, status: int
) -> None:
    before = state()
    tag = etag(partner, order)

    response = change(partner, order, (method, path, body), HTTP_IF_MATCH=header.format(tag=tag))

    assert response.status_code == status
    assert state() != before


@CHANGES
@pytest.mark.parametrize("header", STALE)
def test_changes_no_other_version(
    partner: APIClient, order: str, header: str, *, method: str, path: str, body: Any, status: int
) -> None:
    stale = etag(partner, order)
    partner.patch(order, {"code": "A1"})
    before = state()
    header = header.format(stale=stale, bare=etag(partner, order).strip('"'))

    response = change(partner, order, (method, path, body), HTTP_IF_MATCH=header)

    refused = problem(response, 412)
    assert refused["code"] == "precondition_failed"
    assert refused["detail"] == "It was changed since you read it. Read it again."
    assert "ETag" not in response
    assert state() == before


@RESOURCES
def test_lets_one_of_two_changes_through(
    partner: APIClient, john: Customer, url: str, body: Any, change: Any
) -> None:
    made = partner.post(url, body)
    at, tag = f"{url}{made.json()['id']}/", made["ETag"]

    answers = [partner.patch(at, change, HTTP_IF_MATCH=tag) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 412]
    assert etag(partner, at) == answers[0]["ETag"]


def test_does_not_hold_what_happens_to_an_sms_against_a_change(
    partner: APIClient, order: str
) -> None:
    tag = etag(partner, order)
    Message.objects.update(status="sent")

    moved_on = partner.get(order, HTTP_IF_NONE_MATCH=tag)

    assert moved_on.status_code == 200
    assert moved_on.json()["sms_status"] == "sent"
    assert moved_on["ETag"] != tag
    assert partner.patch(order, {"amount": "6.00"}, HTTP_IF_MATCH=tag).status_code == 200


def test_shows_a_change_of_the_customer_in_the_orders_tag(
    partner: APIClient, john: Customer, order: str
) -> None:
    tag = etag(partner, order)
    partner.patch(f"{CUSTOMERS}{john.pk}/", {"name": "John Roe"})

    assert partner.get(order, HTTP_IF_NONE_MATCH=tag).json()["customer_name"] == "John Roe"
    assert partner.patch(order, {"amount": "6.00"}, HTTP_IF_MATCH=tag).status_code == 200


@pytest.fixture
def careful(partner: APIClient, order: str) -> APIClient:
    """The partner, once its key is held to If-Match."""
    ApiKey.objects.update(if_match_required=True)
    forget_all()
    return partner


@CHANGES
def test_needs_the_version_from_a_key_that_is_held_to_it(
    careful: APIClient, order: str, method: str, path: str, *, body: Any, status: int
) -> None:
    before = state()

    refused = problem(change(careful, order, (method, path, body)), 428)

    assert refused["code"] == "precondition_required"
    assert refused["title"] == "Precondition Required"
    assert refused["detail"] == "This key must say with If-Match which version it changes."
    assert state() == before
    tag = etag(careful, order)
    response = change(careful, order, (method, path, body), HTTP_IF_MATCH=tag)
    assert response.status_code == status


def test_needs_no_version_for_what_is_new(careful: APIClient) -> None:
    assert careful.post(ITEMS, {"name": "Pen", "price": 1}).status_code == 201
    assert careful.get(ITEMS).status_code == 200
