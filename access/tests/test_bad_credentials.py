"""It answers 401 to every credential that is none, never 500, and logs none of them."""

import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from oauth2_provider.models import get_access_token_model
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.test import APIClient, APIRequestFactory

from access.authentication import ApiKeyAuthentication, BearerAuthentication
from access.models import ApiKey, User
from access.tokens import issue
from common.tests.problems import problem
from customers.models import Customer

CHALLENGES = 'Api-Key realm="klanten", Bearer realm="klanten"'
KEYWORDS = ("Api-Key", "Bearer", "JWT")
ENDPOINTS = [
    ("get", "/v1/customers/"),
    ("get", "/api/customers"),
    ("post", "/v1/customers/"),
    ("put", "/v1/customers/01890a5d-ac96-774b-bcce-b302099a8057/"),
    ("delete", "/v1/customers/01890a5d-ac96-774b-bcce-b302099a8057/"),
    ("get", "/v1/items/"),
    ("get", "/api/v1/orders/"),
    ("post", "/v1/orders/"),
    ("get", "/v1/orders/by-customer/?customer_code=CUST001"),
    ("get", "/v1/notifications/"),
]
# What no credential is, whatever the keyword.
GARBAGE = {
    "garbage": "garbage-0123456789",
    "two words": "garbage-0123456789 garbage-0123456789",
    "a dot": ".",
    "two dots": "..",
    "dots": "." * 1000,
    "the beginning of a JWT": "eyJhbGciOiJIUzI1NiJ9",
    "a JWT of nobody's": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2lnbmF0dXJl",
    "what the toolkit stumbled over": "eya.b.c",
    "a dot at the end": "abcdefgh.",
    "a dot at the beginning": ".abcdefgh",
    "a percent sign": "%00%s%d",
    "SQL": "x'; DROP TABLE access_apikey; --",
    "quotes": "\"'`",
    "10 kB": "x" * 10_240,
    "10 kB in two parts": f"abcdefgh.{'x' * 10_240}",
    "10 kB in three parts": ".".join(["x" * 3_500] * 3),
    "just too long": "x" * 8_193,
    "just not too long": "x" * 8_192,
    "Latin-1": "schl\xfcssel.\xe4\xf6\xfc",
    "UTF-8 as HTTP shows it": "☃.☃".encode().decode("latin-1"),
    "control characters": "a\x01b.\x7fc",
}


@pytest.fixture(autouse=True)
def nobody_is_remembered(settings: Settings) -> None:
    settings.AUTH_CACHE_SECONDS = 0


def call(header: str | None, method: str = "get", path: str = "/v1/orders/") -> Any:
    client = APIClient()
    if header is not None:
        client.credentials(HTTP_AUTHORIZATION=header)
    return getattr(client, method)(path)


def refused(response: Any) -> None:
    body = problem(response, 401)
    assert body["code"] in {"authentication_failed", "not_authenticated"}
    assert response["WWW-Authenticate"] == CHALLENGES


def is_not_in(text: str, credential: str) -> bool:
    """Whether no telling part of the credential is in a text."""
    return not any(part in text for part in credential.split() if len(part) > 8)


@pytest.mark.django_db
@pytest.mark.parametrize("keyword", KEYWORDS)
@pytest.mark.parametrize("name", GARBAGE)
def test_refuses_garbage(caplog: pytest.LogCaptureFixture, keyword: str, name: str) -> None:
    credential = GARBAGE[name]

    refused(call(f"{keyword} {credential}"))

    assert is_not_in(caplog.text, credential)


@pytest.mark.django_db
@pytest.mark.parametrize("keyword", KEYWORDS)
@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_refuses_at_every_endpoint(keyword: str, method: str, path: str) -> None:
    refused(call(f"{keyword} garbage-0123456789", method, path))
    refused(call(f"{keyword} eyJhbGciOiJIUzI1NiJ9.e30.c2ln", method, path))
    refused(call(None, method, path))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        *(f"{keyword}{end}" for keyword in KEYWORDS for end in ("", " ", "   ", ":", "=x")),
        "garbage-0123456789",
        "Basic YWRhOmNvcnJlY3QgaG9yc2U=",
        "Digest username=ada",
        "Token garbage-0123456789",
        "Api-Key:garbage-0123456789",
        "Api-Key,garbage-0123456789",
        "Api-Key\tgarbage-0123456789",
        "\xa0Api-Key garbage-0123456789",
        "☃ garbage",
    ],
)
def test_refuses_a_header_that_is_none(header: str) -> None:
    refused(call(header))


