"""A code is good once, for its client, its address and its challenge."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from django.test import Client
from oauth2_provider.models import (
    get_access_token_model,
    get_grant_model,
    get_refresh_token_model,
)
from pytest_django.live_server_helper import LiveServer

from access.models import Application, User
from access.tests.clients import (
    CALLBACK,
    ISSUER,
    OpenIdClient,
    Pkce,
    api,
    browser_of,
    error_of,
    register,
)
from tests.web_client import query_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def jane() -> User:
    return User.objects.create_superuser("jane", "jane@klanten.example", "correct horse")


@pytest.fixture
def browser(jane: User) -> Client:
    return browser_of(jane)


@pytest.fixture
def shop() -> OpenIdClient:
    return register()


def with_challenge(client: OpenIdClient, browser: Client) -> tuple[str, str]:
    """A code, and the verifier of its challenge."""
    pkce = Pkce()
    code = client.consented(browser, code_challenge=pkce.challenge, code_challenge_method="S256")[
        "code"
    ]
    return code, pkce.verifier


# --- PKCE -------------------------------------------------------------------------------------


@pytest.mark.parametrize("verifier", ["v" * 43, "v" * 128, "x"])
def test_a_verifier_without_a_challenge_is_refused(
    shop: OpenIdClient, browser: Client, verifier: str
) -> None:
    """Somebody took the challenge out of the request (RFC 9700, 2.1.1)."""
    code = shop.consented(browser)["code"]

    assert error_of(shop.exchange(code, code_verifier=verifier)) == (400, "invalid_grant")
    assert not get_access_token_model().objects.exists()


def test_the_verifier_of_another_code_is_refused(shop: OpenIdClient, browser: Client) -> None:
    (first, _), (_, other) = with_challenge(shop, browser), with_challenge(shop, browser)

    assert error_of(shop.exchange(first, code_verifier=other)) == (400, "invalid_grant")
    assert not get_access_token_model().objects.exists()


# --- Replays ----------------------------------------------------------------------------------


def test_a_replayed_code_ends_the_tokens_that_it_gave(shop: OpenIdClient, browser: Client) -> None:
    code, verifier = with_challenge(shop, browser)
    tokens = shop.exchange(code, code_verifier=verifier).json()
    other = shop.tokens(browser)
    assert api(tokens["access_token"]) == 200

    replayed = shop.exchange(code, code_verifier=verifier)

    assert error_of(replayed) == (400, "invalid_grant")
    assert api(tokens["access_token"]) == 401
    assert error_of(shop.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    # Another login of the same person at the same client goes on.
    assert api(other["access_token"]) == 200
    assert shop.refresh(other["refresh_token"]).status_code == 200


def test_a_replayed_code_ends_what_was_refreshed_since(shop: OpenIdClient, browser: Client) -> None:
    code = shop.consented(browser)["code"]
    tokens = shop.exchange(code).json()
    for _ in range(3):
        tokens = shop.refresh(tokens["refresh_token"]).json()
    assert api(tokens["access_token"]) == 200

    shop.exchange(code)

    assert api(tokens["access_token"]) == 401
    assert error_of(shop.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


def test_another_client_cannot_end_them(shop: OpenIdClient, browser: Client) -> None:
    code = shop.consented(browser)["code"]
    tokens = shop.exchange(code).json()

    assert error_of(register().exchange(code)) == (400, "invalid_grant")
    assert error_of(shop.exchange(code, client_secret="wrong")) == (401, "invalid_client")
    assert api(tokens["access_token"]) == 200


@pytest.mark.django_db(transaction=True)
def test_one_code_at_once_gives_tokens_at_most_once(live_server: LiveServer) -> None:
    jane = User.objects.create_superuser("jane", "jane@klanten.example", "correct horse")
    shop = register()
    code = shop.consented(browser_of(jane))["code"]
    form = {
        **shop.credentials,
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
    }

    def exchange(_: int) -> tuple[int, Any]:
        answer = requests.post(f"{live_server.url}/o/token/", data=form, timeout=30)
        return answer.status_code, answer.json()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(exchange, range(6)))

    statuses = sorted(status for status, _ in answers)
    assert statuses.count(200) <= 1
    assert set(statuses) <= {200, 400}
    assert {body["error"] for status, body in answers if status == 400} == {"invalid_grant"}
    # It came more than once: what it gave is ended.
    assert not get_access_token_model().objects.exists()
    assert not get_refresh_token_model().objects.filter(revoked=None).exists()


# --- Bound to client and address --------------------------------------------------------------


@pytest.mark.parametrize(
    "redirect_uri",
    ["https://client.example/other", "https://client.example/callback/", "https://evil.example/"],
)
def test_a_code_is_for_the_address_that_it_was_sent_to(browser: Client, redirect_uri: str) -> None:
    shop = register(redirect_uris=f"{CALLBACK} https://client.example/other")
    code = shop.consented(browser)["code"]

    answer = shop.exchange(code, redirect_uri=redirect_uri)

    assert error_of(answer) == (400, "invalid_grant")
    assert not get_access_token_model().objects.exists()


def test_state_nonce_and_issuer_come_back_as_they_were(shop: OpenIdClient, browser: Client) -> None:
    state = "a b&c=d#%00/?é"

    answer = shop.consented(browser, state=state.replace("%00", ""), nonce="n1")

    assert (answer["state"], answer["iss"]) == (state.replace("%00", ""), ISSUER)


@pytest.mark.parametrize("error", [{"scope": "nonsense"}, {"prompt": "none"}])
def test_refusals_name_state_and_issuer_too(
    shop: OpenIdClient, browser: Client, error: dict[str, str]
) -> None:
    answer = shop.authorize(browser, state="s", **error)

    assert answer["Location"].startswith(f"{CALLBACK}?")
    told = query_of(answer["Location"])
    assert (told["state"], told["iss"]) == ("s", ISSUER)


@pytest.mark.parametrize(
    "query",
    [
        {"client_id": "unknown"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": "https://client.example.evil.example/callback"},
        {"redirect_uri": "//evil.example"},
        {"redirect_uri": "https://client.example/callback#fragment"},
        {"redirect_uri": "https://client.example/callback\\@evil.example"},
        {"redirect_uri": "https://client.example/callback/../evil"},
    ],
)
@pytest.mark.parametrize(
    "error", [{}, {"prompt": "none"}, {"scope": "x"}, {"max_age": "x"}, {"prompt": "none login"}]
)
def test_no_error_is_sent_to_an_address_that_is_not_registered(
    shop: OpenIdClient, browser: Client, query: dict[str, str], error: dict[str, str]
) -> None:
    page = shop.authorize(browser, **query, **error)

    assert (page.status_code, "Location" in page) == (400, False)


@pytest.mark.parametrize(
    "name",
    [
        "client_id",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
        "nonce",
        "prompt",
        "max_age",
        "code_challenge",
        "code_challenge_method",
    ],
)
def test_a_parameter_given_twice_is_an_error_page(
    shop: OpenIdClient, browser: Client, name: str
) -> None:
    query = {
        "response_type": "code",
        "client_id": shop.application.client_id,
        "redirect_uri": CALLBACK,
        "scope": "openid",
        "state": "s",
        "nonce": "n",
        "prompt": "consent",
        "max_age": "3600",
        "code_challenge": Pkce().challenge,
        "code_challenge_method": "S256",
    }

    page = browser.get("/o/authorize/", {**query, name: [query[name], query[name]]})

    assert (page.status_code, "Location" in page) == (400, False)
    assert not get_grant_model().objects.exists()


# --- Garbage ----------------------------------------------------------------------------------


@pytest.mark.parametrize("garbage", ["", "x" * 100_000, "☃" * 300, "%ED%A0%80", "' OR 1=1", "a\0"])
@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code": ""},
        {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": ""},
        {"grant_type": "authorization_code", "code": "x", "redirect_uri": ""},
        {"grant_type": "refresh_token", "refresh_token": ""},
        {"grant_type": "refresh_token", "refresh_token": "x", "scope": ""},
        {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": ""},
        {"grant_type": "password", "username": "", "password": "x"},
        {"grant_type": ""},
        {"grant_type": "client_credentials", "client_id": ""},
        {"grant_type": "client_credentials", "client_secret": ""},
        {"grant_type": "client_credentials", "resource": ""},
    ],
    ids=lambda form: f"{form['grant_type'][-20:]} {[*form][-1]}",
)
def test_garbage_is_refused(shop: OpenIdClient, form: dict[str, str], garbage: str) -> None:
    given = {name: text or garbage for name, text in form.items()}

    answer = shop.call("/o/token/", **given)

    assert answer.status_code in ({413} if len(garbage) > 65_536 else {400, 401})
    assert not get_access_token_model().objects.exists()


@pytest.mark.parametrize("secret", ["", "x", "y" * 40])
def test_a_public_client_with_a_secret_is_refused(browser: Client, secret: str) -> None:
    """Unless it is empty, which is as if it were not there (RFC 6749, 3.2)."""
    public = register(client_type=Application.CLIENT_PUBLIC)
    code, verifier = with_challenge(public, browser)

    answer = public.exchange(code, code_verifier=verifier, client_secret=secret)

    assert answer.status_code == (401 if secret else 200)
