"""A token is good for what its client was registered for, and for no more later on."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import (
    get_access_token_model,
    get_grant_model,
)
from pytest_django import Settings

from access.models import Application
from access.tests.clients import (
    CALLBACK,
    IDENTITY,
    OpenIdClient,
    api,
    error_of,
    redirected_error,
    register,
)
from tests.web_client import form_fields

pytestmark = pytest.mark.django_db


def test_default_scopes_are_not_everything(shop: OpenIdClient, janes_browser: Client) -> None:
    assert shop.tokens(janes_browser, scope="")["scope"] == IDENTITY


@pytest.mark.parametrize("scope", ["orders:write", "write", "openid introspection", "nonsense"])
def test_a_client_gets_no_scope_that_it_was_not_registered_for(
    janes_browser: Client, scope: str
) -> None:
    client = register(scopes="orders:read")

    answer = client.authorize(janes_browser, scope=scope)

    assert redirected_error(answer) == (CALLBACK, "invalid_scope")


def test_a_scope_that_is_written_into_the_form_is_not_granted(janes_browser: Client) -> None:
    client = register(scopes="orders:read")
    fields = form_fields(client.authorize(janes_browser).content.decode(), "client_id")

    answer = janes_browser.post(
        "/o/authorize/", {**fields, "scope": "openid write", "allow": "Authorize"}
    )

    assert redirected_error(answer) == (CALLBACK, "invalid_scope")
    assert not get_grant_model().objects.exists()


def test_a_machine_gets_no_scope_that_it_was_not_registered_for(machine: OpenIdClient) -> None:
    answer = machine.call("/o/token/", grant_type="client_credentials", scope="orders:write")

    assert error_of(answer) == (400, "invalid_scope")
    assert not get_access_token_model().objects.exists()


def test_a_token_that_names_resources_is_limited_to_them(
    shop: OpenIdClient, janes_browser: Client
) -> None:
    token = shop.tokens(janes_browser, scope="openid orders:read")["access_token"]

    assert api(token, "/v1/customers/") == 403


def test_the_consent_page_says_when_a_token_is_not_limited(
    shop: OpenIdClient, janes_browser: Client
) -> None:
    unlimited = shop.authorize(janes_browser).content.decode()
    limited = shop.authorize(janes_browser, scope="openid orders:read").content.decode()

    assert "Do whatever you may do" in unlimited
    assert "Do whatever you may do" not in limited
    assert "Read orders" in limited


def test_a_refresh_narrows_a_token(shop: OpenIdClient, janes_browser: Client) -> None:
    tokens = shop.tokens(janes_browser, scope="openid customers:read orders:read")

    answer = shop.refresh(tokens["refresh_token"], scope="openid orders:read")

    assert answer.json()["scope"] == "openid orders:read"
    assert api(answer.json()["access_token"]) == 403


@pytest.mark.parametrize("scope", ["openid", "openid orders:read customers:write"])
def test_a_refresh_does_not_widen_a_token(
    shop: OpenIdClient, janes_browser: Client, scope: str
) -> None:
    tokens = shop.tokens(janes_browser, scope="openid orders:read")

    assert error_of(shop.refresh(tokens["refresh_token"], scope=scope)) == (400, "invalid_scope")
    assert shop.refresh(tokens["refresh_token"]).status_code == 200


def test_a_refresh_keeps_nothing_that_the_client_has_lost(
    shop: OpenIdClient, janes_browser: Client
) -> None:
    tokens = shop.tokens(janes_browser, scope="openid customers:read")
    Application.objects.update(scopes="orders:read")

    assert error_of(shop.refresh(tokens["refresh_token"])) == (400, "invalid_scope")


def test_a_refresh_token_works_once_and_its_replay_revokes_the_family(
    shop: OpenIdClient, janes_browser: Client, settings: Settings
) -> None:
    settings.REFRESH_GRACE_SECONDS = 0
    first = shop.tokens(janes_browser)
    second = shop.refresh(first["refresh_token"]).json()
    assert (api(first["access_token"]), api(second["access_token"])) == (401, 200)

    replayed = shop.refresh(first["refresh_token"])

    assert error_of(replayed) == (400, "invalid_grant")
    assert api(second["access_token"]) == 401
    assert error_of(shop.refresh(second["refresh_token"])) == (400, "invalid_grant")


def test_a_refresh_token_is_its_clients_own(shop: OpenIdClient, janes_browser: Client) -> None:
    tokens = shop.tokens(janes_browser)

    assert error_of(register().refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert shop.refresh(tokens["refresh_token"]).status_code == 200


def test_a_refresh_token_does_not_work_for_ever(shop: OpenIdClient, janes_browser: Client) -> None:
    tokens = shop.tokens(janes_browser)
    get_access_token_model().objects.update(expires=timezone.now() - timedelta(days=14, seconds=1))

    assert error_of(shop.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
