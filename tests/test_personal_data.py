"""Every field that is declared personal is exported, and is nowhere once its customer is gone."""

import json
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import models
from django.utils import timezone
from oauth2_provider.models import (
    get_access_token_model,
    get_device_grant_model,
    get_grant_model,
    get_id_token_model,
    get_refresh_token_model,
)
from rest_framework.test import APIClient

from access.models import ExternalIdentity, User
from access.tokens import login_client
from common import personal
from common.models import IdempotencyRecord, new_id
from customers.models import Customer, FormerPhone, Merge
from imports.models import Import, ImportChunk, ImportProblem, ImportRepeat
from mappings.models import App, Mapping
from notifications.models import (
    ConsentChange,
    Decision,
    IncomingMessage,
    Message,
    OptOut,
    Report,
)
from orders.models import Order, OrderLine
from tests.cast import key_in_use
from tests.dumps import dumped, lines_with

NAME, PHONE, FORMER, EMAIL = "Zoe Quixote", "+254712345678", "+254733111222", "zoe@quixote.example"
AccessToken, RefreshToken = get_access_token_model(), get_refresh_token_model()
IDToken, Grant, Device = get_id_token_model(), get_grant_model(), get_device_grant_model()

# What is a secret, or a copy of what stands elsewhere, is not exported.
WITHHELD = (RefreshToken, AccessToken, IDToken, Grant, Device, Session, IdempotencyRecord)
NOT_EXPORTED = {
    "access.User.password",
    "imports.ImportChunk.data",
    "imports.ImportRepeat.members",
}
PIECES_OF_FILES = {"imports.ImportChunk.data", "imports.ImportRepeat.members"}


