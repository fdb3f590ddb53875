"""One file, one key twice: what is stored is what every row says, or both rows are refused.

Each file is also read two rows at a time, so that the rows stand in different batches, and with
a worker that is killed after each batch.
"""

import threading
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError
from rest_framework.test import APIClient

from customers.models import Customer
from imports.models import Import, ImportRepeat
from imports.tests.uploads import IMPORTS, counts, hand_in, imported, report
from imports.work import work
from items.models import Item
from mappings.models import App, Mapping
from notifications.models import Message
from orders.models import Order

FILLER = 5
BATCHES = pytest.mark.parametrize("batch", [1, 2, 1000])


@pytest.fixture(autouse=True)
def batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many rows at a time as the test's `batch` says."""
    parameters = getattr(getattr(request.node, "callspec", None), "params", {})
    size = parameters.get("batch", 2)
    for name in ("customers.Customers", "items.Items", "mappings.Mappings", "orders.Orders"):
        monkeypatch.setattr(f"imports.resources.{name}.batch", size)


def contradiction(first: int, second: int) -> str:
    return f"Lines {first} and {second} of the file contradict each other here."


def refused(partner: APIClient, shown: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(line, field, code) for line, field, code, _ in report(partner, shown)]


# --- Orders ---------------------------------------------------------------------------


def orders_file(*rows: str) -> str:
    return "\n".join(["code,customer_code,item,amount,currency,order_time", *rows])


@BATCHES
def test_rows_of_one_order_become_its_lines(partner: APIClient, john: Customer, batch: int) -> None:
    content = orders_file(
        "T1,CUST001,Pen,1.50,,2026-01-01T10:00:00Z",
        "T2,CUST001,Cup,9,,",
        "T1,,Ink,2,,",
        "T1,CUST001,Pad,3,KES,2026-01-01T12:00:00+02:00",
    )

    shown = imported(partner, content, "orders")

    assert report(partner, shown) == []
    assert counts(shown) == {"rows": 4, "created": 2, "updated": 2}
    order = Order.objects.get(code="T1")
    lines = order.lines.order_by("position").values_list("description", "quantity", "unit_price")
    assert [(name, count, str(price)) for name, count, price in lines] == [
        ("Pen", 1, "1.50"),
        ("Ink", 1, "2.00"),
        ("Pad", 1, "3.00"),
    ]
    sms = Message.objects.get(order=order).text
    assert "Pen and 2 more worth KES 6.50" in sms
    assert Message.objects.count() == 2
    assert not ImportRepeat.objects.exists()


@BATCHES
def test_the_same_file_of_lines_again_changes_nothing(
    partner: APIClient, john: Customer, batch: int
) -> None:
    content = orders_file("T1,CUST001,Pen,1.5,,", "T2,CUST001,Cup,9,,", "T1,CUST001,Ink,2,,")
    imported(partner, content, "orders")
    before = list(Order.objects.order_by("code").values())

    shown = imported(partner, content, "orders")

    assert counts(shown) == {"rows": 3, "unchanged": 3}
    assert list(Order.objects.order_by("code").values()) == before
    assert Message.objects.count() == 2


@BATCHES
def test_lines_of_the_catalogue_and_of_free_text(
    partner: APIClient, john: Customer, shirt: Item, batch: int
) -> None:
    header = "code,customer,item,quantity,amount\n"
    rows = f"T1,{john.pk},{shirt.pk},2,\nT1,{john.pk},Gift wrap,,1\n"

    shown = imported(partner, header + rows, "orders")

    assert counts(shown) == {"rows": 2, "created": 1, "updated": 1}
    order = Order.objects.get()
    assert (str(order.amount), order.lines.count()) == ("52.00", 2)


@BATCHES
@pytest.mark.parametrize(
    ("second", "field"),
    [
        ("T1,ACME,Ink,2,,", "customer_code"),
        ("T1,CUST001,Ink,2,EUR,", "currency"),
        ("T1,CUST001,Ink,2,,2026-02-01T10:00:00Z", "order_time"),
    ],
)
def test_refuses_an_order_whose_rows_contradict_each_other(
    partner: APIClient, john: Customer, batch: int, second: str, field: str
) -> None:
    Customer.objects.create(code="ACME", name="Acme")
    content = orders_file("T1,CUST001,Pen,1,KES,2026-01-01T10:00:00Z", "T2,CUST001,Cup,9,,", second)

    shown = imported(partner, content, "orders")

    assert counts(shown) == {"rows": 3, "created": 1, "refused": 2}
    says = contradiction(2, 4)
    assert report(partner, shown) == [(line, field, "contradiction", says) for line in (2, 4)]
    assert [order.code for order in Order.objects.all()] == ["T2"]
    assert Message.objects.count() == 1


