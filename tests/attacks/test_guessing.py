"""Whoever guesses secrets is stopped after LOGIN_RATE, at every place where one is tried."""

import base64
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient

from access.api_keys import create_api_key
from access.authentication import HeaderAuthentication, SessionAuthentication
from access.models import Application, User
from access.sso import SignOnCallback
from access.tests.clients import DEVICE_GRANT, OpenIdClient, bearer, register
from access.tokens import issue
from common.attempts import LOCAL
from common.cache import Outage

PASSWORD = "correct horse battery"
HERE, ELSEWHERE = "198.51.100.7", "203.0.113.9"
SECRET = "s3cret-of-the-callbacks-and-metrics"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL25vd2hlcmUuZXhhbXBsZSJ9.c2ln"


@pytest.fixture(autouse=True)
def three_failures(settings: Settings) -> Iterator[None]:
    """Three failures a minute and address, and five a quarter of an hour and name."""
    settings.LOGIN_RATE = "3/min"
    settings.LOGIN_NAME_FAILURE_LIMIT = 5
    settings.AUTH_CACHE_SECONDS = 0
    settings.AFRICAS_TALKING_CALLBACK_SECRET = SECRET
    settings.METRICS_TOKEN = SECRET
    yield
    LOCAL.clear()


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create_user("bob", password=PASSWORD, is_staff=True, is_superuser=True)


@pytest.fixture
def shop(db: None) -> OpenIdClient:
    return register(scopes="read write introspection")


def basic(client_id: str, secret: str) -> dict[str, str]:
    credentials = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {credentials}"}


# --- The table --------------------------------------------------------------------------------

# A try of a wrong secret: whence, with a number that makes each another one.
Try = Callable[[Client, int, OpenIdClient], Any]


def token_call(**form: str) -> Try:
    return lambda browser, _number, shop: browser.post("/o/token/", {**shop.credentials, **form})


def login_page(path: str) -> Try:
    return lambda browser, number, _shop: browser.post(
        path, {"username": f"bob{number}", "password": "wrong"}
    )


def in_header(scheme: str, credential: str, path: str = "/v1/items/") -> Try:
    return lambda browser, _number, _shop: browser.get(
        path, headers={"Authorization": f"{scheme} {credential}"}
    )


def as_client(path: str) -> Try:
    """With the secret of a client that is wrong."""
    return lambda browser, number, shop: browser.post(
        path,
        {"grant_type": "client_credentials", "token": "x"},
        headers=basic(shop.application.client_id, f"wrong{number}"),
    )


def callback(name: str) -> Try:
    return lambda browser, number, _shop: browser.get(
        f"/notifications/africastalking/wrong{number}/{name}"
    )


def as_bob(path: str, **form: str) -> Try:
    """As somebody who is logged in."""

    def attempt(browser: Client, number: int, shop: OpenIdClient) -> Any:
        browser.force_login(User.objects.get(username="bob"))
        return browser.post(path, form)

    return attempt


# By route: what is tried there.
TABLE: dict[str, dict[str, Try]] = {
    "login/": {"password": login_page("/login/")},
    "admin/login/": {"password": login_page("/admin/login/")},
    "admin/password_change/": {
        "old password": as_bob(
            "/admin/password_change/",
            old_password="wrong",
            new_password1="a new passphrase",
            new_password2="a new passphrase",
        )
    },
    r"^api-token-auth/?$": {"password": login_page("/api-token-auth/")},
    r"^api/token/?$": {"password": login_page("/api/token/")},
    r"^api/token/refresh/?$": {
        "refresh token": lambda browser, number, _shop: browser.post(
            "/api/token/refresh/", {"refresh": f"wrong{number}"}
        )
    },
    r"^api/rest-auth/registration/?$": {
        "user name": lambda browser, _number, _shop: browser.post(
            "/api/rest-auth/registration/",
            {"username": "bob", "password1": PASSWORD, "password2": PASSWORD},
        )
    },
    "o/token/": {
        "client secret in a header": as_client("/o/token/"),
        "client secret in a form": token_call(
            grant_type="client_credentials", client_secret="wrong"
        ),
        "unknown client": token_call(grant_type="client_credentials", client_id="unknown"),
        "code": token_call(grant_type="authorization_code", code="wrong"),
        "refresh token": token_call(grant_type="refresh_token", refresh_token="wrong"),
        "device code": token_call(grant_type=DEVICE_GRANT, device_code="wrong"),
    },
    "o/revoke_token/": {"client secret": as_client("/o/revoke_token/")},
    "o/introspect/": {
        "client secret": as_client("/o/introspect/"),
        "token": lambda browser, _number, _shop: browser.post(
            "/o/introspect/", {"token": "x"}, headers=bearer("wrong")
        ),
    },
    "o/userinfo/": {"token": in_header("Bearer", "wrong", "/o/userinfo/")},
    "o/device/": {"user code": as_bob("/o/device/", user_code="WRONGONE")},
    "o/device-authorization/": {
        "a row": lambda browser, _number, _shop: browser.post(
            "/o/device-authorization/",
            "client_id=unknown",
            content_type="application/x-www-form-urlencoded",
        )
    },
    "Authorization": {
        "API key": in_header("Api-Key", "abcdefgh.wrong"),
        "unknown prefix": in_header("Api-Key", "zzzzzzzz.wrong", "/api/v1/orders/"),
        "access token": in_header("Bearer", "wrong", "/api/customers/"),
        "JWT": in_header("JWT", JWT),
    },
    "/metrics": {"token": in_header("Bearer", "wrong", "/metrics")},
    **{
        rf"notifications/africastalking/^(?P<secret>[^/]+)/{name}/?$": {"secret": callback(name)}
        for name in ("reports", "incoming", "optout")
    },
}
EVERY_TRY = [
    pytest.param(attempt, id=f"{route} {name}")
    for route, tries in TABLE.items()
    for name, attempt in tries.items()
]

