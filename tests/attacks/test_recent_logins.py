"""A client that wants a recent login gets one, and is told when it was."""

import time
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import pytest
from django.test import Client

from access.ending import AUTH_TIME
from access.models import User
from access.tests.clients import CALLBACK, OpenIdClient, redirected_error, register
from tests.web_client import form_fields, query_of

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


@pytest.fixture
def jane() -> User:
    return User.objects.create_user("jane", password=PASSWORD)


@pytest.fixture
def shop() -> OpenIdClient:
    return register()


@pytest.fixture
def browser(jane: User) -> Client:
    """In which jane logged in two hours ago."""
    browser = Client()
    browser.force_login(jane)
    session = browser.session
    session[AUTH_TIME] = time.time() - 7200
    session.save()
    return browser


def asked_to_log_in(answer: Any) -> str:
    """Where the login leads back to."""
    assert answer.status_code == 302, answer.content
    assert urlsplit(answer["Location"]).path == "/login/"
    return query_of(answer["Location"])["next"]


def log_in(browser: Client, there: str) -> Any:
    """Logs in and follows back to the provider."""
    page = f"/login/?{urlencode({'next': there})}"
    fields = form_fields(browser.get(page).content.decode(), "username")
    answer = browser.post(page, {**fields, "username": "jane", "password": PASSWORD})
    assert answer.status_code == 302, answer.content
    return browser.get(answer["Location"])


def id_token(shop: OpenIdClient, browser: Client, page: Any) -> dict[str, Any]:
    """The claims of the id_token for the consent on `page`."""
    fields = form_fields(page.content.decode(), "client_id")
    consent = browser.post("/o/authorize/", {**fields, "allow": "Authorize"})
    tokens = shop.exchange(query_of(consent["Location"])["code"]).json()
    claims: dict[str, Any] = jwt.decode(
        tokens["id_token"], options={"verify_signature": False, "verify_aud": False}
    )
    return claims


@pytest.mark.parametrize(
    "wish",
    [
        {"prompt": "login"},
        {"prompt": "login consent"},
        {"max_age": "0"},
        {"max_age": "60"},
        {"max_age": "7199"},
        {"prompt": "login", "max_age": "99999"},
    ],
)
def test_an_old_login_is_not_enough(
    shop: OpenIdClient, browser: Client, wish: dict[str, str]
) -> None:
    before = time.time()
    there = asked_to_log_in(shop.authorize(browser, nonce="n", **wish))
    # To go there without a login does not help.
    assert asked_to_log_in(browser.get(there))

    page = log_in(browser, there)

    assert page.status_code == 200
    claims = id_token(shop, browser, page)
    assert int(before) <= claims["auth_time"] <= time.time()
    assert claims["nonce"] == "n"


@pytest.mark.parametrize("wish", [{}, {"max_age": ""}, {"max_age": "7260"}, {"prompt": "consent"}])
def test_a_login_that_is_recent_enough_is(
    shop: OpenIdClient, browser: Client, wish: dict[str, str]
) -> None:
    page = shop.authorize(browser, **wish)

    assert page.status_code == 200
    claims = id_token(shop, browser, page)
    assert 7190 < time.time() - claims["auth_time"] < 7300


@pytest.mark.parametrize("wish", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "60"}])
def test_who_is_not_logged_in_logs_in_once(
    shop: OpenIdClient, jane: User, wish: dict[str, str]
) -> None:
    browser = Client()

    page = log_in(browser, asked_to_log_in(shop.authorize(browser, **wish)))

    assert page.status_code == 200
    assert time.time() - id_token(shop, browser, page)["auth_time"] < 60


def test_the_note_of_the_moment_cannot_be_forged(shop: OpenIdClient, browser: Client) -> None:
    there = asked_to_log_in(shop.authorize(browser, prompt="login"))
    note = query_of(there)["login_after"]

    for forged in ("0", "x:y:z", f"{note}x", note[1:]):
        answer = browser.get(there.replace(urlencode({"n": note})[2:], forged))
        assert asked_to_log_in(answer)


def test_prompt_none_with_an_old_login_is_an_error(shop: OpenIdClient, browser: Client) -> None:
    trusted = register(skip_authorization=True)

    old = trusted.authorize(browser, prompt="none", max_age="60", state="s")
    recent = trusted.authorize(browser, prompt="none", max_age="99999")

    assert redirected_error(old) == (CALLBACK, "login_required")
    assert query_of(old["Location"])["state"] == "s"
    assert "code" in query_of(recent["Location"])


def test_a_trusted_client_gets_no_code_for_an_old_login(browser: Client, jane: User) -> None:
    """One that staff exempted from consent: nobody would be asked anything."""
    trusted = register(skip_authorization=True)

    answer = log_in(browser, asked_to_log_in(trusted.authorize(browser, max_age="60")))

    assert answer["Location"].startswith(f"{CALLBACK}?")
    assert "code" in query_of(answer["Location"])


@pytest.mark.parametrize("max_age", ["-1", "x", "1.5", "1e3", "٣", "9" * 40, " 1"])
def test_a_max_age_that_is_none_is_refused(
    shop: OpenIdClient, browser: Client, max_age: str
) -> None:
    answer = shop.authorize(browser, max_age=max_age, state="s")

    assert redirected_error(answer) == (CALLBACK, "invalid_request")


def test_a_login_elsewhere_does_not_count(shop: OpenIdClient, browser: Client, jane: User) -> None:
    """As the user's last login did, whichever browser it was in."""
    Client().post("/login/", {"username": "jane", "password": PASSWORD})
    Client().post("/api/token/", {"username": "jane", "password": PASSWORD})

    assert asked_to_log_in(shop.authorize(browser, max_age="60"))
    claims = id_token(shop, browser, shop.authorize(browser))
    assert time.time() - claims["auth_time"] > 7100


@pytest.mark.parametrize("claims", ['{"auth_time": 1}', '{"id_token": {"auth_time": null}}'])
def test_a_client_cannot_choose_the_moment(
    shop: OpenIdClient, browser: Client, claims: str
) -> None:
    page = shop.authorize(browser, claims=claims)
    fields = form_fields(page.content.decode(), "client_id")
    consent = browser.post("/o/authorize/", {**fields, "claims": claims, "allow": "Authorize"})
    code = query_of(consent["Location"])["code"]
    tokens = shop.exchange(code, claims=claims).json()
    first, refreshed = (
        jwt.decode(token, options={"verify_signature": False, "verify_aud": False})
        for token in (
            tokens["id_token"],
            shop.refresh(tokens["refresh_token"], claims=claims).json()["id_token"],
        )
    )

    assert 7100 < time.time() - first["auth_time"] < 7300
    assert "auth_time" not in refreshed
