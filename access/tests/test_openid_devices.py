"""The device grant (RFC 8628)."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import (
    get_access_token_model,
    get_device_grant_model,
)

from access.models import Application, User
from access.tests.clients import (
    DEVICE_GRANT,
    OpenIdClient,
    api,
    error_of,
    register,
)

pytestmark = pytest.mark.django_db


def begin(device: OpenIdClient, **form: str) -> Any:
    """A device asks for a code."""
    body = "&".join(f"{name}={text}" for name, text in {**device.credentials, **form}.items())
    return Client().post(
        "/o/device-authorization/", body, content_type="application/x-www-form-urlencoded"
    )


def poll(device: OpenIdClient, device_code: str) -> Any:
    return device.call("/o/token/", grant_type=DEVICE_GRANT, device_code=device_code)


def decide(browser: Client, user_code: str, action: str) -> Any:
    """Somebody types the code and decides; the consent page."""
    confirm = browser.post("/o/device/", {"user_code": user_code})["Location"]
    page = browser.get(confirm)
    assert page.status_code == 200, page.content
    status = browser.post(confirm, {"action": action})["Location"]
    assert browser.get(status).status_code == 200
    return page


def test_a_device_gets_its_token_when_somebody_agrees(
    tv: OpenIdClient, janes_browser: Client
) -> None:
    begun = begin(tv, scope="customers:read").json()
    assert begun["verification_uri"] == "http://127.0.0.1:8000/o/device/"
    assert error_of(poll(tv, begun["device_code"])) == (400, "authorization_pending")

    page = decide(janes_browser, begun["user_code"], "accept")

    assert "Read customers" in page.content.decode()
    answer = poll(tv, begun["device_code"])
    assert answer.status_code == 200, answer.content
    tokens = answer.json()
    assert (tokens["scope"], api(tokens["access_token"])) == ("customers:read", 200)
    assert api(tokens["access_token"], "/v1/orders/") == 403
    assert tv.refresh(tokens["refresh_token"]).status_code == 200


def test_a_device_code_is_good_for_one_token(tv: OpenIdClient, janes_browser: Client) -> None:
    begun = begin(tv).json()
    decide(janes_browser, begun["user_code"], "accept")

    assert poll(tv, begun["device_code"]).status_code == 200
    assert error_of(poll(tv, begun["device_code"])) == (400, "invalid_grant")
    assert get_access_token_model().objects.count() == 1


def test_a_device_code_does_not_work_for_ever(tv: OpenIdClient, janes_browser: Client) -> None:
    begun = begin(tv).json()
    decide(janes_browser, begun["user_code"], "accept")
    get_device_grant_model().objects.update(expires=timezone.now())

    assert error_of(poll(tv, begun["device_code"])) == (400, "expired_token")
    assert not get_access_token_model().objects.exists()


def test_a_device_code_is_its_clients_own(tv: OpenIdClient, janes_browser: Client) -> None:
    other = register(
        client_type=Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_DEVICE_CODE,
        redirect_uris="",
    )
    begun = begin(tv, scope="openid").json()
    decide(janes_browser, begun["user_code"], "accept")

    assert error_of(poll(other, begun["device_code"])) == (400, "invalid_grant")
    assert poll(tv, begun["device_code"]).status_code == 200


def test_a_device_of_a_deactivated_user_gets_nothing(
    tv: OpenIdClient, janes_browser: Client, jane: User
) -> None:
    begun = begin(tv).json()
    decide(janes_browser, begun["user_code"], "accept")
    User.objects.filter(pk=jane.pk).update(is_active=False)

    assert error_of(poll(tv, begun["device_code"])) == (400, "invalid_grant")


def test_a_device_that_is_denied_gets_nothing(tv: OpenIdClient, janes_browser: Client) -> None:
    begun = begin(tv).json()
    decide(janes_browser, begun["user_code"], "deny")

    assert error_of(poll(tv, begun["device_code"])) == (400, "access_denied")


def test_a_device_gets_no_scope_that_it_was_not_registered_for(tv: OpenIdClient) -> None:
    assert error_of(begin(tv, scope="write")) == (400, "invalid_scope")
    assert not get_device_grant_model().objects.exists()


def test_a_client_for_something_else_is_no_device(shop: OpenIdClient) -> None:
    assert error_of(begin(shop)) == (400, "unauthorized_client")


@pytest.mark.parametrize(
    ("form", "error"),
    [({}, "invalid_request"), ({"device_code": "unknown"}, "invalid_grant")],
)
def test_a_poll_without_a_code_is_a_400(tv: OpenIdClient, form: dict[str, str], error: str) -> None:
    assert error_of(tv.call("/o/token/", grant_type=DEVICE_GRANT, **form)) == (400, error)
