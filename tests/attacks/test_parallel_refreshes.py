"""A refresh token that comes again: from a client that lost the answer, and from a thief."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import get_access_token_model, get_refresh_token_model
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from access.models import User
from access.oauth import Validator
from access.tests.clients import OpenIdClient, api, browser_of, error_of, register

PASSWORD = "correct horse battery"


@pytest.fixture
def jane(db: None) -> User:
    return User.objects.create_superuser("jane", "jane@klanten.example", PASSWORD)


@pytest.fixture
def shop(db: None) -> OpenIdClient:
    return register()


def pair_of(answer: Any) -> tuple[str, str]:
    """The tokens of an answer of either endpoint."""
    body = answer.json()
    return body.get("access_token") or body["access"], body.get("refresh_token") or body["refresh"]


def long_ago() -> None:
    """The grace is over."""
    get_refresh_token_model().objects.exclude(revoked=None).update(
        revoked=timezone.now() - timedelta(seconds=11)
    )


# --- A client that lost the answer ------------------------------------------------------------


def test_a_retry_gets_the_same_answer(shop: OpenIdClient, jane: User) -> None:
    first = shop.tokens(browser_of(jane))
    second = shop.refresh(first["refresh_token"])

    again = [shop.refresh(first["refresh_token"]) for _ in range(3)]

    assert [answer.status_code for answer in again] == [200] * 3
    assert {pair_of(answer) for answer in again} == {pair_of(second)}
    assert {answer.json()["scope"] for answer in again} == {second.json()["scope"]}
    assert all(3590 < answer.json()["expires_in"] <= 3600 for answer in again)
    assert all("id_token" in answer.json() for answer in again)
    # The session goes on, and there is one of it.
    assert api(again[-1].json()["access_token"]) == 200
    assert get_access_token_model().objects.count() == 1
    assert get_refresh_token_model().objects.filter(revoked=None).count() == 1
    assert shop.refresh(second.json()["refresh_token"]).status_code == 200


def test_there_is_no_retry_at_our_own_endpoint(jane: User) -> None:
    """Mais Todos's contract: what comes again ends the login at once."""
    browser = Client()
    first = browser.post("/api/token/", {"username": "jane", "password": PASSWORD}).json()
    second = browser.post("/api/token/refresh/", {"refresh": first["refresh"]})

    again = browser.post("/api/token/refresh/", {"refresh": first["refresh"]})

    assert (second.status_code, again.status_code) == (200, 401)
    assert api(pair_of(second)[0]) == 401


def test_a_retry_does_not_widen_scopes(shop: OpenIdClient, jane: User) -> None:
    first = shop.tokens(browser_of(jane), scope="openid orders:read customers:read")
    shop.refresh(first["refresh_token"], scope="openid orders:read")

    wider = shop.refresh(first["refresh_token"], scope="openid customers:read orders:read")
    same = shop.refresh(first["refresh_token"])

    assert error_of(wider) == (400, "invalid_scope")
    assert same.json()["scope"] == "openid orders:read"


# --- A thief ----------------------------------------------------------------------------------


def test_a_token_that_comes_again_later_ends_the_family(shop: OpenIdClient, jane: User) -> None:
    first = shop.tokens(browser_of(jane))
    second = shop.refresh(first["refresh_token"]).json()
    long_ago()

    assert error_of(shop.refresh(first["refresh_token"])) == (400, "invalid_grant")

    assert api(second["access_token"]) == 401
    assert error_of(shop.refresh(second["refresh_token"])) == (400, "invalid_grant")


def test_a_token_whose_successor_was_used_ends_the_family(shop: OpenIdClient, jane: User) -> None:
    """Within the grace, too: its client had the answer."""
    first = shop.tokens(browser_of(jane))
    second = shop.refresh(first["refresh_token"]).json()
    third = shop.refresh(second["refresh_token"]).json()

    assert error_of(shop.refresh(first["refresh_token"])) == (400, "invalid_grant")

    assert api(third["access_token"]) == 401
    assert error_of(shop.refresh(third["refresh_token"])) == (400, "invalid_grant")


@pytest.mark.parametrize("revoked", ["access_token", "refresh_token"])
def test_there_is_no_grace_for_what_was_revoked(
    shop: OpenIdClient, jane: User, revoked: str
) -> None:
    first = shop.tokens(browser_of(jane))
    second = shop.refresh(first["refresh_token"]).json()
    shop.call("/o/revoke_token/", token=second[revoked])

    for token in (first["refresh_token"], second["refresh_token"]):
        assert error_of(shop.refresh(token)) == (400, "invalid_grant")
    assert api(second["access_token"]) == 401


