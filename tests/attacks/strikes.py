"""What is done to an installation, all of it at once (`siege.py`). Each function is one strike.

A strike that the installation answers with a refusal has done what it could; what counts is
whether honest clients notice.
"""

import base64
import json
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection

from tests.attacks.slow import SOURCES

ORDERINGS = ("created_at", "-created_at", "order_time", "-order_time", "amount", "-amount")
CODECS = (
    "punycode",
    "idna",
    "zlib",
    "hex",
    "utf-7",
    "unicode_escape",
    "utf-16",
    "cp037",
    "no-such",
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to strike, and with which credentials."""

    host: str
    port: int
    key: str
    reading_key: str
    order: str
    customer_code: str
    issuer: str


Strike = Callable[[Target], int]


def send(target: Target, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
    """The status of one request on a connection of its own."""
    source = (random.choice(SOURCES), 0)  # noqa: S311 - no secret
    connection = HTTPConnection(target.host, target.port, timeout=30, source_address=source)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def many_limits(target: Target) -> int:
    """Another statement for each limit and ordering."""
    limit, ordering = random.randint(1, 300), random.choice(ORDERINGS)  # noqa: S311
    path = f"/v1/orders/?limit={limit}&ordering={ordering}"
    return send(target, "GET", path, Authorization=target.reading_key)


def many_filters(target: Target) -> int:
    """Another statement for each set of filters."""
    filters = (
        f"customer_code={target.customer_code}",
        "status=received",
        "created_after=2026-01-01T00:00:00Z",
        "created_before=2100-01-01T00:00:00Z",
        "fields=id,code",
        "count=true",
    )
    query = "&".join(random.sample(filters, random.randint(1, 5)))  # noqa: S311
    return send(target, "GET", f"/v1/orders/?{query}&limit=5", Authorization=target.reading_key)


def strange_charset(target: Target) -> int:
    """A body in a codec that is slow, or none for text."""
    body = b"a-" * 25_000
    content_type = f"application/json; charset={random.choice(CODECS)}"  # noqa: S311
    return send(target, "POST", "/api-token-auth/", body, Content_Type=content_type)


def strange_charset_of_a_form(target: Target) -> int:
    """The same as a form."""
    body = b"username=" + b"a-" * 25_000
    content_type = f"application/x-www-form-urlencoded; charset={random.choice(CODECS)}"  # noqa: S311
    return send(target, "POST", "/api/token/", body, Content_Type=content_type)


def unknown_members(target: Target) -> int:
    """As many errors as a body has room for."""
    body = json.dumps({f"unknown{number}": 1 for number in range(50_000)}).encode()
    headers = {"Authorization": target.key, "Content_Type": "application/json"}
    return send(target, "POST", "/v1/orders/", body, **headers)


def many_form_fields(target: Target) -> int:
    """The same with the fields of a form, from a stranger."""
    body = "&".join(f"f{number}=1" for number in range(7000)).encode()
    content_type = "application/x-www-form-urlencoded"
    return send(target, "POST", "/o/token/", body, Content_Type=content_type)


def many_parts(target: Target) -> int:
    """The same with the parts of a multipart body."""
    part = '--x\r\nContent-Disposition: form-data; name="f{}"\r\n\r\n1\r\n'
    body = ("".join(map(part.format, range(1000))) + "--x--\r\n").encode()
    content_type = "multipart/form-data; boundary=x"
    return send(target, "POST", "/api-token-auth/", body, Content_Type=content_type)


def bad_pairs(target: Target) -> int:
    """A thousand errors in a query."""
    body = json.dumps([{"app": 1, "nothing": number} for number in range(1000)]).encode()
    headers = {"Authorization": target.reading_key, "Content_Type": "application/json"}
    return send(target, "POST", "/v1/query/", body, **headers)


def unknown_key_id(target: Target) -> int:
    """A token that nobody signed, whose key the slow issuer is asked for."""

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    head = {"alg": "RS256", "typ": "at+jwt", "kid": uuid.uuid4().hex}
    claims = {"iss": target.issuer, "aud": "klanten", "sub": "x", "exp": 4_000_000_000}
    token = f"Bearer {part(head)}.{part(claims)}.{'A' * 342}"
    return send(target, "GET", "/v1/orders/", Authorization=token)


def kept_reads(target: Target) -> int:
    """A read that asks to be remembered, each time under another key."""
    body = json.dumps([{"app": "crm", "customer_app_id": str(n)} for n in range(100)]).encode()
    headers = {
        "Authorization": target.reading_key,
        "Content_Type": "application/json",
        "Idempotency_Key": uuid.uuid4().hex,
    }
    return send(target, "POST", "/v1/query/", body, **headers)


STRIKES: tuple[Strike, ...] = (
    many_limits,
    many_filters,
    strange_charset,
    strange_charset_of_a_form,
    unknown_members,
    many_form_fields,
    many_parts,
    bad_pairs,
    unknown_key_id,
    kept_reads,
)