# Without any secret: documents, pages that need a session, and what ends there.
WITHOUT_SECRET = {
    "admin",
    "o/callback",
    "o/authorize/",
    "o/logout/",
    "o/device-confirm/<slug:client_id>/<slug:user_code>",
    "o/device-grant-status/<slug:client_id>/<slug:user_code>",
    "",
    "favicon.ico",
    "swagger",
    "swagger/",
    "redoc",
    "redoc/",
    r"^swagger\.(?P<format>json)$",
    "openapi.json",
    *(f"{base}{end}" for base in ("v1", "api/v1", "api") for end in ("", "/")),
    *(f"^{base}/" for base in ("v1", "api/v1", "api")),
}
PREFIXES_WITHOUT_SECRET = ("admin/", "o/applications/", "o/authorized_tokens/")
# The body may be JSON: they count once they know whose password it is.
COUNT_THEMSELVES = {r"^api-token-auth/?$", r"^api/token/?$"}


def routes(
    patterns: Iterable[URLPattern | URLResolver], prefix: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    for each in patterns:
        route = f"{prefix}{each.pattern}"
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, route)
        else:
            yield route, each


def every_route() -> dict[str, URLPattern]:
    """Each address once: the first that fits is the one that answers."""
    found: dict[str, URLPattern] = {}
    for route, pattern in routes(get_resolver().url_patterns):
        found.setdefault(route, pattern)
    return found


def is_limited_by_its_authentication(pattern: URLPattern) -> bool:
    view = getattr(pattern.callback, "cls", None)
    schemes = getattr(view, "authentication_classes", ())
    return bool(schemes) and all(
        issubclass(each, HeaderAuthentication | SessionAuthentication) for each in schemes
    )


def test_every_address_that_takes_a_secret_is_in_the_table() -> None:
    unknown = [
        route
        for route, pattern in every_route().items()
        if route not in TABLE
        and not is_limited_by_its_authentication(pattern)
        and ".well-known/" not in route
        and route not in WITHOUT_SECRET
        and not route.startswith(PREFIXES_WITHOUT_SECRET)
    ]
    assert unknown == []


def test_what_is_in_the_table_is_limited() -> None:
    limited = {
        route for route, pattern in every_route().items() if hasattr(pattern.callback, "place")
    }

    assert limited | COUNT_THEMSELVES | {"Authorization", "/metrics"} == set(TABLE)
    # Part of the addresses where single sign-on is set up.
    assert hasattr(SignOnCallback.as_view(), "place")


# --- Each place -------------------------------------------------------------------------------


def refused(answer: Any) -> None:
    assert answer.status_code == 429, answer.content
    assert 1 <= int(answer["Retry-After"]) <= 900
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("attempt", EVERY_TRY)
def test_stops_guesses_from_one_address(attempt: Try, shop: OpenIdClient) -> None:
    here, elsewhere = Client(REMOTE_ADDR=HERE), Client(REMOTE_ADDR=ELSEWHERE)
    statuses = [attempt(here, number, shop).status_code for number in range(3)]

    assert 429 not in statuses
    assert not any(status >= 500 for status in statuses)
    refused(attempt(here, 3, shop))
    assert attempt(elsewhere, 4, shop).status_code == statuses[0]


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("attempt", EVERY_TRY)
def test_counts_an_ipv6_subscriber_as_one(attempt: Try, shop: OpenIdClient) -> None:
    for number in range(3):
        address = f"2001:db8:7:7:{number}::{number + 1}"
        assert attempt(Client(REMOTE_ADDR=address), number, shop).status_code != 429

    refused(attempt(Client(REMOTE_ADDR="2001:db8:7:7:ffff:ffff:ffff:ffff"), 3, shop))
    assert attempt(Client(REMOTE_ADDR="2001:db8:7:8::1"), 4, shop).status_code != 429


