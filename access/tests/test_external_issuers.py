"""It lets somebody in whom a trusted issuer vouches for, and nobody else."""

import gzip
import hmac
import json
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.contrib.auth.models import Group, Permission
from django.db import connection
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from access import issuers
from access.checks import issuers_are_complete
from access.issuers import trusted_issuers, user_for, verify
from access.models import ExternalIdentity, User
from access.tests.issuer import (
    AUDIENCE,
    DISCOVERY,
    JWKS,
    LoopbackIssuer,
    answer,
    base64url,
    compact,
    ec_key,
    published_ec,
    published_rsa,
    rsa_key,
    running_issuer,
)
from common.tests.problems import problem
from tests.processes import eventually

# Seconds; only a broken test takes so long.
PATIENCE = 30.0
HS256 = {"alg": "HS256", "typ": "JWT", "kid": "first"}
RS256 = {"alg": "RS256", "typ": "JWT", "kid": "first"}


@pytest.fixture
def issuer(
    db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LoopbackIssuer]:
    """The one issuer that is trusted; every token is checked anew."""
    settings.AUTH_CACHE_SECONDS = 0
    # On a busy machine an issuer that behaves well takes its time, too.
    monkeypatch.setattr(issuers, "WAIT_SECONDS", PATIENCE)
    monkeypatch.setattr(issuers, "FIRST_WAIT_SECONDS", PATIENCE)
    with running_issuer() as running:
        trust(settings, running)
        yield running
    trusted_issuers.cache_clear()


def trust(settings: Settings, issuer: LoopbackIssuer, **options: str) -> None:
    """Makes it the only trusted issuer."""
    settings.OIDC_TRUSTED_ISSUERS = [{"issuer": issuer.url, "audience": AUDIENCE, **options}]
    trusted_issuers.cache_clear()


def later(issuer: LoopbackIssuer, *, seconds: float) -> None:
    """So long after the issuer was last asked."""
    trusted_issuers()[issuer.url].asked_at -= seconds


def get(token: str, path: str = "orders", keyword: str = "Bearer") -> Any:
    client = APIClient(HTTP_AUTHORIZATION=f"{keyword} {token}")
    return client.get(f"/v1/{path}/")


def name_of(issuer: LoopbackIssuer, subject: str) -> str:
    """The user name that somebody of this issuer gets, if it is free."""
    return f"{subject}@{issuer.url.removeprefix('http://')}"


def grant(user: User, codename: str) -> None:
    user.user_permissions.add(Permission.objects.get(codename=codename))


def refused(token: str) -> None:
    """It is a 401 with the challenges, and no user comes of it."""
    before = User.objects.count()

    response = get(token)

    assert problem(response, 401)["detail"] == "The Bearer credential is not valid."
    assert response["WWW-Authenticate"] == 'Api-Key realm="klanten", Bearer realm="klanten"'
    assert User.objects.count() == before


# --- People --------------------------------------------------------------------------


@pytest.mark.parametrize("keyword", ["Bearer", "bearer", "JWT"])
def test_makes_a_user_without_any_permission(issuer: LoopbackIssuer, keyword: str) -> None:
    response = get(issuer.token(), keyword=keyword)

    lacks = "Your user lacks the permission orders.view_order."
    assert problem(response, 403)["detail"] == lacks
    user = User.objects.get()
    assert user.username == name_of(issuer, "bob")
    assert (user.is_staff, user.is_superuser, user.has_usable_password()) == (False, False, False)
    assert (user.groups.count(), user.user_permissions.count()) == (0, 0)
    identity = ExternalIdentity.objects.get()
    assert (identity.user, identity.issuer, identity.subject) == (user, issuer.url, "bob")


def test_gives_the_rights_that_staff_grant(issuer: LoopbackIssuer) -> None:
    token = issuer.token()
    problem(get(token), 403)
    user = User.objects.get()

    grant(user, "view_order")
    group = Group.objects.create(name="Readers")
    group.permissions.add(Permission.objects.get(codename="view_item"))
    user.groups.add(group)

    assert get(token).status_code == 200
    assert get(token, "items").status_code == 200
    problem(get(token, "customers"), 403)


