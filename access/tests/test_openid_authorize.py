"""The authorization request, the consent, the code, and garbage in their place."""

import base64

import pytest
from django.test import Client
from oauth2_provider.models import (
    get_access_token_model,
    get_grant_model,
)

from access.models import Application, User
from access.tests.clients import (
    CALLBACK,
    DEVICE_GRANT,
    ISSUER,
    OpenIdClient,
    Pkce,
    api,
    bearer,
    error_of,
    redirected_error,
    register,
)
from tests.web_client import form_fields, query_of

pytestmark = pytest.mark.django_db


def test_a_public_client_must_use_pkce(janes_browser: Client) -> None:
    client = register(client_type=Application.CLIENT_PUBLIC)

    assert redirected_error(client.authorize(janes_browser)) == (CALLBACK, "invalid_request")
    tokens = client.tokens(janes_browser)
    assert api(tokens["access_token"]) == 200


@pytest.mark.parametrize("client_type", ["public", "confidential"])
@pytest.mark.parametrize("method", ["plain", "", "S512"])
def test_a_challenge_in_clear_is_refused(
    janes_browser: Client, client_type: str, method: str
) -> None:
    client = register(client_type=client_type)
    challenge = {"code_challenge": "v" * 43, "code_challenge_method": method, "state": "s"}

    answer = client.authorize(janes_browser, **challenge)

    assert redirected_error(answer) == (CALLBACK, "invalid_request")
    assert query_of(answer["Location"])["state"] == "s"


def test_a_code_with_a_challenge_needs_its_verifier(
    shop: OpenIdClient, janes_browser: Client
) -> None:
    pkce = Pkce()
    challenge = {"code_challenge": pkce.challenge, "code_challenge_method": "S256"}

    for given in ({}, {"code_verifier": Pkce().verifier}):
        code = shop.consented(janes_browser, **challenge)["code"]
        assert shop.exchange(code, **given).status_code == 400
    assert not get_access_token_model().objects.exists()


def test_the_longest_verifier_of_custorders_snippet_works(
    shop: OpenIdClient, janes_browser: Client
) -> None:
    pkce = Pkce(base64.urlsafe_b64encode(b"V" * 128).decode())
    code = shop.consented(
        janes_browser, code_challenge=pkce.challenge, code_challenge_method="S256"
    )["code"]

    assert len(pkce.verifier) == 172
    assert shop.exchange(code, code_verifier=pkce.verifier).status_code == 200


def test_a_code_works_once(shop: OpenIdClient, janes_browser: Client) -> None:
    code = shop.consented(janes_browser)["code"]

    assert shop.exchange(code).status_code == 200
    assert error_of(shop.exchange(code)) == (400, "invalid_grant")


def test_a_code_is_its_clients_own(shop: OpenIdClient, janes_browser: Client) -> None:
    code = shop.consented(janes_browser)["code"]

    assert error_of(register().exchange(code)) == (400, "invalid_grant")


@pytest.mark.parametrize("response_type", ["token", "id_token", "id_token token"])
def test_the_implicit_grant_is_refused(janes_browser: Client, response_type: str) -> None:
    client = register(authorization_grant_type=Application.GRANT_IMPLICIT)

    answer = client.authorize(janes_browser, response_type=response_type, nonce="n")

    assert redirected_error(answer)[1] == "unauthorized_client"