@BATCHES
@pytest.mark.parametrize(
    ("rows", "problems"),
    [
        (
            ["T1,CUST001,Pen,1,,", "T1,CUST001,Ink,much,,", "T1,CUST001,Pad,1,,"],
            [(2, "code", "together"), (3, "amount", "invalid"), (4, "code", "together")],
        ),
        (
            ["T1,NOBODY,Pen,1,,", "T1,NOBODY,Ink,2,,"],
            [(2, "customer_code", "not_found"), (3, "code", "together")],
        ),
        (
            ["T1,CUST001,Pen,1,,", "T1,CUST001,Ink,0.001,,", "T1,CUST001,Ink,-1,,"],
            [
                (2, "code", "together"),
                (3, "amount", "max_decimal_places"),
                (4, "amount", "min_value"),
            ],
        ),
        (
            ["T1,,Pen,1,,", "T1,,Ink,2,,"],
            [(2, "customer_code", "required"), (3, "code", "together")],
        ),
        (
            ["T1,CUST001,,1,,", "T1,CUST001,Ink,,,"],
            [(2, "item", "required"), (3, "amount", "required")],
        ),
    ],
)
def test_refuses_an_order_for_each_of_its_rows(
    partner: APIClient,
    john: Customer,
    batch: int,
    rows: Sequence[str],
    problems: list[tuple[int, str, str]],
) -> None:
    shown = imported(partner, orders_file(*rows), "orders")

    assert refused(partner, shown)[: len(problems)] == problems
    assert counts(shown) == {"rows": len(rows), "refused": len(rows)}
    assert not Order.objects.exists()
    assert not Message.objects.exists()


def test_refuses_more_rows_than_an_order_has_lines(partner: APIClient, john: Customer) -> None:
    shown = imported(partner, orders_file(*["T1,CUST001,Pen,1,,"] * 130), "orders")

    assert counts(shown) == {"rows": 130, "refused": 130}
    assert refused(partner, shown)[0] == (2, "lines", "max_length")
    assert not Order.objects.exists()


@BATCHES
def test_the_very_same_whole_order_twice_is_one(
    partner: APIClient, john: Customer, batch: int
) -> None:
    line = '{"description": "Pen", "quantity": 1, "unit_price": 3.5}'
    row = f'{{"code": "T1", "customer_code": "CUST001", "lines": [{line}]}}'

    shown = imported(partner, f"{row}\n{row}\n", "orders")

    assert counts(shown) == {"rows": 2, "created": 1, "unchanged": 1}
    assert str(Order.objects.get().amount) == "3.50"


@BATCHES
def test_refuses_two_whole_orders_under_one_code(
    partner: APIClient, john: Customer, batch: int
) -> None:
    line = '{"description": "Pen", "quantity": 1, "unit_price": 3.5}'
    row = f'{{"code": "T1", "customer_code": "CUST001", "lines": [{line}]}}'

    shown = imported(partner, f"{row}\n{row.replace('3.5', '4')}\n", "orders")

    assert refused(partner, shown) == [(line, "lines", "contradiction") for line in (1, 2)]
    assert not Order.objects.exists()


# --- Customers, items, mappings -------------------------------------------------------


TWICE: list[tuple[str, str, str]] = [
    ("the code", "code,name", "C1,Ann|C1,Anna"),
    ("the code with spaces", "code,name", "C1,Ann| C1 ,Anna"),
    ("the domain", "domain,name", "acme.example,Ann|ACME.example.,Anna"),
    ("the document", "document,name", "529.982.247-25,Ann|52998224725,Anna"),
    ("the code, and a domain of its own", "code,domain,name", "C1,a.example,Ann|C1,b.example,Ann"),
    ("a domain that was given with a code", "code,domain,name", "C1,a.example,Ann|,a.example,Bo"),
    ("the code and the id of one who is known", "code,id,name", "CUST001,,Ann|,{john},Anna"),
    ("the code and the domain of one who is known", "code,domain,name",
     "CUST001,,Ann|,john.example,Anna"),
    ("a phone in two spellings", "code,name,phone_number", "C1,A,0712345678|C1,A,0712345679"),
]  # fmt: skip


@BATCHES
@pytest.mark.parametrize(
    ("header", "rows"), [each[1:] for each in TWICE], ids=[each[0] for each in TWICE]
)
def test_refuses_customers_who_contradict_themselves(
    partner: APIClient, john: Customer, batch: int, header: str, rows: str
) -> None:
    Customer.objects.filter(pk=john.pk).update(domain="john.example")
    before = list(Customer.objects.values())
    first, second = rows.format(john=john.pk).split("|")
    empty = "," * header.count(",")
    filler = [f"X{number}{empty}" for number in range(FILLER)] if "code" in header else []
    filler = [row.replace(",", ",", 1) for row in filler]

    shown = imported(partner, "\n".join([header, first, *filler, second]))

    last = 3 + len(filler)
    found = [row for row in report(partner, shown) if row[2] == "contradiction"]
    assert [(row[0], row[3]) for row in found] == [
        (line, contradiction(2, last)) for line in (2, last)
    ]
    assert list(Customer.objects.values()) == before


