"""It forgets a customer everywhere, keeps the books, and gives a receipt."""

from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from access.models import ExternalIdentity, User
from access.tokens import issue
from common.models import IdempotencyRecord
from common.tests.problems import problem
from customers.merging import merge_customers
from customers.models import Customer, Erasure
from customers.registration import register_login
from mappings.models import Mapping
from notifications.erasing import erase_messages
from notifications.models import Message
from orders.models import Order
from outbox.outcomes import Accepted, NotSent
from outbox.recording import record
from outbox.services import claim
from tests.cast import key_in_use

URL, ORDERS = "/v1/customers/", "/v1/orders/"
PERSONAL = ("John Doe", "254712345678", "doe.example", "52998224725", "johnny", "Johnson")


@pytest.fixture
def eraser(db: None) -> APIClient:
    """A machine that may do nothing else."""
    key = key_in_use(name="Erase", scopes="customers:erase")
    return APIClient(HTTP_AUTHORIZATION=f"Api-Key {key}")


def erase(client: APIClient, customer: Customer) -> Any:
    return client.post(f"{URL}{customer.pk}/erase/")


def dumped() -> str:
    """Everything in the database, as text."""
    out = StringIO()
    call_command("dumpdata", stdout=out)
    bodies = [bytes(row.body).decode() for row in IdempotencyRecord.objects.all()]
    return out.getvalue() + "".join(bodies)


@pytest.fixture
def known(partner: APIClient, client: Client, admin: User) -> Customer:
    """A customer of whom much is known: by every app, the admin's log, and two other records."""
    user = register_login(username="johnny", email="j@doe.example", password="correct horse bat")
    issue(user)
    ExternalIdentity.objects.create(user=user, issuer="https://issuer.example", subject="johnny")
    client.post("/login/", {"username": "johnny", "password": "wrong"})
    customer = user.customer
    client.force_login(admin)
    form = {"code": "CUST001", "name": "John Doe", "phone_number": "+254712345678"}
    names = {"domain": "doe.example", "document": "52998224725", "user": str(user.pk)}
    client.post(f"/admin/customers/customer/{customer.pk}/change/", form | names)
    client.post(f"/admin/access/user/{user.pk}/change/", {"username": "johnny"})
    body = {"customer_code": "CUST001", "item": "Laptop", "amount": "5.00"}
    partner.post(ORDERS, body, headers={"idempotency-key": "k"})
    mapping = {"customer": str(customer.pk), "app": "amc", "customer_app_id": "johnny"}
    partner.post("/v1/mappings/", mapping)
    old = Customer.objects.create(name="Johnson", domain="old.doe.example", code="OLD")
    partner.post(f"{URL}{old.pk}/merge/", {"into": str(customer.pk)})
    customer.refresh_from_db()
    return customer


def test_leaves_nothing_personal(eraser: APIClient, known: Customer) -> None:
    before = dumped()
    assert all(text in before for text in PERSONAL)

    response = erase(eraser, known)

    assert response.status_code == 200
    after = dumped()
    assert [text for text in PERSONAL if text in after] == []


def test_keeps_the_books(eraser: APIClient, partner: APIClient, known: Customer) -> None:
    order = Order.objects.values().get()

    erase(eraser, known)

    assert Order.objects.values().get() == order
    shown = partner.get(f"{ORDERS}{order['id']}/").json()
    assert (shown["customer_name"], shown["customer_phone"]) == ("Erased customer", "")
    assert (shown["item"], shown["amount"]) == ("Laptop", "5.00")
    customer = partner.get(f"{URL}{known.pk}/").json()
    assert (customer["code"], customer["name"]) == ("CUST001", "Erased customer")
    assert customer["erased_at"] is not None
    assert [customer[name] for name in ("domain", "document")] == [None, None]
    assert not Mapping.objects.exists()


def test_gives_a_receipt(eraser: APIClient, known: Customer) -> None:
    first, again = erase(eraser, known), erase(eraser, known)

    receipt = Erasure.objects.get()
    assert again.json() == first.json()
    assert first.json() == {
        "id": str(receipt.pk),
        "customer_id": str(known.pk),
        "erased_at": receipt.created_at.isoformat().replace("+00:00", "Z"),
        "by": receipt.by,
        "rows": {
            "customers": 1,
            "idempotency_records": 1,
            "log_entries": LogEntry.objects.filter(object_repr="erased").count(),
            "login_attempts": 1,
            "logins": 1,
            "mappings": 1,
            "merges": 1,
            "messages": 1,
            "tokens_and_identities": 3,
        },
    }
    assert receipt.by.startswith("key:")