def test_there_is_no_grace_for_a_token_that_was_revoked_unused(
    shop: OpenIdClient, jane: User
) -> None:
    first = shop.tokens(browser_of(jane))
    shop.call("/o/revoke_token/", token=first["refresh_token"])

    assert error_of(shop.refresh(first["refresh_token"])) == (400, "invalid_grant")


def test_there_is_no_grace_for_who_may_no_longer_log_in(shop: OpenIdClient, jane: User) -> None:
    first = shop.tokens(browser_of(jane))
    shop.refresh(first["refresh_token"])
    User.objects.update(is_active=False)

    assert error_of(shop.refresh(first["refresh_token"])) == (400, "invalid_grant")


def test_there_is_no_grace_where_it_is_off(
    shop: OpenIdClient, jane: User, settings: Settings
) -> None:
    settings.REFRESH_GRACE_SECONDS = 0
    first = shop.tokens(browser_of(jane))
    shop.refresh(first["refresh_token"])

    assert error_of(shop.refresh(first["refresh_token"])) == (400, "invalid_grant")


def test_nobody_can_derive_the_answer(shop: OpenIdClient, jane: User, settings: Settings) -> None:
    """It takes SECRET_KEY: with another one, nothing is answered again."""
    first = shop.tokens(browser_of(jane))
    second = shop.refresh(first["refresh_token"]).json()
    settings.SECRET_KEY = "x" * 50

    assert error_of(shop.refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert api(second["access_token"]) == 200


# --- At once ----------------------------------------------------------------------------------


def test_of_two_that_found_it_unused_one_wins(
    shop: OpenIdClient, jane: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rival runs between the look at the token and its lock."""
    first = shop.tokens(browser_of(jane))
    rivals: list[Any] = []
    look = Validator.get_original_scopes

    def look_before_a_rival(self: Validator, *args: Any) -> Any:
        scopes = look(self, *args)
        if not rivals:
            rivals.append(None)
            rivals[0] = shop.refresh(first["refresh_token"])
        return scopes

    monkeypatch.setattr(Validator, "get_original_scopes", look_before_a_rival)
    loser = shop.refresh(first["refresh_token"])

    assert error_of(loser) == (400, "invalid_grant")
    assert rivals[0].status_code == 200
    assert api(rivals[0].json()["access_token"]) == 200
    assert pair_of(shop.refresh(first["refresh_token"])) == pair_of(rivals[0])


def at_once(url: str, form: dict[str, str]) -> list[requests.Response]:
    """The answers to eight calls."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: requests.post(url, data=form, timeout=30), range(8)))


@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_one_answer_and_no_fault(live_server: LiveServer) -> None:
    jane = User.objects.create_superuser("jane", "jane@klanten.example", PASSWORD)
    shop = register()
    token = shop.tokens(browser_of(jane))["refresh_token"]
    form = {**shop.credentials, "grant_type": "refresh_token", "refresh_token": token}

    answers = at_once(f"{live_server.url}/o/token/", form)

    statuses = {answer.status_code for answer in answers}
    assert 200 in statuses
    assert statuses <= {200, 400}
    assert {answer.json().get("error") for answer in answers} <= {None, "invalid_grant"}
    pairs = {pair_of(answer) for answer in answers if answer.status_code == 200}
    assert len(pairs) == 1
    # The session is alive, and a late client of the eight gets in, too.
    assert pair_of(shop.refresh(token)) in pairs
    access, _ = pairs.pop()
    assert api(access) == 200
    assert get_access_token_model().objects.count() == 1
    assert get_refresh_token_model().objects.filter(revoked=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_at_once_at_our_own_endpoint_have_one_winner_at_most(live_server: LiveServer) -> None:
    User.objects.create_superuser("jane", "jane@klanten.example", PASSWORD)
    pair = Client().post("/api/token/", {"username": "jane", "password": PASSWORD}).json()

    answers = at_once(f"{live_server.url}/api/token/refresh/", {"refresh": pair["refresh"]})

    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {200, 401}
    assert statuses.count(200) == 1
    assert get_access_token_model().objects.count() <= 1