def truncated(text: str) -> str:
    return text[:-1]


def longer(text: str) -> str:
    return f"{text}x"


def swapped_case(text: str) -> str:
    return text.swapcase()


def without_prefix(text: str) -> str:
    return text.partition(".")[2] or text[8:]


def twice(text: str) -> str:
    return f"{text},{text}"


def in_quotes(text: str) -> str:
    return f'"{text}"'


SPOILT = (truncated, longer, swapped_case, without_prefix, twice, in_quotes)


@pytest.mark.parametrize("spoil", SPOILT)
def test_refuses_a_spoilt_key(
    key: str, caplog: pytest.LogCaptureFixture, spoil: Callable[[str], str]
) -> None:
    refused(call(f"Api-Key {spoil(key)}"))

    assert key.partition(".")[2] not in caplog.text
    assert call(f"Api-Key {key}").status_code == 200


@pytest.mark.parametrize("keyword", ["Bearer", "JWT"])
@pytest.mark.parametrize("spoil", SPOILT)
def test_refuses_a_spoilt_token(
    admin: User,
    caplog: pytest.LogCaptureFixture,
    keyword: str,
    spoil: Callable[[str], str],
) -> None:
    token = issue(admin).access

    refused(call(f"{keyword} {spoil(token)}"))

    assert token not in caplog.text
    assert call(f"{keyword} {token}").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"revoked": True},
        {"expiry_date": timezone.now() - timedelta(seconds=1)},
        {"hashed_key": ""},
        {"hashed_key": "sha512$$"},
        {"hashed_key": "garbage"},
    ],
)
def test_refuses_a_key_that_is_no_longer_good(
    key: str, caplog: pytest.LogCaptureFixture, change: dict[str, Any]
) -> None:
    ApiKey.objects.update(**change)

    refused(call(f"Api-Key {key}"))

    assert key.partition(".")[2] not in caplog.text


def expire(user: User) -> None:
    get_access_token_model().objects.update(expires=timezone.now() - timedelta(seconds=1))


def revoke(user: User) -> None:
    get_access_token_model().objects.get().revoke()


