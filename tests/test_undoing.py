"""It undoes a merge as long as nothing contradicts, and makes two of one again."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from access.models import User
from common.errors import Conflict
from customers.erasing import erase_customer
from customers.merging import merge_customers, undo_merge
from customers.models import Customer, Merge
from mappings.models import Mapping
from mappings.services import map_customer
from notifications.models import Message
from orders.models import Order

URL = "/v1/customers/"
MEMBERS = ("code", "name", "first_name", "last_name", "phone_number", "domain", "document", "user")


@pytest.fixture
def jane(db: None) -> Customer:
    return Customer.objects.create(code="CUST002", name="Jane Roe", domain="jane.example")


def order(customer: Customer) -> Order:
    return Order.objects.create(customer=customer, description="Laptop", amount=5)


def merge(customer: Customer, into: Customer, **options: Any) -> Merge:
    merge_customers(customer.pk, into=into.pk, by="user:1", **options)
    return Merge.objects.get(merged_id=customer.pk, survivor__isnull=False)


@pytest.mark.parametrize("prefer", ["into", "merged"])
def test_gives_back_what_moved(
    partner: APIClient, john: Customer, jane: Customer, prefer: str
) -> None:
    john.user = User.objects.create_user("john")
    john.document = "52998224725"
    john.save()
    theirs, hers = order(john), order(jane)
    map_customer(customer=john.pk, app="amc", customer_app_id="john")
    before = {row["id"]: row for row in Customer.objects.values("id", "created_at", *MEMBERS)}
    version = partner.get(f"{URL}{john.pk}/")["ETag"]
    record = merge(john, jane, prefer=prefer)
    late = order(Customer.objects.get())

    undo_merge(record.pk, by="user:2")

    after = {row["id"]: row for row in Customer.objects.values("id", "created_at", *MEMBERS)}
    assert after == before
    assert partner.get(f"{URL}{john.pk}/")["ETag"] == version
    owners = dict(Order.objects.values_list("pk", "customer"))
    assert owners == {theirs.pk: john.pk, hers.pk: jane.pk, late.pk: jane.pk}
    assert dict(Message.objects.values_list("order", "customer")) == owners
    assert Mapping.objects.get().customer == john
    record.refresh_from_db()
    assert (record.survivor, record.undone_by) == (None, "user:2")
    assert (record.snapshot, record.code, record.domain) == ({}, "", None)
    # Nothing is known by the merge any more.
    assert partner.post(URL, {"domain": "jane.example"}).json()["id"] == str(jane.pk)


def test_leaves_what_was_changed_since(john: Customer, jane: Customer) -> None:
    record = merge(john, jane)
    Customer.objects.filter(pk=jane.pk).update(phone_number="+254711000009", name="Jane Doe")

    undo_merge(record.pk, by="user:1")

    jane.refresh_from_db()
    john.refresh_from_db()
    assert (jane.name, jane.phone_number) == ("Jane Doe", "+254711000009")
    assert john.phone_number == "+254712345678"


def test_can_be_merged_again(john: Customer, jane: Customer) -> None:
    undo_merge(merge(john, jane).pk, by="user:1")

    merge(jane, john)

    assert Customer.objects.get() == john


def test_is_undone_from_the_end_of_a_chain(john: Customer, jane: Customer) -> None:
    last = Customer.objects.create(name="Last")
    first, second = merge(john, jane), merge(jane, last)

    with pytest.raises(Conflict, match="was merged further; undo that first"):
        undo_merge(first.pk, by="user:1")
    assert Customer.objects.get() == last

    undo_merge(second.pk, by="user:1")
    undo_merge(first.pk, by="user:1")
    assert set(Customer.objects.all()) == {john, jane, last}


def test_is_undone_once(john: Customer, jane: Customer) -> None:
    record = merge(john, jane)
    undo_merge(record.pk, by="user:1")

    with pytest.raises(Conflict, match="has been undone"):
        undo_merge(record.pk, by="user:1")


def code_of_another(john: Customer, jane: Customer) -> None:
    Customer.objects.create(code="CUST001", name="Other")


def code_of_the_survivor(john: Customer, jane: Customer) -> None:
    Customer.objects.filter(pk=jane.pk).update(code="CUST001")


def code_of_another_merge(john: Customer, jane: Customer) -> None:
    other = Customer.objects.create(code="CUST003", name="Other")
    Customer.objects.filter(pk=jane.pk).update(code="CUST001")
    merge(other, jane, prefer="merged")


def order_given_away(john: Customer, jane: Customer) -> None:
    Order.objects.update(customer=Customer.objects.create(name="Other"))


def mapping_given_away(john: Customer, jane: Customer) -> None:
    Mapping.objects.update(customer=Customer.objects.create(name="Other"))


def survivor_without_identity(john: Customer, jane: Customer) -> None:
    # All that was the survivor's own.
    Customer.objects.filter(pk=jane.pk).update(domain=None)


def survivor_erased(john: Customer, jane: Customer) -> None:
    erase_customer(Customer.objects.get(pk=jane.pk), by="user:1")


@pytest.mark.parametrize(
    ("contradict", "says"),
    [
        (code_of_another, "Another customer has this code now."),
        (code_of_the_survivor, "Another customer has this code now."),
        (code_of_another_merge, "Another customer has this code now."),
        (order_given_away, "The order .* belongs to somebody else now."),
        (mapping_given_away, "The mapping .* belongs to somebody else now."),
        (survivor_without_identity, "would be left without name, domain and document"),
        (survivor_erased, "data was erased"),
    ],
)
def test_is_not_undone_when_something_contradicts(
    john: Customer, jane: Customer, contradict: Any, says: str
) -> None:
    Customer.objects.filter(pk=jane.pk).update(name="")
    order(john)
    map_customer(customer=john.pk, app="amc", customer_app_id="john")
    record = merge(john, jane)
    contradict(john, jane)
    before = list(Customer.objects.order_by("id").values())
    owners = dict(Order.objects.values_list("pk", "customer"))

    with pytest.raises(Conflict, match=says):
        undo_merge(record.pk, by="user:2")

    record.refresh_from_db()
    assert (record.survivor, record.undone_at) == (jane, None)
    assert list(Customer.objects.order_by("id").values()) == before
    assert dict(Order.objects.values_list("pk", "customer")) == owners
