"""It lets in who knows the password, tells nobody else why not, and slows down who guesses."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import get_access_token_model, get_refresh_token_model
from pytest_django import Settings
from rest_framework.test import APIClient

from access.models import User
from access.tokens import login_client
from common.networks import parse_networks
from common.tests.problems import problem, wrong_fields

PASSWORD = "correct horse battery"
ELSEWHERE = "192.0.2.7"
# With what each refuses a wrong password: lori's and Mais Todos's documents differ.
LOGINS = {"/api-token-auth/": 400, "/api/token/": 401}
REFRESH = "/api/token/refresh/"
EVERY_ENDPOINT = (*LOGINS, REFRESH)

every_login = pytest.mark.parametrize("url", LOGINS)


@pytest.fixture(autouse=True)
def nobody_has_tried(settings: Settings) -> Iterator[None]:
    """No attempts of another test are counted, and no credential is remembered."""
    settings.AUTH_CACHE_SECONDS = 0
    settings.AXES_FAILURE_LIMIT = 3
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def bob(db: None) -> User:
    """Somebody who may read orders."""
    bob = User.objects.create_user("bob", password=PASSWORD)
    bob.user_permissions.add(Permission.objects.get(codename="view_order"))
    return bob


def log_in(
    url: str = "/api/token/", username: str = "bob", password: str = PASSWORD, **extra: Any
) -> Any:
    return APIClient().post(url, {"username": username, "password": password}, **extra)


def refresh(token: str) -> Any:
    return APIClient().post(REFRESH, {"refresh": token})


def status_with(access: str) -> int:
    return int(APIClient(HTTP_AUTHORIZATION=f"Bearer {access}").get("/v1/orders/").status_code)


# --- Logging in ----------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["/", ""])
@pytest.mark.parametrize("form", ["json", "multipart"])
@pytest.mark.parametrize(
    ("url", "members"), [("/api-token-auth", {"token"}), ("/api/token", {"access", "refresh"})]
)
def test_gives_tokens_that_work(
    bob: User, url: str, members: set[str], slash: str, form: str
) -> None:
    answer = log_in(url + slash, format=form)

    assert answer.status_code == 200
    assert set(answer.json()) == members
    assert status_with(answer.json()["token" if "token" in members else "access"]) == 200
    bob.refresh_from_db()
    assert bob.last_login is not None


def test_keeps_no_token_in_clear(bob: User) -> None:
    pair = log_in().json()

    stored = [
        *get_access_token_model().objects.values_list(),
        *get_refresh_token_model().objects.values_list(),
    ]
    assert len(stored) == 2
    assert pair["access"] not in str(stored)
    assert pair["refresh"] not in str(stored)


@every_login
def test_tells_nobody_why_not(bob: User, url: str) -> None:
    User.objects.create_user("idle", password=PASSWORD, is_active=False)
    User.objects.create_user("keyless")
    attempts = [("bob", "wrong"), ("nobody", PASSWORD), ("idle", PASSWORD), ("keyless", PASSWORD)]

    answers = [log_in(url, username, password) for username, password in attempts]

    bodies = [problem(answer, LOGINS[url]) for answer in answers]
    for body in bodies:
        del body["request_id"]
    assert bodies == [bodies[0]] * 4
    assert bodies[0]["detail"] == "Unable to log in with the credentials given."
    assert bodies[0]["code"] == "login"
    assert not get_access_token_model().objects.exists()


def test_says_how_to_get_in_where_it_answers_401(bob: User) -> None:
    assert log_in("/api/token/", password="x")["WWW-Authenticate"] == 'Bearer realm="klanten"'
    assert "WWW-Authenticate" not in log_in("/api-token-auth/", password="x")


@every_login
@pytest.mark.parametrize(
    ("username", "password"),
    [("bob", PASSWORD), ("bob", "x"), ("nobody", "x"), ("idle", PASSWORD), ("keyless", "x")],
)
def test_hashes_once_whoever_it_is(
    bob: User, monkeypatch: pytest.MonkeyPatch, url: str, username: str, password: str
) -> None:
    """The hash is what takes time."""
    User.objects.create_user("idle", password=PASSWORD, is_active=False)
    User.objects.create_user("keyless")
    # Our own client gets a secret, and so a hash, on the first login of all.
    login_client()
    hashed: list[str] = []
    encode = PBKDF2PasswordHasher.encode

    def counted(self: PBKDF2PasswordHasher, password: str, *args: Any) -> str:
        hashed.append(password)
        return encode(self, password, *args)

    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", counted)
    log_in(url, username, password)

    assert len(hashed) == 1


def test_knows_a_name_in_its_other_spelling(bob: User) -> None:
    """As Django's login page: full-width letters are the same letters."""
    assert log_in(username="\uff42\uff4f\uff42").status_code == 200
    assert log_in(username="BOB").status_code == 401


