"""It lets staff hand in a file, see how far it is, and read why rows were refused."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import Settings

from access.models import User
from customers.models import Customer
from imports.models import Import
from imports.tests.uploads import work_all

ADMIN = "/admin/imports/import/"


def form(content: str, **members: str) -> dict[str, Any]:
    """What the browser sends."""
    file = SimpleUploadedFile("customers.csv", content.encode())
    return {"file": file, "resource": "customers", "mode": "good", "notify": "on", **members}


@pytest.fixture
def ada(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def test_takes_a_file(ada: Client, admin: User) -> None:
    answer = ada.post(f"{ADMIN}add/", form("code,name\nC1,Ann\nC2,\n"))
    work_all()

    one = Import.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, ADMIN)
    assert (one.principal, one.file_name, one.notify) == (f"user:{admin.pk}", "customers.csv", True)
    assert (one.state, one.created, one.refused) == ("done", 1, 1)
    page = ada.get(f"{ADMIN}{one.pk}/change/").content.decode()
    assert f'href="{ADMIN}{one.pk}/report/"' in page
    report: Any = ada.get(f"{ADMIN}{one.pk}/report/")
    assert report.getvalue().decode().splitlines()[1].startswith("3,name,required,")


def test_takes_it_for_a_dry_run(ada: Client) -> None:
    ada.post(f"{ADMIN}add/", form("name\nAnn\n", dry_run="on"))
    work_all()

    assert (Import.objects.get().created, Customer.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    ("members", "says"),
    [({"resource": "apps"}, "Select a valid choice."), ({"file": ""}, "This field is required.")],
)
def test_refuses_what_makes_no_sense(ada: Client, members: dict[str, str], says: str) -> None:
    answer = ada.post(f"{ADMIN}add/", form("name\nAnn\n", **members))

    assert says in answer.content.decode()
    assert not Import.objects.exists()


def test_refuses_a_file_that_is_too_large(ada: Client, settings: Settings) -> None:
    settings.MAX_UPLOAD_BYTES = 8

    answer = ada.post(f"{ADMIN}add/", form("name\nAnn\n"))

    assert "The file is too large." in answer.content.decode()
    assert not Import.objects.exists()


def test_demands_the_right_to_write_the_rows(client: Client, db: None) -> None:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__endswith="_import"))
    client.force_login(user)

    answer = client.post(f"{ADMIN}add/", form("name\nAnn\n"))

    assert "Your user lacks the permission customers.add_customer." in answer.content.decode()
    assert not Import.objects.exists()


def test_shows_no_report_to_who_may_not_see_it(client: Client, db: None) -> None:
    one = Import.objects.create(resource="items", file_name="x", size=1)
    client.force_login(User.objects.create_user("clerk", is_staff=True))

    assert client.get(f"{ADMIN}{one.pk}/report/").status_code == 403
    assert client.get(f"{ADMIN}add/").status_code == 403