@pytest.mark.usefixtures("bob")
def test_stops_guesses_of_the_codes_of_single_sign_on(rf: RequestFactory) -> None:
    statuses = []
    for number in range(4):
        request = rf.get("/oidc/callback/", {"code": f"{number}", "state": "s"}, REMOTE_ADDR=HERE)
        request.session = {}  # type: ignore[assignment]  # as empty as a stranger's
        statuses.append(SignOnCallback.as_view()(request).status_code)

    assert statuses == [302, 302, 302, 429]


# --- The right secret -------------------------------------------------------------------------


@pytest.mark.usefixtures("bob")
def test_a_right_key_or_token_works_behind_an_address_that_is_stopped(shop: OpenIdClient) -> None:
    _, key = create_api_key(name="Partner", scopes="read")
    pair = issue(User.objects.get())
    machine = register(
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS, scopes="introspection"
    )
    here = Client(REMOTE_ADDR=HERE)
    for tries in TABLE.values():
        for attempt in tries.values():
            for number in range(4):
                attempt(Client(REMOTE_ADDR=HERE), number, shop)

    assert here.get("/v1/items/", headers={"Authorization": f"Api-Key {key}"}).status_code == 200
    assert here.get("/v1/items/", headers=bearer(pair.access)).status_code == 200
    given = {**machine.credentials, "grant_type": "client_credentials"}
    assert here.post("/o/token/", given).status_code == 200
    assert here.post("/o/introspect/", {**machine.credentials, "token": "x"}).status_code == 200
    assert here.post("/o/revoke_token/", {**machine.credentials, "token": "x"}).status_code == 200
    assert here.post("/api/token/refresh/", {"refresh": pair.refresh}).status_code == 200
    assert here.get("/metrics", headers=bearer(SECRET)).status_code == 200
    path = f"/notifications/africastalking/{SECRET}/optout"
    assert here.post(path, {"phoneNumber": "+254712345678"}).status_code == 200


@pytest.mark.parametrize("page", ["/login/", "/admin/login/", "/api-token-auth/", "/api/token/"])
def test_right_passwords_are_not_counted(bob: User, page: str) -> None:
    """As of a carrier's customers, who share an address."""
    form = {"username": "bob", "password": PASSWORD}

    statuses = {Client(REMOTE_ADDR=HERE).post(page, form).status_code for _ in range(10)}

    assert statuses <= {200, 302}


@pytest.mark.parametrize("page", ["/login/", "/api/token/"])
def test_somebody_known_at_an_address_is_let_in_whatever_others_do(bob: User, page: str) -> None:
    right = {"username": "bob", "password": PASSWORD}
    at_home = Client(REMOTE_ADDR=HERE)
    assert at_home.post(page, right).status_code in {200, 302}
    for number in range(9):
        # Others behind the same address, and the whole world at the same name.
        at_home.post(page, {"username": f"x{number}", "password": "wrong"})
        stranger = Client(REMOTE_ADDR=f"203.0.113.{number}")
        stranger.post(page, {"username": "bob", "password": "wrong"})

    assert at_home.post(page, right).status_code in {200, 302}
    refused(Client(REMOTE_ADDR=ELSEWHERE).post(page, right))


@pytest.mark.parametrize("page", ["/login/", "/admin/login/", "/api-token-auth/", "/api/token/"])
@pytest.mark.parametrize("spelling", ["bob", " bob ", "\uff42\uff4f\uff42", "BOB"])
def test_stops_guesses_at_one_name_from_everywhere(bob: User, page: str, spelling: str) -> None:
    for number in range(5):
        stranger = Client(REMOTE_ADDR=f"203.0.113.{number}")
        wrong = {"username": spelling, "password": "wrong"}
        assert stranger.post(page, wrong).status_code != 429

    refused(Client(REMOTE_ADDR=ELSEWHERE).post(page, {"username": "bob", "password": PASSWORD}))