@BATCHES
@pytest.mark.parametrize(
    ("header", "rows", "outcome"),
    [
        ("code,name", "C1,Ann|C1,Ann", "unchanged"),
        ("code,phone_number,name", "C1,0712345678,A|C1,+254 712 345678,A", "unchanged"),
        ("domain,name", "acme.example,Ann|Acme.Example,Ann", "unchanged"),
        ("code,name,phone_number", "C1,Ann,|C1,,0712345678", "updated"),
    ],
)
def test_takes_customers_who_do_not(
    partner: APIClient, batch: int, header: str, rows: str, outcome: str
) -> None:
    shown = imported(partner, "\n".join([header, *rows.split("|")]))

    assert counts(shown) == {"rows": 2, "created": 1, outcome: 1}
    assert Customer.objects.count() == 1


@BATCHES
def test_refuses_items_that_contradict_themselves(
    partner: APIClient, shirt: Item, batch: int
) -> None:
    rows = f"id,name,size,price\n,Hat,M,1\n,Cap,M,5\n{shirt.pk},,,30\n,Hat,M,2\n,Shirt,M,31\n"

    shown = imported(partner, rows, "items")

    assert sorted(report(partner, shown)) == [
        (line, "price", "contradiction", contradiction(*pair))
        for line, pair in ((2, (2, 5)), (4, (4, 6)), (5, (2, 5)), (6, (4, 6)))
    ]
    assert counts(shown) == {"rows": 5, "created": 1, "refused": 4}
    assert sorted(Item.objects.values_list("name", "price")) == [
        ("Cap", Decimal(5)),
        ("Shirt", Decimal("25.50")),
    ]


@BATCHES
@pytest.mark.parametrize(
    ("rows", "field"),
    [
        (["CUST001,,amc,u", "ACME,,amc,u"], "customer"),
        (["CUST001,,amc,u", ",acme.example,amc,u"], "customer"),
        (["ACME,,amc,u", ",acme.example,amc,v"], "customer_app_id"),
    ],
)
def test_refuses_mappings_that_contradict_themselves(
    partner: APIClient, john: Customer, batch: int, rows: list[str], field: str
) -> None:
    Customer.objects.create(code="ACME", domain="acme.example")
    first, second = rows
    content = f"customer_code,domain,app,customer_app_id\n{first}\nCUST001,,edx,x\n{second}\n"

    shown = imported(partner, content, "mappings")

    assert report(partner, shown) == [
        (line, field, "contradiction", contradiction(2, 4)) for line in (2, 4)
    ]
    assert counts(shown) == {"rows": 3, "created": 1, "refused": 2}
    assert Mapping.objects.get().app == App.objects.get(slug="edx")


@BATCHES
def test_takes_the_very_same_mapping_twice(partner: APIClient, john: Customer, batch: int) -> None:
    content = f"customer_code,customer,app,customer_app_id\nCUST001,,amc,u\n,{john.pk},amc,u\n"

    shown = imported(partner, content, "mappings")

    assert counts(shown) == {"rows": 2, "created": 1, "unchanged": 1}


# --- Whatever comes between -----------------------------------------------------------


@pytest.mark.parametrize("mode", ["good", "all"])
def test_whatever_dies_in_between(partner: APIClient, john: Customer, mode: str) -> None:
    content = orders_file(
        "T1,CUST001,Pen,1,,", "T2,CUST001,Cup,9,,", "T3,CUST001,Cap,9,,", "T1,CUST001,Ink,2,,"
    )
    answer = hand_in(partner, content, "orders", mode=mode)
    running = threading.Event()
    while Import.objects.filter(state__in=Import.OPEN).exists():
        with (
            mock.patch.object(Import, "save", side_effect=OperationalError("killed")),
            pytest.raises(OperationalError),
        ):
            work(running)
        work(running)

    shown = partner.get(f"{IMPORTS}{answer.json()['id']}/").json()
    assert counts(shown) == {"rows": 4, "created": 3, "updated": 1}
    assert str(Order.objects.get(code="T1").amount) == "3.00"
    assert Message.objects.count() == 3


@pytest.mark.parametrize("mode", ["all", "good"])
def test_a_dry_run_finds_the_same(partner: APIClient, john: Customer, mode: str) -> None:
    content = orders_file("T1,CUST001,Pen,1,,", "T2,CUST001,Cup,9,,", "T1,ACME,Ink,2,,")

    shown = imported(partner, content, "orders", mode=mode, dry_run="true")

    assert [row[:2] for row in report(partner, shown)] == [
        (line, "customer_code") for line in (2, 4)
    ]
    assert not Order.objects.exists()


def test_many_of_one_key_cost_no_more_than_few(partner: APIClient) -> None:
    """The rows of a batch are compared with a bounded number of others."""
    rows = "".join(f"C1,Ann {number}\n" for number in range(60))

    shown = imported(partner, f"code,name\n{rows}")

    assert counts(shown) == {"rows": 60, "refused": 60}
    assert not Customer.objects.exists()
