"""Texts that are not what they look like: control and bidi characters, digits of other scripts,
and JSON objects that name a member twice. One rule for the API, forms and files.
"""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from rest_framework.test import APIClient

from access.models import ApiKey, User
from common.tests.problems import problem, wrong_fields
from common.text import has_foreign_digits, validate_lines, validate_one_line
from customers.models import Customer
from imports.tests.uploads import imported, report
from items.models import Item
from mappings.models import App, Mapping
from notifications.models import Message
from orders.models import Order

pytestmark = pytest.mark.django_db

REFUSED = [
    *map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u061c", "\u200e", "\u200f", "\u2028",
    "\u2029", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)), "\ud800",
    "\udbff", "\udc00", "\udfff", "\ufdd0", "\ufdef", "\ufffe", "\uffff", "\U0001fffe",
    "\U0010ffff",
]  # fmt: skip
TAKEN = [
    " ", "~", "\u00a0", "é", "İ", "Ω", "я", "\u0645\u0631\u062d\u0628\u0627", "שלום",
    "नमस्ते", "\u0645\u06cc\u200c\u062e\u0648", "👩\u200d🌾",
    "李", "\u0301", "\U0001f4a9", "\u200b", "O'Neill", "\ufffd", "\ue000",
]  # fmt: skip
# Those that a request can carry as they are and that no parser takes for the end of something.
SHOWN = ["\x01", "\x1b", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "\u200f", "\u061c", "\uffff"]


@pytest.mark.parametrize("character", REFUSED, ids=lambda each: f"{ord(each):04X}")
def test_the_rule_refuses(character: str) -> None:
    for text in (character, f"a{character}b", f"{character}é"):
        with pytest.raises(ValidationError) as refused:
            validate_one_line(text)
        code = {"\0": "null_characters_not_allowed"}.get(character, "characters")
        if "\ud800" <= character <= "\udfff":
            code = "surrogate_characters_not_allowed"
        assert refused.value.code == code
        if character not in "\t\n\r":
            with pytest.raises(ValidationError):
                validate_lines(text)


@pytest.mark.parametrize("text", TAKEN)
def test_the_rule_takes(text: str) -> None:
    for validate in (validate_one_line, validate_lines):
        validate(text)
        validate(f"a{text}b")
    validate_lines(f"{text}\r\n\t{text}")


MEMBERS = [
    ("/v1/customers/", "name", {}),
    ("/v1/customers/", "first_name", {}),
    ("/v1/customers/", "last_name", {}),
    ("/v1/customers/", "code", {"name": "Ann"}),
    ("/v1/customers/", "phone_number", {"name": "Ann"}),
    ("/v1/customers/", "domain", {"name": "Ann"}),
    ("/v1/customers/", "document", {"name": "Ann"}),
    ("/v1/customers/", "language", {"name": "Ann"}),
    ("/v1/customers/", "time_zone", {"name": "Ann"}),
    ("/v1/items/", "name", {"price": 1}),
    ("/v1/items/", "currency", {"name": "Pen", "price": 1}),
    ("/v1/orders/", "code", {"customer_code": "CUST001", "item": "Pen", "amount": 1}),
    ("/v1/orders/", "item", {"customer_code": "CUST001", "amount": 1}),
    ("/v1/orders/", "customer_code", {"item": "Pen", "amount": 1}),
    ("/v1/mappings/", "app", {"customer_app_id": "x"}),
]


@pytest.mark.parametrize("character", SHOWN, ids=lambda each: f"{ord(each):04X}")
@pytest.mark.parametrize("wanted", MEMBERS, ids="{0[0]} {0[1]}".format)
def test_the_api_refuses(
    partner: APIClient, john: Customer, wanted: tuple[str, str, Any], character: str
) -> None:
    path, member, others = wanted
    body = {**others, member: f"a{character}b"}

    for form in ("json", "multipart"):
        assert member in wrong_fields(partner.post(path, body, format=form))
    counts = [model.objects.count() for model in (Customer, Item, Order, Mapping)]
    assert counts == [1, 0, 0, 0]


