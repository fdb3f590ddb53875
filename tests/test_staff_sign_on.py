"""Staff sign in to the admin through an OpenID provider, with mozilla-django-oidc."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest
import requests
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.http import HttpRequest
from django.test import RequestFactory
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from access.models import Application, ExternalIdentity, User
from access.sso import StaffBackend
from tests.processes import eventually, free_port, manage
from tests.web_client import Browser

SECRET = "s" * 64


# --- Klanten as its own provider, in two processes --------------------------------------------


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.fixture
def staff_site(live_server: LiveServer) -> Iterator[str]:
    """The address of a second server on the same database, which signs staff in at the first."""
    site = f"http://127.0.0.1:{free_port()}"
    provider = f"{live_server.url}/o"
    client = Application.objects.create(
        name="Klanten's admin",
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        algorithm=Application.RS256_ALGORITHM,
        redirect_uris=f"{site}/oidc/callback/",
        client_secret=SECRET,
    )
    with manage(
        "runserver",
        "--noreload",
        site.removeprefix("http://"),
        PUBLIC_URL=live_server.url,
        OIDC_RP_NAME="Klanten",
        OIDC_RP_CLIENT_ID=client.client_id,
        OIDC_RP_CLIENT_SECRET=SECRET,
        OIDC_OP_AUTHORIZATION_ENDPOINT=f"{provider}/authorize/",
        OIDC_OP_TOKEN_ENDPOINT=f"{provider}/token/",
        OIDC_OP_USER_ENDPOINT=f"{provider}/userinfo/",
        OIDC_OP_JWKS_ENDPOINT=f"{provider}/.well-known/jwks.json",
    ):
        eventually(lambda: answers(f"{site}/admin/login/"))
        yield site


def sign_in_link(page: requests.Response) -> str:
    """Where the button of the login page leads."""
    assert "Sign in with Klanten</a>" in page.text
    return "/oidc/authenticate/?next=/admin/"


def test_a_member_of_staff_signs_in(live_server: LiveServer, staff_site: str) -> None:
    User.objects.create_user("grace", "grace@klanten.example", "correct horse", is_staff=True)
    browser = Browser(staff_site, live_server.url)
    login = browser.get("/admin/")
    assert login.url == f"{staff_site}/admin/login/?next=/admin/"

    consent = browser.log_in(browser.get(sign_in_link(login)), "grace", "correct horse")
    assert "Authorize Klanten&#x27;s admin?" in consent.text
    page = browser.submit(consent, "client_id", allow="Authorize")

    assert (page.status_code, page.url) == (200, f"{staff_site}/admin/")
    assert "<strong>grace</strong>" in page.text
    assert User.objects.count() == 1


def test_somebody_who_does_not_consent_is_told_so(live_server: LiveServer, staff_site: str) -> None:
    User.objects.create_user("grace", "grace@klanten.example", "correct horse", is_staff=True)
    browser = Browser(staff_site, live_server.url)

    consent = browser.log_in(
        browser.get(sign_in_link(browser.get("/admin/login/"))), "grace", "correct horse"
    )
    page = browser.submit(consent, "client_id")

    assert page.url == f"{staff_site}/admin/login/?sso=failed"
    assert "Signing in with Klanten did not work." in page.text


def test_without_a_provider_there_is_no_button(live_server: LiveServer) -> None:
    browser = Browser(live_server.url)

    assert "Sign in with" not in browser.get("/admin/login/").text
    assert browser.get("/oidc/authenticate/").status_code == 404


# --- What is made of what another provider says ---------------------------------------------------


@dataclass
class Provider:
    """A small OpenID provider on this machine: it says of everybody what it is told to say."""

    url: str
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    asked: list[str] = field(default_factory=list)

    def id_token(self) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": "admin", "iat": now, "exp": now + 60, "nonce": "once"}
        return jwt.encode({**claims, **self.claims}, SECRET, "HS256")

    def document(self, path: str) -> dict[str, Any]:
        if path == "/token":
            return {"access_token": "a", "token_type": "Bearer", "id_token": self.id_token()}
        return self.userinfo


def handler_of(provider: Provider) -> type[BaseHTTPRequestHandler]:
    """A request handler that speaks for `provider`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            provider.asked.append(self.path)
            body = json.dumps(provider.document(self.path)).encode()
            self.send_response(provider.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *args: Any) -> None:
            """Writes nothing to the terminal."""

    return Handler


