"""Introspection (RFC 7662) and revocation (RFC 7009)."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import (
    get_access_token_model,
)

from access.models import Application, User
from access.tests.clients import (
    DEVICE_GRANT,
    IDENTITY,
    OpenIdClient,
    api,
    bearer,
    error_of,
    register,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def asker(db: None) -> OpenIdClient:
    """A resource server that may ask about tokens."""
    return register(
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        redirect_uris="",
        scopes="introspection",
    )


def test_a_client_with_the_scope_may_ask_about_a_token(
    asker: OpenIdClient, shop: OpenIdClient, janes_browser: Client
) -> None:
    token = shop.tokens(janes_browser)["access_token"]
    own = asker.call("/o/token/", grant_type="client_credentials").json()["access_token"]

    by_secret = asker.call("/o/introspect/", token=token)
    by_token = Client().post("/o/introspect/", {"token": token}, headers=bearer(own))

    assert by_secret.json() == by_token.json()
    answer = by_secret.json()
    assert 3590 < answer.pop("exp") - timezone.now().timestamp() <= 3600
    assert answer == {
        "active": True,
        "scope": IDENTITY,
        "client_id": shop.application.client_id,
        "username": "jane",
    }


def test_others_may_not_ask(shop: OpenIdClient, janes_browser: Client, tv: OpenIdClient) -> None:
    token = shop.tokens(janes_browser)["access_token"]

    assert shop.call("/o/introspect/", token=token).status_code == 401
    # The toolkit takes a public client that says this for authenticated.
    assert tv.call("/o/introspect/", token=token, grant_type=DEVICE_GRANT).status_code == 401
    stranger = Client().post("/o/introspect/", {"token": token})
    assert stranger.status_code == 401
    assert stranger["WWW-Authenticate"].startswith("Bearer")
    without = Client().post("/o/introspect/", {"token": token}, headers=bearer(token))
    assert without.status_code == 403


def test_a_token_is_not_asked_about_in_an_address(asker: OpenIdClient) -> None:
    own = asker.call("/o/token/", grant_type="client_credentials").json()["access_token"]

    answer = Client().get("/o/introspect/", {"token": own}, headers=bearer(own))

    assert answer.status_code == 405


def test_what_does_not_work_is_not_active(
    asker: OpenIdClient, shop: OpenIdClient, janes_browser: Client, jane: User
) -> None:
    inactive = {"active": False}
    token = shop.tokens(janes_browser)["access_token"]

    assert asker.call("/o/introspect/", token="unknown").json() == inactive
    assert asker.call("/o/introspect/").status_code == 400
    User.objects.filter(pk=jane.pk).update(is_active=False)
    assert asker.call("/o/introspect/", token=token).json() == inactive
    User.objects.filter(pk=jane.pk).update(is_active=True)
    assert asker.call("/o/introspect/", token=token).json()["active"] is True
    Application.objects.filter(pk=shop.application.pk).update(active=False)
    assert asker.call("/o/introspect/", token=token).json() == inactive
    Application.objects.update(active=True)
    get_access_token_model().objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert asker.call("/o/introspect/", token=token).json() == inactive


@pytest.mark.parametrize("revoked", ["access_token", "refresh_token"])
def test_a_revoked_token_is_revoked_with_its_other_half(
    shop: OpenIdClient, janes_browser: Client, revoked: str
) -> None:
    tokens = shop.tokens(janes_browser)

    answer = shop.call("/o/revoke_token/", token=tokens[revoked])

    assert answer.status_code == 200
    assert api(tokens["access_token"]) == 401
    assert error_of(shop.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


def test_a_token_is_not_revoked_by_another_client(
    shop: OpenIdClient, janes_browser: Client
) -> None:
    token = shop.tokens(janes_browser)["access_token"]

    assert register().call("/o/revoke_token/", token=token).status_code == 200
    assert api(token) == 200
