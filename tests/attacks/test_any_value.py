"""Any text, number or bytes in any column of a file and any member of the API.

Never a fault of ours: a good row lands, a bad one is refused with its line, and the API gives an
answer that is documented. The values are hypothesis'; the short form tries the same ones each time.
"""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from customers.models import Customer
from imports.tests.uploads import imported, report
from imports.work import FAULT
from items.models import Item
from tests.odd import NUMBERS, TEXTS, TOKENS

TOGETHER = [
    HealthCheck.function_scoped_fixture,  # rows of the examples before do no harm
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
]
LONG = settings(max_examples=1500, deadline=None, suppress_health_check=TOGETHER)


def short(examples: int) -> settings:
    return settings(
        max_examples=examples, derandomize=True, deadline=None, suppress_health_check=TOGETHER
    )


# --- Values ---------------------------------------------------------------------------


def one_of(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    """One of `values`, whose names hypothesis need not write out."""
    return st.integers(0, len(values) - 1).map(lambda index: values[index])


whole_texts = st.one_of(one_of(TEXTS), st.text(max_size=60))
surrogates = st.text(
    st.characters(min_codepoint=0xD700, max_codepoint=0xE0FF), min_size=1, max_size=9
)
texts = st.one_of(whole_texts, surrogates, surrogates.map("C{}".format))
numbers = st.one_of(one_of(NUMBERS), st.integers(), st.floats())
scalars = st.one_of(texts, numbers, st.booleans(), st.none())
nested = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)
deep = st.integers(1, 60).map(lambda depth: "[" * depth + "]" * depth)
# Values as they stand in JSON.
tokens = st.one_of(nested.map(json.dumps), one_of(TOKENS), deep)


# --- Files ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """Rows of a resource: their columns, and a good one that is new each time."""

    columns: tuple[str, ...]
    good: Callable[[], dict[str, str]]


def unique() -> str:
    return uuid4().hex[:16]


def mapped() -> dict[str, str]:
    customer = Customer.objects.create(name="Ann")
    return {"customer": str(customer.pk), "app": "amc", "customer_app_id": unique()}


KINDS = {
    "customers": Kind(
        ("id", "code", "name", "first_name", "last_name", "phone_number", "domain", "document",
         "language", "time_zone"),
        lambda: {"code": unique(), "name": "Ann", "domain": f"{unique()}.example"},
    ),
    "items": Kind(
        ("id", "name", "size", "price", "currency"), lambda: {"name": unique(), "price": "1.50"}
    ),
    "mappings": Kind(
        ("customer", "customer_code", "domain", "app", "customer_app_id"), mapped
    ),
    "orders": Kind(
        ("customer", "customer_code", "item", "quantity", "amount", "currency", "order_time",
         "code", "status"),
        lambda: {"code": unique(), "customer_code": "CUST001", "item": "Pen", "amount": "1"},
    ),
}  # fmt: skip
RESOURCES = pytest.mark.parametrize("resource", list(KINDS))


def changes(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[int, str]]]:
    """For a few rows: which column (of however many) is changed, and into what."""
    return st.lists(st.tuples(st.integers(0, 20), values), min_size=1, max_size=12)


def import_all(
    partner: APIClient, resource: str, rows: list[tuple[bool, str]], header: str
) -> None:
    """Imports rows, each good or doubtful; the good land, and only the others are refused."""
    content, line = header, 1 + len(header.splitlines())
    doubtful = set()
    for good, row in rows:
        if not good:
            doubtful.add(line)
        content += row
        line += len(row.encode().splitlines())

    shown = imported(partner, content, resource, notify="false")

    assert (shown["state"], shown["detail"]) == ("done", "")
    lines = {line for line, *_ in report(partner, shown)}
    assert lines <= doubtful
    assert shown["refused"] == len(lines)
    assert shown["rows"] == shown["created"] + shown["updated"] + shown["unchanged"] + len(lines)
    assert shown["created"] >= sum(good for good, _ in rows)