@pytest.mark.parametrize("character", SHOWN, ids=lambda each: f"{ord(each):04X}")
def test_a_file_is_refused_row_by_row(partner: APIClient, character: str) -> None:
    shown = imported(
        partner, f'{{"code": "C1", "name": "A{character}n"}}\n{{"code": "C2", "name": "B"}}'
    )
    if character not in "\x01\x1b":
        assert report(partner, shown)[0][:3] == (1, "name", "characters")
    quoted = imported(partner, f'code,name\nC3,"A{character}n"\n"C{character}D",B\nC4,B\n')

    fields = [(line, field) for line, field, *_ in report(partner, quoted)]
    assert fields == [(2, "name"), (3, "code")]
    assert set(Customer.objects.values_list("code", flat=True)) == {"C2", "C4"}


FORMS: list[tuple[str, str, dict[str, str]]] = [
    ("/admin/customers/customer/add/", "name", {"code": "C1"}),
    ("/admin/customers/customer/add/", "code", {"name": "Ann"}),
    ("/admin/customers/customer/add/", "phone_number", {"name": "Ann", "code": "C1"}),
    ("/admin/items/item/add/", "name", {"price": "1", "currency": "KES"}),
    ("/admin/mappings/app/add/", "name", {"slug": "amc2"}),
    ("/admin/access/apikey/add/", "name", {"rate_class": "standard"}),
    ("/admin/access/apikey/add/", "owner", {"name": "Key", "rate_class": "standard"}),
    ("/admin/auth/group/add/", "name", {}),
    ("/o/applications/register/", "name", {
        "client_type": "public", "authorization_grant_type": "authorization-code",
        "client_id": "x", "redirect_uris": "http://127.0.0.1/x", "algorithm": "RS256",
    }),
]  # fmt: skip


@pytest.mark.parametrize("character", ["\x01", "\u202e", "\u2028"], ids=["control", "bidi", "line"])
@pytest.mark.parametrize("wanted", FORMS, ids="{0[0]} {0[1]}".format)
def test_a_form_refuses(
    client: Client, admin: User, wanted: tuple[str, str, Any], character: str
) -> None:
    url, member, others = wanted
    client.force_login(admin)

    answer = client.post(url, {**others, member: f"a{character}b"})

    assert answer.status_code == 200
    assert f"U+{ord(character):04X}" in answer.content.decode()
    assert [model.objects.count() for model in (Customer, Item, ApiKey)] == [0, 0, 0]
    assert not App.objects.filter(slug="amc2").exists()


@pytest.mark.parametrize("character", SHOWN, ids=lambda each: f"{ord(each):04X}")
def test_registration_refuses(client: Client, character: str) -> None:
    password = "correct horse battery"
    body = {"username": f"ja{character}ne", "password1": password, "password2": password}

    answer = client.post("/api/rest-auth/registration/", body, content_type="application/json")

    assert "username" in wrong_fields(answer)
    assert not User.objects.exists()


def test_who_was_named_before_the_rule_can_be_read_and_paged(partner: APIClient) -> None:
    for number in range(3):
        Customer.objects.create(code=f"C{number}", name=f"A\u202e{number}")
    url, names = "/v1/customers/?ordering=name&limit=1", []

    while url:
        answer = partner.get(url)
        names += [row["name"] for row in answer.json()]
        url = next(
            (
                link[1:].partition(">")[0]
                for link in answer.get("Link", "").split(", ")
                if "next" in link
            ),
            "",
        )

    assert names == ["A\u202e0", "A\u202e1", "A\u202e2"]


# --- Digits -----------------------------------------------------------------------------

# Arabic-Indic, Persian, Devanagari, Bengali, full-width, mathematical.
SCRIPTS = [0x660, 0x6F0, 0x966, 0x9E6, 0xFF10, 0x1D7CE]


def in_script(text: str, zero: int) -> str:
    """`text` with the digits of another script."""
    return "".join(chr(zero + int(each)) if each.isdigit() else each for each in text)


