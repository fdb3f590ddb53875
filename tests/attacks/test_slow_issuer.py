"""Tokens that make us ask a trusted issuer for keys while it is slow or away.

An issuer here answers only when the test lets it: what is answered before that did not wait.
"""

import json
import select
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import Any

import jwt
import pytest
import requests
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.test import RequestFactory
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from access import issuers
from access.issuers import trusted_issuers, verify
from access.models import ExternalIdentity
from access.sso import SignOnCallback
from access.tests.issuer import (
    AUDIENCE,
    DISCOVERY,
    JWKS,
    LoopbackIssuer,
    answer,
    published_rsa,
    rsa_key,
    running_issuer,
)
from common.errors import Problem
from common.tests.problems import problem
from tests.faults import server
from tests.faults.server import serving
from tests.processes import eventually

# Seconds; only a broken test takes so long.
PATIENCE = 30.0
# As many as a web server's.
THREADS = 4


class SlowIssuer:
    """Holds an issuer's answers back until `go_on`."""

    def __init__(self, issuer: LoopbackIssuer) -> None:
        self.issuer = issuer
        self.asked = Event()
        self.go_on = Event()
        # Somebody did not want to wait any longer.
        self.left = Event()
        issuer.misbehaviour = self.answer

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.set()
        while not self.go_on.wait(0.02):
            if select.select([handler.connection], [], [], 0)[0]:
                self.left.set()
                return
        answer(handler, json.dumps(self.issuer.documents()[handler.path]).encode())


@pytest.fixture
def issuer(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackIssuer]:
    """The one trusted issuer, whose keys are not known yet."""
    # A request that may wait does so until the test lets it go.
    monkeypatch.setattr(issuers, "WAIT_SECONDS", PATIENCE)
    monkeypatch.setattr(issuers, "FIRST_WAIT_SECONDS", PATIENCE)
    monkeypatch.setattr(issuers, "TIMEOUT_SECONDS", PATIENCE)
    monkeypatch.setattr(issuers, "TOTAL_SECONDS", PATIENCE)
    with running_issuer() as running:
        settings.OIDC_TRUSTED_ISSUERS = [{"issuer": running.url, "audience": AUDIENCE}]
        trusted_issuers.cache_clear()
        yield running
    trusted_issuers.cache_clear()


def later(issuer: LoopbackIssuer, *, seconds: float) -> None:
    """So long after the issuer was last asked."""
    trusted_issuers()[issuer.url].asked_at -= seconds


@contextmanager
def attacked(slow: SlowIssuer, *tokens: str) -> Iterator[list["Future[Any]"]]:
    """Every thread holds one of these tokens, until the issuer answers at the end."""
    with ThreadPoolExecutor(len(tokens)) as pool:
        calls = [pool.submit(verify, token) for token in tokens]
        try:
            assert slow.asked.wait(PATIENCE)
            yield calls
        finally:
            slow.go_on.set()
            wait(calls, PATIENCE)


def answered(calls: list["Future[Any]"], number: int) -> list["Future[Any]"]:
    """So many of the calls, answered while the issuer is still silent; the others wait."""
    eventually(lambda: sum(call.done() for call in calls) == number)
    return [call for call in calls if call.done()]


def test_unknown_keys_hold_one_thread_and_known_keys_none(issuer: LoopbackIssuer) -> None:
    assert verify(issuer.token())
    slow = SlowIssuer(issuer)
    later(issuer, seconds=issuers.ASK_AGAIN_SECONDS)

    with attacked(slow, *(issuer.token(f"made-up-{n}") for n in range(THREADS))) as calls:
        refused = answered(calls, THREADS - 1)
        assert [call.result() for call in refused] == [None] * (THREADS - 1)
        assert all(verify(issuer.token()) for _ in range(10))
        assert issuer.asked == [DISCOVERY, JWKS, DISCOVERY]

    assert [call.result() for call in calls] == [None] * THREADS
    assert issuer.asked == [DISCOVERY, JWKS] * 2


