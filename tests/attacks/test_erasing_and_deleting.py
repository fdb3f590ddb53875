"""Nothing that was ever noted about a customer outlives their erasure, nor their deletion."""

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from access.models import ExternalIdentity, User
from access.tokens import issue
from customers.models import Customer, Erasure
from customers.registration import register_login
from mappings.models import Mapping
from notifications.models import OptOut
from tests.cast import key_in_use
from tests.dumps import dumped, lines_with

SECRET = "callback-secret"
PHONE, FORMER, FIRST = "+254712345678", "+254733111222", "+254700999888"
CUSTOMERS, ORDERS = "/v1/customers/", "/v1/orders/"
PASSWORD = "correct horse battery"
# Whatever form they have been written in.
TRACES = (
    *("Jane Quixote", "Jane-Quixote", "Jane_Quixote", "janeq", "Quixote", "quixote.example"),
    *("712345678", "712 345 678", "733111222", "700999888"),
    *("52998224725", "529.982.247-25", "203.0.113.77"),
)


@pytest.fixture(autouse=True)
def callbacks_are_there(settings: Any) -> None:
    settings.AFRICAS_TALKING_CALLBACK_SECRET = SECRET
    settings.TRUSTED_PROXIES = ()


@pytest.fixture
def outsider() -> Client:
    """A browser of the customer's, at an address of their own."""
    return Client(REMOTE_ADDR="203.0.113.77")