def test_the_login_gets_nowhere(eraser: APIClient, known: Customer) -> None:
    assert known.user
    token = issue(known.user).access

    erase(eraser, known)

    user = User.objects.get(pk=known.user.pk)
    assert (user.username, user.email, user.is_active) == (f"erased-{user.pk}", "", False)
    assert not user.has_usable_password()
    mine = APIClient(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert mine.get(ORDERS).status_code == 401


def test_does_not_lock_out_staff(eraser: APIClient, john: Customer, admin: User) -> None:
    Customer.objects.filter(pk=john.pk).update(user=admin)

    assert problem(erase(eraser, john), 409)["code"] == "staff"
    john.refresh_from_db()
    assert (john.name, john.erased_at) == ("John Doe", None)


def test_old_ids_and_codes_go_on_answering(
    eraser: APIClient, partner: APIClient, known: Customer
) -> None:
    merge = known.merges.get()

    erase(eraser, known)

    assert partner.get(f"{URL}{merge.merged_id}/").json()["id"] == str(known.pk)
    # Whoever has the domain now is somebody else.
    assert partner.post(URL, {"domain": "old.doe.example"}).status_code == 201
    assert problem(partner.post(URL, {"name": "New", "code": "OLD"}), 409)["code"] == "unique"


def test_is_done_by_an_old_id(eraser: APIClient, john: Customer) -> None:
    old = Customer.objects.create(name="Old")
    old_id = old.pk
    merge_customers(old_id, into=john.pk, by="user:1")

    assert eraser.post(f"{URL}{old_id}/erase/").json()["customer_id"] == str(john.pk)


def test_nothing_more_becomes_known(eraser: APIClient, partner: APIClient, john: Customer) -> None:
    other = Customer.objects.create(name="Other")
    erase(eraser, john)
    before = Customer.objects.filter(pk=john.pk).values().get()
    pk = str(john.pk)
    mapping = {"customer": pk, "app": "amc", "customer_app_id": "john"}

    answers = [
        partner.patch(f"{URL}{pk}/", {"name": "John"}),
        partner.post(ORDERS, {"customer_code": "CUST001", "item": "Laptop", "amount": 1}),
        partner.post("/v1/mappings/", mapping),
        partner.post(f"{URL}{pk}/merge/", {"into": str(other.pk)}),
        partner.post(f"{URL}{other.pk}/merge/", {"into": pk}),
    ]

    assert [problem(answer, 409)["code"] for answer in answers] == ["erased"] * 5
    assert Customer.objects.filter(pk=john.pk).values().get() == before
    assert not Order.objects.exists()
    assert Customer.objects.count() == 2


def message_of(partner: APIClient) -> Message:
    partner.post(ORDERS, {"customer_code": "CUST001", "item": "Laptop", "amount": 1})
    return Message.objects.get()


def test_what_waits_is_not_sent(eraser: APIClient, partner: APIClient, john: Customer) -> None:
    message_of(partner)

    erase(eraser, john)

    message = Message.objects.get()
    assert (message.status, message.to, message.text) == ("skipped", "", "Erased.")
    assert message.last_error == "The customer's data was erased."


def test_what_is_under_way_says_what_became_of_it(partner: APIClient, john: Customer) -> None:
    message_of(partner)
    (held,) = claim(Message, most=1)
    erase_messages(Message.objects.all())

    assert record(held, Accepted("id"))
    message = Message.objects.get()
    assert (message.status, message.to, message.text) == ("sent", "", "Erased.")


def test_what_is_to_be_tried_again_is_not(partner: APIClient, john: Customer) -> None:
    message_of(partner)
    (held,) = claim(Message, most=1)
    erase_messages(Message.objects.all())
    record(held, NotSent("Busy."))
    Message.objects.update(next_attempt_at=held.created_at)
    (again,) = claim(Message, most=1)

    record(again, again.attempt())

    message = Message.objects.get()
    assert (message.status, message.last_error) == ("failed", "There is no number to send it to.")


def test_a_second_time_takes_what_came_in_between(
    eraser: APIClient, partner: APIClient, john: Customer
) -> None:
    message = message_of(partner)
    erase(eraser, john)
    # As an order leaves it that was under way: it had read the name before.
    Message.objects.filter(pk=message.pk).update(text=message.text, to=message.to)

    erase(eraser, john)

    assert Message.objects.values_list("text", "to").get() == ("Erased.", "")


def test_write_does_not_cover_it(partner: APIClient, john: Customer) -> None:
    answer = problem(erase(partner, john), 403)

    assert answer["detail"] == "The credential lacks the scope customers:erase."
    john.refresh_from_db()
    assert john.erased_at is None