def test_the_password_grant_is_refused(jane: User) -> None:
    client = register(authorization_grant_type=Application.GRANT_PASSWORD, redirect_uris="")

    answer = client.call(
        "/o/token/", grant_type="password", username="jane", password="correct horse"
    )

    assert error_of(answer) == (400, "unauthorized_client")


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://evil.example/callback",
        "https://client.example/callback/more",
        "https://client.example/callback?more=1",
        "https://client.example@evil.example/callback",
        "http://client.example/callback",
        "javascript:alert(1)",
    ],
)
def test_another_redirect_uri_is_an_error_page(
    shop: OpenIdClient, janes_browser: Client, redirect_uri: str
) -> None:
    page = shop.authorize(janes_browser, redirect_uri=redirect_uri)

    assert (page.status_code, "Location" in page) == (400, False)
    assert page["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("button", [{"allow": "Authorize"}, {}])
@pytest.mark.parametrize(
    "change", [{"redirect_uri": "https://evil.example/"}, {"client_id": "unknown"}]
)
def test_what_is_written_into_the_form_redirects_nobody(
    shop: OpenIdClient, janes_browser: Client, button: dict[str, str], change: dict[str, str]
) -> None:
    fields = form_fields(shop.authorize(janes_browser).content.decode(), "client_id")

    page = janes_browser.post("/o/authorize/", {**fields, **change, **button})

    assert (page.status_code, "Location" in page) == (400, False)
    assert not get_grant_model().objects.exists()


def test_somebody_can_say_no(shop: OpenIdClient, janes_browser: Client) -> None:
    page = shop.authorize(janes_browser, state="s").content.decode()

    answer = janes_browser.post("/o/authorize/", form_fields(page, "client_id"))

    assert redirected_error(answer) == (CALLBACK, "access_denied")
    assert query_of(answer["Location"])["state"] == "s"


def test_prompt_none_never_asks(shop: OpenIdClient, janes_browser: Client) -> None:
    stranger = shop.authorize(Client(), prompt="none")
    known = shop.authorize(janes_browser, prompt="none")
    trusted = register(skip_authorization=True).authorize(janes_browser, prompt="none")

    assert redirected_error(stranger) == (CALLBACK, "login_required")
    assert redirected_error(known) == (CALLBACK, "consent_required")
    assert "code" in query_of(trusted["Location"])


@pytest.mark.parametrize("parameter", ["nonce", "code_challenge"])
def test_what_does_not_fit_is_refused(
    shop: OpenIdClient, janes_browser: Client, parameter: str
) -> None:
    method = {"code_challenge_method": "S256"} if parameter == "code_challenge" else {}
    page = shop.authorize(janes_browser, **{parameter: "x" * 256}, **method).content.decode()

    answer = janes_browser.post(
        "/o/authorize/", {**form_fields(page, "client_id"), "allow": "Authorize"}
    )

    assert redirected_error(answer) == (CALLBACK, "invalid_request")


@pytest.mark.parametrize("query", ["client_id=%00", "x=%zz", "x=%", "%00=x"])
@pytest.mark.parametrize(
    "path",
    ["authorize/", "token/", "userinfo/", "introspect/", "revoke_token/", "device-authorization/"],
)
def test_a_malformed_address_is_a_400(janes_browser: Client, path: str, query: str) -> None:
    method = "GET" if path in {"authorize/", "userinfo/"} else "POST"

    answer = janes_browser.generic(method, f"/o/{path}?{query}", headers=bearer("x"))

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("member", ["code", "client_id", "refresh_token", "device_code"])
def test_a_nul_in_a_token_call_is_a_400(shop: OpenIdClient, member: str) -> None:
    grants = {"refresh_token": "refresh_token", "device_code": DEVICE_GRANT}
    grant = grants.get(member, "authorization_code")

    answer = shop.call("/o/token/", grant_type=grant, redirect_uri=CALLBACK, **{member: "a\0b"})

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "header", ["Basic", "Basic ////", "Basic é", "Basic AAAA", "Basic AGE6Yg==", "Bearer x"]
)
@pytest.mark.parametrize("path", ["token/", "introspect/", "revoke_token/"])
def test_garbage_is_no_client(path: str, header: str) -> None:
    answer = Client().post(
        f"/o/{path}",
        {"grant_type": "client_credentials", "token": "x"},
        headers={"Authorization": header},
    )

    assert answer.status_code == 401


def test_the_callback_shows_the_code() -> None:
    answer = Client().get("/o/callback", {"code": "c", "state": "s", "iss": ISSUER, "x": "y"})

    assert answer.json() == {"code": "c", "state": "s", "iss": ISSUER}
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({}, "Missing required parameter: code"),
        ({"code": ""}, "Missing required parameter: code"),
        ({"error": "access_denied"}, "access_denied"),
        ({"error": "x", "error_description": "You said no."}, "You said no."),
    ],
)
def test_the_callback_without_a_code_is_a_400(query: dict[str, str], detail: str) -> None:
    answer = Client().get("/o/callback", query)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert (answer.json()["detail"], answer.json()["code"]) == (detail, "no_code")
