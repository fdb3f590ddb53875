"""Encodings by which a body or a query string was to be decoded: only UTF-8 is.

`charset=punycode` took 27 seconds for 400 kB, `zlib` and `hex` were faults.
"""

import pytest
from rest_framework.test import APIClient

from common.tests.problems import problem
from customers.models import Customer
from imports.models import Import
from tests.attacks.wsgi import send

ENDPOINTS = [
    "/v1/customers/", "/api/token/", "/api-token-auth/", "/api/rest-auth/registration/",
    "/o/token/", "/o/introspect/", "/o/device-authorization/", "/login/", "/admin/login/",
    "/admin/", "/nowhere",
    "/notifications/africastalking/x/reports", "/swagger.json", "/static/x.css",
]  # fmt: skip
CODECS = [
    "punycode", "idna", "zlib", "hex", "base64", "rot13", "bz2", "uu", "quopri", "utf-7", "utf-16",
    "utf-32", "latin-1", "ISO-8859-1", "windows-1252", "cp437", "unicode_escape", "undefined",
    "mbcs", "raw_unicode_escape", "utf-8-sig", "utf_8", "nosuch", "", "utf-8x", "x" * 100,
    "utf-8 utf-16",
]  # fmt: skip
KINDS = [
    "application/json; charset={}", 'application/json;charset="{}"', "text/plain; CharSet={}",
    "application/x-www-form-urlencoded; charset={}", "multipart/form-data; boundary=b; charset={}",
    "application/json; charset=utf-8; charset={}", "application/json; charset={}; charset=utf-8",
    "application/json; charset ={}; x=y",
]  # fmt: skip
EXTENDED = [
    "application/json; charset*=punycode''x", "multipart/form-data; boundary*=zlib''b",
    "application/json; charset*=nosuch''x", "application/json; charset*0=puny; charset*1=code",
    f"application/json; a*{'1' * 5000}=x", "application/json; x*=utf-8''x",
    "application/json; " + "a" * 600,
]  # fmt: skip

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("kind", KINDS)
def test_takes_no_other_charset(kind: str, codec: str) -> None:
    answer = send("/api/token/", b"{}", kind=kind.format(codec))

    assert (answer.status, answer.read) == (415, 0)
    assert answer.json()["detail"] == "Only UTF-8 is taken."


@pytest.mark.parametrize("kind", [*EXTENDED, "application/json; charset=punycode"])
@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_takes_none_anywhere(path: str, kind: str, method: str) -> None:
    """Nor decodes the query string by it: 100 kB of that took seconds."""
    answer = send(path, b"{}", kind=kind, method=method, query="q=" + "a-b9999" * 900)

    assert (answer.status, answer.read) == (415, 0)


@pytest.mark.parametrize(
    "charset", ["utf-8", "UTF-8", "utf8", "UTF8", '"utf-8"', "us-ascii", "US-ASCII", " utf-8 "]
)
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"name": "Ann"}'),
        ("application/x-www-form-urlencoded", b"name=Ann"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nAnn\r\n--b--\r\n',
        ),
    ],
)
def test_takes_utf8_by_all_its_names(key: str, charset: str, kind: str, body: bytes) -> None:
    answer = send(
        "/v1/customers/",
        body,
        kind=f"{kind}; charset={charset}",
        HTTP_AUTHORIZATION=f"Api-Key {key}",
    )

    assert (answer.status, answer.json().get("name")) == (201, "Ann")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_takes_json_in_no_other_encoding(partner: APIClient, encoding: str) -> None:
    body = '{"name": "Ann"}'.encode(encoding)

    problem(partner.post("/v1/customers/", body, content_type="application/json"), 400)


@pytest.mark.parametrize(
    "query", ["q=%FF", "%C3=1", "q=%ED%A0%80", "q=\xff", "q=%C0%80", "q=%F8%88%80%80%80"]
)
@pytest.mark.parametrize("path", ENDPOINTS)
def test_refuses_a_query_that_is_no_utf8(path: str, query: str) -> None:
    assert send(path, method="GET", query=query).status == 400


def test_a_header_with_an_underscore_is_none(key: str) -> None:
    credential = {"HTTP_AUTHORIZATION": f"Api-Key {key}"}
    kind = "application/json; charset=punycode"

    answer = send("/v1/customers/", b'{"name": "Ann"}', HTTP_CONTENT_TYPE=kind, **credential)

    assert answer.status == 415


