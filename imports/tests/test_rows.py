"""It writes each row by the rules of the API: made if it is new, changed if it is known."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from common.tests.problems import UNKNOWN_ID
from customers.models import Customer
from imports.tests.uploads import counts, imported, report
from items.models import Item
from mappings.models import App, Mapping
from notifications.models import Message
from orders.models import Order

EXAMPLES = Path(settings.BASE_DIR) / "docs" / "examples"


def rows_of(*names: str) -> list[tuple[Any, ...]]:
    """These members of all customers."""
    return list(Customer.objects.order_by("code").values_list(*names))


# --- The examples ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_examples_can_be_imported(partner: APIClient, kind: str) -> None:
    for resource in ("customers", "items", "mappings", "orders"):
        content = (EXAMPLES / f"{resource}.{kind}").read_bytes()
        first = imported(partner, content, resource)
        again = imported(partner, content, resource)

        assert (first["detail"], report(partner, first)) == ("", [])
        assert counts(first) == {"rows": 3, "created": 3}
        assert counts(again) == {"rows": 3, "unchanged": 3}
    assert Customer.objects.count() == Item.objects.count() == Mapping.objects.count() == 3
    assert Order.objects.count() == Message.objects.count() == 3
    assert Customer.objects.get(code="CUST002").name == "Jane Wanjiru"


# --- Customers ------------------------------------------------------------------------


def test_stores_a_customer_as_the_api_does(partner: APIClient) -> None:
    row = "C1,,Ann,Lee,0712 345 678,Köln.Example.,529.982.247-25"
    header = "code,name,first_name,last_name,phone_number,domain,document"

    imported(partner, f"{header}\n{row}\n")

    stored = partner.get("/v1/customers/?code=C1").json()[0]
    posted = partner.post(
        "/v1/customers/",
        {"first_name": "Ann", "last_name": "Lee", "domain": "Köln.Example.", "code": "C2"},
    ).json()
    assert (stored["name"], stored["phone_number"]) == ("Ann Lee", "+254712345678")
    assert (stored["domain"], stored["document"]) == ("xn--kln-sna.example", "52998224725")
    # The very customer: the API finds it by its domain.
    assert posted["id"] == stored["id"]


def test_makes_up_a_code(partner: APIClient) -> None:
    imported(partner, "name\nAnn\nAnn\n")

    codes = [code for (code,) in rows_of("code")]
    assert len(set(codes)) == 2
    assert all(len(code) == 10 and code.startswith("C-") for code in codes)


@pytest.mark.parametrize(
    "named", ["id,{john.pk}", "code,CUST001", "domain,Acme.Example", "document,529.982.247-25"]
)
def test_changes_a_customer_who_is_known(partner: APIClient, john: Customer, named: str) -> None:
    Customer.objects.update(domain="acme.example", document="52998224725")
    name, _, value = named.format(john=john).partition(",")

    shown = imported(partner, f"{name},first_name,phone_number\n{value},Johnny,\n")

    assert counts(shown) == {"rows": 1, "updated": 1}
    after = Customer.objects.get()
    assert (after.pk, after.code, after.first_name) == (john.pk, "CUST001", "Johnny")
    # What the row does not give stays.
    assert (after.name, after.phone_number) == ("John Doe", "+254712345678")
    assert after.updated_at > john.updated_at
    assert after.created_at == john.created_at


def test_counts_apart_what_is_the_same(partner: APIClient, john: Customer) -> None:
    shown = imported(partner, "code,phone_number\nCUST001,0712345678\n")

    assert counts(shown) == {"rows": 1, "unchanged": 1}
    assert Customer.objects.get().updated_at == john.updated_at


def test_takes_rows_that_complete_each_other(partner: APIClient) -> None:
    content = "code,name,domain\nC1,Ann,\nC1,Ann,a.example\n,Ann,A.example.\nC1,,\n"
    shown = imported(partner, content)

    assert counts(shown) == {"rows": 4, "created": 1, "updated": 1, "unchanged": 2}
    assert rows_of("code", "name", "domain") == [("C1", "Ann", "a.example")]


def test_lets_one_customer_take_over_what_another_gives_up(partner: APIClient) -> None:
    imported(partner, "code,name,domain\nC1,Ann,a.example\nC2,Bob,b.example\n")

    shown = imported(partner, "code,domain,name\nC1,c.example,\nC3,a.example,Carl\n")

    assert counts(shown) == {"rows": 2, "created": 1, "updated": 1}
    assert rows_of("code", "domain") == [
        ("C1", "c.example"),
        ("C2", "b.example"),
        ("C3", "a.example"),
    ]


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        ('{"code": "C1"}', "name", "required"),
        ('{"code": "C1", "name": "x", "domain": "acme.example"}', "domain", "unique"),
        ('{"code": "C1", "document": "52998224725"}', "document", "unique"),
        (f'{{"id": "{UNKNOWN_ID}", "name": "x"}}', "id", "not_found"),
        ('{"id": 1, "name": "x"}', "id", "invalid"),
        ('{"code": 1, "name": "x"}', "code", "invalid"),
        ('{"code": "", "name": "x"}', "code", "blank"),
        ('{"code": "CUST001", "name": "", "domain": null, "document": ""}', "name", "required"),
        ('{"code": {"a": 1}, "name": "x"}', "code", "invalid"),
        ('{"name": "\\ud800"}', "name", "surrogate_characters_not_allowed"),
    ],
)
def test_refuses_a_customer_that_the_api_refuses(
    partner: APIClient, john: Customer, row: str, field: str, code: str
) -> None:
    Customer.objects.update(domain="acme.example", document="52998224725")
    before = Customer.objects.values().get()

    shown = imported(partner, row)

    assert counts(shown) == {"rows": 1, "refused": 1}
    assert report(partner, shown)[0][:3] == (1, field, code)
    assert Customer.objects.values().get() == before


def test_keeps_signs_that_mean_something_to_a_database(partner: APIClient) -> None:
    odd = "a\\b c\\N'\"%s;--dé"
    quoted = '"' + odd.replace('"', '""') + '"'

    imported(partner, f"code,name\nC1,{quoted}\nC2,\\N\n")

    assert rows_of("name") == [(odd,), ("\\N",)]


# --- Items ----------------------------------------------------------------------------


def test_makes_and_changes_items(partner: APIClient, shirt: Item) -> None:
    content = f"id,name,size,price\n,Shirt,M,26\n,Shirt,L,27\n{shirt.pk},Blouse,,\n,Hat,M,1\n"

    shown = imported(partner, content, "items")

    assert counts(shown) == {"rows": 4, "created": 2, "updated": 2}
    found = Item.objects.order_by("name", "size").values_list("name", "size", "price", "currency")
    assert list(found) == [
        ("Blouse", "M", Decimal("26.00"), "KES"),
        ("Hat", "M", Decimal("1.00"), "KES"),
        ("Shirt", "L", Decimal("27.00"), "KES"),
    ]
    assert Item.objects.get(name="Blouse").pk == shirt.pk


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        (",Hat,,,", "price", "required"),
        (f"{UNKNOWN_ID},Hat,,1,", "id", "not_found"),
        (",Hat,XS,1,", "size", "invalid_choice"),
        (",Hat,,-1,", "price", "min_value"),
        (",Hat,,1,Shilling", "currency", "currency"),
        (",,M,1,", "name", "required"),
        (",Shirt,M,1,", "name", "conflict"),
    ],
)
def test_refuses_an_item_that_makes_no_sense(
    partner: APIClient, shirt: Item, row: str, field: str, code: str
) -> None:
    Item.objects.create(name="Shirt", size="M", price=5)
    before = list(Item.objects.values())

    shown = imported(partner, f"id,name,size,price,currency\n{row}\n", "items")

    assert counts(shown) == {"rows": 1, "refused": 1}
    assert report(partner, shown)[0][:3] == (2, field, code)
    assert list(Item.objects.values()) == before


# --- Mappings -------------------------------------------------------------------------


@pytest.fixture
def acme(john: Customer) -> Customer:
    """A second customer; John has an id in `amc`."""
    Mapping.objects.create(customer=john, app=App.objects.get(slug="amc"), customer_app_id="j")
    return Customer.objects.create(code="ACME", domain="acme.example")


def mapped() -> list[tuple[Any, ...]]:
    names = ("app__slug", "customer_app_id", "customer__code")
    return list(Mapping.objects.order_by(*names).values_list(*names))


def test_maps_by_whatever_names_the_customer(
    partner: APIClient, john: Customer, acme: Customer
) -> None:
    header = "customer,customer_code,domain,app,customer_app_id"
    rows = f"{john.pk},,,amc,j\n,,ACME.example,amc,a\n,CUST001,,edx, x \n{acme.pk},ACME,,edx,y\n"

    shown = imported(partner, f"{header}\n{rows}", "mappings")

    assert counts(shown) == {"rows": 4, "created": 3, "unchanged": 1}
    assert mapped() == [
        ("amc", "a", "ACME"),
        ("amc", "j", "CUST001"),
        ("edx", " x ", "CUST001"),
        ("edx", "y", "ACME"),
    ]


def test_points_an_id_to_another_customer(partner: APIClient, acme: Customer) -> None:
    rows = "ACME,amc,j\nCUST001,amc,k\n"

    shown = imported(partner, f"customer_code,app,customer_app_id\n{rows}", "mappings")

    assert counts(shown) == {"rows": 2, "created": 1, "updated": 1}
    assert mapped() == [("amc", "j", "ACME"), ("amc", "k", "CUST001")]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("CUST001,,amc,k", ("customer", "mapped", "The customer has another id in amc.")),
        ("NOBODY,,amc,k", ("customer_code", "not_found", "Customer not found")),
        (",none.example,amc,k", ("domain", "not_found", "Customer not found")),
        (
            "CUST001,acme.example,amc,k",
            ("customer_code", "clash", "These name different customers: customer_code, domain."),
        ),
        (",,amc,k", ("customer", "required", "Give one of customer, customer_code, domain.")),
        ("ACME,,sap,k", ("app", "unsupported", "Supported applications are: amc, edx.")),
        ("ACME,,old,k", ("app", "unsupported", "old takes no new ids.")),
        ("ACME,,amc,", ("customer_app_id", "required", "This field is required.")),
    ],
)
def test_refuses_a_mapping_that_makes_no_sense(
    partner: APIClient, acme: Customer, row: str, problem: tuple[str, str, str]
) -> None:
    App.objects.create(slug="old", name="Old", active=False)

    content = f"customer_code,domain,app,customer_app_id\n{row}\n"
    shown = imported(partner, content, "mappings")

    assert counts(shown) == {"rows": 1, "refused": 1}
    assert report(partner, shown)[0] == (2, *problem)
    assert mapped() == [("amc", "j", "CUST001")]


# --- Orders ---------------------------------------------------------------------------


def test_places_orders_and_tells_the_customer(
    partner: APIClient, john: Customer, shirt: Item
) -> None:
    header = "code,customer_code,customer,item,amount,quantity,order_time"
    free = "A1,CUST001,,Laptop,1299.99,,2026-01-01T10:00:00+03:00"
    rows = f"{free}\n,,{john.pk},{shirt.pk},,2,\n"

    shown = imported(partner, f"{header}\n{rows}", "orders")

    assert counts(shown) == {"rows": 2, "created": 2}
    first, second = Order.objects.order_by("id")
    assert (first.code, first.amount, first.order_time.isoformat()) == (
        "A1",
        Decimal("1299.99"),
        "2026-01-01T07:00:00+00:00",
    )
    assert (second.code, second.amount) == (None, Decimal("51.00"))
    assert second.lines.get().item_id == shirt.pk
    sms = "Hello John Doe! Your order for Laptop worth KES 1299.99 has been received. Thank you!"
    assert Message.objects.get(order=first).text == sms
    assert Message.objects.filter(status="pending").count() == 2


def test_tells_nobody_if_it_is_not_to(partner: APIClient, john: Customer) -> None:
    content = "customer_code,item,amount\nCUST001,Laptop,1\n"

    shown = imported(partner, content, "orders", notify="false")

    assert counts(shown) == {"rows": 1, "created": 1}
    assert not Message.objects.exists()
    order = partner.get("/v1/orders/").json()[0]
    assert (order["sms_status"], order["sms_sent"]) == (None, False)


def test_changes_an_order_that_is_known(partner: APIClient, john: Customer) -> None:
    header = "code,customer_code,item,amount,status\n"
    imported(partner, f"{header}A1,CUST001,Laptop,1,\nA2,CUST001,Mouse,1,\n", "orders")

    shown = imported(
        partner, f"{header}A1,CUST001,Laptop,1.00,\nA2,CUST001,Mouse,2,ready\n", "orders"
    )

    assert counts(shown) == {"rows": 2, "updated": 1, "unchanged": 1}
    found = Order.objects.order_by("code").values_list("code", "amount", "status")
    assert list(found) == [("A1", Decimal(1), "received"), ("A2", Decimal(2), "ready")]
    assert Message.objects.filter(kind="order_received").count() == 2
    assert Message.objects.get(kind="order_ready").order.code == "A2"  # type: ignore[union-attr]


def test_changes_an_order_without_a_word(partner: APIClient, john: Customer) -> None:
    header = "code,customer_code,item,amount,status\n"
    imported(partner, f"{header}A1,CUST001,Laptop,1,\n", "orders", notify="false")

    shown = imported(partner, f"{header}A1,CUST001,Laptop,1,ready\n", "orders", notify="false")

    assert counts(shown) == {"rows": 1, "updated": 1}
    assert not Message.objects.exists()


def test_does_not_price_the_same_lines_anew(
    partner: APIClient, john: Customer, shirt: Item
) -> None:
    line = f'{{"item": "{shirt.pk}", "quantity": 2}}'
    pen = '{"description": "Pen", "quantity": 1, "unit_price": 3.5}'
    row = f'{{"code": "A1", "customer_code": "CUST001", "lines": [{line}, {pen}]}}'
    imported(partner, row, "orders")
    Item.objects.update(price=99)

    shown = imported(partner, row, "orders")
    more = imported(partner, row.replace('"quantity": 2', '"quantity": 3'), "orders")

    assert counts(shown) == {"rows": 1, "unchanged": 1}
    assert counts(more) == {"rows": 1, "updated": 1}
    assert Order.objects.get().amount == Decimal("300.50")


def test_makes_rows_of_one_code_the_lines_of_one_order(partner: APIClient, john: Customer) -> None:
    content = "code,customer_code,item,amount\nA1,CUST001,Pen,1\nA1,CUST001,Pen,2\n"

    shown = imported(partner, content, "orders")

    assert counts(shown) == {"rows": 2, "created": 1, "updated": 1}
    assert Order.objects.get().amount == 3


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        (",NOBODY,Pen,1,", "customer_code", "not_found"),
        (",,Pen,1,", "customer_code", "required"),
        (",CUST001,Pen,much,", "amount", "invalid"),
        (",CUST001,Pen,1,ready", "status", "clash"),
        ("A1,CUST001,Pen,2,", "", "closed"),
    ],
)
def test_refuses_an_order_that_the_api_refuses(
    partner: APIClient, john: Customer, row: str, field: str, code: str
) -> None:
    Order.objects.create(customer=john, code="A1", description="Pen", amount=1, status="completed")
    before = list(Order.objects.values())

    shown = imported(partner, f"code,customer_code,item,amount,status\n{row}\n", "orders")

    assert counts(shown) == {"rows": 1, "refused": 1}
    assert report(partner, shown)[0][:3] == (2, field, code)
    assert list(Order.objects.values()) == before
    assert not Message.objects.exclude(order__isnull=False).exists()
