"""It queues one SMS for an order, in the order's own transaction."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.serializers import serialize
from django.db import transaction
from pytest_django.fixtures import DjangoAssertNumQueries
from rest_framework.test import APIClient

from access.models import ApiKey
from customers.models import Customer
from items.models import Item
from notifications.models import Message
from notifications.services import queue_for_order
from orders.models import Order
from orders.pricing import WantedLine
from orders.services import place_order

LAPTOP = WantedLine(quantity=1, description="Laptop Computer", unit_price=Decimal("1299.99"))


def text() -> str:
    """The text of the only message."""
    return Message.objects.get().text


def test_queues_savannahs_text(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    order = partner.post("/api/orders/", savannah_order).json()

    message = Message.objects.get()
    assert message.text == (
        "Hello John Doe! Your order for Laptop Computer worth KES 1299.99 has been received. "
        "Thank you!"
    )
    assert (message.kind, message.status, message.to) == (
        "order_received",
        "pending",
        "+254712345678",
    )
    assert (str(message.order_id), message.customer_id) == (order["id"], john.pk)
    assert (message.attempts, message.claimed_at, message.sent_at) == (0, None, None)
    assert (message.last_error, message.provider_id) == ("", "")
    assert list(Message.due(message.next_attempt_at)) == [message]
    assert (order["sms_status"], order["sms_sent"], order["sms_reason"]) == ("queued", True, None)


@pytest.mark.parametrize(
    ("quantity", "currency", "words"),
    [
        (2, "KES", "Shirt worth KES 51.00"),
        (1, "USD", "Shirt worth USD 25.50"),
        (1_000_000, "KES", "Shirt worth KES 25500000.00"),
    ],
)
def test_says_what_was_ordered(
    john: Customer, shirt: Item, quantity: int, currency: str, words: str
) -> None:
    Item.objects.update(currency=currency)

    place_order(customer=john.pk, lines=[WantedLine(quantity=quantity, item=shirt.pk)])

    assert f"Your order for {words} has been received." in text()


def test_says_how_many_more_there_are(john: Customer) -> None:
    place_order(customer=john.pk, lines=[LAPTOP, LAPTOP, LAPTOP])

    assert "Your order for Laptop Computer and 2 more worth KES 3899.97 has been" in text()


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"first_name": "Jane", "last_name": "Doe", "name": "Doe Ltd"}, "Doe Ltd"),
        ({"domain": "acme.example"}, "acme.example"),
        ({"document": "52998224725", "code": "CUST002"}, "CUST002"),
    ],
)
@pytest.mark.django_db
def test_greets_by_the_best_name(members: dict[str, str], name: str) -> None:
    customer = Customer.objects.create(phone_number="+254712345678", **members)

    place_order(customer=customer.pk, lines=[LAPTOP])

    assert text().startswith(f"Hello {name}! ")


def test_keeps_its_text_and_number(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    order = partner.post("/v1/orders/", savannah_order).json()
    before = Message.objects.values("text", "to", "status").get()

    partner.patch(f"/v1/orders/{order['id']}", {"item": "Mouse", "amount": 5})
    partner.patch(f"/v1/customers/{john.pk}", {"name": "Jane Doe", "phone_number": "0722000111"})

    assert Message.objects.values("text", "to", "status").get() == before


def test_skips_a_customer_without_a_phone(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    Customer.objects.update(phone_number="")

    order = partner.post("/v1/orders/", savannah_order).json()

    message = Message.objects.get()
    assert (message.status, message.to) == ("skipped", "")
    assert message.last_error == "The customer has no phone number."
    assert not Message.due(message.next_attempt_at).exists()
    assert (order["sms_status"], order["sms_sent"]) == ("skipped", False)
    assert order["sms_reason"] == "The customer has no phone number."


@pytest.mark.parametrize(
    ("status", "shown", "reaching"),
    [
        ("pending", "queued", True),
        ("sent", "sent", True),
        ("delivered", "delivered", True),
        ("undelivered", "undelivered", False),
        ("failed", "failed", False),
        ("unknown", "unknown", False),
        ("skipped", "skipped", False),
    ],
)
def test_shows_on_its_order_what_became_of_it(
    partner: APIClient, john: Customer, status: str, shown: str, *, reaching: bool
) -> None:
    order = place_order(customer=john.pk, lines=[LAPTOP])
    Message.objects.update(status=status, last_error="Because.")

    for answer in (
        partner.get(f"/v1/orders/{order.pk}").json(),
        partner.get("/v1/orders/").json()[0],
    ):
        assert (answer["sms_status"], answer["sms_sent"]) == (shown, reaching)
        assert answer["sms_reason"] == "Because."


def test_is_shown_as_absent_where_there_is_none(partner: APIClient, john: Customer) -> None:
    order = place_order(customer=john.pk, lines=[LAPTOP])
    Message.objects.all().delete()

    answer = partner.get(f"/v1/orders/{order.pk}").json()

    assert (answer["sms_status"], answer["sms_sent"], answer["sms_reason"]) == (None, False, None)


def test_is_rolled_back_with_its_order(john: Customer) -> None:
    with transaction.atomic():
        place_order(customer=john.pk, lines=[LAPTOP])
        assert Message.objects.count() == 1
        transaction.set_rollback(True)

    assert (Order.objects.count(), Message.objects.count()) == (0, 0)


def test_takes_its_order_with_it(john: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifications.texts.rendered", None)

    with pytest.raises(TypeError), transaction.atomic():
        Order(customer=john, description="Laptop", amount=5).save()

    assert (Order.objects.count(), Message.objects.count()) == (0, 0)


def test_is_queued_once(john: Customer, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    order = place_order(customer=john.pk, lines=[LAPTOP])
    before = Message.objects.values().get()

    with django_assert_num_queries(1):
        queue_for_order(order)
    order.save()

    assert Message.objects.values().get() == before


def test_is_queued_whoever_saves_the_order(john: Customer) -> None:
    order = Order(customer=john, description="Laptop Computer", amount=Decimal("1299.99"))
    order.save()
    Order.objects.create(customer=john, description="Mouse", amount=5)

    assert Message.objects.filter(order=order).count() == 1
    assert Message.objects.count() == 2


def told(order: Order) -> list[str]:
    """The kinds of an order's messages, the oldest first."""
    return list(Message.objects.filter(order=order).order_by("id").values_list("kind", flat=True))


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (
            "ready",
            "order_ready",
            (
                "Hello John Doe! Your order of Laptop Computer, for a total of KES 1299.99, "
                "is ready for pickup. Thank you!"
            ),
        ),
        (
            "cancelled",
            "order_cancelled",
            "Hello John Doe! Your order for Laptop Computer worth KES 1299.99 has been cancelled.",
        ),
    ],
)
def test_tells_a_new_status_once(
    partner: APIClient, john: Customer, status: str, kind: str, words: str
) -> None:
    order = place_order(customer=john.pk, lines=[LAPTOP])

    answer = partner.patch(f"/v1/orders/{order.pk}", {"status": status}).json()
    Order.objects.get(pk=order.pk).save()

    assert told(order) == ["order_received", kind]
    assert Message.objects.get(kind=kind).text == words
    # The order goes on showing its confirmation.
    Message.objects.filter(kind=kind).update(status="failed")
    assert answer["sms_status"] == "queued"
    assert partner.get(f"/v1/orders/{order.pk}").json()["sms_status"] == "queued"