def csv_file(partner: APIClient, resource: str, changed: list[tuple[int, str]]) -> None:
    kind = KINDS[resource]

    def line(row: dict[str, str]) -> str:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow([row.get(name, "") for name in kind.columns])
        return out.getvalue()

    rows = [(True, line(kind.good()))]
    for column, value in changed:
        row = kind.good()
        row[kind.columns[column % len(kind.columns)]] = value
        rows += [(False, line(row)), (True, line(kind.good()))]
    import_all(partner, resource, rows, ",".join(kind.columns) + "\n")


def json_file(partner: APIClient, resource: str, changed: list[tuple[int, str]]) -> None:
    kind = KINDS[resource]
    columns = (*kind.columns, "lines", "nothing")
    rows = [(True, json.dumps(kind.good()) + "\n")]
    for column, token in changed:
        row = kind.good()
        name = columns[column % len(columns)]
        row.pop(name, None)
        line = f"{json.dumps(row)[:-1]}, {json.dumps(name)}: {token}}}\n"
        rows += [(False, line), (True, json.dumps(kind.good()) + "\n")]
    import_all(partner, resource, rows, "")


@RESOURCES
@given(changed=changes(whole_texts))
@short(12)
def test_any_text_in_csv(
    partner: APIClient, john: Customer, resource: str, changed: list[tuple[int, str]]
) -> None:
    csv_file(partner, resource, changed)


@RESOURCES
@given(changed=changes(tokens))
@short(12)
def test_any_value_in_json_lines(
    partner: APIClient, john: Customer, resource: str, changed: list[tuple[int, str]]
) -> None:
    json_file(partner, resource, changed)


@pytest.mark.parametrize(
    "beginning", [b"", b"code,name\nC1,Ann\n", b'{"name": "Ann"}\n', b"PK\x03\x04"]
)
@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
@short(25)
def test_any_bytes(partner: APIClient, beginning: bytes, content: bytes) -> None:
    shown = imported(partner, beginning + content or b"\n")

    assert shown["state"] in {"done", "failed"}
    assert shown["detail"] != FAULT


@pytest.mark.long
@RESOURCES
@given(text=changes(whole_texts), tokens=changes(tokens))
@LONG
def test_any_value_for_long(
    partner: APIClient,
    john: Customer,
    resource: str,
    text: list[tuple[int, str]],
    tokens: list[tuple[int, str]],
) -> None:
    csv_file(partner, resource, text)
    json_file(partner, resource, tokens)


# --- The API --------------------------------------------------------------------------

MEMBERS = {
    "/v1/customers/": ({"name": "Ann"}, KINDS["customers"].columns[1:]),
    "/v1/items/": ({"name": "Hat", "price": 1}, KINDS["items"].columns[1:]),
    "/v1/apps/": ({"slug": "erp", "name": "ERP"}, ("slug", "name", "active")),
    "/v1/mappings/": (
        {"customer": "{john}", "app": "amc", "customer_app_id": "u"},
        ("customer", "app", "customer_app_id"),
    ),
    "/v1/mappings/amc/any/": ({}, ("customer", *KINDS["customers"].columns[1:])),
    "/v1/query/": ({"app": "amc", "customer_app_id": "u"}, ("app", "customer_app_id")),
    "/v1/orders/": (
        {"customer_code": "CUST001", "item": "Pen", "amount": 1},
        (*KINDS["orders"].columns, "lines"),
    ),
    "/v1/customers/{john}/": ({}, KINDS["customers"].columns[1:]),
    "/v1/items/{shirt}/": ({}, KINDS["items"].columns[1:]),
    "/v1/orders/{order}/": ({}, (*KINDS["orders"].columns, "lines")),
    "/v1/customers/{john}/merge": ({}, ("into", "prefer")),
}  # fmt: skip
LINE = {"description": "Pen", "quantity": 1, "unit_price": 1}
METHODS = {"/v1/mappings/amc/any/": "PUT"}