@pytest.fixture(params=SCRIPTS, ids=lambda zero: f"{zero:X}")
def zero(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_knows_foreign_digits(zero: int) -> None:
    assert has_foreign_digits(in_script("a1", zero))
    assert not any(map(has_foreign_digits, ("a1", "é1", "½", "²", "一", "")))


def test_takes_no_foreign_digits_in_numbers(
    partner: APIClient, john: Customer, shirt: Item, zero: int
) -> None:
    way_1 = {"customer_code": "CUST001", "item": "Pen", "amount": "1"}
    way_2 = {"customer": str(john.pk), "item": str(shirt.pk), "quantity": 1}
    line = {"item": str(shirt.pk), "quantity": 1}
    time = "2026-01-01T10:00:00Z"
    bodies: list[tuple[str, str, Any]] = [
        ("/v1/orders/", "amount", way_1 | {"amount": in_script("12", zero)}),
        ("/v1/orders/", "quantity", way_2 | {"quantity": in_script("2", zero)}),
        ("/v1/orders/", "item", way_2 | {"item": in_script(str(shirt.pk), zero)}),
        ("/v1/orders/", "customer", way_2 | {"customer": in_script(str(john.pk), zero)}),
        ("/v1/orders/", "order_time", way_1 | {"order_time": in_script(time, zero)}),
        ("/v1/orders/", "lines[0].quantity", {
            "customer": str(john.pk), "lines": [line | {"quantity": in_script("2", zero)}],
        }),
        ("/v1/items/", "price", {"name": "Pen", "price": in_script("1", zero)}),
        ("/v1/customers/", "phone_number", {"phone_number": in_script("+254712345678", zero)}),
        ("/v1/customers/", "phone_number", {"phone_number": in_script("0712345678", zero)}),
        ("/v1/customers/", "document", {"document": in_script("529.982.247-25", zero)}),
        ("/v1/mappings/", "customer", {
            "customer": in_script(str(john.pk), zero), "app": "amc", "customer_app_id": "x",
        }),
    ]  # fmt: skip
    for path, member, body in bodies:
        assert member in wrong_fields(partner.post(path, body)), body
    assert (Order.objects.count(), Customer.objects.count(), Item.objects.count()) == (0, 1, 1)


@pytest.mark.parametrize("kind", ["customers", "items", "orders"])
def test_takes_none_in_addresses(
    partner: APIClient, john: Customer, shirt: Item, zero: int, kind: str
) -> None:
    order = Order.objects.create(customer=john, description="Pen", amount=1)
    row = {"customers": john, "items": shirt, "orders": order}[kind]
    url = f"/v1/{kind}/{in_script(str(row.pk), zero)}/"

    assert partner.get(f"/v1/{kind}/{row.pk}/").status_code == 200
    for method in ("get", "put", "patch", "delete"):
        problem(getattr(partner, method)(url), 404)
    row.refresh_from_db()
    problem(partner.get(f"/v1/orders/customer/{in_script(str(john.pk), zero)}/"), 404)


def test_takes_none_in_queries(partner: APIClient, john: Customer, zero: int) -> None:
    time = in_script("2026-01-01T10:00:00Z", zero)
    asked = [
        ("customers", "limit", in_script("5", zero)),
        ("customers", "created_after", time),
        ("customers", "created_before", in_script("2026-01-01", zero)),
        ("customers", "phone_number", in_script("+254712345678", zero)),
        ("customers", "document", in_script("52998224725", zero)),
        ("orders", "ordered_after", time),
        ("orders", "customer", in_script(str(john.pk), zero)),
        ("mappings", "customer", in_script(str(john.pk), zero)),
        ("notifications", "order", in_script(str(john.pk), zero)),
        ("customers", "cursor", in_script("WyIxIl0", zero)),
    ]
    for resource, name, value in asked:
        answer = partner.get(f"/v1/{resource}/", {name: value})
        assert set(wrong_fields(answer)) == {name}, (name, value)


def test_takes_none_in_forms(client: Client, admin: User, john: Customer, zero: int) -> None:
    client.force_login(admin)
    item = {"name": "Pen", "price": in_script("12", zero), "currency": "KES"}
    key = {"name": "Key", "rate_class": "standard", "expiry_date_1": "10:00"}
    order = {
        "customer": str(john.pk), "currency": "KES", "lines-TOTAL_FORMS": "1",
        "lines-INITIAL_FORMS": "0", "lines-0-description": "Pen", "lines-0-unit_price": "1",
        "lines-0-quantity": in_script("2", zero),
    }  # fmt: skip
    customer = in_script(str(john.pk), zero)
    asked = [
        ("/admin/items/item/add/", item),
        ("/admin/access/apikey/add/", key | {"expiry_date_0": in_script("2030-01-01", zero)}),
        ("/admin/orders/order/add/", order),
        ("/admin/orders/order/add/", order | {"lines-0-quantity": "1", "customer": customer}),
    ]
    for url, form in asked:
        answer = client.post(url, form)
        assert answer.status_code == 400 or b"errorlist" in answer.content, url
    assert [model.objects.count() for model in (Item, ApiKey, Order)] == [0, 0, 0]


# --- Members that come twice ------------------------------------------------------------

TWICE = [
    '{"name": "A", "name": "B"}', '{"name": "A", "n\\u0061me": "B"}', '{"name" : "A", "name":"A"}',
    '{"name": ":", "name": ":"}', '{"name": "A", "x": {"y": 1, "y": 2}}', '{"":1,"":2}',
    '{"name": "A\\":", "code": "C", "name"\n:\t"B"}', '{"name": "\\\\", "name": 1e999}',
    '{"name": 12345678901234567890123, "name": 1}', '[{"a": 1, "a": 2}]',
    '{"a": [{"b": 1, "b": 1}]}',
    '{"\\ud800": 1, "\\ud800": 2}', '{"name": "A", "name": null}',
]  # fmt: skip


@pytest.mark.parametrize("body", TWICE)
@pytest.mark.parametrize("path", ["/v1/customers/", "/v1/orders/", "/v1/query/", "/api/token/"])
def test_refuses_a_member_that_comes_twice(partner: APIClient, path: str, body: str) -> None:
    answer = partner.post(path, body, content_type="application/json")

    assert "twice" in problem(answer, 400)["detail"]
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    "name", [":", '":', 'a":b', '\\\\":', '{"name": 1}', "12:30", "\\\\", "https://x:1"]
)
def test_takes_whatever_looks_like_one(partner: APIClient, name: str) -> None:
    answer = partner.post("/v1/customers/", {"name": name, "code": "C"})

    assert (answer.status_code, answer.json()["name"]) == (201, name)