# --- Before the hash --------------------------------------------------------------------------


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were hashed."""
    hashed: list[str] = []
    encode = PBKDF2PasswordHasher.encode

    def counted(self: PBKDF2PasswordHasher, password: str, *args: Any) -> str:
        hashed.append(password)
        return encode(self, password, *args)

    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", counted)
    return hashed


@pytest.mark.parametrize("page", ["/login/", "/admin/login/", "/api-token-auth/", "/api/token/"])
def test_hashes_no_password_beyond_the_limit(bob: User, page: str, hashes: list[str]) -> None:
    for number in range(20):
        form = {"username": f"x{number}", "password": "wrong"}
        Client(REMOTE_ADDR=HERE).post(page, form)

    assert len(hashes) == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("page", ["/api/token/", "/api-token-auth/"])
def test_tries_at_once_do_not_pass_together(
    live_server: LiveServer, page: str, hashes: list[str]
) -> None:
    def attempt(number: int) -> int:
        form = {"username": f"x{number}", "password": "wrong"}
        return requests.post(f"{live_server.url}{page}", json=form, timeout=30).status_code

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(attempt, range(12)))

    assert statuses.count(429) == 9
    assert len(hashes) == 3


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
@pytest.mark.parametrize("username", ["bob", "nobody"])
@pytest.mark.parametrize("kind", ["confidential", "public"])
def test_the_password_grant_looks_at_no_password(
    bob: User, hashes: list[str], kind: str, username: str, password: str
) -> None:
    """It is off, and must not be an oracle."""
    client = register(authorization_grant_type=Application.GRANT_PASSWORD, client_type=kind)

    answer = client.call("/o/token/", grant_type="password", username=username, password=password)

    assert (answer.status_code, answer.json()) == (400, {"error": "unauthorized_client"})
    assert password not in hashes


# --- What is no failure -----------------------------------------------------------------------


def test_a_device_that_waits_has_not_failed(db: None) -> None:
    tv = register(
        client_type=Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_DEVICE_CODE,
        redirect_uris="",
    )
    begun = Client().post(
        "/o/device-authorization/",
        f"client_id={tv.application.client_id}",
        content_type="application/x-www-form-urlencoded",
    )
    code = begun.json()["device_code"]

    polls = [tv.call("/o/token/", grant_type=DEVICE_GRANT, device_code=code) for _ in range(8)]

    assert {poll.json()["error"] for poll in polls} == {"authorization_pending"}


def test_who_shows_no_credential_has_not_failed(db: None) -> None:
    assert {APIClient().get("/v1/items/").status_code for _ in range(8)} == {401}
    assert {Client().get("/login/").status_code for _ in range(8)} == {200}


# --- The cache --------------------------------------------------------------------------------


@pytest.fixture(
    params=["common.cache.ForgivingRedisCache", "django.core.cache.backends.redis.RedisCache"]
)
def cache_away(
    request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache that does not answer: as in production, and one that raises errors."""
    monkeypatch.setattr("common.cache.outage", Outage())
    settings.CACHES = {"default": {"BACKEND": request.param, "LOCATION": "redis://127.0.0.1:1/0"}}


def try_token(password: str, number: int = 0) -> int:
    """The status of a login from HERE as `bob`, or as somebody who does not exist."""
    name = "bob" if password == PASSWORD else f"bob{number}"
    form = {"username": name, "password": password}
    return Client(REMOTE_ADDR=HERE).post("/api/token/", form).status_code


@pytest.mark.usefixtures("cache_away", "bob")
def test_counts_in_the_process_while_the_cache_is_away() -> None:
    assert [try_token("wrong", number) for number in range(4)] == [401, 401, 401, 429]


@pytest.mark.usefixtures("cache_away", "bob")
def test_right_passwords_are_not_counted_while_the_cache_is_away() -> None:
    assert [try_token(PASSWORD) for _ in range(5)] == [200] * 5


def test_a_window_ends(bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Client(REMOTE_ADDR=HERE)
    for number in range(4):
        answer = here.post("/api/token/", {"username": f"x{number}", "password": "wrong"})
    later = timezone.now().timestamp() + int(answer["Retry-After"]) + 0.1

    monkeypatch.setattr("django.core.cache.backends.locmem.time.time", lambda: later)

    assert here.post("/api/token/", {"username": "bob", "password": PASSWORD}).status_code == 200


def test_keeps_no_name_in_clear(bob: User) -> None:
    kept: list[str] = []
    add = cache.add

    def noted(key: str, *args: Any, **kwargs: Any) -> Any:
        kept.append(key)
        return add(key, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "add", noted)
        Client().post("/api/token/", {"username": "bob", "password": "wrong"})

    assert len(kept) == 4
    assert not any("bob" in key for key in kept)
