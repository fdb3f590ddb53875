"""OpenID clients for the tests, and the walk that gets their tokens."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from access.cache import forget_all
from access.models import Application, User
from tests.web_client import form_fields, query_of

CALLBACK = "https://client.example/callback"
IDENTITY = "openid profile email"
ISSUER = "http://127.0.0.1:8000/o"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass
class Pkce:
    """A verifier and its challenge (RFC 7636)."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@dataclass
class OpenIdClient:
    """A registered client, and its secret in clear."""

    application: Application
    secret: str

    @property
    def credentials(self) -> dict[str, str]:
        """How it says who it is, in a form."""
        given = {"client_id": self.application.client_id}
        if self.application.client_type == Application.CLIENT_CONFIDENTIAL:
            given["client_secret"] = self.secret
        return given

    def authorize(self, browser: Client, **params: str) -> Any:
        """The answer to the authorization request, as a browser gets it."""
        query = {
            "response_type": "code",
            "client_id": self.application.client_id,
            "redirect_uri": CALLBACK,
            "scope": IDENTITY,
            **params,
        }
        return browser.get("/o/authorize/", {name: text for name, text in query.items() if text})

    def consented(self, browser: Client, **params: str) -> dict[str, str]:
        """What the client is called with once the person has consented."""
        page = self.authorize(browser, **params)
        assert page.status_code == 200, page.content
        fields = form_fields(page.content.decode(), "client_id")
        answer = browser.post("/o/authorize/", {**fields, "allow": "Authorize"})
        assert answer.status_code == 302, answer.content
        return query_of(answer["Location"])

    def call(self, path: str, **form: str) -> Any:
        """A call of the client's own, with its credentials."""
        return Client().post(path, {**self.credentials, **form})

    def exchange(self, code: str, **form: str) -> Any:
        """The token call for a code."""
        given = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        return self.call("/o/token/", **{**given, **form})

    def refresh(self, token: str, **form: str) -> Any:
        """The token call for a refresh token."""
        return self.call("/o/token/", grant_type="refresh_token", refresh_token=token, **form)

    def tokens(self, browser: Client, **params: str) -> dict[str, Any]:
        """The whole walk."""
        pkce = Pkce()
        challenge = {"code_challenge": pkce.challenge, "code_challenge_method": "S256"}
        code = self.consented(browser, **{**challenge, **params})["code"]
        answer = self.exchange(code, code_verifier=pkce.verifier)
        assert answer.status_code == 200, answer.content
        tokens: dict[str, Any] = answer.json()
        return tokens


def register(**members: Any) -> OpenIdClient:
    """A confidential client for the authorization code, unless `members` say otherwise."""
    secret = secrets.token_urlsafe(48)
    application = Application.objects.create(
        **{
            "name": "Shop",
            "client_type": Application.CLIENT_CONFIDENTIAL,
            "authorization_grant_type": Application.GRANT_AUTHORIZATION_CODE,
            "redirect_uris": CALLBACK,
            "post_logout_redirect_uris": "https://client.example/goodbye",
            "algorithm": Application.RS256_ALGORITHM,
            "client_secret": secret,
            "scopes": "read write",
            **members,
        }
    )
    return OpenIdClient(application, secret)


def browser_of(user: User) -> Client:
    """A browser in which `user` is logged in."""
    browser = Client()
    browser.force_login(user)
    return browser


def bearer(token: str) -> dict[str, str]:
    """The header that carries `token`."""
    return {"Authorization": f"Bearer {token}"}


def api(token: str, path: str = "/v1/customers/") -> int:
    """The status with which the API answers to `token`, asked anew."""
    forget_all()
    return Client().get(path, headers=bearer(token)).status_code


def userinfo(token: str) -> Any:
    return Client().get("/o/userinfo/", headers=bearer(token))


def error_of(answer: Any) -> tuple[int, str]:
    """The status and the OAuth error code of a JSON answer."""
    return answer.status_code, answer.json()["error"]


def redirected_error(answer: Any) -> tuple[str, str]:
    """Where an authorization request was refused to, and why."""
    assert answer.status_code == 302, answer.content
    where, _, _ = answer["Location"].partition("?")
    return where, query_of(answer["Location"])["error"]
