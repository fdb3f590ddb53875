"""It shows the supported applications to everybody, and lets staff change them."""

import pytest
from django.test import Client
from rest_framework.test import APIClient

from access.models import User
from access.tokens import issue
from common.tests.problems import problem, wrong_fields
from customers.models import Customer
from mappings.models import App
from mappings.services import map_customer


@pytest.fixture
def staff(admin: User) -> APIClient:
    """A superuser with a token."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue(admin).access}")
    return client


def test_knows_two_from_the_start(reader: APIClient) -> None:
    listed = reader.get("/v1/apps/").json()

    assert sorted((app["slug"], app["name"], app["active"]) for app in listed) == [
        ("amc", "AMC", True),
        ("edx", "edX", True),
    ]
    assert reader.get("/v1/apps/amc/").json() in listed
    assert problem(reader.get("/v1/apps/moodle/"), 404)["detail"] == "Application not found"


def test_is_changed_by_staff(staff: APIClient, john: Customer) -> None:
    made = staff.post("/v1/apps/", {"slug": "moodle", "name": "Moodle"})
    assert (made.status_code, made.json()["active"]) == (201, True)
    map_customer(customer=john.pk, app="moodle", customer_app_id="jdoe")

    closed = staff.patch("/v1/apps/moodle/", {"active": False})
    assert (closed.status_code, closed.json()["active"]) == (200, False)
    assert problem(staff.delete("/v1/apps/moodle/"), 409)["code"] == "referenced"
    assert staff.delete("/v1/apps/edx/").status_code == 204


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"slug": "a b", "name": "X"}, {"slug": "invalid"}),
        ({"slug": "x" * 51, "name": "X"}, {"slug": "max_length"}),
        ({"slug": "", "name": ""}, {"slug": "blank", "name": "blank"}),
        ({}, {"slug": "required", "name": "required"}),
        ({"slug": "x", "name": "X", "active": "maybe"}, {"active": "invalid"}),
        ({"slug": "x", "name": "X", "colour": "red"}, {"colour": "unknown"}),
    ],
)
def test_refuses(staff: APIClient, body: dict[str, str], wrong: dict[str, str]) -> None:
    assert wrong_fields(staff.post("/v1/apps/", body)) == wrong
    assert App.objects.count() == 2


def test_refuses_a_slug_that_is_taken(staff: APIClient) -> None:
    answer = staff.post("/v1/apps/", {"slug": "amc", "name": "Another"})

    assert wrong_fields(answer, 409) == {"slug": "unique"}


def test_is_not_changed_by_a_machine(partner: APIClient) -> None:
    answer = partner.post("/v1/apps/", {"slug": "moodle", "name": "Moodle"})

    assert problem(answer, 403)["detail"] == "Only staff may change this."
    assert App.objects.count() == 2


def test_is_kept_in_the_admin(client: Client, admin: User) -> None:
    client.force_login(admin)
    form = {"slug": "moodle", "name": "Moodle", "active": "on"}

    assert client.post("/admin/mappings/app/add/", form).status_code == 302
    moodle = App.objects.get(slug="moodle")
    del form["active"]
    assert client.post(f"/admin/mappings/app/{moodle.pk}/change/", form).status_code == 302
    moodle.refresh_from_db()
    assert moodle.active is False
    client.post(f"/admin/mappings/app/{moodle.pk}/delete/", {"post": "yes"})
    assert not App.objects.filter(slug="moodle").exists()