def test_nobody_waits_once_the_issuer_has_had_its_time(
    issuer: LoopbackIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verify(issuer.token())
    slow = SlowIssuer(issuer)
    later(issuer, seconds=issuers.ASK_AGAIN_SECONDS)
    monkeypatch.setattr(issuers, "WAIT_SECONDS", 0)

    with attacked(slow, *(issuer.token(f"made-up-{n}") for n in range(THREADS))) as calls:
        answered(calls, THREADS)
        assert all(verify(issuer.token("made-up")) is None for _ in range(20))
        assert issuer.asked == [DISCOVERY, JWKS, DISCOVERY]


def test_the_first_keys_hold_one_thread(issuer: LoopbackIssuer) -> None:
    slow = SlowIssuer(issuer)

    with attacked(slow, *(issuer.token() for _ in range(THREADS))) as calls:
        for call in answered(calls, THREADS - 1):
            error = call.exception()
            assert isinstance(error, Problem)
            assert (error.status_code, error.headers) == (503, {"Retry-After": "1"})

    assert [call.exception() for call in calls].count(None) == 1
    assert verify(issuer.token())
    assert issuer.asked == [DISCOVERY, JWKS]


def test_the_place_to_wait_is_one_for_all_issuers(
    issuer: LoopbackIssuer, settings: Settings
) -> None:
    with running_issuer() as other:
        settings.OIDC_TRUSTED_ISSUERS = [
            {"issuer": each.url, "audience": AUDIENCE} for each in (issuer, other)
        ]
        trusted_issuers.cache_clear()
        slow, other_slow = SlowIssuer(issuer), SlowIssuer(other)

        with attacked(slow, issuer.token(), other.token(), issuer.token(), other.token()) as calls:
            answered(calls, THREADS - 1)
            assert other_slow.asked.wait(PATIENCE)
            other_slow.go_on.set()
            eventually(lambda: bool(trusted_issuers()[other.url].keys))
            assert verify(other.token())

    # The slow one's keys are fetched in a thread, which may still be at it.
    eventually(lambda: issuer.asked == [DISCOVERY, JWKS])
    assert other.asked == [DISCOVERY, JWKS]


@pytest.mark.django_db
def test_says_when_to_come_again_while_no_key_is_known(
    issuer: LoopbackIssuer, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.AUTH_CACHE_SECONDS = 0
    slow = SlowIssuer(issuer)
    monkeypatch.setattr(issuers, "FIRST_WAIT_SECONDS", 0)
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {issuer.token()}")

    response = client.get("/v1/orders/")

    assert problem(response, 503)["code"] == "unavailable"
    assert response["Retry-After"] == "1"
    slow.go_on.set()
    eventually(lambda: bool(trusted_issuers()[issuer.url].keys))
    problem(client.get("/v1/orders/"), 403)
    assert ExternalIdentity.objects.count() == 1


def test_a_failure_is_remembered_and_the_pause_doubles(issuer: LoopbackIssuer) -> None:
    issuer.misbehaviour = lambda handler: answer(handler, b"{}", status=500)
    pauses = [30, 60, 120, 240, 300, 300]

    for number, pause in enumerate(pauses):
        assert [verify(issuer.token()) for _ in range(5)] == [None] * 5
        assert issuer.asked == [DISCOVERY] * (number + 1)
        later(issuer, seconds=pause - 20)
        assert verify(issuer.token()) is None
        assert issuer.asked == [DISCOVERY] * (number + 1)
        later(issuer, seconds=20)

    issuer.misbehaviour = None
    assert verify(issuer.token())
    later(issuer, seconds=issuers.ASK_AGAIN_SECONDS)
    assert verify(issuer.token("made-up")) is None
    assert issuer.asked == [DISCOVERY] * len(pauses) + [DISCOVERY, JWKS] * 2


def test_made_up_keys_and_issuers_leave_nothing_behind(issuer: LoopbackIssuer) -> None:
    assert verify(issuer.token())

    for number in range(200):
        assert verify(issuer.token("first", iss=f"https://{number}.example")) is None
        assert verify(made_up(issuer, kid=f"{number}" * 100)) is None

    assert list(trusted_issuers()) == [issuer.url]
    assert list(trusted_issuers()[issuer.url].keys) == ["first"]
    assert issuer.asked == [DISCOVERY, JWKS]


def made_up(issuer: LoopbackIssuer, **headers: Any) -> str:
    """A token that the attacker signed, with further headers."""
    return jwt.encode(issuer.claims(), rsa_key("attacker"), "RS256", headers=headers)


def test_keys_are_not_fetched_from_where_a_token_says(issuer: LoopbackIssuer) -> None:
    with running_issuer() as attacker:
        attacker.keys = [published_rsa("attacker")]
        assert verify(issuer.token())

        for kid in ("first", "attacker", None):
            for name in ("jku", "x5u", "jwks_uri", "iss"):
                headers = {name: f"{attacker.url}{JWKS}"} | ({"kid": kid} if kid else {})
                assert verify(made_up(issuer, **headers)) is None
            assert verify(made_up(issuer, kid=kid or "", jwk=published_rsa("attacker"))) is None

        assert attacker.asked == []
    assert issuer.asked == [DISCOVERY, JWKS]


def test_keys_in_use_are_renewed_without_anybody_waiting(issuer: LoopbackIssuer) -> None:
    assert verify(issuer.token())
    issuer.keys = [published_rsa("second")]
    slow = SlowIssuer(issuer)
    later(issuer, seconds=issuers.KEYS_ARE_RENEWED_SECONDS)

    assert all(verify(issuer.token()) for _ in range(20))
    assert slow.asked.wait(PATIENCE)
    assert all(verify(issuer.token()) for _ in range(20))
    slow.go_on.set()
    eventually(lambda: "second" in trusted_issuers()[issuer.url].keys)

    assert verify(issuer.token("second"))
    assert verify(issuer.token()) is None
    assert issuer.asked == [DISCOVERY, JWKS] * 2


@pytest.mark.parametrize(
    ("kind", "accepted"),
    [
        ("application/json", True),
        ("application/jwk-set+json; charset=utf-8", True),
        ("text/plain", True),
        ("application/octet-stream", True),
        ("text/html; charset=utf-8", False),
        ("image/svg+xml", False),
    ],
)
def test_a_page_is_no_document_whatever_it_says(
    issuer: LoopbackIssuer, kind: str, accepted: bool
) -> None:
    issuer.misbehaviour = lambda handler: answer(
        handler, json.dumps(issuer.documents()[handler.path]).encode(), Content_Type=kind
    )

    assert (verify(issuer.token()) is not None) is accepted


def test_sign_ons_hold_one_thread_of_a_process() -> None:
    """Anybody can call back with a made-up code, and a provider that is slow takes its time."""
    request = RequestFactory().get("/oidc/callback/", {"code": "made-up", "state": "made-up"})
    request.session = SessionStore()
    callback = SignOnCallback.as_view()

    with issuers.place_to_wait:
        busy = callback(request)
    free = callback(request)

    assert (busy.status_code, busy["Retry-After"]) == (503, "1")
    assert json.loads(busy.content)["detail"] == "Another sign-on is under way. Reload this page."
    # Not with a state of this session: the library's refusal, and the place is free again.
    assert free.status_code == 302
    assert issuers.place_to_wait.acquire(blocking=False)
    issuers.place_to_wait.release()


@pytest.mark.django_db(transaction=True)
def test_all_threads_of_a_server_are_attacked_and_honest_requests_are_answered(
    issuer: LoopbackIssuer, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an issuer that has not answered anything yet, over HTTP."""
    monkeypatch.setattr(server, "THREADS", THREADS)
    trusted = json.dumps([{"issuer": issuer.url, "audience": AUDIENCE}])
    slow = SlowIssuer(issuer)
    made_up_token = {"Authorization": f"Bearer {issuer.token('made-up')}"}
    with serving(key, {"OIDC_TRUSTED_ISSUERS": trusted, "DEBUG": "true"}) as running:
        url = running.url("/v1/orders/")
        # It asks at its start, before any request.
        assert slow.asked.wait(PATIENCE)

        with ThreadPoolExecutor(2 * THREADS) as pool:
            attack = [
                pool.submit(requests.get, url, headers=made_up_token, timeout=PATIENCE)
                for _ in range(10 * THREADS)
            ]
            honest = [requests.get(url, headers=running.headers, timeout=PATIENCE) for _ in "12345"]
            was_waited_for = slow.left.is_set()
            statuses = {call.result(PATIENCE).status_code for call in attack}

        slow.go_on.set()

    assert [response.status_code for response in honest] == [200] * 5
    assert not was_waited_for
    assert statuses <= {401, 503}
    # Each process of the server asks once.
    assert issuer.asked in ([DISCOVERY], [DISCOVERY, JWKS])
