"""Who has said STOP is written to by nobody, also after they were erased and registered anew."""

import re
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries
from rest_framework.test import APIClient

from access.models import User
from customers.models import Customer
from notifications.consent import opt_in, opt_out
from notifications.models import (
    ConsentChange,
    ErasedOptOut,
    IncomingMessage,
    Message,
    OptOut,
)
from notifications.rules import opt_outs, screened
from outbox.outcomes import Skipped
from tests.cast import key_in_use
from tests.dumps import dumped, lines_with

SECRET, PHONE, OTHER = "callback-secret", "+254712345678", "+254700111222"
OPTED_OUT = "The customer has opted out of messages."


@pytest.fixture(autouse=True)
def callbacks_are_there(settings: Any) -> None:
    settings.AFRICAS_TALKING_CALLBACK_SECRET = SECRET


@pytest.fixture
def machine(db: None) -> APIClient:
    scopes = "read write customers:erase"
    return APIClient(HTTP_AUTHORIZATION=f"Api-Key {key_in_use(name='Machine', scopes=scopes)}")


def write(text: str, *, phone: str = PHONE) -> None:
    form = {"id": f"in-{IncomingMessage.objects.count()}-{text}", "from": phone, "text": text}
    answer = Client().post(f"/notifications/africastalking/{SECRET}/incoming", form)
    assert answer.status_code == 200


def erase(machine: APIClient, customer: Customer) -> None:
    assert machine.post(f"/v1/customers/{customer.pk}/erase/").status_code == 200


def delete(machine: APIClient, customer: Customer) -> None:
    assert machine.delete(f"/v1/customers/{customer.pk}/").status_code == 204


@pytest.fixture(params=[erase, delete])
def end(request: pytest.FixtureRequest) -> Callable[[APIClient, Customer], None]:
    chosen: Callable[[APIClient, Customer], None] = request.param
    return chosen


@pytest.fixture
def gone(machine: APIClient, john: Customer, end: Callable[[APIClient, Customer], None]) -> None:
    write("STOP")
    end(machine, john)


def decided(machine: APIClient, *, phone: str = PHONE) -> Message:
    """A message to somebody new who has the phone, and what the rules say of it."""
    new = {"name": "New", "phone_number": phone}
    pk = machine.post("/v1/customers/", new).json()["id"]
    line = {"description": "Laptop", "quantity": 1, "unit_price": "5.00"}
    order = machine.post("/v1/orders/", {"customer": pk, "lines": [line]})
    assert order.status_code == 201
    return Message.objects.get(order=order.json()["id"])


def is_stopped(message: Message) -> bool:
    return screened([message]) == {message.pk: Skipped(OPTED_OUT)}


def test_holds_for_whoever_has_the_phone_next(gone: None, machine: APIClient) -> None:
    assert is_stopped(decided(machine))
    assert not is_stopped(decided(machine, phone=OTHER))


def test_keeps_no_number(gone: None) -> None:
    assert lines_with(dumped(), ["712345678", "John Doe"]) == []
    assert not OptOut.objects.exists()
    assert not ConsentChange.objects.exists()
    kept = ErasedOptOut.objects.get()
    assert re.fullmatch("[0-9a-f]{64}", kept.digest)
    assert kept.source == "STOP"


def test_who_wants_messages_again_gets_them(gone: None, machine: APIClient) -> None:
    write("START")

    assert not ErasedOptOut.objects.exists()
    assert not is_stopped(decided(machine))
    assert Message.objects.filter(kind="opt_in_confirmation", to=PHONE).count() == 1


def test_stop_once_more_is_no_news(gone: None) -> None:
    before = Message.objects.count()

    write("STOP")

    assert Message.objects.count() == before
    assert OptOut.objects.get().phone == PHONE


def test_staff_lift_it(gone: None, machine: APIClient, admin: User) -> None:
    staff = Client()
    staff.force_login(admin)
    assert staff.post("/admin/notifications/optout/add/", {"phone": PHONE}).status_code == 302
    path = f"/admin/notifications/optout/{OptOut.objects.get().pk}/delete/"
    assert staff.post(path, {"post": "yes"}).status_code == 302

    assert not is_stopped(decided(machine))
    assert staff.get("/admin/notifications/erasedoptout/").status_code == 200


def test_outlives_a_new_secret_key(gone: None, machine: APIClient, settings: Any) -> None:
    message = decided(machine)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "n" * 60
    # Nobody can tell from the digest without the key.
    assert not is_stopped(message)

    settings.SECRET_KEY_FALLBACKS = [old]

    assert is_stopped(message)
    assert opt_in(PHONE, source="user:1")
    assert not ErasedOptOut.objects.exists()


def test_costs_one_statement(
    gone: None, machine: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    messages = [decided(machine), decided(machine, phone=OTHER)]

    with django_assert_num_queries(1):
        stopped = opt_outs.stopped(messages, messages[0].created_at)

    assert list(stopped) == [messages[0].pk]


# --- A phone that is nobody's ---------------------------------------------------------


def test_a_phone_without_a_customer_is_erased_by_command(db: None) -> None:
    write("STOP")
    write("My name is Jane", phone=PHONE)
    out = StringIO()

    call_command("erase_phone", "0712 345 678", stdout=out)

    assert lines_with(dumped(), ["712345678", "Jane"]) == []
    assert out.getvalue().splitlines() == ["messages: 1", "phone_records: 4", "Erased."]
    assert not opt_out(PHONE, source="STOP")


def test_a_customers_phone_is_not(john: Customer) -> None:
    write("STOP")

    with pytest.raises(CommandError, match=str(john.pk)):
        call_command("erase_phone", PHONE)
    with pytest.raises(CommandError, match="no phone number"):
        call_command("erase_phone", "call me")

    assert OptOut.objects.get().phone == PHONE
