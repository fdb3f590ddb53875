"""It says nothing of its inside when something goes wrong there, and logs all of it."""

import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, OperationalError
from django.test import Client
from rest_framework.test import APIClient

from common.tests.problems import problem

CUSTOMERS = "/v1/customers/"
SECRET = "SELECT secret FROM vault"


@pytest.fixture
def fail_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Lets the registration of a customer raise an error once it has written the row."""
    register = import_module("customers.services").register_customer

    def fail_with(error: Exception) -> None:
        def fail(**members: Any) -> NoReturn:
            register(**members)
            raise error

        monkeypatch.setattr("customers.services.register_customer", fail)

    return fail_with


def customers() -> int:
    return apps.get_model("customers", "Customer").objects.count()


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(SECRET),
        KeyError(SECRET),
        ValueError(SECRET),
        RecursionError(SECRET),
        DatabaseError(SECRET),
        IntegrityError(SECRET),
    ],
    ids=lambda error: type(error).__name__,
)
def test_says_nothing_and_logs_everything(
    partner: APIClient,
    fail_with: Callable[[Exception], None],
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    fail_with(error)

    response = partner.post(CUSTOMERS, {"name": "John Doe"}, HTTP_X_REQUEST_ID="the-id")

    assert problem(response, 500) == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "Something went wrong on our side.",
        "code": "error",
        "error": "Something went wrong on our side.",
        "errors": [],
        "request_id": "the-id",
    }
    [record] = [record for record in caplog.records if record.name == "common.errors"]
    assert record.levelno == logging.ERROR
    assert record.getMessage() == "Unhandled error in POST /v1/customers/"
    assert record.exc_info
    assert record.exc_info[1] is error
    assert SECRET in caplog.text
    assert "in fail" in caplog.text
    assert customers() == 0


def test_asks_for_patience_while_the_database_is_away(
    partner: APIClient, fail_with: Callable[[Exception], None]
) -> None:
    fail_with(OperationalError(SECRET))

    response = partner.post(CUSTOMERS, {"name": "John Doe"})

    problem(response, 503)
    assert int(response["Retry-After"]) > 0
    assert customers() == 0


def test_says_nothing_in_a_page(
    client: Client, admin: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any) -> NoReturn:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("customers.admin.CustomerAdmin.get_queryset", fail)
    client.force_login(admin)
    client.raise_request_exception = False

    response = client.get("/admin/customers/customer/")

    assert problem(response, 500)["detail"] == "Something went wrong on our side."
    assert SECRET not in response.content.decode()
    assert SECRET in caplog.text


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary="])
def test_takes_no_harm_from_a_kind_of_body(partner: APIClient, kind: str) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nZ\r\n--b--\r\n'

    response = partner.post(CUSTOMERS, body, content_type=kind)

    problem(response, 400)
    assert customers() == 0


def test_refuses_a_body_that_is_too_large(partner: APIClient) -> None:
    response = partner.post(CUSTOMERS, {"name": "x" * 3_000_000})

    problem(response, 413)
    assert customers() == 0


def test_refuses_a_thousand_members_of_a_form(partner: APIClient) -> None:
    body = "&".join(f"a{number}=1" for number in range(2000))

    response = partner.post(CUSTOMERS, body, content_type="application/x-www-form-urlencoded")

    problem(response, 400)
    assert customers() == 0
