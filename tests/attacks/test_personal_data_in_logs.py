"""No log says whom a request was about, however the request fails."""

import logging
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import SuspiciousOperation
from django.db import IntegrityError, OperationalError
from django.test import Client
from rest_framework.test import APIClient

from access.models import User
from common.logs import MaskSecrets
from customers.models import Customer
from notifications.models import Message
from outbox.services import attempt, claim
from outbox.worker import logger as worker_logger

VALUES = ("jane", "Quixote", "doe.example", "712345678", "712 345 678", "52998224725", "Ümit")
DETAIL = (
    'duplicate key value violates unique constraint "x"\n'
    "DETAIL:  Key (phone_number, name)=(+254712345678, Jane Quixote) already exists.\n"
    'CONTEXT:  COPY customers_customer, line 1: "1\tJane Quixote"\n'
)
ID = "/v1/query/amc/jane@doe.example"


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What every logger writes, as the settings' handler writes it."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(MaskSecrets())
    root = logging.getLogger()
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)


@pytest.fixture(autouse=True)
def jane(db: None) -> Customer:
    return Customer.objects.create(
        code="JQ", name="Jane Quixote", phone_number="+254712345678", domain="doe.example",
        document="52998224725",
    )  # fmt: skip


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error

    return fail


def quiet(log: StringIO) -> str:
    """What was written, once it is certain that nobody's data is in it."""
    text = log.getvalue()
    assert [value for value in VALUES if value.lower() in text.lower()] == []
    return text


@pytest.mark.parametrize(
    ("path", "route"),
    [
        (ID, "/v1/query/{app}/{customer_app_id}/"),
        ("/v1/query/amc/Jane%20Quixote/", "/v1/query/{app}/{customer_app_id}/"),
        ("/v1/query/amc/%C3%9Cmit/", "/v1/query/{app}/{customer_app_id}/"),
        ("/api/v1/query/amc/+254%20712%20345%20678", "/api/v1/query/{app}/{customer_app_id}/"),
        ("/v1/customers/Jane%20Quixote/", "/v1/customers/{pk}/"),
        ("/v1/orders/customer/Jane%20Quixote", "/v1/orders/customer/{customer_id}/"),
        ("/v1/janes/Jane%20Quixote", "/v1/..."),
        ("/jane/Quixote", "/jane/..."),
    ],
)
def test_not_found(partner: APIClient, log: StringIO, path: str, route: str) -> None:
    assert partner.get(path).status_code == 404

    assert route.replace("jane", "") in (text := log.getvalue()).replace("jane", "")
    assert "Quixote" not in text
    assert "712 345" not in text
    assert "mit" not in text.replace("limit", "")
    assert "@" not in text


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch", "options"])
def test_refused(method: str, log: StringIO, reader: APIClient, stranger: APIClient) -> None:
    path = "/v1/mappings/amc/Jane%20Quixote%20jane@doe.example%20+254712345678/"
    for client in (reader, stranger):
        getattr(client, method)(path, {"name": "Jane Quixote", "domain": "doe.example"})

    assert "/v1/mappings/{app}/{customer_app_id}/" in quiet(log) or method == "options"


@pytest.mark.parametrize(
    "error",
    [
        IntegrityError(DETAIL),
        OperationalError(DETAIL),
        SuspiciousOperation("from jane@doe.example"),
        ValueError("+254 712 345 678 and jane@doe.example"),
    ],
    ids=["integrity", "operational", "suspicious", "value"],
)
@pytest.mark.parametrize("path", ["/v1/mappings/amc/Jane%20Quixote/"])
def test_a_fault(
    partner: APIClient,
    log: StringIO,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    path: str,
) -> None:
    monkeypatch.setattr("mappings.views.upsert", raising(error))

    answer = partner.put(path, {"name": "Jane Quixote"})

    assert answer.status_code in {400, 409, 500, 503}
    quiet(log)
    assert "Jane" not in answer.content.decode()


def test_a_code_that_is_taken(partner: APIClient, jane: Customer, log: StringIO) -> None:
    other = Customer.objects.create(code="O", name="Other")
    for member in ("code", "domain", "document"):
        body = {"name": "Jane Quixote", member: getattr(jane, member)}
        assert partner.patch(f"/v1/customers/{other.pk}/", body).status_code == 409

    quiet(log)


def test_pages(log: StringIO, admin: User, settings: Any) -> None:
    guarded = Client(enforce_csrf_checks=True)
    guarded.force_login(admin)
    guarded.get("/admin/customers/customer/Jane%20Quixote/change/")
    guarded.get("/admin/Jane%20Quixote/")
    guarded.post("/admin/customers/customer/jane@doe.example/change/", {"name": "Jane Quixote"})
    guarded.post("/login/", {"username": "jane@doe.example", "password": "wrong"})
    Client().post("/login/", {"username": "jane@doe.example", "password": "wrong"})
    settings.ALLOWED_HOSTS = ["klanten.example"]
    Client().get("/v1/query/amc/jane@doe.example", headers={"host": "jane@doe.example"})

    assert quiet(log)


def test_logins(stranger: APIClient, log: StringIO) -> None:
    for path in ("/api-token-auth/", "/api/token/"):
        stranger.post(path, {"username": "jane@doe.example", "password": "wrong"})
    stranger.get("/v1/orders/", headers={"authorization": "Bearer jane@doe.example"})

    assert quiet(log)


def test_a_worker(
    partner: APIClient, log: StringIO, monkeypatch: pytest.MonkeyPatch, jane: Customer
) -> None:
    partner.post("/v1/orders/", {"customer_code": "JQ", "item": "Laptop", "amount": 1})
    (message,) = claim(Message, most=1)
    broken = ValueError("No route to +254712345678 (jane@doe.example)")
    monkeypatch.setattr("notifications.models.send", raising(broken))

    attempt(message)
    worker_logger.warning("The database does not answer (%s); trying again", DETAIL)

    assert "Attempt 1" in quiet(log)
