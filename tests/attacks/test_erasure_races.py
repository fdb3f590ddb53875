"""Whatever is under way about a customer and their erasure come one after the other, never across.

The one in the middle runs while the other's transaction is open.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from rest_framework.test import APIClient

from access.models import User
from common.models import IdempotencyRecord
from customers.erasing import delete_customer, erase_customer
from customers.merging import merge_customers
from customers.models import Customer, FormerPhone
from mappings.bulk import upsert_mappings
from mappings.models import App, Mapping
from mappings.services import map_customer
from notifications.consent import take_in
from notifications.models import IncomingMessage, Message, OptOut, Report
from notifications.reports import receive
from orders.models import Order
from orders.pricing import WantedLine
from orders.services import place_order
from outbox.outcomes import Accepted, Refused
from outbox.recording import record
from outbox.services import claim
from tests.cast import key_in_use
from tests.dumps import dumped, lines_with
from tests.faults.test_merge_races import Rival, rivals, start

__all__ = ["rivals"]
pytestmark = [
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="on SQLite one transaction writes at a time"
    ),
    pytest.mark.django_db(transaction=True),
]
TRACES = ("John Doe", "712345678")
ORDERS, MAPPINGS = "/v1/orders/", "/v1/mappings/"


@pytest.fixture
def eraser(transactional_db: None) -> APIClient:
    key = key_in_use(name="E", scopes="read write customers:erase")
    return APIClient(HTTP_AUTHORIZATION=f"Api-Key {key}")


@pytest.fixture
def amc(transactional_db: None) -> App:
    return App.objects.get_or_create(slug="amc", defaults={"name": "AMC"})[0]


def body(**more: Any) -> dict[str, Any]:
    return {"customer_code": "CUST001", "item": "Laptop", "amount": "5.00", **more}


def erased_while(call: Callable[[], Any], started: list[Rival], *, delete: bool = False) -> Any:
    """What `call` comes to, which began before the erasure was committed."""
    with transaction.atomic():
        customer = Customer.objects.select_for_update().get(code="CUST001")
        (delete_customer if delete else erase_customer)(customer, by="user:1")
        rival = start(started, call)
    return rival.answer()


def nothing_left() -> None:
    assert lines_with(dumped(), TRACES) == []
    assert not Message.objects.filter(status="pending").exists()


@pytest.mark.parametrize("delete", [False, True])
def test_an_order_that_waited(
    partner: APIClient, john: Customer, rivals: list[Rival], delete: bool
) -> None:
    headers = {"idempotency-key": "k"}
    answer = erased_while(
        lambda: partner.post(ORDERS, body(), headers=headers), rivals, delete=delete
    )

    assert answer.status_code == (400 if delete else 409)
    assert not Order.objects.exists()
    assert not Message.objects.exists()
    nothing_left()


def test_an_order_by_id_that_waited(
    partner: APIClient, john: Customer, rivals: list[Rival]
) -> None:
    line = {"description": "Laptop", "quantity": 1, "unit_price": "5.00"}
    order = {"customer": str(john.pk), "lines": [line]}

    answer = erased_while(lambda: partner.post(ORDERS, order), rivals)

    assert answer.status_code == 409
    nothing_left()


def test_an_order_that_was_first(eraser: APIClient, john: Customer, rivals: list[Rival]) -> None:
    with transaction.atomic():
        line = WantedLine(quantity=1, description="Laptop", unit_price=Decimal(5))
        place_order(lines=[line], customer=john.pk)
        rival = start(rivals, lambda: eraser.post(f"/v1/customers/{john.pk}/erase/"))

    assert rival.answer().status_code == 200
    assert Message.objects.get().status == "skipped"
    nothing_left()


@pytest.mark.parametrize("status", ["ready", "cancelled"])
def test_a_status_that_waited(
    partner: APIClient, john: Customer, rivals: list[Rival], status: str
) -> None:
    order = partner.post(ORDERS, body()).json()

    answer = erased_while(
        lambda: partner.patch(f"{ORDERS}{order['id']}/", {"status": status}), rivals
    )

    assert answer.status_code == 200
    assert answer.json()["customer_name"] == "Erased customer"
    nothing_left()


def test_an_order_that_changes_hands(
    partner: APIClient, john: Customer, rivals: list[Rival]
) -> None:
    Customer.objects.create(code="CUST002", name="Other")
    order = partner.post(ORDERS, body(customer_code="CUST002")).json()

    answer = erased_while(
        lambda: partner.patch(f"{ORDERS}{order['id']}/", {"customer_code": "CUST001"}), rivals
    )

    assert answer.status_code == 409
    nothing_left()


@pytest.mark.parametrize("way", ["post", "put", "put with members", "bulk"])
def test_a_mapping_that_waited(
    partner: APIClient, john: Customer, amc: App, rivals: list[Rival], way: str
) -> None:
    pk, path = str(john.pk), f"{MAPPINGS}amc/John%20Doe/"
    Customer.objects.filter(pk=john.pk).update(domain="doe.example")
    calls: dict[str, Callable[[], Any]] = {
        "post": lambda: partner.post(
            MAPPINGS, {"customer": pk, "app": "amc", "customer_app_id": "John Doe"}
        ),
        "put": lambda: partner.put(path, {"customer": pk}),
        "put with members": lambda: partner.put(path, {"domain": "doe.example"}),
        "bulk": in_bulk,
    }

    erased_while(calls[way], rivals)

    # By its domain, somebody new may be registered: whoever it was is known no more.
    assert not Mapping.objects.filter(customer=john).exists()
    if way != "put with members":
        nothing_left()


def in_bulk() -> Any:
    row = {"app": "amc", "customer_app_id": "John Doe", "customer_code": "CUST001"}
    with transaction.atomic():
        return upsert_mappings([row])


def test_a_mapping_that_was_first(
    eraser: APIClient, john: Customer, amc: App, rivals: list[Rival]
) -> None:
    with transaction.atomic():
        map_customer(customer=john.pk, app="amc", customer_app_id="John Doe")
        rival = start(rivals, lambda: eraser.post(f"/v1/customers/{john.pk}/erase/"))

    assert rival.answer().status_code == 200
    nothing_left()


def test_a_stop_that_waited(john: Customer, rivals: list[Rival]) -> None:
    incoming = IncomingMessage(provider_id="i", phone="+254700111222", text="STOP")
    Customer.objects.filter(pk=john.pk).update(phone_number="+254700111222")

    erased_while(lambda: take_in(incoming), rivals)

    # It came in after the erasure, and is answered as a stranger's.
    assert OptOut.objects.get().phone == "+254700111222"
    assert Message.objects.get().customer is None


def test_a_form_of_staff_that_waited(admin: User, john: Customer, rivals: list[Rival]) -> None:
    staff = Client()
    staff.force_login(admin)
    path = f"/admin/customers/customer/{john.pk}/change/"
    form = {"code": "CUST001", "name": "John Doe", "phone_number": "+254712345678"}

    answer = erased_while(lambda: staff.post(path, form), rivals)

    assert answer.status_code == 403
    assert Customer.objects.get().name == "Erased customer"
    assert not FormerPhone.objects.exists()
    nothing_left()


def test_a_login_form_of_staff_that_waited(
    admin: User, john: Customer, rivals: list[Rival]
) -> None:
    login = User.objects.create_user("johnny", "johnny@doe.example")
    Customer.objects.filter(pk=john.pk).update(user=login)
    staff = Client()
    staff.force_login(admin)
    form = {"username": "johnny", "email": "johnny@doe.example", "is_active": "on"}

    path = f"/admin/access/user/{login.pk}/change/"
    answer = erased_while(lambda: staff.post(path, form), rivals)

    assert answer.status_code == 403
    assert lines_with(dumped(), ["johnny"]) == []


def test_a_change_and_a_known_domain_that_waited(
    partner: APIClient, john: Customer, rivals: list[Rival]
) -> None:
    Customer.objects.filter(pk=john.pk).update(domain="doe.example")
    headers = {"idempotency-key": "k"}

    erased_while(
        lambda: partner.post("/v1/customers/", {"domain": "doe.example"}, headers=headers), rivals
    )

    # It is stored what was answered: somebody new, of whom only the domain is known.
    assert b"John" not in bytes(IdempotencyRecord.objects.get().body)
    nothing_left()


def test_a_merge_that_waited(john: Customer, rivals: list[Rival]) -> None:
    other = Customer.objects.create(code="CUST002", name="Other")

    def merge() -> str:
        try:
            merge_customers(john.pk, into=other.pk, by="user:1")
        except Exception as error:  # noqa: BLE001 - whatever it comes to
            return str(error)
        return "merged"

    assert "erased" in erased_while(merge, rivals)
    assert Customer.objects.count() == 2
    nothing_left()


def test_an_sms_that_a_gateway_refuses_meanwhile(
    partner: APIClient, eraser: APIClient, john: Customer
) -> None:
    partner.post(ORDERS, body())
    (held,) = claim(Message, most=1)
    eraser.post(f"/v1/customers/{john.pk}/erase/")

    record(held, Refused(f"No such number: {held.to}, for {held.text}"))

    assert Message.objects.values_list("status", "last_error").get() == ("failed", "Erased.")
    nothing_left()


def test_a_report_that_comes_meanwhile(
    partner: APIClient, eraser: APIClient, john: Customer
) -> None:
    partner.post(ORDERS, body())
    (held,) = claim(Message, most=1)
    early = Report(provider_id="at-1", phone=held.to, status="Success", failure_reason="712345678")
    receive(early)
    eraser.post(f"/v1/customers/{john.pk}/erase/")
    record(held, Accepted("at-1"))

    late = Report(provider_id="at-1", phone=held.to, status="Success", failure_reason="712345678")
    receive(late)

    assert Message.objects.get().status == "delivered"
    nothing_left()