def test_knows_somebody_again(issuer: LoopbackIssuer) -> None:
    for _ in range(3):
        problem(get(issuer.token()), 403)

    assert User.objects.count() == 1


def test_costs_one_query(
    issuer: LoopbackIssuer, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    get(issuer.token())

    with django_assert_num_queries(1):
        get(issuer.token())


def test_tells_two_subjects_apart_whose_names_begin_alike(issuer: LoopbackIssuer) -> None:
    subjects = ["x" * 254 + "a", "x" * 254 + "b"]

    for subject in subjects:
        problem(get(issuer.token(sub=subject)), 403)

    assert sorted(ExternalIdentity.objects.values_list("subject", flat=True)) == subjects
    assert User.objects.count() == 2


@pytest.mark.parametrize("subject", ["ada", "ADA", "root", "admin"])
def test_gives_the_namesake_of_a_local_user_a_user_of_their_own(
    issuer: LoopbackIssuer, admin: User, subject: str
) -> None:
    problem(get(issuer.token(sub=subject)), 403)

    assert ExternalIdentity.objects.get().user != admin
    assert User.objects.count() == 2


def test_does_not_link_a_local_user_who_took_the_name_first(issuer: LoopbackIssuer) -> None:
    squatter = User.objects.create_superuser(name_of(issuer, "bob"))

    problem(get(issuer.token()), 403)
    problem(get(issuer.token()), 403)

    newcomer = ExternalIdentity.objects.get().user
    assert newcomer != squatter
    assert newcomer.username.startswith(f"{squatter.username}-")
    assert not newcomer.is_superuser


@contextmanager
def after_select(number: int, rival: Callable[[], object]) -> Iterator[None]:
    """Lets `rival` run once, right after somebody has looked for an identity so many times."""
    seen = 0

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal seen
        result = run(sql, params, many, context)
        if sql.startswith("SELECT") and '"access_externalidentity"' in sql:
            seen += 1
            if seen == number:
                rival()
        return result

    with connection.execute_wrapper(execute):
        yield
    assert seen >= number


@pytest.mark.parametrize("number", [1, 2])
def test_makes_one_user_for_two_first_requests(issuer: LoopbackIssuer, number: int) -> None:
    with after_select(number, lambda: user_for(issuer.url, "bob")):
        problem(get(issuer.token()), 403)

    assert User.objects.count() == ExternalIdentity.objects.count() == 1


def test_finds_another_name_when_a_rival_takes_it_in_the_middle(issuer: LoopbackIssuer) -> None:
    taken = name_of(issuer, "bob")

    with after_select(2, lambda: User.objects.create_superuser(taken)):
        problem(get(issuer.token()), 403)

    assert ExternalIdentity.objects.get().user.username.startswith(f"{taken}-")


def test_refuses_a_user_who_was_deactivated(issuer: LoopbackIssuer) -> None:
    get(issuer.token())
    user = User.objects.get()
    grant(user, "view_order")
    assert get(issuer.token()).status_code == 200

    User.objects.update(is_active=False)

    refused(issuer.token())


# --- Scopes and options --------------------------------------------------------------


@pytest.mark.parametrize(
    ("scopes", "orders", "items"),
    [
        (None, 200, 200),
        ("", 200, 200),
        ([], 200, 200),
        ("openid profile email", 200, 200),
        ("payroll:read", 200, 200),
        ("openid orders:read", 200, 403),
        (["orders:read"], 200, 403),
        (["openid", "items:read"], 403, 200),
        ("read", 200, 200),
        (["write"], 403, 403),
        ("orders:write", 403, 403),
    ],
)
def test_is_limited_to_the_scopes_that_the_token_names(
    issuer: LoopbackIssuer, scopes: Any, orders: int, items: int
) -> None:
    for permission in ("view_order", "view_item"):
        grant(user_for(issuer.url, "bob"), permission)
    token = issuer.token(scope=scopes)

    assert (get(token).status_code, get(token, "items").status_code) == (orders, items)


@pytest.mark.parametrize(
    "scopes", [0, 5, False, True, {}, {"orders:read": True}, [5], [["read"]], [None]]
)
def test_refuses_scopes_that_make_no_sense(issuer: LoopbackIssuer, scopes: Any) -> None:
    refused(issuer.token(scope=scopes))


def test_takes_name_and_scopes_from_the_claims_that_the_settings_say(
    issuer: LoopbackIssuer, settings: Settings
) -> None:
    trust(settings, issuer, username_claim="email", scope_claim="scp")
    grant(user_for(issuer.url, "bob@acme.example"), "view_order")
    email = "bob@acme.example"

    assert get(issuer.token(email=email, scp=["orders:read"], scope="")).status_code == 200
    assert get(issuer.token(email=email, scp="items:read", scope="read")).status_code == 403
    refused(issuer.token(scp="read"))


def test_asks_the_address_of_the_keys_that_the_settings_say(
    issuer: LoopbackIssuer, settings: Settings
) -> None:
    trust(settings, issuer, jwks_uri=f"{issuer.url}{JWKS}")

    problem(get(issuer.token()), 403)

    assert issuer.asked == [JWKS]


@pytest.mark.parametrize("written", ["{}/", "{}"])
@pytest.mark.parametrize("claimed", ["{}/", "{}"])
def test_does_not_mind_a_slash_at_the_end_of_the_issuer(
    issuer: LoopbackIssuer, settings: Settings, written: str, claimed: str
) -> None:
    settings.OIDC_TRUSTED_ISSUERS = [{"issuer": written.format(issuer.url), "audience": AUDIENCE}]
    trusted_issuers.cache_clear()

    problem(get(issuer.token(iss=claimed.format(issuer.url))), 403)

    assert ExternalIdentity.objects.get().issuer == issuer.url


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "application/at+jwt", None])
def test_takes_an_access_token_by_its_type(issuer: LoopbackIssuer, typ: str | None) -> None:
    problem(get(issuer.token(typ=typ)), 403)