@every_login
@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"username": "required", "password": "required"}),
        ({"username": "bob"}, {"password": "required"}),
        ({"password": "x"}, {"username": "required"}),
        ({"username": "", "password": ""}, {"username": "blank", "password": "blank"}),
        ({"username": None, "password": None}, {"username": "null", "password": "null"}),
        ({"username": ["bob"], "password": {}}, {"username": "invalid", "password": "invalid"}),
        ({"username": "b" * 151, "password": "x"}, {"username": "max_length"}),
        ({"username": "bob", "password": "x" * 10_240}, {"password": "max_length"}),
        (
            {"username": "bob\0", "password": "x\0"},
            {
                "username": "null_characters_not_allowed",
                "password": "null_characters_not_allowed",
            },
        ),
        (
            {"username": "bob\ud800", "password": "x"},
            {"username": "surrogate_characters_not_allowed"},
        ),
        ({"username": "bob", "password": "x", "otp": "1"}, {"otp": "unknown"}),
    ],
)
def test_names_what_is_wrong_with_the_body(
    bob: User, url: str, body: dict[str, Any], wrong: dict[str, str]
) -> None:
    answer = APIClient().post(url, json.dumps(body), content_type="application/json")

    assert wrong_fields(answer) == wrong
    assert not AccessAttempt.objects.exists()


@pytest.mark.parametrize("username", ["\ufdfa" * 150, "b" * 150, "bob' OR 1=1 --", "☃", " "])
def test_refuses_a_strange_name_like_any_other(bob: User, username: str) -> None:
    """The first grows to 2,700 characters when it is brought into its one form."""
    problem(log_in(username=username), 400 if not username.strip() else 401)


@every_login
def test_takes_no_other_method(bob: User, url: str) -> None:
    problem(APIClient().get(f"{url}?username=bob&password={PASSWORD}"), 405)


def test_says_no_password_to_the_log(bob: User, caplog: pytest.LogCaptureFixture) -> None:
    for form in ("json", "multipart"):
        for url in LOGINS:
            log_in(url, password="secret-of-bob", format=form)
    pair = log_in(REMOTE_ADDR=ELSEWHERE).json()
    refresh(pair["refresh"])

    for secret in ("secret-of-bob", PASSWORD, pair["access"], pair["refresh"]):
        assert secret not in caplog.text
    kept = list(AccessAttempt.objects.values_list("get_data", "post_data"))
    assert kept
    assert "secret-of-bob" not in str(kept)


# --- Guessing ------------------------------------------------------------------------


def locked(answer: Any) -> None:
    body = problem(answer, 429)
    assert (body["code"], body["detail"]) == ("locked", "Too many failed logins. Try again later.")
    assert answer["Retry-After"] == "900"


@every_login
def test_locks_after_repeated_failures(bob: User, url: str) -> None:
    for _ in range(2):
        problem(log_in(url, password="wrong"), LOGINS[url])
    locked(log_in(url, password="wrong"))

    # Not even with the right password, by any login, nor on the page.
    for other in LOGINS:
        locked(log_in(other))
    page = Client().post("/login/", {"username": "bob", "password": PASSWORD})
    assert page.status_code == 429
    assert not get_access_token_model().objects.exists()


