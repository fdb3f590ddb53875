"""A standard client library gets along with the provider, from what the provider publishes."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.jwk import KeySet
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from access.models import Application, User
from access.tests.clients import Pkce
from tests.web_client import Browser, form_fields

CALLBACK = "https://client.example/callback"
GOODBYE = "https://client.example/goodbye"
SECRET = "s" * 64


@pytest.fixture
def discovered(live_server: LiveServer, settings: Settings) -> dict[str, Any]:
    """The provider's own description, with the address at which it listens during the test."""
    settings.OAUTH2_PROVIDER = {
        **settings.OAUTH2_PROVIDER,
        "OIDC_ISS_ENDPOINT": f"{live_server.url}/o",
    }
    url = f"{live_server.url}/o/.well-known/openid-configuration"
    document: dict[str, Any] = requests.get(url, timeout=10).json()
    return document


@pytest.fixture(params=["public", "confidential"])
def client(transactional_db: None, request: pytest.FixtureRequest) -> Application:
    application: Application = Application.objects.create(
        name="Authlib",
        client_type=request.param,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        algorithm=Application.RS256_ALGORITHM,
        redirect_uris=CALLBACK,
        post_logout_redirect_uris=GOODBYE,
        client_secret=SECRET,
    )
    return application


@pytest.fixture
def session(client: Application) -> Iterator[OAuth2Session]:
    secret = SECRET if client.client_type == Application.CLIENT_CONFIDENTIAL else None
    session = OAuth2Session(
        client.client_id,
        secret,
        scope="openid profile email",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_basic" if secret else "none",
    )
    session.trust_env = False
    yield session
    session.close()


def claims_of(id_token: str, discovered: dict[str, Any], audience: str) -> dict[str, Any]:
    """The claims of an id_token, verified as the library does it."""
    keys = KeySet.import_key_set(requests.get(discovered["jwks_uri"], timeout=10).json())
    token = jwt.decode(id_token, keys, algorithms=["RS256"])
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": discovered["issuer"]},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        sub={"essential": True},
    ).validate(token.claims)
    return dict(token.claims)


def test_authlib_walks_from_login_to_logout(
    live_server: LiveServer,
    discovered: dict[str, Any],
    client: Application,
    session: OAuth2Session,
) -> None:
    jane = User.objects.create_user("jane", "jane@klanten.example", "correct horse")
    browser = Browser(live_server.url)
    pkce = Pkce()

    url, state = session.create_authorization_url(
        discovered["authorization_endpoint"], code_verifier=pkce.verifier, nonce="once"
    )
    consent = browser.log_in(browser.get(url), "jane", "correct horse")
    redirect = browser.submit(consent, "client_id", allow="Authorize").headers["Location"]
    assert redirect.startswith(f"{CALLBACK}?")
    tokens = session.fetch_token(
        discovered["token_endpoint"],
        authorization_response=redirect,
        state=state,
        code_verifier=pkce.verifier,
    )

    claims = claims_of(tokens["id_token"], discovered, client.client_id)
    assert (claims["sub"], claims["nonce"], claims["email"]) == (
        str(jane.pk),
        "once",
        "jane@klanten.example",
    )
    assert session.get(discovered["userinfo_endpoint"]).json()["sub"] == str(jane.pk)

    refreshed = session.refresh_token(discovered["token_endpoint"])
    assert refreshed["refresh_token"] != tokens["refresh_token"]
    assert claims_of(refreshed["id_token"], discovered, client.client_id)["sub"] == str(jane.pk)
    assert session.get(discovered["userinfo_endpoint"]).status_code == 200

    question = browser.get(
        discovered["end_session_endpoint"],
        id_token_hint=refreshed["id_token"],
        post_logout_redirect_uri=GOODBYE,
        state="bye",
    )
    goodbye = browser.submit(question, "id_token_hint", allow="Logout")
    assert goodbye.headers["Location"] == f"{GOODBYE}?state=bye"
    assert session.get(discovered["userinfo_endpoint"]).status_code == 401
    again = browser.get(url)
    assert form_fields(again.text, "password").keys() >= {"username", "password"}


def test_authlib_revokes_and_a_resource_server_asks(
    discovered: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    application = Application.objects.create(
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        client_secret=SECRET,
        scopes="read introspection",
    )
    session = OAuth2Session(
        application.client_id, SECRET, token_endpoint_auth_method="client_secret_basic"
    )
    session.trust_env = False
    request.addfinalizer(session.close)
    token = session.fetch_token(
        discovered["token_endpoint"], grant_type="client_credentials", scope="read"
    )["access_token"]
    ask = discovered["introspection_endpoint"]

    assert session.introspect_token(ask, token=token).json()["active"] is True
    revoked = session.revoke_token(discovered["revocation_endpoint"], token=token)
    assert revoked.status_code == 200
    assert session.introspect_token(ask, token=token).json() == {"active": False}