def test_refuses_one_in_a_file_and_in_a_form(partner: APIClient, john: Customer) -> None:
    shown = imported(
        partner, '{"code": "C1", "name": "A", "name": "B"}\n{"code": "C2", "name": "B"}'
    )
    lines = '[{"description": "Pen", "quantity": 1, "quantity": 2, "unit_price": "1"}]'
    answer = partner.post(
        "/v1/orders/", {"customer_code": "CUST001", "lines": lines}, format="multipart"
    )

    assert report(partner, shown)[0][:3] == (1, "", "json")
    assert "twice" in problem(answer, 400)["detail"]
    assert set(Customer.objects.values_list("code", flat=True)) == {"CUST001", "C2"}
    assert (Order.objects.count(), Message.objects.count()) == (0, 0)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
@pytest.mark.parametrize("name", ["name", "nosuch", "x" * 5000])
def test_refuses_a_field_of_a_form_that_comes_twice(
    partner: APIClient, kind: str, name: str
) -> None:
    if kind == "multipart/form-data":
        part = f'--b\r\nContent-Disposition: form-data; name="{name[:200]}"\r\n\r\nAnn\r\n'
        body, kind = f"{part}{part}--b--\r\n", f"{kind}; boundary=b"
    else:
        body = f"{name}=Ann&name=Ann&{name}=Ben"

    detail = problem(partner.post("/v1/customers/", body, content_type=kind), 400)["detail"]

    assert detail.endswith("twice.")
    assert len(detail) < 200
    assert Customer.objects.count() == 0


def test_takes_a_filter_twice_in_the_form_of_a_question(partner: APIClient) -> None:
    """Either of the two, as in an address."""
    form = "application/x-www-form-urlencoded"

    answer = partner.generic("GET", "/v1/mappings/", "app=amc&app=other", content_type=form)

    assert (answer.status_code, answer.json()) == (200, [])
