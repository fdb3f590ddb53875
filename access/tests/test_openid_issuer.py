"""The provider says who it is, and with which keys it signs."""

import json
from typing import Any

import jwt
import pytest
from django.test import Client
from pytest_django import Settings

from access.tests.clients import (
    CALLBACK,
    ISSUER,
    OpenIdClient,
    Pkce,
)
from config.secret_files import new_rsa_key
from tests.web_client import query_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path",
    [
        "/o/.well-known/openid-configuration",
        "/o/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/o",
    ],
)
def test_the_provider_describes_itself(path: str) -> None:
    document = Client().get(path, headers={"Host": "evil.example"}).json()

    assert (
        document.items()
        >= {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize/",
            "token_endpoint": f"{ISSUER}/token/",
            "device_authorization_endpoint": f"{ISSUER}/device-authorization/",
            "introspection_endpoint": f"{ISSUER}/introspect/",
            "revocation_endpoint": f"{ISSUER}/revoke_token/",
            "end_session_endpoint": f"{ISSUER}/logout/",
            "jwks_uri": f"{ISSUER}/.well-known/jwks.json",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }.items()
    )
    assert "evil.example" not in json.dumps(document)


def test_the_resource_describes_itself() -> None:
    document = (
        Client()
        .get("/.well-known/oauth-protected-resource", headers={"Host": "evil.example"})
        .json()
    )

    assert document["resource"] == "http://127.0.0.1:8000"
    assert document["authorization_servers"] == [ISSUER]
    assert document["bearer_methods_supported"] == ["header"]


def test_the_issuer_does_not_follow_the_host_header(
    shop: OpenIdClient, janes_browser: Client
) -> None:
    pkce = Pkce()
    called = shop.consented(
        janes_browser, code_challenge=pkce.challenge, code_challenge_method="S256", state="s"
    )
    answer = Client().post(
        "/o/token/",
        {
            **shop.credentials,
            "grant_type": "authorization_code",
            "code": called["code"],
            "code_verifier": pkce.verifier,
            "redirect_uri": CALLBACK,
        },
        headers={"Host": "evil.example"},
    )
    claims = jwt.decode(answer.json()["id_token"], options={"verify_signature": False})

    assert (called["iss"], called["state"]) == (ISSUER, "s")
    assert claims["iss"] == ISSUER
    assert claims["exp"] - claims["iat"] == 3600


def test_a_refusal_names_its_issuer_too(shop: OpenIdClient, janes_browser: Client) -> None:
    answer = shop.authorize(janes_browser, scope="unheard:of")

    assert query_of(answer["Location"]) == {"error": "invalid_scope", "iss": ISSUER}


def published() -> dict[str, Any]:
    """The keys of the JWKS by their ids."""
    keys = Client().get("/o/.well-known/jwks.json").json()["keys"]
    assert {"alg": "RS256", "use": "sig", "kty": "RSA"}.items() <= keys[0].items()
    assert not any("d" in key for key in keys)
    return {key["kid"]: jwt.PyJWK(key) for key in keys}


def verified(id_token: str, client: OpenIdClient) -> str:
    """The id of the published key that verifies `id_token`."""
    key_id = str(jwt.get_unverified_header(id_token)["kid"])
    audience = client.application.client_id
    jwt.decode(id_token, published()[key_id], ["RS256"], audience=audience, issuer=ISSUER)
    return key_id


def test_keys_are_rotated_without_a_restart_of_clients(
    shop: OpenIdClient, janes_browser: Client, settings: Settings
) -> None:
    old_key = settings.OAUTH2_PROVIDER["OIDC_RSA_PRIVATE_KEY"]
    before = shop.tokens(janes_browser)

    settings.OAUTH2_PROVIDER = {
        **settings.OAUTH2_PROVIDER,
        "OIDC_RSA_PRIVATE_KEY": new_rsa_key(),
        "OIDC_RSA_PRIVATE_KEYS_INACTIVE": [old_key],
    }

    after = shop.tokens(janes_browser)
    key_ids = [verified(tokens["id_token"], shop) for tokens in (before, after)]
    assert key_ids[0] != key_ids[1]
    assert set(key_ids) == set(published())
    # An id_token of before is still known when it comes back.
    page = janes_browser.get("/o/logout/", {"id_token_hint": before["id_token"]})
    assert page.status_code == 200