def deactivate(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def leave(user: User) -> None:
    user.delete()


def narrow(user: User) -> None:
    get_access_token_model().objects.update(resource=["https://payroll.example"])


@pytest.mark.parametrize("spoil", [expire, revoke, deactivate, leave, narrow])
def test_refuses_a_token_that_is_no_longer_good(
    admin: User, caplog: pytest.LogCaptureFixture, spoil: Callable[[User], None]
) -> None:
    token = issue(admin).access
    assert call(f"Bearer {token}").status_code == 200

    spoil(admin)

    refused(call(f"Bearer {token}"))
    assert token not in caplog.text


def test_refuses_a_refresh_token(admin: User) -> None:
    refused(call(f"Bearer {issue(admin).refresh}"))


def test_refuses_a_credential_under_another_keyword(key: str, admin: User) -> None:
    token = issue(admin).access

    for header in (f"Bearer {key}", f"JWT {key}", f"Api-Key {token}", key, token):
        refused(call(header))


@pytest.mark.parametrize("where", ["query", "json", "form", "cookie", "header"])
@pytest.mark.parametrize("name", ["api_key", "api-key", "key", "Authorization", "access_token"])
def test_takes_a_credential_from_nowhere_else(
    key: str, admin: User, caplog: pytest.LogCaptureFixture, where: str, name: str
) -> None:
    for credential in (key, f"Api-Key {key}", issue(admin).access):
        client = APIClient()
        given = {name: credential, "name": "Acme"}
        if where == "query":
            response = client.get("/v1/orders/", {name: credential})
        elif where == "cookie":
            client.cookies[name] = credential
            response = client.get("/v1/orders/")
        elif where == "header":
            headers = {f"X-{name}": credential, "Proxy-Authorization": credential}
            response = client.get("/v1/orders/", headers=headers)
        else:
            kind = "json" if where == "json" else "multipart"
            response = client.post("/v1/customers/", given, format=kind)
        refused(response)
        assert credential not in caplog.text
    assert not Customer.objects.exists()


@pytest.mark.parametrize("path", ["/v1/orders/", "/api/orders", "/api/v1/orders/"])
@pytest.mark.parametrize("write", [str.lower, str.upper, str.title])
def test_does_not_mind_how_the_keyword_is_written(
    key: str, admin: User, path: str, write: Callable[[str], str]
) -> None:
    token = issue(admin).access

    for keyword, credential in (("Api-Key", key), ("Bearer", token), ("JWT", token)):
        assert call(f"{write(keyword)} {credential}", path=path).status_code == 200
        assert call(f"{write(keyword)}   {credential} ", path=path).status_code == 200


# --- What no test client, and hardly a server, lets through --------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("scheme", [ApiKeyAuthentication, BearerAuthentication])
@pytest.mark.parametrize(
    "credential",
    [
        "\0",
        "abcdefgh\0.x",
        "abcdefgh.\0",
        "eyJhbGciOiJIUzI1NiJ9.\0.x",
        "a.b.c\0",
        "\ud800.\ud800.\ud800",
        "☃.☃",
        "a.b\r\nX-Other: c",
        "x" * 1_000_000,
        "." * 1_000_000,
    ],
)
def test_the_authenticators_refuse(
    key: str, scheme: type[ApiKeyAuthentication], credential: str
) -> None:
    for given in (credential, f"{key}{credential}"):
        bare = APIRequestFactory().get("/")
        bare.META["HTTP_AUTHORIZATION"] = f"{scheme.keywords[0]} {given}"

        with pytest.raises(AuthenticationFailed):
            scheme().authenticate(Request(bare))


def over_a_socket(server: LiveServer, *headers: bytes, path: bytes = b"/v1/orders/") -> bytes:
    """The status line and the headers of the answer to exactly these bytes."""
    address = (server.thread.host, server.thread.port)
    with socket.create_connection(address, timeout=30) as connection:
        lines = [b"GET " + path + b" HTTP/1.1", b"Host: 127.0.0.1", b"Connection: close", *headers]
        connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n")
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer.partition(b"\r\n\r\n")[0]


@pytest.fixture
def served_key(live_server: LiveServer, key: str) -> bytes:
    """A key that works at the server."""
    good = b"Authorization: Api-Key " + key.encode()
    assert over_a_socket(live_server, good).startswith(b"HTTP/1.1 200 ")
    return key.encode()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b"Api-Key %s", b"Api-Key %s"),
        (b"Api-Key %s", b"Api-Key garbage-0123456789"),
        (b"Api-Key garbage-0123456789", b"Api-Key %s"),
        (b"Bearer garbage-0123456789", b"Api-Key %s"),
        (b"Api-Key %s", b"Bearer garbage-0123456789"),
        (b"", b"Api-Key %s"),
        (b"Basic YTpi", b"Api-Key %s"),
    ],
)
def test_refuses_two_headers(
    live_server: LiveServer, served_key: bytes, first: bytes, second: bytes
) -> None:
    headers = [b"Authorization: " + each.replace(b"%s", served_key) for each in (first, second)]

    answer = over_a_socket(live_server, *headers)

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"WWW-Authenticate: " + CHALLENGES.encode() in answer


@pytest.mark.parametrize(
    "value",
    [
        b"Api-Key %s\0",
        b"Api-Key \0%s",
        b"Api-Key \xff\xfe",
        b"Bearer \xc3\xbc.\xc3\xbc.\xc3\xbc",
        b"Bearer " + b"x" * 10_240,
        b"Bearer " + b"x" * 60_000,
        b"Api-Key",
        b"",
        b"\xff",
    ],
)
def test_refuses_bytes_that_make_no_sense(
    live_server: LiveServer, served_key: bytes, value: bytes
) -> None:
    answer = over_a_socket(live_server, b"Authorization: " + value.replace(b"%s", served_key))

    assert answer.startswith(b"HTTP/1.1 401 ")


def test_refuses_a_key_in_the_address(live_server: LiveServer, served_key: bytes) -> None:
    path = b"/v1/orders/?api_key=" + served_key

    assert over_a_socket(live_server, path=path).startswith(b"HTTP/1.1 401 ")
