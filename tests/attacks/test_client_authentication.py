"""A client says who it is once, in one way; and no cache keeps what it is told."""

import base64
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from oauth2_provider.models import get_access_token_model

from access.models import Application, User
from access.tests.clients import (
    CALLBACK,
    DEVICE_GRANT,
    OpenIdClient,
    api,
    bearer,
    browser_of,
    error_of,
    register,
)

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"
ENDPOINTS = ["/o/token/", "/o/introspect/", "/o/revoke_token/", "/o/device-authorization/"]
every_endpoint = pytest.mark.parametrize("path", ENDPOINTS)


@pytest.fixture
def jane() -> User:
    return User.objects.create_superuser("jane", "jane@klanten.example", "correct horse")


@pytest.fixture
def machine() -> OpenIdClient:
    return register(
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        redirect_uris="",
        scopes="read introspection",
    )


def basic(client_id: str, secret: str, scheme: str = "Basic") -> dict[str, str]:
    credentials = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return {"Authorization": f"{scheme} {credentials}"}


def call(path: str, form: Any, **headers: str) -> Any:
    body = urlencode({"grant_type": "client_credentials", "token": "x", **form}, doseq=True)
    return Client().post(path, body, content_type=FORM, headers=headers)


@every_endpoint
@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC", "Bearer"])
@pytest.mark.parametrize(("in_header", "in_body"), [(True, True), (True, False), (False, True)])
def test_two_ways_at_once_are_refused(
    machine: OpenIdClient, path: str, scheme: str, in_header: bool, in_body: bool
) -> None:
    client_id = machine.application.client_id
    header = basic(client_id, machine.secret if in_header else "wrong", scheme)
    body = {"client_id": client_id, "client_secret": machine.secret if in_body else "wrong"}

    assert error_of(call(path, body, **header)) == (400, "invalid_request")
    assert not get_access_token_model().objects.exists()


@every_endpoint
def test_two_clients_at_once_are_refused(machine: OpenIdClient, path: str) -> None:
    other = register().application.client_id
    header = basic(machine.application.client_id, machine.secret)

    assert error_of(call(path, {"client_id": other}, **header)) == (400, "invalid_request")


def test_a_client_may_repeat_its_name(machine: OpenIdClient) -> None:
    client_id = machine.application.client_id
    header = basic(client_id, machine.secret)

    assert call("/o/token/", {"client_id": client_id}, **header).status_code == 200
    assert call("/o/token/", {}, **basic(client_id, machine.secret, "basic")).status_code == 200


@every_endpoint
@pytest.mark.parametrize("name", ["grant_type", "client_id", "client_secret", "scope", "token"])
def test_a_parameter_given_twice_is_refused(machine: OpenIdClient, path: str, name: str) -> None:
    form = {**machine.credentials, "grant_type": "client_credentials", "scope": "read"}
    given = {"token": "x", **form}

    answer = call(path, {**given, name: [given[name], given[name]]})

    assert error_of(answer) == (400, "invalid_request")
    assert not get_access_token_model().objects.exists()


@every_endpoint
def test_a_secret_in_the_address_is_refused(machine: OpenIdClient, path: str) -> None:
    address = f"{path}?{urlencode(machine.credentials)}"

    assert error_of(call(address, {})) == (400, "invalid_request")


@pytest.mark.parametrize("header", ["Basic", "Basic !", "basic AAAA", "Basic w7w6w7w=", "Basic ="])
@every_endpoint
def test_garbage_in_the_header_is_no_client(path: str, header: str) -> None:
    assert call(path, {}, Authorization=header).status_code in {400, 401}


# --- Other clients' tokens --------------------------------------------------------------------