@pytest.fixture
def staff(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def machine(db: None) -> APIClient:
    scopes = "read write customers:erase customers:export"
    return APIClient(HTTP_AUTHORIZATION=f"Api-Key {key_in_use(name='Machine', scopes=scopes)}")


def call(name: str, **form: str) -> None:
    answer = Client().post(f"/notifications/africastalking/{SECRET}/{name}", form)
    assert answer.status_code == 200, answer.content


def write_from(phone: str, text: str, number: str) -> None:
    call("incoming", **{"id": number, "from": phone, "to": "22384", "text": text})


@pytest.fixture
def jane(machine: APIClient, staff: Client, outsider: Client) -> Customer:
    """Known by everything that can know a customer, under three phones in turn."""
    # Before she was a customer at all.
    write_from(FIRST, "STOP. Jane Quixote", "in-0")
    write_from(FIRST, "STOP", "in-1")
    user = register_login(username="janeq", email="janeq@quixote.example", password=PASSWORD)
    ExternalIdentity.objects.create(user=user, issuer="https://issuer.example", subject="janeq")
    issue(user)
    outsider.post("/login/", {"username": "janeq", "password": "wrong"})
    outsider.post("/login/", {"username": "janeq@quixote.example", "password": "wrong"})
    outsider.post("/login/", {"username": "janeq", "password": PASSWORD})
    path = f"{CUSTOMERS}{user.customer.pk}/"
    members = {"name": "Jane Quixote", "domain": "quixote.example", "document": "52998224725"}
    assert machine.patch(path, {**members, "phone_number": FIRST}).status_code == 200
    assert machine.patch(path, {"phone_number": FORMER}).status_code == 200
    write_from(FORMER, "My name is Jane Quixote", "in-2")
    call("reports", id="nobody", phoneNumber=FORMER, status="Failed", failureReason="712345678")
    assert machine.patch(path, {"phone_number": PHONE}).status_code == 200
    # Staff note opt-outs, and take one back: both are in the admin's log.
    staff.post("/admin/notifications/optout/add/", {"phone": PHONE})
    staff.post("/admin/notifications/optout/add/", {"phone": FORMER})
    opted_out = OptOut.objects.get(phone=FORMER)
    staff.post(f"/admin/notifications/optout/{opted_out.pk}/delete/", {"post": "yes"})
    form = {"code": "JQ", "name": "Jane Quixote", "phone_number": PHONE, "user": str(user.pk)}
    form |= {"domain": "quixote.example", "document": "529.982.247-25"}
    staff.post(f"/admin/customers/customer/{user.customer.pk}/change/", form)
    mapping = {"customer": str(user.customer.pk), "app": "amc", "customer_app_id": "janeq-id"}
    machine.post("/v1/mappings/", mapping)
    staff.post(f"/admin/mappings/mapping/{Mapping.objects.get().pk}/delete/", {"post": "yes"})
    mapping["customer_app_id"] = "janeq"
    machine.post("/v1/mappings/", mapping)
    # Answers that are kept: about her, and with her in a list.
    pairs = [{"app": "amc", "customer_app_id": "janeq"}]
    machine.post("/v1/query/", pairs, headers={"idempotency-key": "a"})
    machine.post(CUSTOMERS, {"domain": "quixote.example"}, headers={"idempotency-key": PHONE})
    report_of_her_file(machine)
    return Customer.objects.get(user=user)


def report_of_her_file(machine: APIClient) -> None:
    """An import that is named after her and about her, and whose file is still there."""
    rows = "code,name,phone_number\nNEW,Jane Quixote,0712345678\n"
    file = SimpleUploadedFile("Jane_Quixote 0712 345 678.csv", rows.encode())
    form = {"file": file, "resource": "customers"}
    answer = machine.post("/v1/imports/", form, format="multipart")
    assert answer.status_code in {201, 202}, answer.content


@pytest.fixture(params=["erase", "delete", "delete in the admin", "delete selected"])
def gone(request: pytest.FixtureRequest, jane: Customer, machine: APIClient, staff: Client) -> str:
    """However she goes."""
    assert lines_with(dumped(), TRACES)
    path = f"/admin/customers/customer/{jane.pk}/delete/"
    selected = {"action": "delete_selected", "_selected_action": str(jane.pk), "post": "yes"}
    answer: Any
    match request.param:
        case "erase":
            answer = machine.post(f"{CUSTOMERS}{jane.pk}/erase/")
        case "delete":
            answer = machine.delete(f"{CUSTOMERS}{jane.pk}/")
        case "delete in the admin":
            answer = staff.post(path, {"post": "yes"})
        case _:
            answer = staff.post("/admin/customers/customer/", selected)
    assert answer.status_code in {200, 204, 302}, answer.content
    return str(request.param)


def test_nothing_of_hers_is_anywhere_in_the_database(gone: str) -> None:
    assert lines_with(dumped(), TRACES) == []
    assert Customer.objects.count() == (gone == "erase")
    assert Erasure.objects.count() == 1


def test_her_login_gets_nowhere(gone: str, outsider: Client) -> None:
    assert not User.objects.filter(is_active=True, is_staff=False).exists()
    assert Session.objects.count() == 1  # The staff member's.
    answer = Client().post("/api/token/", {"username": "janeq", "password": PASSWORD})
    assert answer.status_code in {400, 401}
    assert outsider.get("/v1/orders/").status_code == 401


def test_a_login_of_staff_is_not_deleted(machine: APIClient, admin: User, john: Customer) -> None:
    Customer.objects.filter(pk=john.pk).update(user=admin)

    answer = machine.delete(f"{CUSTOMERS}{john.pk}/")

    assert (answer.status_code, answer.json()["code"]) == (409, "staff")
    assert Customer.objects.get().name == "John Doe"
    assert not Erasure.objects.exists()


def test_a_refused_deletion_erases_nothing(machine: APIClient, john: Customer) -> None:
    order = {"customer_code": "CUST001", "item": "Laptop", "amount": 1}
    assert machine.post(ORDERS, order).status_code == 201
    before = sorted(dumped().splitlines())

    answer = machine.delete(f"{CUSTOMERS}{john.pk}/")

    assert (answer.status_code, answer.json()["code"]) == (409, "referenced")
    assert sorted(dumped().splitlines()) == before


def test_a_login_that_is_deleted_leaves_nothing(jane: Customer) -> None:
    assert jane.user
    jane.user.delete()

    left = lines_with(dumped(), ["janeq@", "203.0.113.77", "https://issuer.example"])
    assert left == []
    kept = Customer.objects.get()
    assert kept.name == "Jane Quixote"
    assert kept.user is None