def test_takes_a_key_on_a_curve(issuer: LoopbackIssuer) -> None:
    issuer.keys = [published_rsa("first"), published_ec("curve")]
    token = jwt.encode(issuer.claims(), ec_key("curve"), "ES256", headers={"kid": "curve"})

    problem(get(token), 403)


def test_takes_a_token_without_a_key_id_while_there_is_one_key(issuer: LoopbackIssuer) -> None:
    problem(get(issuer.token(kid=None)), 403)

    issuer.keys.append(published_rsa("second"))
    later(issuer, seconds=issuers.KEYS_GO_STALE_SECONDS + 1)

    refused(issuer.token(kid=None))


@pytest.mark.parametrize("audience", [AUDIENCE, ["payroll", AUDIENCE]])
@pytest.mark.parametrize(
    "times",
    [
        {"exp": -55},
        {"nbf": 55},
        {"iat": 55},
        {"exp": 55.5, "nbf": -55.5},
    ],
)
def test_forgives_a_clock_that_is_a_minute_off(
    issuer: LoopbackIssuer, audience: Any, times: dict[str, float]
) -> None:
    moments: dict[str, Any] = {name: time.time() + seconds for name, seconds in times.items()}

    problem(get(issuer.token(aud=audience, **moments)), 403)


# --- Bad tokens ----------------------------------------------------------------------


def in_seconds(seconds: float) -> int:
    return int(time.time() + seconds)


def payload(issuer: LoopbackIssuer, **changes: Any) -> bytes:
    return json.dumps(issuer.claims(**changes)).encode()