class Filled:
    """A customer with a row of every model that holds personal data, each field with a value."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.numbers = count(1)
        self.user = User.objects.create_user("zoequixote", EMAIL, "x")
        self.merge_id = new_id()

    def marker(self, field: Any) -> Any:
        """A value that stands nowhere else, as the field takes it."""
        text = f"zq{next(self.numbers)}personal"
        if isinstance(field, models.JSONField):
            return {"said": text}
        if isinstance(field, models.BinaryField):
            return text.encode()
        if isinstance(field, models.GenericIPAddressField):
            return f"203.0.113.{next(self.numbers)}"
        return text[: field.max_length]

    def make(self, model: type[models.Model], fixed: dict[str, Any]) -> Any:
        holding = personal._holdings[model]
        values = dict(fixed)
        for name in holding.fields:
            values.setdefault(name, self.marker(model._meta.get_field(name)))
        (row,) = model._default_manager.bulk_create([model(**values)])
        if holding.fields:
            # As it is stored: of a token, a digest that the model makes itself.
            stored = model._default_manager.values(*holding.fields).get(pk=row.pk)
            for name, value in stored.items():
                self.note(f"{model._meta.label}.{name}", value)
        return row

    def note(self, label: str, value: Any) -> None:
        if isinstance(value, dict):
            value = next(iter(value.values()))
        self.values[label] = (
            bytes(value).decode() if isinstance(value, bytes | memoryview) else str(value)
        )

    def everything(self) -> Customer:
        """Makes all rows; the customer."""
        user, now = self.user, timezone.now()
        User.objects.filter(pk=user.pk).update(
            first_name="zq-first", last_name="zq-last", password="zq-hash"
        )
        for name in personal._holdings[User].fields:
            self.note(f"access.User.{name}", getattr(User.objects.get(), name))
        customer: Customer = self.make(
            Customer,
            {"name": NAME, "phone_number": PHONE, "domain": "quixote.example", "user": user}
            | {"document": "52998224725", "language": "sw", "time_zone": "Africa/Kampala"},
        )
        whose = {"customer": customer}
        self.make(FormerPhone, whose | {"phone": FORMER})
        merged = {"merged": {"name": "zq merged", "phone_number": "+254700999888"}}
        merge = {"merged_id": self.merge_id, "into_id": customer.pk, "survivor": customer}
        self.make(
            Merge, merge | {"by": "user:1", "snapshot": merged, "document": "11144477735"}
            | {"domain": "old.example"},
        )  # fmt: skip
        self.values["customers.Merge.snapshot"] = "zq merged"
        self.make(Mapping, whose | {"app": App.objects.create(slug="zqapp", name="App")})
        order = self.make(Order, whose | {"description": f"Cake for {NAME}", "amount": 5})
        self.make(
            OrderLine, {"order": order, "position": 0, "quantity": 1, "unit_price": 5}
            | {"description": f"Cake for {NAME}, {PHONE}"},
        )  # fmt: skip
        self.notes_of_messages(customer, order)
        self.notes_of_logins(user, now)
        self.notes_of_requests(customer, user)
        return customer

    def notes_of_messages(self, customer: Customer, order: Order) -> None:
        about = {"customer": customer, "order": order, "kind": "order_received", "to": PHONE}
        failed = {"status": "failed", "last_error": f"No such number: {PHONE[1:]}"}
        message = self.make(Message, about | failed)
        self.make(Message, {"kind": "opt_out_confirmation", "to": FORMER, "last_error": FORMER})
        self.make(Report, {"phone": PHONE, "message": message, "status": "Failed"})
        self.make(Report, {"phone": FORMER, "status": "Failed"})
        reason = f"{NAME} called"
        self.make(Decision, {"message": message, "reason": reason, "action": "sent", "by": "u"})
        self.make(OptOut, {"phone": FORMER})
        self.make(ConsentChange, {"phone": FORMER, "opted_out": True})
        self.make(IncomingMessage, {"phone": FORMER, "provider_id": "in"})

    def notes_of_logins(self, user: User, now: Any) -> None:
        client = {"application": login_client(), "user": user}
        self.make(ExternalIdentity, {"user": user})
        access = self.make(AccessToken, client | {"expires": now})
        self.make(RefreshToken, client | {"access_token": access})
        self.make(IDToken, client | {"expires": now})
        self.make(Grant, client | {"expires": now})
        self.make(Device, {"user": user, "client_id": "c", "expires": now})
        self.make(AccessLog, {"username": "ZoeQuixote"})
        self.make(AccessFailureLog, {"username": EMAIL})
        self.make(AccessAttempt, {"username": "0712 345 678", "failures_since_start": 1})
        store = SessionStore()
        store["_auth_user_id"] = str(user.pk)
        store["said"] = "zq in a session"
        store.create()
        self.values["sessions.Session.session_data"] = "zq in a session"
        self.values["sessions.Session.session_key"] = str(store.session_key)

    def notes_of_requests(self, customer: Customer, user: User) -> None:
        about = {"content_type": ContentType.objects.get_for_model(Customer)}
        entry = about | {"user": User.objects.create_user("staff"), "action_flag": CHANGE}
        self.make(LogEntry, entry | {"object_id": str(customer.pk)})
        named = {"object_repr": f"{PHONE} by hand", "change_message": f"for {NAME}"}
        self.make(LogEntry, entry | {"object_id": "x"} | named)
        body = json.dumps([{"name": NAME, "said": "zq answered"}]).encode()
        self.make(IdempotencyRecord, {"principal": "key:1", "body": body})
        self.make(IdempotencyRecord, {"principal": f"user:{user.pk}"})
        detail = f"{NAME} is not known"
        file = {"file_name": "zoe_quixote.csv", "detail": detail, "size": 1}
        one = self.make(Import, file | {"resource": "customers", "state": "queued"})
        reason = {"field": NAME, "detail": "0712-345-678 is no name", "code": "invalid"}
        self.make(ImportProblem, {"owner": one, "line": 1} | reason)
        rows = f"name,phone\n{NAME},0712345678\n".encode()
        self.make(ImportChunk, {"owner": one, "number": 0, "data": rows})
        row = f'{{"name": "{NAME}", "phone_number": "0712 345 678"}}'
        self.make(ImportRepeat, {"owner": one, "key": 1, "number": 0, "line": 2, "members": row})


def wanted(values: Iterable[tuple[str, str]]) -> list[str]:
    """What must not be found, in every form in which it was written."""
    plain = {value for label, value in values if label not in PIECES_OF_FILES}
    # Words of everybody's: a language, a zone; what only a name or a phone made personal.
    common = {"sw", "Africa/Kampala"}
    forms = {NAME, "zoe_quixote", "quixote", "712345678", "712 345 678", "712-345-678", EMAIL}
    return sorted((plain - common) | forms | {"733111222", "700999888"})


@pytest.fixture
def machine(db: None) -> APIClient:
    scopes = "read write customers:erase customers:export"
    return APIClient(HTTP_AUTHORIZATION=f"Api-Key {key_in_use(name='Machine', scopes=scopes)}")


def erase(machine: APIClient, customer: Customer) -> None:
    assert machine.post(f"/v1/customers/{customer.pk}/erase/").status_code == 200


def delete(machine: APIClient, customer: Customer) -> None:
    # What keeps a customer from being deleted.
    Order.objects.all().delete()
    Merge.objects.all().delete()
    assert machine.delete(f"/v1/customers/{customer.pk}/").status_code == 204


def test_every_field_is_declared() -> None:
    assert list(personal.undeclared()) == []
    call_command("check")


def test_a_field_that_is_not_declared_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    left = {model: each for model, each in personal._holdings.items() if model is not Mapping}
    monkeypatch.setattr(personal, "_holdings", left)

    assert list(personal.undeclared()) == ["mappings.Mapping.customer_app_id"]


def test_every_model_is_filled(db: None) -> None:
    filled = Filled()
    filled.everything()

    declared = {
        f"{model._meta.label}.{name}"
        for model, holding in personal._holdings.items()
        for name in holding.fields
    }
    assert set(filled.values) == declared


def test_an_export_is_the_registry_read_out(machine: APIClient) -> None:
    filled = Filled()
    customer = filled.everything()

    answer = machine.get(f"/v1/customers/{customer.pk}/export/")

    assert answer.status_code == 200
    exported = str(answer.json())
    withheld = {model._meta.label for model in WITHHELD}
    missing = {
        label
        for label, value in filled.values.items()
        if value not in exported and label.rpartition(".")[0] not in withheld
    }
    assert missing == NOT_EXPORTED


@pytest.mark.parametrize("end", [erase, delete])
def test_nothing_is_left(
    machine: APIClient,
    end: Callable[[APIClient, Customer], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    filled = Filled()
    customer = filled.everything()
    traces = wanted(filled.values.items())
    before = dumped().lower()
    assert [each for each in traces if each.lower() not in before] == []

    with caplog.at_level("INFO"):
        end(machine, customer)

    left = lines_with(dumped(), traces)
    # The application of that name is no customer's.
    assert [line for line in left if not line.startswith("mappings_app")] == []
    assert lines_with(caplog.text, traces) == []


def test_others_keep_what_is_theirs(machine: APIClient) -> None:
    filled = Filled()
    customer = filled.everything()
    namesake = Customer.objects.create(name=NAME, phone_number="+254799000111")
    other = Message.objects.create(customer=namesake, kind="x", to="+254799000111", text="Hi Zoe")
    incoming = IncomingMessage.objects.create(provider_id="o", phone="+254799000111", text="STOP")
    file = Import.objects.create(resource="items", size=1, file_name=f"{NAME} +254799000111.csv")

    rows = (namesake, other, incoming, file)
    before = [type(row)._default_manager.values().get(pk=row.pk) for row in rows]

    erase(machine, customer)

    after = [type(row)._default_manager.values().get(pk=row.pk) for row in rows]
    assert after == before


def test_an_order_keeps_its_words(machine: APIClient) -> None:
    filled = Filled()
    customer = filled.everything()

    erase(machine, customer)

    assert Order.objects.get().description == "Cake for [erased]"
    assert OrderLine.objects.get().description == "Cake for [erased], [erased]"
    chunk = bytes(ImportChunk.objects.get().data)
    assert chunk == b"name,phone\n           ,          \n"