def test_locks_that_name_at_that_address_alone(bob: User) -> None:
    User.objects.create_user("eve", password=PASSWORD)
    for _ in range(3):
        log_in(password="wrong")
    locked(log_in())

    assert log_in(REMOTE_ADDR=ELSEWHERE).status_code == 200
    assert log_in(username="eve").status_code == 200


def test_locks_a_name_that_nobody_has_alike(bob: User) -> None:
    for _ in range(2):
        problem(log_in(username="nobody"), 401)

    locked(log_in(username="nobody"))


def test_opens_again_after_a_while(bob: User) -> None:
    for _ in range(3):
        log_in(password="wrong")
    locked(log_in())

    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=15, seconds=1))

    assert log_in().status_code == 200


def test_forgets_the_failures_of_who_gets_in(bob: User) -> None:
    for _ in range(3):
        for _ in range(2):
            problem(log_in(password="wrong"), 401)
        assert log_in().status_code == 200


def test_is_not_deceived_by_a_made_up_address(bob: User, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = parse_networks("127.0.0.1")
    for number in range(3):
        forwarded = f"198.51.100.{number}, {ELSEWHERE}"
        answer = log_in(password="wrong", headers={"X-Forwarded-For": forwarded})

    locked(answer)
    assert log_in(headers={"X-Forwarded-For": "198.51.100.1"}).status_code == 200


def test_locks_whoever_comes_from_nowhere(bob: User, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = parse_networks("127.0.0.1")
    for garbage in ("unknown", "x" * 5000, "192.0.2.7/24"):
        answer = log_in(password="wrong", headers={"X-Forwarded-For": garbage})

    locked(answer)


@pytest.mark.parametrize("page", ["/login/", "/admin/login/"])
def test_the_page_locks_too(bob: User, page: str) -> None:
    browser = Client()
    form = {"username": "bob", "password": "wrong"}
    statuses = [browser.post(page, form).status_code for _ in range(3)]

    assert statuses == [200, 200, 429]
    assert browser.post(page, form | {"password": PASSWORD}).status_code == 429
    assert "_auth_user_id" not in browser.session


@pytest.fixture
def slow(settings: Settings) -> None:
    """Three failures a minute."""
    settings.LOGIN_RATE = "3/min"


@pytest.mark.usefixtures("slow", "bob")
@pytest.mark.parametrize("url", EVERY_ENDPOINT)
def test_answers_so_often_and_no_more(url: str) -> None:
    body = {"username": "x", "password": "x"} if url in LOGINS else {"refresh": "x"}
    for number in range(3):
        # Another name each time: no name is locked.
        given = body if url == REFRESH else {**body, "username": f"x{number}"}
        assert APIClient().post(url, given).status_code == LOGINS.get(url, 401)

    answer = APIClient().post(url, body)

    assert problem(answer, 429)["code"] == "throttled"
    assert 1 <= int(answer["Retry-After"]) <= 60
    for other in EVERY_ENDPOINT:
        problem(APIClient().post(other, {}), 429)
    problem(APIClient().post(url, {}, REMOTE_ADDR=ELSEWHERE), 400)


@pytest.mark.usefixtures("slow", "bob")
def test_counts_by_the_address_that_proxies_of_ours_tell(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = parse_networks("127.0.0.1")
    for number in range(3):
        problem(
            APIClient().post(REFRESH, {}, headers=via(f"198.51.100.{number}, {ELSEWHERE}")), 400
        )

    problem(APIClient().post(REFRESH, {}, headers=via(ELSEWHERE)), 429)
    problem(APIClient().post(REFRESH, {}, headers=via(f"[::ffff:{ELSEWHERE}]:99")), 429)
    problem(APIClient().post(REFRESH, {}, headers=via("198.51.100.1")), 400)


def via(forwarded: str) -> dict[str, str]:
    return {"X-Forwarded-For": forwarded}


@pytest.mark.usefixtures("bob")
def test_answers_again_later(slow: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        log_in(username="nobody", password="x", REMOTE_ADDR=ELSEWHERE)
    answer = log_in(REMOTE_ADDR=ELSEWHERE)
    later = time.time() + int(answer["Retry-After"]) + 0.1

    monkeypatch.setattr("django.core.cache.backends.locmem.time.time", lambda: later)

    assert log_in(REMOTE_ADDR=ELSEWHERE).status_code == 200


# --- Refreshing ----------------------------------------------------------------------


def test_refreshes_with_another_pair(bob: User) -> None:
    first = log_in().json()

    answer = refresh(first["refresh"])

    assert answer.status_code == 200
    second = answer.json()
    assert set(second) == {"access", "refresh"}
    assert {*first.values()}.isdisjoint(second.values())
    assert status_with(second["access"]) == 200
    assert refresh(second["refresh"]).status_code == 200


def test_refreshes_wherever_it_is_deployed(bob: User, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["klanten.example"]
    pair = log_in(headers={"Host": "klanten.example"}).json()

    answer = APIClient().post(
        REFRESH, {"refresh": pair["refresh"]}, headers={"Host": "klanten.example"}
    )

    assert answer.status_code == 200


def test_a_refresh_token_that_comes_again_revokes_the_family(bob: User) -> None:
    first, elsewhere = log_in().json(), log_in().json()
    second = refresh(first["refresh"]).json()
    third = refresh(second["refresh"]).json()
    assert status_with(third["access"]) == 200

    problem(refresh(first["refresh"]), 401)

    assert [status_with(pair["access"]) for pair in (first, second, third)] == [401] * 3
    problem(refresh(third["refresh"]), 401)
    # Another login of the same person is another family.
    assert status_with(elsewhere["access"]) == 200
    assert refresh(elsewhere["refresh"]).status_code == 200


def test_does_not_refresh_for_a_user_who_was_deactivated(bob: User) -> None:
    pair = log_in().json()
    User.objects.update(is_active=False)

    body = problem(refresh(pair["refresh"]), 401)

    assert (body["code"], body["detail"]) == ("token_not_valid", "The refresh token is not valid.")
    assert status_with(pair["access"]) == 401


def test_does_not_refresh_for_ever(bob: User, settings: Settings) -> None:
    pair = log_in().json()
    long_ago = timezone.now() - timedelta(days=14, seconds=1)
    get_refresh_token_model().objects.update(created=long_ago)
    get_access_token_model().objects.update(expires=long_ago)

    problem(refresh(pair["refresh"]), 401)


@pytest.mark.parametrize("kind", ["access", "made up", "truncated", "longer"])
def test_does_not_refresh_with(bob: User, kind: str) -> None:
    pair = log_in().json()
    tokens = {
        "access": pair["access"],
        "made up": "x" * 40,
        "truncated": pair["refresh"][:-1],
        "longer": f"{pair['refresh']}x",
    }

    problem(refresh(tokens[kind]), 401)

    assert refresh(pair["refresh"]).status_code == 200


@pytest.mark.parametrize("token", ["%00", "%", "a=b&grant_type=password", "ü", "☃", "'", "\n\tx"])
def test_does_not_refresh_with_strange_signs(bob: User, token: str) -> None:
    problem(refresh(token), 401)


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"refresh": "required"}),
        ({"refresh": ""}, {"refresh": "blank"}),
        ({"refresh": None}, {"refresh": "null"}),
        ({"refresh": ["x"]}, {"refresh": "invalid"}),
        ({"refresh": "x\0"}, {"refresh": "null_characters_not_allowed"}),
        ({"refresh": "x" * 10_240}, {"refresh": "max_length"}),
        ({"refresh": "x", "token": "y"}, {"token": "unknown"}),
    ],
)
def test_names_what_is_wrong_with_a_refresh(
    bob: User, body: dict[str, Any], wrong: dict[str, str]
) -> None:
    assert wrong_fields(APIClient().post(REFRESH, body)) == wrong