def with_public_key(issuer: LoopbackIssuer, how: PublicFormat = PublicFormat.PKCS1) -> str:
    """Signed with the issuer's public key, as if that were a shared secret."""
    pem = rsa_key("first").public_key().public_bytes(Encoding.PEM, how)
    return compact(HS256, payload(issuer), lambda data: hmac.digest(pem, data, "sha256"))


def altered(token: str) -> str:
    """With other claims under the same signature."""
    header, claims, signature = token.split(".")
    changed = json.loads(jwt.utils.base64url_decode(claims)) | {"sub": "ada"}
    return f"{header}.{base64url(json.dumps(changed).encode())}.{signature}"


BAD_TOKENS: dict[str, Callable[[LoopbackIssuer], str]] = {
    "another audience": lambda issuer: issuer.token(aud="payroll"),
    "another audience in a list": lambda issuer: issuer.token(aud=["payroll", "Klanten"]),
    "no audience": lambda issuer: issuer.token(aud=None),
    "an empty audience": lambda issuer: issuer.token(aud=[]),
    "an audience that is a number": lambda issuer: compact(RS256, payload(issuer, aud=5)),
    "another issuer": lambda issuer: issuer.token(iss="https://other.example"),
    "no issuer": lambda issuer: issuer.token(iss=None),
    "a longer issuer": lambda issuer: issuer.token(iss=f"{issuer.url}.other.example"),
    "an issuer in a list": lambda issuer: compact(RS256, payload(issuer, iss=[issuer.url])),
    "an issuer in an object": lambda issuer: compact(RS256, payload(issuer, iss={"a": issuer.url})),
    "an issuer that is a number": lambda issuer: compact(RS256, payload(issuer, iss=5)),
    "expired": lambda issuer: issuer.token(exp=in_seconds(-120)),
    "not yet valid": lambda issuer: issuer.token(nbf=in_seconds(120)),
    "issued in the future": lambda issuer: issuer.token(iat=in_seconds(120)),
    "no expiry": lambda issuer: issuer.token(exp=None),
    "an expiry in words": lambda issuer: issuer.token(exp="tomorrow"),
    "an endless expiry": lambda issuer: issuer.token(exp=float("inf")),
    "an expiry that is no number": lambda issuer: issuer.token(exp=float("nan")),
    "an expiry in a list": lambda issuer: issuer.token(exp=[in_seconds(60)]),
    "an expiry of 5,000 digits": lambda issuer: compact(
        RS256, payload(issuer, exp=1).replace(b'"exp": 1', b'"exp": ' + b"1" * 5000)
    ),
    "no signature": lambda issuer: compact(
        {**RS256, "alg": "none"}, payload(issuer), lambda _: b""
    ),
    "none, written otherwise": lambda issuer: compact(
        {**RS256, "alg": "NoNe"}, payload(issuer), lambda _: b""
    ),
    "none, by the library": lambda issuer: jwt.encode(issuer.claims(), "", algorithm="none"),
    "the public key as a secret": with_public_key,
    "the public key as a secret, in its other form": lambda issuer: with_public_key(
        issuer, PublicFormat.SubjectPublicKeyInfo
    ),
    "an empty secret": lambda issuer: compact(
        HS256, payload(issuer), lambda data: hmac.digest(b"", data, "sha256")
    ),
    "another algorithm for the same key": lambda issuer: jwt.encode(
        issuer.claims(), rsa_key("first"), "PS256", headers={"kid": "first"}
    ),
    "a curve where the key is RSA": lambda issuer: jwt.encode(
        issuer.claims(), ec_key("curve"), "ES256", headers={"kid": "first"}
    ),
    "RSA said of a signature on a curve": lambda issuer: compact(
        RS256, payload(issuer), lambda _: b"\0" * 64
    ),
    "no algorithm": lambda issuer: compact({"typ": "JWT", "kid": "first"}, payload(issuer)),
    "algorithms in a list": lambda issuer: compact({**RS256, "alg": ["RS256"]}, payload(issuer)),
    "an algorithm that is an object": lambda issuer: compact({**RS256, "alg": {}}, payload(issuer)),
    "an unknown key": lambda issuer: issuer.token(kid="unknown"),
    "another key under a known id": lambda issuer: jwt.encode(
        issuer.claims(), rsa_key("other"), "RS256", headers={"kid": "first"}
    ),
    "a key id that is a number": lambda issuer: compact({**RS256, "kid": 5}, payload(issuer)),
    "a key id that is a path": lambda issuer: issuer.token(kid="../../etc/passwd"),
    "a key of its own": lambda issuer: jwt.encode(
        issuer.claims(), rsa_key("other"), "RS256", headers={"jwk": published_rsa("other")}
    ),
    "a critical extension": lambda issuer: compact(
        {**RS256, "crit": ["exp"], "exp": 5}, payload(issuer)
    ),
    "a detached payload": lambda issuer: compact(
        {**RS256, "b64": False, "crit": ["b64"]}, payload(issuer)
    ),
    "an id_token with a nonce": lambda issuer: issuer.token(nonce="n"),
    "an id_token with at_hash": lambda issuer: issuer.token(at_hash="h"),
    "an id_token with c_hash": lambda issuer: issuer.token(c_hash="h"),
    "a logout token": lambda issuer: issuer.token(typ="logout+jwt"),
    "a security event": lambda issuer: issuer.token(typ="secevent+jwt"),
    "a type that is a list": lambda issuer: compact({**RS256, "typ": ["JWT"]}, payload(issuer)),
    "claims in a list": lambda issuer: compact(RS256, b"[" + payload(issuer) + b"]"),
    "claims that are a string": lambda _: compact(RS256, b'"bob"'),
    "claims that are null": lambda _: compact(RS256, b"null"),
    "claims that are no JSON": lambda issuer: compact(RS256, payload(issuer)[:-1]),
    "claims that are no UTF-8": lambda _: compact(RS256, b'{"sub": "\xff"}'),
    "claims nested too deeply": lambda _: compact(RS256, b'{"a":' * 1000 + b"[" * 900),
    "no claims": lambda _: compact(RS256, b""),
    "other claims under its signature": lambda issuer: altered(issuer.token()),
    "a truncated signature": lambda issuer: issuer.token()[:-10],
    "no signature part": lambda issuer: issuer.token().rpartition(".")[0] + ".",
    "two parts": lambda issuer: issuer.token().rpartition(".")[0],
    "four parts": lambda issuer: issuer.token() + ".x",
    "five parts": lambda issuer: issuer.token() + ".x.y",
    "two dots": lambda _: "..",
    "garbage parts": lambda _: "a.b.c",
    "garbage that begins like a JWT": lambda _: "eya.b.c",
    "garbage in base64": lambda _: f"{base64url(b'garbage')}.{base64url(b'{}')}.{base64url(b'x')}",
    "a header that is a list": lambda _: f"{base64url(b'[]')}.{base64url(b'{}')}.",
    "signs that base64url does not have": lambda issuer: issuer.token().replace(".", ".!!", 1),
    "claims of 10,000 bytes": lambda issuer: issuer.token(more="x" * 10_000),
    "a subject that is a number": lambda issuer: compact(RS256, payload(issuer, sub=5)),
    "no subject": lambda issuer: issuer.token(sub=None),
    "an empty subject": lambda issuer: issuer.token(sub=""),
    "a subject in a list": lambda issuer: compact(RS256, payload(issuer, sub=["bob"])),
    "a subject with NUL": lambda issuer: issuer.token(sub="bob\0"),
    "a subject with half a character": lambda issuer: issuer.token(sub="bob\ud800"),
    "a subject with a line break": lambda issuer: issuer.token(sub="bob\nroot"),
    "a subject that is too long to keep": lambda issuer: issuer.token(sub="b" * 256),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_refuses(issuer: LoopbackIssuer, caplog: pytest.LogCaptureFixture, name: str) -> None:
    token = BAD_TOKENS[name](issuer)

    refused(token)

    parts = [part for part in token.split(".") if len(part) > 8]
    assert not [part for part in parts if part in caplog.text]


def test_refuses_a_token_while_nobody_is_trusted(
    issuer: LoopbackIssuer, settings: Settings
) -> None:
    settings.OIDC_TRUSTED_ISSUERS = []
    trusted_issuers.cache_clear()

    refused(issuer.token())
    assert issuer.asked == []


@pytest.mark.parametrize(
    "entry",
    [
        {"use": "enc"},
        {"alg": "RSA-OAEP"},
        {"kty": "oct", "k": base64url(b"k" * 32)},
        {"n": base64url(b"\x01" * 32)},
        {"n": 5},
        {"n": "!"},
        {"e": ""},
        {"kty": "RSB"},
        {"kty": ["RSA"]},
        {"alg": ["RS256"]},
    ],
)
def test_does_not_verify_with_a_key_that_is_not_for_it(
    issuer: LoopbackIssuer, entry: dict[str, Any]
) -> None:
    issuer.keys = [published_rsa("first") | entry]

    refused(issuer.token())


def test_refuses_what_is_signed_with_a_short_key(issuer: LoopbackIssuer) -> None:
    """512 bits of RSA are broken in an afternoon."""
    short = 2**511 + 2**510 + 3
    issuer.keys = [published_rsa("first") | {"n": base64url(short.to_bytes(64, "big"))}]

    refused(issuer.token())


# --- Keys ----------------------------------------------------------------------------


def test_asks_for_the_keys_once(issuer: LoopbackIssuer) -> None:
    for _ in range(5):
        problem(get(issuer.token()), 403)

    assert issuer.asked == [DISCOVERY, JWKS]


def test_follows_the_issuer_to_a_new_key(issuer: LoopbackIssuer) -> None:
    problem(get(issuer.token()), 403)
    issuer.keys = [published_rsa("second")]

    refused(issuer.token("second"))
    assert issuer.asked == [DISCOVERY, JWKS]
    later(issuer, seconds=issuers.ASK_AGAIN_SECONDS)

    problem(get(issuer.token("second")), 403)
    refused(issuer.token("first"))
    assert issuer.asked == [DISCOVERY, JWKS] * 2


def test_drops_a_key_that_the_issuer_withdrew(issuer: LoopbackIssuer) -> None:
    problem(get(issuer.token()), 403)
    issuer.keys = [published_rsa("second")]

    later(issuer, seconds=issuers.KEYS_GO_STALE_SECONDS)

    refused(issuer.token("first"))
    assert issuer.asked == [DISCOVERY, JWKS] * 2


def test_goes_on_with_the_keys_it_knows_when_the_issuer_is_gone(
    db: None, settings: Settings
) -> None:
    with running_issuer() as issuer:
        trust(settings, issuer)
        problem(get(issuer.token()), 403)
    later(issuer, seconds=issuers.KEYS_GO_STALE_SECONDS)

    problem(get(issuer.token()), 403)
    later(issuer, seconds=issuers.ASK_AGAIN_SECONDS)
    refused(issuer.token("unknown"))
    problem(get(issuer.token()), 403)
    trusted_issuers.cache_clear()


def with_status(status: int, **headers: Any) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: answer(handler, b"{}", status=status, **headers)


def with_body(body: bytes, **headers: Any) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: answer(handler, body, **headers)


def redirecting(handler: BaseHTTPRequestHandler) -> None:
    """To where the document would be."""
    answer(handler, b"", status=302, Location=JWKS if handler.path != JWKS else DISCOVERY)


def dripping(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then, so that no single wait is long."""
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(100):
            handler.wfile.write(b" ")
            time.sleep(0.05)
    except OSError:
        return


def hanging_up(handler: BaseHTTPRequestHandler) -> None:
    """In the middle of the body."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"keys": [')


def silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1)


def no_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")


MISBEHAVIOURS: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {
    "redirects": redirecting,
    "fails": with_status(500),
    "is overloaded": with_status(503, Retry_After="60"),
    "has no such page": with_status(404),
    "answers nothing": with_status(204),
    "answers garbage": with_body(b"\xff\x00garbage"),
    "answers a page": with_body(b"<html></html>"),
    "answers a list": with_body(b"[]"),
    "answers null": with_body(b"null"),
    "answers an empty object": with_body(b"{}"),
    "answers no address": with_body(b'{"jwks_uri": null, "keys": null}'),
    "answers a number for the address": with_body(b'{"jwks_uri": 5}'),
    "answers a file for the address": with_body(b'{"jwks_uri": "file:///etc/passwd"}'),
    "answers no keys": with_body(b'{"keys": []}'),
    "answers keys that are none": with_body(b'{"keys": [5, null, {}, {"kty": {}}]}'),
    "answers nested too deeply": with_body(b"[" * 100_000),
    "answers too much": with_body(b" " * (issuers.LARGEST_DOCUMENT + 1)),
    "answers too much, packed": with_body(gzip.compress(b" " * 5_000_000), Content_Encoding="gzip"),
    "answers what cannot be unpacked": with_body(b"garbage", Content_Encoding="gzip"),
    "hangs up": hanging_up,
    "drips": dripping,
    "is silent": silent,
    "is no web server": no_http,
}


@pytest.mark.parametrize("at_keys", [False, True], ids=["discovery", "keys"])
@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_refuses_a_new_key_when_the_issuer(
    issuer: LoopbackIssuer,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    name: str,
    at_keys: bool,
) -> None:
    problem(get(issuer.token()), 403)
    if at_keys:
        trust(settings, issuer, jwks_uri=f"{issuer.url}{JWKS}")
        problem(get(issuer.token()), 403)
    issuer.misbehaviour = MISBEHAVIOURS[name]
    asked = len(issuer.asked)
    later(issuer, seconds=issuers.ASK_AGAIN_SECONDS)

    # Impatient only now: on a busy machine an issuer that behaves well takes longer.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(issuers, "TIMEOUT_SECONDS", (1, 0.2))
        patch.setattr(issuers, "TOTAL_SECONDS", 0.4)
        for _ in range(5):
            refused(issuer.token("unknown"))
            problem(get(issuer.token()), 403)

    assert len(issuer.asked) == asked + 1
    told = [record for record in caplog.records if record.name == "access.issuers"]
    assert [(each.levelno, each.getMessage()[:20]) for each in told] == [
        (logging.WARNING, f"No keys from {issuer.url}"[:20])
    ]


def test_asks_again_after_a_failure_but_not_at_once(issuer: LoopbackIssuer) -> None:
    issuer.misbehaviour = with_status(500)
    for _ in range(5):
        refused(issuer.token())
    assert issuer.asked == [DISCOVERY]

    issuer.misbehaviour = None
    refused(issuer.token())
    later(issuer, seconds=issuers.ASK_AGAIN_SECONDS)

    problem(get(issuer.token()), 403)
    assert issuer.asked == [DISCOVERY, DISCOVERY, JWKS]


def test_is_not_fooled_by_a_list_of_keys_that_another_issuer_is_asked_for(
    issuer: LoopbackIssuer, settings: Settings
) -> None:
    """Its tokens name the first issuer, and are signed by the second."""
    with running_issuer() as other:
        other.keys = [published_rsa("other")]
        settings.OIDC_TRUSTED_ISSUERS = [
            {"issuer": each.url, "audience": AUDIENCE} for each in (issuer, other)
        ]
        trusted_issuers.cache_clear()

        refused(other.token("other", iss=issuer.url))
        problem(get(other.token("other")), 403)

    assert ExternalIdentity.objects.get().issuer == other.url


def test_lets_nobody_with_a_known_key_wait_for_a_slow_issuer(issuer: LoopbackIssuer) -> None:
    """Of those who need a new key one waits for it, and the others are refused at once."""
    assert verify(issuer.token())
    issuer.keys.append(published_rsa("second"))
    asked, go_on = Event(), Event()

    def slowly(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        assert go_on.wait(PATIENCE)
        answer(handler, json.dumps(issuer.documents()[handler.path]).encode())

    issuer.misbehaviour = slowly
    later(issuer, seconds=issuers.KEYS_GO_STALE_SECONDS)
    with ThreadPoolExecutor(3) as pool:
        try:
            newcomers = [pool.submit(verify, issuer.token("second")) for _ in range(3)]
            assert asked.wait(PATIENCE)
            assert verify(issuer.token())
            eventually(lambda: sum(newcomer.done() for newcomer in newcomers) == 2)
        finally:
            go_on.set()
        accepted = [newcomer.result(PATIENCE) for newcomer in newcomers]
        assert sum(each is not None for each in accepted) == 1
    assert verify(issuer.token("second"))

    assert issuer.asked == [DISCOVERY, JWKS] * 2


def test_does_not_ask_for_what_is_no_token_of_a_trusted_issuer(issuer: LoopbackIssuer) -> None:
    for name in ("another issuer", "no signature", "the public key as a secret", "garbage parts"):
        refused(BAD_TOKENS[name](issuer))

    assert issuer.asked == []


# --- Settings ------------------------------------------------------------------------

GOOD = {"issuer": "https://issuer.example", "audience": "klanten"}


@pytest.fixture
def _fresh(settings: Settings) -> Iterator[None]:
    yield
    trusted_issuers.cache_clear()


@pytest.mark.usefixtures("_fresh")
@pytest.mark.parametrize(
    "entries",
    [
        [{}],
        [{"issuer": "https://issuer.example"}],
        [{"audience": "klanten"}],
        [GOOD | {"audience": ""}],
        [GOOD | {"audience": ["klanten"]}],
        [GOOD | {"audience": None}],
        [GOOD | {"issuer": ""}],
        [GOOD | {"issuer": 5}],
        [GOOD | {"issuer": "issuer.example"}],
        [GOOD | {"issuer": "https://"}],
        [GOOD | {"issuer": "https://["}],
        [GOOD | {"issuer": "ftp://issuer.example"}],
        [GOOD | {"issuer": f"https://{'x' * 200}.example"}],
        [GOOD | {"scope_claim": 5}],
        [GOOD | {"username_claim": ""}],
        [GOOD | {"audiance": "klanten"}],
        [GOOD | {"keys": "{}"}],
        [GOOD | {"lock": "x"}],
        [GOOD, GOOD],
        [GOOD, GOOD | {"issuer": "https://issuer.example/", "audience": "other"}],
        [GOOD, {}],
        ["https://issuer.example"],
        [None],
        GOOD,
        "https://issuer.example",
        5,
        None,
    ],
)
def test_a_check_finds_an_entry_that_is_incomplete(settings: Settings, entries: Any) -> None:
    settings.OIDC_TRUSTED_ISSUERS = entries
    trusted_issuers.cache_clear()

    (error,) = issuers_are_complete()

    assert error.id == "access.E001"
    assert error.msg.startswith("OIDC_TRUSTED_ISSUERS: ")


@pytest.mark.usefixtures("_fresh")
def test_a_check_is_content_with_what_is_complete(settings: Settings) -> None:
    full = {"username_claim": "email", "scope_claim": "scp", "jwks_uri": "https://k.example"}
    settings.OIDC_TRUSTED_ISSUERS = [GOOD, GOOD | {"issuer": "https://b.example"} | full]
    trusted_issuers.cache_clear()

    assert issuers_are_complete() == []
    assert trusted_issuers()["https://issuer.example"].username_claim == "sub"
    assert trusted_issuers()["https://b.example"].scope_claim == "scp"
