"""It makes two customers one, under both ids, for ever."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from access.models import User
from common.tests.problems import UNKNOWN_ID, problem, wrong_fields
from customers.models import Customer, Merge
from items.models import Item
from mappings.models import Mapping
from mappings.services import map_customer
from notifications.models import Message
from orders.models import Order

URL = "/v1/customers/"
ORDERS, MAPPINGS, MESSAGES = "/v1/orders/", "/v1/mappings/", "/v1/notifications/"


@pytest.fixture
def jane(db: None) -> Customer:
    """The one who stays."""
    return Customer.objects.create(code="CUST002", name="Jane Roe", document="52998224725")


def merge(client: APIClient, customer: Any, into: Any, **members: str) -> Any:
    path = f"{URL}{getattr(customer, 'pk', customer)}/merge/"
    return client.post(path, {"into": str(getattr(into, "pk", into)), **members})


def order(client: APIClient, **customer: str) -> Any:
    return client.post(ORDERS, {**customer, "item": "Laptop", "amount": "5.00"})


def test_moves_all_that_is_theirs(partner: APIClient, john: Customer, jane: Customer) -> None:
    order(partner, customer_code="CUST001")
    order(partner, customer_code="CUST002")
    map_customer(customer=john.pk, app="amc", customer_app_id="john")
    map_customer(customer=jane.pk, app="edx", customer_app_id="jane")

    response = merge(partner, john, jane)

    assert response.status_code == 200
    answer = response.json()
    assert (answer["id"], answer["code"], answer["name"]) == (str(jane.pk), "CUST002", "Jane Roe")
    assert answer["phone_number"] == "+254712345678"
    assert Customer.objects.get() == jane
    assert list(Order.objects.values_list("customer", flat=True)) == [jane.pk] * 2
    assert list(Message.objects.values_list("customer", flat=True)) == [jane.pk] * 2
    assert list(Mapping.objects.values_list("customer", flat=True)) == [jane.pk] * 2
    record = Merge.objects.get()
    assert (record.merged_id, record.survivor, record.code) == (john.pk, jane, "CUST001")
    assert record.by.startswith("key:")


def test_the_old_id_goes_on_answering(partner: APIClient, john: Customer, jane: Customer) -> None:
    merge(partner, john, jane)

    old = partner.get(f"{URL}{john.pk}/")
    new = partner.get(f"{URL}{jane.pk}/")

    assert (old.status_code, new.status_code) == (200, 200)
    assert (old.json()["id"], old.json()["merged_from"]) == (str(jane.pk), str(john.pk))
    assert new.json() == {**old.json(), "merged_from": None}
    assert [row["merged_from"] for row in partner.get(URL).json()] == [None]


def test_writes_by_the_old_id_reach_the_survivor(
    partner: APIClient, john: Customer, jane: Customer
) -> None:
    merge(partner, john, jane)
    tag = partner.get(f"{URL}{john.pk}/")["ETag"]

    changed = partner.patch(f"{URL}{john.pk}/", {"name": "Jo"}, headers={"if-match": tag})
    again = partner.patch(f"{URL}{john.pk}/", {"name": "J"}, headers={"if-match": tag})

    assert (changed.status_code, again.status_code) == (200, 412)
    assert changed.json()["merged_from"] == str(john.pk)
    assert Customer.objects.get().name == "Jo"


def test_is_not_deleted_by_the_old_id(partner: APIClient, john: Customer, jane: Customer) -> None:
    merge(partner, john, jane)

    response = partner.delete(f"{URL}{john.pk}/")

    assert problem(response, 409)["code"] == "merged"
    assert Customer.objects.get() == jane
    # Nor by its own: the old id would have nobody to answer with.
    assert problem(partner.delete(f"{URL}{jane.pk}/"), 409)["code"] == "referenced"


def test_takes_orders_and_mappings_by_the_old_names(
    partner: APIClient, john: Customer, jane: Customer, shirt: Item
) -> None:
    merge(partner, john, jane)

    by_code = order(partner, customer_code="CUST001")
    body = {"customer": str(john.pk), "item": str(shirt.pk), "quantity": 1}
    by_id = partner.post(ORDERS, body)
    moved = partner.patch(f"{ORDERS}{by_id.json()['id']}/", {"customer": str(john.pk)})
    mapping = {"customer": str(john.pk), "app": "amc", "customer_app_id": "john"}
    mapped = partner.post(MAPPINGS, mapping)
    pointed = partner.put(f"{MAPPINGS}amc/john/", {"customer": str(john.pk)})

    answers = [by_code, by_id, moved, mapped, pointed]
    assert [answer.status_code for answer in answers] == [201, 201, 200, 201, 200]
    assert {answer.json()["customer"] for answer in answers} == {str(jane.pk)}


@pytest.mark.parametrize(
    "path",
    [
        "orders/?customer={john}",
        "orders/?customer_code=CUST001",
        "orders/customer/{john}/",
        "orders/by-customer/?customer_code=CUST001",
        "notifications/?customer={john}",
        "mappings/?customer={john}",
    ],
)
def test_lists_by_the_old_names(
    partner: APIClient, john: Customer, jane: Customer, path: str
) -> None:
    order(partner, customer_code="CUST001")
    map_customer(customer=jane.pk, app="amc", customer_app_id="jane")
    merge(partner, john, jane)

    response = partner.get(f"/v1/{path.format(john=john.pk)}")

    assert response.status_code == 200
    assert len(response.json()) == 1


def test_an_old_domain_gives_the_survivor(partner: APIClient, jane: Customer) -> None:
    Customer.objects.filter(pk=jane.pk).update(domain="jane.example")
    old = partner.post(URL, {"domain": "old.example"}).json()
    merge(partner, old["id"], jane)

    with_code = partner.post(URL, {"domain": "OLD.example", "code": "CUST002"})
    response = partner.post(URL, {"domain": "OLD.example", "name": "Other"})

    assert (response.status_code, with_code.status_code) == (200, 200)
    assert response.json()["id"] == with_code.json()["id"] == str(jane.pk)
    assert response.json()["merged_from"] == old["id"]
    assert Customer.objects.get() == jane


@pytest.mark.parametrize(
    "body",
    [
        {"name": "New", "code": "CUST001"},
        {"name": "New", "document": "111.444.777-35"},
        {"domain": "new.example", "code": "CUST001"},
        {"domain": "new.example", "document": "11144477735"},
    ],
)
def test_an_old_name_is_not_registered_again(
    partner: APIClient, john: Customer, jane: Customer, body: dict[str, str]
) -> None:
    Customer.objects.filter(pk=john.pk).update(document="11144477735")
    merge(partner, john, jane)
    (taken,) = set(body) & {"code", "document"}

    response = partner.post(URL, body)

    assert wrong_fields(response, 409) == {taken: "unique"}
    assert Customer.objects.get() == jane


def test_an_old_name_is_not_taken_up_by_another(
    partner: APIClient, john: Customer, jane: Customer
) -> None:
    other = Customer.objects.create(code="CUST003", name="Other")
    merge(partner, john, jane)

    refused = partner.patch(f"{URL}{other.pk}/", {"code": "CUST001"})
    taken_up = partner.patch(f"{URL}{jane.pk}/", {"code": "CUST001"})

    assert wrong_fields(refused, 409) == {"code": "unique"}
    assert taken_up.status_code == 200
    other.refresh_from_db()
    assert other.code == "CUST003"


JANE = {
    "code": "CUST002",
    "name": "Jane Roe",
    "first_name": "",
    "last_name": "",
    "phone_number": "",
    "domain": "jane.example",
    "document": None,
}
OLD = {
    "code": "OLD",
    "name": "John Doe",
    "first_name": "John",
    "last_name": "Doe",
    "phone_number": "+254711000001",
    "domain": "old.example",
    "document": "52998224725",
}


@pytest.mark.parametrize(
    ("prefer", "kept", "gave_way"),
    [
        (
            {},
            {**JANE, "phone_number": "+254711000001", "document": "52998224725"},
            ("OLD", "old.example", None),
        ),
        ({"prefer": "merged"}, OLD, ("CUST002", "jane.example", None)),
    ],
)
def test_the_preferred_ones_members_win(
    partner: APIClient, prefer: dict[str, str], kept: dict[str, Any], gave_way: tuple[Any, ...]
) -> None:
    into, old = (Customer.objects.create(**members) for members in (JANE, OLD))

    response = merge(partner, old, into, **prefer)

    assert response.status_code == 200
    assert {name: response.json()[name] for name in kept} == kept
    assert Customer.objects.values(*kept).get() == kept
    assert Merge.objects.values_list("code", "domain", "document").get() == gave_way
    for code in ("OLD", "CUST002"):
        assert order(partner, customer_code=code).json()["customer"] == str(into.pk)


def test_a_customer_without_a_name_gets_the_others_with_its_parts(partner: APIClient) -> None:
    into = Customer.objects.create(domain="acme.example")
    old = Customer.objects.create(**OLD)

    merged = merge(partner, old, into).json()

    assert (merged["name"], merged["first_name"], merged["last_name"]) == (
        *("John Doe", "John", "Doe"),
    )
    assert merged["domain"] == "acme.example"


def test_refuses_two_ids_in_one_application(
    partner: APIClient, john: Customer, jane: Customer
) -> None:
    order(partner, customer_code="CUST001")
    for app in ("amc", "edx"):
        map_customer(customer=john.pk, app=app, customer_app_id="john")
        map_customer(customer=jane.pk, app=app, customer_app_id="jane")

    answer = problem(merge(partner, john, jane), 409)

    assert answer["code"] == "clash"
    assert answer["errors"] == [
        {"field": "mappings", "code": "clash", "detail": f"Both have an id in {app}: {ids}."}
        for app, ids in [("amc", "john and jane"), ("edx", "john and jane")]
    ]
    assert set(Customer.objects.all()) == {john, jane}
    assert Order.objects.get().customer == john
    assert not Merge.objects.exists()


def test_a_login_moves_along(partner: APIClient, john: Customer, jane: Customer) -> None:
    user = User.objects.create_user("john")
    Customer.objects.filter(pk=john.pk).update(user=user)

    assert merge(partner, john, jane).status_code == 200
    assert Customer.objects.get().user == user


def test_refuses_two_logins(partner: APIClient, john: Customer, jane: Customer) -> None:
    for customer in (john, jane):
        customer.user = User.objects.create_user(customer.code)
        customer.save()

    assert wrong_fields(merge(partner, john, jane), 409) == {"user": "clash"}
    assert Customer.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"into": "required"}),
        ({"into": "x"}, {"into": "invalid"}),
        ({"into": UNKNOWN_ID}, {"into": "not_found"}),
        ({"into": UNKNOWN_ID, "prefer": "both"}, {"prefer": "invalid_choice"}),
        ({"into": UNKNOWN_ID, "force": "yes"}, {"force": "unknown"}),
    ],
)
def test_refuses_what_makes_no_sense(
    partner: APIClient, john: Customer, body: dict[str, str], wrong: dict[str, str]
) -> None:
    assert wrong_fields(partner.post(f"{URL}{john.pk}/merge/", body)) == wrong
    assert Customer.objects.get() == john


@pytest.mark.parametrize("unknown", [UNKNOWN_ID, "x"])
def test_knows_no_unknown_customer(partner: APIClient, john: Customer, unknown: str) -> None:
    assert problem(merge(partner, unknown, john), 404)["detail"] == "Customer not found"
    assert partner.get(f"{URL}{unknown}/").status_code == 404


def test_is_not_merged_with_itself(partner: APIClient, john: Customer, jane: Customer) -> None:
    assert problem(merge(partner, john, john), 409)["code"] == "same"
    merge(partner, john, jane)

    # Nor with whom it is by now; nor once more.
    assert problem(merge(partner, jane, john), 409)["code"] == "same"
    assert problem(merge(partner, john, jane), 409)["code"] == "merged"
    assert Merge.objects.count() == 1


def test_every_id_of_a_chain_answers_with_the_last(
    partner: APIClient, john: Customer, jane: Customer
) -> None:
    last, late = (Customer.objects.create(name=name) for name in ("Last", "Late"))
    merge(partner, john, jane)
    merge(partner, jane, last)
    # Into one that is merged already: into whom that was merged.
    merge(partner, late, john)

    ids = (john.pk, jane.pk, late.pk)
    answers = [partner.get(f"{URL}{pk}/").json() for pk in ids]
    assert {answer["id"] for answer in answers} == {str(last.pk)}
    assert [answer["merged_from"] for answer in answers] == [str(pk) for pk in ids]
    assert order(partner, customer_code="CUST001").json()["customer"] == str(last.pk)


def test_merges_only_the_version_that_was_read(
    partner: APIClient, john: Customer, jane: Customer
) -> None:
    path, body = f"{URL}{john.pk}/merge/", {"into": str(jane.pk)}
    tag = partner.get(f"{URL}{john.pk}/")["ETag"]

    stale = partner.post(path, body, headers={"if-match": '"1-x"'})
    assert (stale.status_code, Customer.objects.count()) == (412, 2)

    assert partner.post(path, body, headers={"if-match": tag}).status_code == 200


def test_is_repeated_without_harm(partner: APIClient, john: Customer, jane: Customer) -> None:
    path, body = f"{URL}{john.pk}/merge/", {"into": str(jane.pk)}
    first, again = (partner.post(path, body, headers={"idempotency-key": "k"}) for _ in range(2))

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
