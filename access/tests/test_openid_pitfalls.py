"""What opens the API and what does not: pitfalls of the toolkit, and what mends them."""

import pytest
from django.core.management import call_command
from django.test import Client
from oauth2_provider.generators import generate_client_secret
from oauth2_provider.models import (
    get_access_token_model,
    get_refresh_token_model,
)

from access.bearer import check_bearer_token
from access.models import Application, User
from access.tests.clients import (
    OpenIdClient,
    Pkce,
    api,
    error_of,
    userinfo,
)

pytestmark = pytest.mark.django_db


def test_an_access_token_opens_the_api_and_userinfo(
    shop: OpenIdClient, janes_browser: Client, jane: User
) -> None:
    token = shop.tokens(janes_browser)["access_token"]

    assert api(token) == 200
    assert userinfo(token).json() == {
        "sub": str(jane.pk),
        "email": "jane@klanten.example",
        "name": "Jane Wanjiru",
        "given_name": "Jane",
        "family_name": "Wanjiru",
        "preferred_username": "jane",
    }


@pytest.mark.parametrize(
    ("scope", "claims"),
    [
        ("openid", {"sub"}),
        ("openid email", {"sub", "email"}),
        (
            "openid profile",
            {"sub", "name", "given_name", "family_name", "preferred_username"},
        ),
    ],
)
def test_userinfo_tells_what_the_scope_covers(
    shop: OpenIdClient, janes_browser: Client, scope: str, claims: set[str]
) -> None:
    token = shop.tokens(janes_browser, scope=scope)["access_token"]

    assert userinfo(token).json().keys() == claims


def test_userinfo_is_not_for_a_token_without_openid(
    shop: OpenIdClient, janes_browser: Client
) -> None:
    token = shop.tokens(janes_browser, scope="customers:read")["access_token"]

    assert error_of(userinfo(token)) == (401, "invalid_token")


def test_an_id_token_opens_nothing(shop: OpenIdClient, janes_browser: Client) -> None:
    id_token = shop.tokens(janes_browser)["id_token"]

    assert api(id_token) == 401
    assert error_of(userinfo(id_token)) == (401, "invalid_token")


@pytest.mark.parametrize("token", ["eya.b.c", "ey.ey.ey", "a" * 9000, "é", "x"])
def test_garbage_is_no_token(token: str) -> None:
    assert api(token) == 401
    assert error_of(userinfo(token)) == (401, "invalid_token")


def test_a_machine_is_nobody(machine: OpenIdClient) -> None:
    refused = machine.call("/o/token/", grant_type="client_credentials", scope="openid")
    token = machine.call("/o/token/", grant_type="client_credentials").json()

    assert error_of(refused) == (400, "invalid_scope")
    assert token["scope"] == "orders:read"
    assert "refresh_token" not in token
    assert error_of(userinfo(token["access_token"])) == (401, "invalid_token")
    assert api(token["access_token"], "/v1/orders/") == 200
    assert api(token["access_token"], "/v1/customers/") == 403


def test_a_token_in_the_address_opens_nothing(shop: OpenIdClient, janes_browser: Client) -> None:
    token = shop.tokens(janes_browser)["access_token"]

    assert Client().get("/v1/customers/", {"access_token": token}).status_code == 401
    assert Client().get("/o/userinfo/", {"access_token": token}).status_code == 401


def test_a_token_for_another_resource_is_none_of_ours(
    shop: OpenIdClient, janes_browser: Client
) -> None:
    elsewhere = shop.tokens(janes_browser, resource="https://other.example")["access_token"]
    here = shop.tokens(janes_browser, resource="http://127.0.0.1:8000")["access_token"]

    assert check_bearer_token(elsewhere) is None
    assert (api(elsewhere), api(here)) == (401, 200)


def test_a_deactivated_users_tokens_stop_working(
    shop: OpenIdClient, janes_browser: Client, jane: User
) -> None:
    tokens = shop.tokens(janes_browser)
    pkce = Pkce()
    code = shop.consented(
        janes_browser, code_challenge=pkce.challenge, code_challenge_method="S256"
    )["code"]
    User.objects.filter(pk=jane.pk).update(is_active=False)

    assert api(tokens["access_token"]) == 401
    assert error_of(userinfo(tokens["access_token"])) == (401, "invalid_token")
    assert error_of(shop.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert error_of(shop.exchange(code, code_verifier=pkce.verifier)) == (400, "invalid_grant")
    # Refused means nothing changed: whoever is let in again need not consent again.
    User.objects.filter(pk=jane.pk).update(is_active=True)
    assert shop.refresh(tokens["refresh_token"]).status_code == 200


def test_an_inactive_client_gets_nothing_done(
    shop: OpenIdClient, machine: OpenIdClient, janes_browser: Client
) -> None:
    tokens = shop.tokens(janes_browser)
    machines = machine.call("/o/token/", grant_type="client_credentials").json()["access_token"]
    Application.objects.update(active=False)

    assert api(tokens["access_token"]) == 401
    assert api(machines, "/v1/orders/") == 401
    assert error_of(userinfo(tokens["access_token"])) == (401, "invalid_token")
    assert error_of(shop.refresh(tokens["refresh_token"])) == (401, "invalid_client")
    again = machine.call("/o/token/", grant_type="client_credentials")
    assert error_of(again) == (401, "invalid_client")
    page = shop.authorize(janes_browser)
    assert (page.status_code, "Location" in page) == (400, False)


def test_tokens_are_not_kept_in_clear(shop: OpenIdClient, janes_browser: Client) -> None:
    tokens = shop.tokens(janes_browser)
    rows = [
        str(row)
        for model in (get_access_token_model(), get_refresh_token_model())
        for row in model.objects.values()
    ]

    assert len(rows) == 2
    assert not any(
        tokens[name] in row for row in rows for name in ("access_token", "refresh_token")
    )


def test_client_secrets_are_kept_as_a_fast_hash(machine: OpenIdClient) -> None:
    kept = Application.objects.get(pk=machine.application.pk).client_secret

    assert kept.startswith("generated_secret$1$")
    assert machine.secret not in kept
    answer = machine.call("/o/token/", grant_type="client_credentials")
    assert answer.status_code == 200
    wrong = machine.call(
        "/o/token/", grant_type="client_credentials", client_secret=generate_client_secret()
    )
    assert error_of(wrong) == (401, "invalid_client")


def test_the_settings_pass_every_gate_of_rfc_9700() -> None:
    call_command("check", deploy=True, fail_level="ERROR", tags=["security"])