HEADERS = [
    b'Content-Disposition: form-data; name="name"\r\nContent-Type: text/plain; charset=%s',
    b'Content-Disposition: form-data; name="name"\r\ncontent-type: text/plain;a=b; charset="%s"',
    b'Content-Type: text/plain; charset=%s\r\nContent-Disposition: form-data; name="name"',
    b"Content-Disposition: form-data; name*=%s''name",
    b"Content-Disposition: form-data; name*=\"%s'en'name\"",
    b"Content-Disposition: form-data; name=name; filename*=%s''x.csv",
    b"Content-Disposition: form-data; name=name; filename*0*=%s''x; filename*1*=.csv",
    b"X-Other: a; b*=%s''c\r\nContent-Disposition: form-data; name=name",
]


def multipart(header: bytes, content: bytes = b"Ann", *, start: bytes = b"\r\n") -> bytes:
    return b"--b" + start + header + b"\r\n\r\n" + content + b"\r\n--b--\r\n"


@pytest.mark.parametrize("codec", [b"punycode", b"zlib", b"nosuch", b"latin-1", b"utf-16"])
@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("start", [b"\r\n", b""])
def test_takes_no_part_in_another_encoding(
    partner: APIClient, header: bytes, codec: bytes, start: bytes
) -> None:
    body = multipart(header % codec, start=start)
    answer = partner.post("/v1/customers/", body, content_type="multipart/form-data; boundary=b")

    problem(answer, 415)
    assert not Customer.objects.exists()


@pytest.mark.parametrize("path", ["/login/", "/admin/login/", "/o/token/", "/api/token/"])
@pytest.mark.parametrize("codec", [b"punycode", b"zlib"])
def test_takes_no_such_part_in_a_page(path: str, codec: bytes) -> None:
    token = "a" * 32
    kind = "multipart/form-data; boundary=b"
    body = multipart(HEADERS[0] % codec)

    answer = send(path, body, kind=kind, HTTP_COOKIE=f"csrftoken={token}; __Host-csrftoken={token}")

    assert answer.status == 415


def test_looks_at_a_header_that_comes_in_two_blocks(partner: APIClient) -> None:
    """Django reads 64 kB at a time: the header lies across the end of the first."""
    header = HEADERS[0] % b"punycode"
    for size in range(65_536 - len(header) - 60, 65_536, 40):
        first = multipart(b'Content-Disposition: form-data; name="name"', b"x" * size)
        body = first.removesuffix(b"--b--\r\n") + multipart(header)
        answer = partner.post(
            "/v1/customers/", body, content_type="multipart/form-data; boundary=b"
        )
        problem(answer, 415)


@pytest.mark.parametrize("name", ["iso-8859-1", "punycode", "utf-16", ""])
@pytest.mark.parametrize("form", ["multipart", "application/x-www-form-urlencoded"])
def test_takes_no_form_that_says_another(partner: APIClient, name: str, form: str) -> None:
    if form == "multipart":
        answer = partner.post("/v1/customers/", {"_charset_": name, "name": "A"}, format=form)
    else:
        answer = partner.post("/v1/customers/", f"_charset_={name}&name=A", content_type=form)

    problem(answer, 415)


@pytest.mark.parametrize(
    ("file", "status"),
    [
        (b"Content-Type: text/csv; charset=utf-8", 202),
        (b"Content-Type: text/csv", 202),
        (b"Content-Type: text/csv; charset=windows-1252", 415),
    ],
)
@pytest.mark.parametrize(
    ("name", "taken"),
    [
        (b'filename="x.csv"', True),
        (b"filename*=UTF-8''%C3%A4.csv", True),
        (b"filename*=zlib''x", False),
    ],
)
def test_takes_a_file_in_utf8(
    partner: APIClient, file: bytes, status: int, name: bytes, taken: bool
) -> None:
    disposition = b'Content-Disposition: form-data; name="file"; %b\r\n' % name
    body = multipart(disposition + file, b"code,name\nC1,Ann\n").removesuffix(
        b"--b--\r\n"
    ) + multipart(b'Content-Disposition: form-data; name="resource"', b"customers")
    answer = partner.post("/v1/imports/", body, content_type="multipart/form-data; boundary=b")

    assert answer.status_code == (status if taken else 415)
    assert Import.objects.count() == (answer.status_code == 202)
