"""The same bytes twice: orders without a code would be placed a second time, unnoticed."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from access.models import User
from common.tests.problems import problem
from customers.models import Customer
from imports.models import Import
from imports.services import KEPT
from imports.tests.uploads import counts, hand_in, imported, work_all
from orders.models import Order

ORDERS = "customer_code,item,amount\nCUST001,Pen,1\nCUST001,Ink,2\n"
CODED = "code,customer_code,item,amount\nT1,CUST001,Pen,1\nT2,CUST001,Ink,2\n"
PARTLY_CODED = "code,customer_code,item,amount\nT1,CUST001,Pen,1\n,CUST001,Ink,2\n"
JSON = '{"customer_code": "CUST001", "item": "Pen", "amount": 1}\n'


@pytest.mark.parametrize("content", [ORDERS, PARTLY_CODED, JSON])
@pytest.mark.parametrize("done", [True, False], ids=["done", "waiting"])
def test_asks_before_it_places_orders_again(
    partner: APIClient, john: Customer, content: str, done: bool
) -> None:
    assert hand_in(partner, content, "orders").status_code == 202
    if done:
        work_all()

    refused = problem(hand_in(partner, content, "orders"), 409)

    assert refused["code"] == "repeated"
    assert [error["field"] for error in refused["errors"]] == ["force"]
    assert refused["detail"].endswith("Give force to do that.")
    assert Import.objects.count() == 1
    work_all()
    assert Order.objects.count() == content.count("CUST001")


def test_places_them_again_if_it_is_told_to(partner: APIClient, john: Customer) -> None:
    imported(partner, ORDERS, "orders")

    shown = imported(partner, ORDERS, "orders", force="true")

    assert counts(shown) == {"rows": 2, "created": 2}
    problem(hand_in(partner, ORDERS, "orders"), 409)
    assert counts(imported(partner, ORDERS, "orders", force="true")) == {"rows": 2, "created": 2}
    assert Order.objects.count() == 6


def test_takes_orders_with_codes_again(partner: APIClient, john: Customer) -> None:
    imported(partner, CODED, "orders")

    assert counts(imported(partner, CODED, "orders")) == {"rows": 2, "unchanged": 2}


@pytest.mark.parametrize("resource", ["customers", "items"])
def test_takes_other_rows_again(partner: APIClient, resource: str) -> None:
    content = "name\nAnn\n" if resource == "customers" else "name,price\nHat,1\n"
    imported(partner, content, resource)

    assert hand_in(partner, content, resource).status_code == 202


def test_takes_a_file_of_which_nothing_came(partner: APIClient) -> None:
    """Nobody had this code; now John has it."""
    assert counts(imported(partner, ORDERS, "orders")) == {"rows": 2, "refused": 2}
    Customer.objects.create(code="CUST001", name="John")

    assert counts(imported(partner, ORDERS, "orders")) == {"rows": 2, "created": 2}


def test_takes_what_was_only_tried(partner: APIClient, john: Customer) -> None:
    imported(partner, ORDERS, "orders", dry_run="true")
    imported(partner, ORDERS, "orders", dry_run="true")

    assert counts(imported(partner, ORDERS, "orders")) == {"rows": 2, "created": 2}
    assert counts(imported(partner, ORDERS, "orders", dry_run="true"))["rows"] == 2


def test_takes_other_bytes(partner: APIClient, john: Customer) -> None:
    imported(partner, ORDERS, "orders")

    assert counts(imported(partner, ORDERS + "CUST001,Pad,3\n", "orders"))["created"] == 3


def test_two_at_the_same_moment_are_one(partner: APIClient, john: Customer) -> None:
    """The second looked before the first was stored: the unique index tells."""
    hand_in(partner, ORDERS, "orders")
    first = Import.objects.get()

    with pytest.raises(IntegrityError), transaction.atomic():
        Import.objects.create(
            resource="orders", digest=first.digest, refuses_repeats=True, size=1, file_name="x"
        )


def test_knows_it_for_as_long_as_the_import_is_kept(partner: APIClient, john: Customer) -> None:
    imported(partner, ORDERS, "orders")
    Import.objects.update(finished_at=timezone.now() - KEPT - timedelta(days=1))

    call_command("housekeeping")

    assert hand_in(partner, ORDERS, "orders").status_code == 202


def test_the_admin_asks_too(client: Client, admin: User, john: Customer) -> None:
    client.force_login(admin)

    def post(**members: str) -> Any:
        file = SimpleUploadedFile("orders.csv", ORDERS.encode())
        form = {"file": file, "resource": "orders", "mode": "good", "notify": "on", **members}
        return client.post("/admin/imports/import/add/", form)

    assert post().status_code == 302
    work_all()
    asked = post()
    assert asked.status_code == 200
    assert "each would be placed a second time" in asked.content.decode()
    assert 'name="force"' in asked.content.decode()
    assert Import.objects.count() == 1
    assert post(dry_run="on").status_code == 302
    assert post(force="on").status_code == 302
    work_all()
    assert Order.objects.count() == 4


def test_the_command_asks_too(tmp_path: Path, john: Customer) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(ORDERS)

    def run(*options: str) -> None:
        call_command("import_file", "orders", str(file), *options, stdout=io.StringIO())

    run()
    with pytest.raises(CommandError, match="Give --force to do that"):
        run()
    run("--dry-run")
    run("--force")
    assert Order.objects.count() == 4


def test_the_api_and_the_command_know_each_other(
    partner: APIClient, tmp_path: Path, john: Customer
) -> None:
    imported(partner, ORDERS, "orders")
    file = tmp_path / "other-name.csv"
    file.write_text(ORDERS)

    with pytest.raises(CommandError, match="handed in before on "):
        call_command("import_file", "orders", str(file), stdout=io.StringIO())
    assert Order.objects.count() == 2
