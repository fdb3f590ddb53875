"""It refuses a customer that makes no sense, says why of every field, and writes nothing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from common.tests.problems import problem, wrong_fields
from customers.models import Customer

URL = "/v1/customers/"
FORM = "application/x-www-form-urlencoded"
TEXTS = ("code", "name", "first_name", "last_name", "phone_number", "domain", "document")
LONGEST = {"code": 50, "name": 501, "first_name": 250, "last_name": 250, "domain": 253}


@pytest.fixture(autouse=True)
def nothing_is_written(db: None) -> Iterator[None]:
    """Whatever is sent here, no customer comes of it."""
    yield
    assert Customer.objects.count() == 0


def domain_of(length: int) -> str:
    """A domain name that is good but for its length."""
    return ".".join(["a" * 60] * 5)[-length:]


@pytest.mark.parametrize("body", [{}, {"code": "C1"}, {"phone_number": "0712345678"}, {"name": ""}])
def test_needs_an_identity(partner: APIClient, body: dict[str, str]) -> None:
    response = partner.post(URL, body)

    assert wrong_fields(response) == dict.fromkeys(("name", "domain", "document"), "required")


@pytest.mark.parametrize("field", TEXTS)
@pytest.mark.parametrize("value", [["x"], {"x": "y"}, True, [], {}])
def test_needs_text(partner: APIClient, field: str, value: Any) -> None:
    response = partner.post(URL, {"name": "Acme", field: value})

    assert wrong_fields(response) == {field: "invalid"}


@pytest.mark.parametrize("field", ["code", "name", "first_name", "last_name"])
def test_refuses_a_number_for_text(partner: APIClient, field: str) -> None:
    response = partner.post(URL, {"name": "Acme", field: 5})

    Customer.objects.all().delete()
    assert wrong_fields(response) == {field: "invalid"}


@pytest.mark.parametrize("field", ["code", "name", "first_name", "last_name", "phone_number"])
def test_refuses_null_where_empty_is_text(partner: APIClient, field: str) -> None:
    response = partner.post(URL, {"name": "Acme", field: None})

    assert wrong_fields(response) == {field: "null"}


def test_refuses_an_empty_code(partner: APIClient) -> None:
    assert wrong_fields(partner.post(URL, {"name": "Acme", "code": " "})) == {"code": "blank"}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("code", "x" * 51, "max_length"),
        ("name", "x" * 502, "max_length"),
        ("first_name", "x" * 251, "max_length"),
        ("last_name", "x" * 251, "max_length"),
        ("domain", domain_of(254), "domain"),
        ("domain", f"{'a' * 64}.example", "domain"),
        ("document", "529982247250", "document"),
        ("phone_number", "+2547123456789", "phone"),
        ("phone_number", "+254712345678" * 100, "phone"),
    ],
)
def test_refuses_what_is_too_long(partner: APIClient, field: str, value: str, code: str) -> None:
    response = partner.post(URL, {"name": "Acme", field: value})

    assert wrong_fields(response) == {field: code}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("language", tag) for tag in ("english", "e", "en-", "en-USA", "12", "en;q=1")),
        *(("time_zone", zone) for zone in ("Nairobi", "+03:00", "../../etc/passwd", "a\u0131")),
    ],
)
def test_refuses_a_language_or_a_time_zone_that_is_none(
    partner: APIClient, field: str, value: str
) -> None:
    response = partner.post(URL, {"name": "Acme", field: value})

    assert wrong_fields(response) == {field: field}


@pytest.mark.parametrize(
    "phone", ["x", "12", "0", "+", "+999712345678", "0812345678", "a@b.example"]
)
def test_refuses_a_phone_that_is_none(partner: APIClient, phone: str) -> None:
    response = partner.post(URL, {"name": "Acme", "phone_number": phone})

    assert wrong_fields(response) == {"phone_number": "phone"}


@pytest.mark.parametrize(
    "domain",
    [
        ".",
        "..",
        "a..example",
        ".example.com",
        "exam ple.com",
        "-a.example",
        "a-.example",
        "a_b.example",
        "*.example.com",
        "example.com/path",
        "http://example.com",
        "john@example.com",
        "example.com:80",
        "xn--a.example",
        "\u200b.example",
    ],
)
def test_refuses_a_domain_that_is_none(partner: APIClient, domain: str) -> None:
    assert wrong_fields(partner.post(URL, {"domain": domain})) == {"domain": "domain"}


@pytest.mark.parametrize(
    "document",
    ["52998224724", "529.982.247-26", "00000000000", "5299822472", "x", "-", "52998224725x"],
)
def test_refuses_a_document_that_is_none(partner: APIClient, document: str) -> None:
    assert wrong_fields(partner.post(URL, {"document": document})) == {"document": "document"}


@pytest.mark.parametrize("digit", "123456789")
def test_refuses_a_document_of_equal_digits(partner: APIClient, digit: str) -> None:
    response = partner.post(URL, {"document": digit * 11})

    Customer.objects.all().delete()
    assert wrong_fields(response) == {"document": "document"}


@pytest.mark.parametrize("field", TEXTS)
@pytest.mark.parametrize("character", ["\x00", "\ud800"])
def test_refuses_what_no_text_holds(partner: APIClient, field: str, character: str) -> None:
    good = {"phone_number": "071234567", "domain": "acme.example", "document": "5299822472"}
    value = good.get(field, "Acme") + character + "8"

    response = partner.post(URL, json.dumps({field: value}), content_type="application/json")

    assert field in wrong_fields(response)


def test_refuses_a_member_whose_name_no_text_holds(partner: APIClient) -> None:
    partner.raise_request_exception = False
    body = json.dumps({"name": "Acme", "\ud800": "x"})

    response = partner.post(URL, body, content_type="application/json")

    assert set(wrong_fields(response).values()) == {"unknown"}


@pytest.mark.parametrize("body_type", [FORM, "multipart/form-data; boundary=b"])
def test_refuses_nul_in_a_form(partner: APIClient, body_type: str) -> None:
    body = b"name=a%00b"
    if body_type != FORM:
        body = b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\na\0b\r\n--b--\r\n'

    response = partner.post(URL, body, content_type=body_type)

    assert "name" in wrong_fields(response)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"name": "Z\xf6"}', "application/json"),
        (b'{"na\xf6me": "Z"}', "application/json"),
        (b"name=Z\xf6", FORM),
        (b"name=Z%F6", FORM),
        (b"na%F6me=Z", FORM),
        (b"name=%ED%A0%80", FORM),
        (
            b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nZ\xf6\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
        ),
    ],
)
def test_refuses_what_is_no_utf_8(partner: APIClient, body: bytes, content_type: str) -> None:
    response = partner.post(URL, body, content_type=content_type)

    assert problem(response, 400)["code"] == "parse_error"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        '{"name": "Acme"',
        '{"name": }',
        "name=Acme",
        "{'name': 'Acme'}",
        '{"name": NaN}',
        '{"name": Infinity}',
        "[" * 100_000,
        '{"name":' * 100_000,
    ],
)
def test_refuses_broken_json(partner: APIClient, body: str) -> None:
    response = partner.generic("POST", URL, body, content_type="application/json")

    # An empty body is an empty object to DRF: what is missing is then the identity.
    assert problem(response, 400)["code"] == ("parse_error" if body else "invalid")


@pytest.mark.parametrize("body", ["[]", '"Acme"', "5", "true", "null", '[{"name": "Acme"}]'])
def test_needs_an_object(partner: APIClient, body: str) -> None:
    problem(partner.generic("POST", URL, body, content_type="application/json"), 400)


@pytest.mark.parametrize("member", ["nmae", "customer", "", "Name", "__class__", "ä"])
def test_refuses_an_unknown_member(partner: APIClient, member: str) -> None:
    response = partner.post(URL, {"name": "Acme", member: "x"})

    assert wrong_fields(response) == {member: "unknown"}


def test_names_every_wrong_field_at_once(partner: APIClient) -> None:
    response = partner.post(
        URL,
        {
            "code": "",
            "name": [],
            "first_name": "x" * 251,
            "last_name": False,
            "phone_number": "x",
            "domain": "..",
            "document": "1",
            "nmae": "Acme",
        },
    )

    assert wrong_fields(response) == {
        "code": "blank",
        "name": "invalid",
        "first_name": "max_length",
        "last_name": "invalid",
        "phone_number": "phone",
        "domain": "domain",
        "document": "document",
        "nmae": "unknown",
    }