def test_tells_who_cancels_and_whoever_saves(partner: APIClient, john: Customer) -> None:
    cancelled, saved = (place_order(customer=john.pk, lines=[LAPTOP]) for _ in range(2))

    partner.post(f"/v1/orders/{cancelled.pk}/cancel")
    saved.status = Order.Status.READY
    saved.save(update_fields=["code"])
    assert told(saved) == ["order_received"]
    saved.save()

    assert told(cancelled) == ["order_received", "order_cancelled"]
    assert told(saved) == ["order_received", "order_ready"]


@pytest.mark.parametrize("changes", [{"amount": "5.00"}, {"code": "A-1"}, {}])
def test_is_not_queued_by_another_change(
    partner: APIClient, john: Customer, changes: dict[str, str]
) -> None:
    order = place_order(customer=john.pk, lines=[LAPTOP])

    partner.patch(f"/v1/orders/{order.pk}", changes)

    assert told(order) == ["order_received"]


def test_costs_nothing_when_the_status_stays(
    john: Customer, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    placed = place_order(customer=john.pk, lines=[LAPTOP])
    Order.objects.update(status="ready")
    order = Order.objects.get(pk=placed.pk)

    with django_assert_num_queries(1):
        order.save()


def test_knows_whose_request_it_was(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    partner.post("/v1/orders/", savannah_order)
    place_order(customer=john.pk, lines=[LAPTOP])

    first, second = Message.objects.order_by("id").values_list("principal", flat=True)
    assert first == f"key:{ApiKey.objects.get().prefix}"
    assert second == ""


def test_is_not_queued_by_a_fixture(john: Customer, tmp_path: Path) -> None:
    order = place_order(customer=john.pk, lines=[LAPTOP])
    fixture = tmp_path / "orders.json"
    fixture.write_text(serialize("json", [john, order]))
    assert len(json.loads(fixture.read_text())) == 2
    Order.objects.all().delete()
    Message.objects.all().delete()

    call_command("loaddata", str(fixture), verbosity=0)

    assert Order.objects.get() == order
    assert Message.objects.count() == 0


def test_outlives_its_order_and_its_customer(john: Customer) -> None:
    order = place_order(customer=john.pk, lines=[LAPTOP])
    before = text()

    order.delete()
    john.delete()

    message = Message.objects.get()
    assert (message.order_id, message.customer_id) == (None, None)
    assert (message.text, message.to) == (before, "+254712345678")