def test_a_refresh_token_is_its_clients_own(jane: User) -> None:
    shop, other = register(), register()
    tokens = shop.tokens(browser_of(jane))

    assert error_of(other.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    # Not just after it was used, either.
    again = shop.refresh(tokens["refresh_token"]).json()
    assert error_of(other.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert api(again["access_token"]) == 200


def test_a_refresh_does_not_widen_scopes(jane: User) -> None:
    shop = register(scopes="orders:read customers:read")
    tokens = shop.tokens(browser_of(jane), scope="openid orders:read")

    for scope in ("openid orders:read customers:read", "orders:write", "read write"):
        answer = shop.refresh(tokens["refresh_token"], scope=scope)
        assert error_of(answer) == (400, "invalid_scope")
    assert shop.refresh(tokens["refresh_token"]).json()["scope"] == "openid orders:read"


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", ""])
def test_a_token_is_not_revoked_by_another_client(jane: User, kind: str, hint: str) -> None:
    shop = register()
    tokens = shop.tokens(browser_of(jane))

    answer = register().call("/o/revoke_token/", token=tokens[kind], token_type_hint=hint)

    assert answer.status_code == 200
    assert api(tokens["access_token"]) == 200
    assert shop.refresh(tokens["refresh_token"]).status_code == 200


# --- Cache-Control ----------------------------------------------------------------------------


def uncached(answer: Any, status: int) -> None:
    assert answer.status_code == status, answer.content
    assert "no-store" in answer.headers.get("Cache-Control", "")


def test_no_cache_keeps_what_a_client_is_told(jane: User, machine: OpenIdClient) -> None:
    shop = register()
    tv = register(
        client_type=Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_DEVICE_CODE,
        redirect_uris="",
    )
    tokens = shop.tokens(browser_of(jane))

    uncached(machine.call("/o/token/", grant_type="client_credentials"), 200)
    uncached(shop.refresh("wrong"), 400)
    uncached(shop.call("/o/token/", grant_type="nonsense"), 400)
    uncached(shop.call("/o/token/", client_secret="wrong", grant_type="client_credentials"), 401)
    uncached(tv.call("/o/token/", grant_type=DEVICE_GRANT, device_code="x"), 400)
    uncached(shop.refresh(tokens["refresh_token"]), 200)
    uncached(machine.call("/o/introspect/", token="x"), 200)
    uncached(shop.call("/o/introspect/", token="x"), 401)
    uncached(shop.call("/o/revoke_token/", token="x"), 200)
    uncached(call("/o/device-authorization/", {"client_id": tv.application.client_id}), 200)
    uncached(call("/o/device-authorization/", {"client_id": "unknown"}), 400)
    uncached(Client().get("/o/userinfo/", headers=bearer("x")), 401)
    uncached(Client().get("/o/userinfo/"), 401)


def test_no_cache_keeps_claims(jane: User) -> None:
    token = register().tokens(browser_of(jane))["access_token"]

    uncached(Client().get("/o/userinfo/", headers=bearer(token)), 200)
    uncached(Client().post("/o/userinfo/", headers=bearer(token)), 200)


def test_no_cache_keeps_the_answers_of_logins(jane: User) -> None:
    right = {"username": "jane", "password": "correct horse"}
    pair = Client().post("/api/token/", right)
    new = {"username": "new", "password1": "correct horse", "password2": "correct horse"}

    uncached(pair, 200)
    uncached(Client().post("/api/token/", {**right, "password": "wrong"}), 401)
    uncached(Client().post("/api-token-auth/", right), 200)
    uncached(Client().post("/api-token-auth/", {}), 400)
    uncached(Client().post("/api/token/refresh/", {"refresh": pair.json()["refresh"]}), 200)
    uncached(Client().post("/api/token/refresh/", {"refresh": "x"}), 401)
    uncached(Client().post("/api/rest-auth/registration/", new), 201)
    uncached(Client().post("/api/rest-auth/registration/", {}), 400)


@pytest.mark.parametrize(
    "path",
    [
        "/login/",
        "/admin/password_change/",
        "/admin/access/apikey/add/",
        "/o/applications/",
        "/o/applications/register/",
        "/o/device/",
    ],
)
def test_no_cache_keeps_a_page_with_a_secret_or_a_form(jane: User, path: str) -> None:
    uncached(browser_of(jane).get(path), 200)
    uncached(Client().get("/admin/login/"), 200)


def test_no_cache_keeps_a_key_that_is_shown_once(jane: User) -> None:
    browser = browser_of(jane)

    answer = browser.post(
        "/admin/access/apikey/add/",
        {"name": "Partner", "scopes": "read", "rate_class": "standard", "_continue": "1"},
        follow=True,
    )

    uncached(answer, 200)
    for redirect, _ in answer.redirect_chain:
        uncached(browser.get(redirect), 200)


def test_no_cache_keeps_a_code(jane: User) -> None:
    trusted = register(skip_authorization=True)

    uncached(trusted.authorize(browser_of(jane)), 302)
    uncached(Client().get("/o/callback", {"code": "c"}), 200)


@pytest.mark.parametrize(
    "there", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
@pytest.mark.parametrize("page", ["/login/", "/admin/login/"])
def test_a_login_leads_to_no_other_site(jane: User, page: str, there: str) -> None:
    form = {"username": "jane", "password": "correct horse", "next": there}

    answer = Client().post(f"{page}?{urlencode({'next': there})}", form)

    assert answer.status_code == 302
    assert "evil" not in answer["Location"]
    assert answer["Location"].startswith("/")
    assert CALLBACK not in answer["Location"]


# --- What the answers are -----------------------------------------------------------------------


@pytest.mark.parametrize("resource", ["<img src=x onerror=alert(1)>", "<script>alert(1)</script>"])
def test_what_came_in_is_no_page_of_ours(machine: OpenIdClient, resource: str) -> None:
    """A form on somebody's page posts to us, and the answer is what the browser shows."""
    answer = machine.call("/o/token/", grant_type="client_credentials", resource=resource)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")
    assert answer["Content-Type"] == "application/json"
    assert answer["X-Content-Type-Options"] == "nosniff"


@every_endpoint
@pytest.mark.parametrize("form", [{}, {"client_id": "<b>"}, {"token": "<b>"}, {"scope": "<b>"}])
def test_every_answer_to_a_client_is_json(path: str, form: dict[str, str]) -> None:
    for basic_of in ({}, basic("<b>", "<b>")):
        answer = call(path, form, **basic_of)

        assert answer["Content-Type"] == "application/json"