def body_of(base: dict[str, Any], name: str, token: str) -> str:
    rest = json.dumps({key: value for key, value in base.items() if key != name})[:-1]
    return f"{rest}{', ' if len(rest) > 1 else ''}{json.dumps(name)}: {token}}}"


def ask_api(partner: APIClient, known: dict[str, str], changed: list[tuple[int, str]]) -> None:
    for path, (base, names) in MEMBERS.items():
        url = path.format(**known)
        method = METHODS.get(path) or ("PATCH" if "}/" in path and "merge" not in path else "POST")
        good = json.loads(json.dumps(base).replace("{john}", known["john"]))
        for number, token in changed:
            body = body_of(good, names[number % len(names)], token)
            ask(partner, method, url, f"[{body}]" if "query" in path else body)
    for number, token in changed:
        line = body_of(LINE, ("item", *LINE)[number % 4], token)
        order = {"customer_code": "CUST001"}
        ask(partner, "POST", "/v1/orders/", body_of(order, "lines", f"[{line}]"))
        ask(partner, "PATCH", f"/v1/orders/{known['order']}/", body_of({}, "lines", f"[{line}]"))


def ask(partner: APIClient, method: str, url: str, body: str) -> None:
    """What is asked is answered, and as documented: `conformance` looks at each answer."""
    answer = partner.generic(method, url, body, content_type="application/json")
    assert answer.status_code < 500, (method, url, body)


@pytest.fixture
def known(partner: APIClient, john: Customer, shirt: Item) -> dict[str, str]:
    """The ids of rows that can be changed."""
    order = {"customer_code": "CUST001", "item": "Pen", "amount": 1}
    placed = partner.post("/v1/orders/", order).json()["id"]
    return {"john": str(john.pk), "shirt": str(shirt.pk), "order": placed}


@given(changed=changes(tokens))
@short(8)
def test_any_value_in_the_api(
    partner: APIClient, known: dict[str, str], changed: list[tuple[int, str]]
) -> None:
    ask_api(partner, known, changed)


@pytest.mark.long
@given(changed=changes(tokens))
@LONG
def test_any_value_in_the_api_for_long(
    partner: APIClient, known: dict[str, str], changed: list[tuple[int, str]]
) -> None:
    ask_api(partner, known, changed)


@pytest.mark.parametrize("name", ["document", "phone_number", "domain", "language", "time_zone"])
@pytest.mark.parametrize("digits", [4_000, 5_000, 100_000])
def test_thousands_of_digits(partner: APIClient, name: str, digits: int) -> None:
    """Python reads no integer of more than 4,300 digits: once a 500, and the end of an import."""
    value = "1" * digits

    answer = partner.post("/v1/customers/", {"name": "Ann", name: value}, format="json")
    shown = imported(partner, f"code,name,{name}\nC1,Ann,\nC2,Bob,{value}\nC3,Carl,\n")

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [name]
    assert (shown["created"], shown["refused"]) == (2, 1)
    assert [row[:2] for row in report(partner, shown)] == [(3, name)]


@pytest.mark.parametrize("resource", ["customers", "orders"])
@pytest.mark.parametrize("code", ["\\u0000", "A\\u0000", "\\ud800", "A\\udfff", "\\udc00\\ud800"])
def test_a_code_that_no_database_takes(
    partner: APIClient, john: Customer, resource: str, code: str
) -> None:
    """Once it went into the look-up of all codes of a batch, and ended the import."""
    row = json.dumps(KINDS[resource].good())
    bad = row.replace('"code": "', f'"code": "{code}')

    shown = imported(partner, f"{row}\n{bad}\n{json.dumps(KINDS[resource].good())}\n", resource)

    assert (shown["state"], shown["created"], shown["refused"]) == ("done", 2, 1)
    assert [row[:2] for row in report(partner, shown)] == [(2, "code")]