@pytest.fixture
def provider(settings: Settings, db: None) -> Iterator[Provider]:
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    provider = Provider(f"http://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = handler_of(provider)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings.OIDC_RP_CLIENT_ID = "admin"
    settings.OIDC_RP_CLIENT_SECRET = SECRET
    settings.OIDC_RP_SIGN_ALGO = "HS256"
    settings.OIDC_OP_TOKEN_ENDPOINT = f"{provider.url}/token"
    settings.OIDC_OP_USER_ENDPOINT = f"{provider.url}/userinfo"
    settings.OIDC_RP_GROUPS = {"crm-staff": "Staff", "crm-billing": "Billing"}
    # The library asks for the address of its callback.
    settings.ROOT_URLCONF = "mozilla_django_oidc.urls"
    yield provider
    server.shutdown()
    server.server_close()
    thread.join()


def returning() -> HttpRequest:
    """The request with which the provider sends somebody back."""
    request = RequestFactory().get("/callback/", {"code": "c", "state": "s"})
    request.session = SessionStore()
    return request


def sign_in(provider: Provider, **says: Any) -> User | None:
    """What comes of a sign-on about which the provider says this."""
    provider.claims.setdefault("sub", says.get("sub"))
    provider.userinfo = says
    return StaffBackend().authenticate(returning(), nonce="once", code_verifier="v")


def groups_of(user: User) -> set[str]:
    return set(user.groups.values_list("name", flat=True))


def test_somebody_new_gets_a_user_without_rights(provider: Provider) -> None:
    user = sign_in(
        provider, sub="42", email="g@x.example", given_name="Grace", family_name="Hopper"
    )

    assert user
    assert (user.email, user.first_name, user.last_name) == ("g@x.example", "Grace", "Hopper")
    assert (user.is_staff, user.is_superuser, groups_of(user)) == (False, False, set())
    assert not user.has_usable_password()
    identity = ExternalIdentity.objects.get()
    assert (identity.issuer, identity.subject) == (f"{provider.url}/token", "42")


def test_the_same_person_comes_back(provider: Provider) -> None:
    first = sign_in(provider, sub="42", email="g@x.example")
    again = sign_in(provider, sub="42", email="new@x.example")

    assert first == again
    assert User.objects.get().email == "new@x.example"


def test_an_address_makes_nobody_somebody_else(provider: Provider, admin: User) -> None:
    user = sign_in(provider, sub="42", email=admin.email, preferred_username=admin.username)

    assert user
    assert user != admin
    assert (user.is_staff, user.is_superuser, groups_of(user)) == (False, False, set())
    assert user.username != admin.username


def test_a_group_makes_somebody_staff(provider: Provider) -> None:
    user = sign_in(provider, sub="42", groups=["crm-staff", "something else"])

    assert user
    assert (user.is_staff, groups_of(user)) == (True, {"Staff"})


@pytest.mark.parametrize("claim", [{"groups": ["something else"]}, {"groups": []}, {}])
def test_whoever_loses_the_group_loses_what_it_gave(
    provider: Provider, claim: dict[str, Any]
) -> None:
    user = sign_in(provider, sub="42", groups=["crm-staff", "crm-billing"])
    assert user
    user.groups.add(Group.objects.create(name="Given here"))
    assert groups_of(user) == {"Staff", "Billing", "Given here"}

    user = sign_in(provider, sub="42", **claim)

    assert user
    assert (user.is_staff, groups_of(user)) == (False, {"Given here"})


def test_groups_in_the_id_token_count(provider: Provider) -> None:
    provider.claims = {"sub": "42", "groups": ["crm-billing"]}

    user = sign_in(provider, sub="42")

    assert user
    assert (user.is_staff, groups_of(user)) == (True, {"Billing"})


def test_without_a_mapping_staff_are_made_here(provider: Provider, settings: Settings) -> None:
    settings.OIDC_RP_GROUPS = {}
    user = sign_in(provider, sub="42", groups=["crm-staff"])
    assert user
    assert (user.is_staff, groups_of(user)) == (False, set())
    User.objects.update(is_staff=True)

    again = sign_in(provider, sub="42", groups=["crm-staff"])

    assert again
    assert again.is_staff


def test_somebody_deactivated_does_not_come_in(provider: Provider) -> None:
    user = sign_in(provider, sub="42")
    assert user
    User.objects.update(is_active=False)

    assert sign_in(provider, sub="42") is None
    assert StaffBackend().get_user(user.pk) is None
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "somebody else"},
        {"aud": ["somebody", "else"]},
        {"aud": None},
        {"nonce": "another"},
        {"exp": 1},
        {"sub": "43"},
    ],
)
def test_a_bad_id_token_is_refused(provider: Provider, claims: dict[str, Any]) -> None:
    provider.claims = {"sub": "42", **claims}

    assert sign_in(provider, sub="42") is None
    assert not User.objects.exists()


@pytest.mark.parametrize("subject", ["", None, 42, "x" * 256, "a\0b"])
def test_a_bad_subject_is_refused(provider: Provider, subject: Any) -> None:
    assert sign_in(provider, sub=subject) is None
    assert not User.objects.exists()


def test_an_id_token_signed_by_somebody_else_is_refused(
    provider: Provider, settings: Settings
) -> None:
    settings.OIDC_RP_CLIENT_SECRET = "t" * 64

    assert sign_in(provider, sub="42") is None


def test_a_provider_that_fails_is_no_fault_of_ours(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    provider.status = 500

    assert sign_in(provider, sub="42") is None
    assert "A sign-on failed: HTTPError" in caplog.text
    assert "id_token" not in caplog.text


def test_names_that_do_not_fit_are_cut(provider: Provider) -> None:
    user = sign_in(provider, sub="42", given_name="G" * 200, family_name="a\0b", email=7)

    assert user
    assert (user.first_name, user.last_name, user.email) == ("G" * 150, "ab", "")


def test_a_login_by_password_does_not_ask_the_provider(
    provider: Provider, settings: Settings, admin: User
) -> None:
    settings.AUTHENTICATION_BACKENDS = ["access.sso.StaffBackend"]

    assert authenticate(returning(), username="ada", password="correct horse battery") is None
    assert provider.asked == []
