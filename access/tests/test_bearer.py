"""It lets an access token in: a machine for its scopes, a person for their permissions."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone
from oauth2_provider.models import get_access_token_model, get_application_model
from pytest_django.fixtures import DjangoAssertNumQueries
from rest_framework.test import APIClient

from access.cache import forget_all
from access.models import User
from common.tests.problems import problem

AccessToken = get_access_token_model()
Application = get_application_model()

CUSTOMERS = "/v1/customers/"
INVALID = "The Bearer credential is not valid."

Show = Callable[..., APIClient]


@pytest.fixture
def show(db: None) -> Show:
    """Makes a client that shows a new token, of a user or else of the application alone."""
    application = Application.objects.create(
        name="Partner",
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
    )

    def with_token(scope: str, user: User | None = None, minutes: int = 5, **row: Any) -> APIClient:
        expires = timezone.now() + timedelta(minutes=minutes)
        row = {"application": application, "token": "a-token"} | row
        AccessToken.objects.create(scope=scope, user=user, expires=expires, **row)
        return APIClient(HTTP_AUTHORIZATION=f"Bearer {row['token']}")

    return with_token


@pytest.fixture
def staff(db: None) -> User:
    """Somebody who may view customers and orders."""
    user = User.objects.create_user("bea", "bea@klanten.example", "correct horse battery")
    user.user_permissions.set(
        Permission.objects.filter(codename__in=["view_customer", "view_order"])
    )
    return user


def test_lets_a_machine_do_what_its_scopes_say(show: Show) -> None:
    machine = show("customers:read customers:write openid")

    assert machine.post(CUSTOMERS, {"name": "John Doe"}).status_code == 201
    assert len(machine.get(CUSTOMERS).json()) == 1
    detail = problem(machine.get("/v1/orders/"), 403)["detail"]
    assert detail == "The credential lacks the scope orders:read."


def test_lets_a_machine_without_resource_scopes_do_nothing(show: Show) -> None:
    detail = problem(show("openid profile email").get(CUSTOMERS), 403)["detail"]

    assert detail == "The credential lacks the scope customers:read."


@pytest.mark.parametrize("scope", ["openid profile email", "read write", ""])
def test_lets_a_superuser_do_everything(show: Show, admin: User, scope: str) -> None:
    ada = show(scope, admin)

    assert ada.post(CUSTOMERS, {"name": "John Doe"}).status_code == 201
    assert len(ada.get(CUSTOMERS).json()) == 1
    assert ada.get("/v1/orders/").json() == []


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("get", "items/", "items.view_item"),
        ("get", "notifications/", "notifications.view_message"),
        ("post", "customers/", "customers.add_customer"),
        ("put", "customers/x/", "customers.change_customer"),
        ("patch", "orders/x/", "orders.change_order"),
        ("post", "orders/x/cancel", "orders.change_order"),
        ("delete", "orders/x/", "orders.delete_order"),
    ],
)
def test_names_the_permission_that_a_user_lacks(
    show: Show, staff: User, method: str, path: str, permission: str
) -> None:
    bea = show("openid profile email", staff)

    detail = problem(getattr(bea, method)(f"/v1/{path}", {"name": "x"}), 403)["detail"]

    assert detail == f"Your user lacks the permission {permission}."
    assert bea.get(CUSTOMERS).json() == []


def test_lets_a_user_do_what_their_permissions_say(show: Show, staff: User) -> None:
    bea = show("openid", staff)

    assert bea.get(CUSTOMERS).json() == []
    assert bea.get("/v1/orders/by-customer?limit=0").status_code == 400


@pytest.mark.parametrize(
    ("scope", "path", "missing"),
    [
        ("openid orders:read", "orders", None),
        ("openid orders:read", "customers", "customers:read"),
        ("read", "customers", None),
        ("write", "customers", "customers:read"),
    ],
)
def test_lets_a_user_do_no_more_than_the_token_names(
    show: Show, staff: User, scope: str, path: str, missing: str | None
) -> None:
    response = show(scope, staff).get(f"/v1/{path}/")

    if missing is None:
        assert (response.status_code, response.json()) == (200, [])
    else:
        detail = problem(response, 403)["detail"]
        assert detail == f"The credential lacks the scope {missing}."


def test_gives_a_scope_no_permission(show: Show, staff: User) -> None:
    detail = problem(show("read write", staff).get("/v1/items/"), 403)["detail"]

    assert detail == "Your user lacks the permission items.view_item."


def refused(client: APIClient) -> None:
    response = client.get(CUSTOMERS)
    assert problem(response, 401)["detail"] == INVALID
    assert response["WWW-Authenticate"] == 'Api-Key realm="klanten", Bearer realm="klanten"'


@pytest.mark.parametrize("minutes", [0, -1, -60 * 24 * 400])
def test_refuses_an_expired_token(show: Show, admin: User, minutes: int) -> None:
    refused(show("read", minutes=minutes))
    refused(show("read", admin, minutes=minutes, token="another"))


def test_refuses_a_deactivated_user(show: Show, admin: User) -> None:
    User.objects.update(is_active=False)

    refused(show("read write", admin))


def test_refuses_a_token_of_nobody(show: Show) -> None:
    refused(show("read", application=None))


@pytest.mark.parametrize(
    "credential",
    ["", "unknown", "a-token2", "A-TOKEN", "a-token\0", "x" * 10_000, "eyJh.eyJh.c2ln", "\xff"],
)
def test_refuses_an_unknown_token(show: Show, credential: str) -> None:
    show("read write")

    refused(APIClient(HTTP_AUTHORIZATION=f"Bearer {credential}"))


def test_takes_a_token_longer_than_any_key(show: Show) -> None:
    assert show("read", token="x" * 4096).get(CUSTOMERS).status_code == 200


def test_keeps_a_token_of_a_user_without_application(show: Show, admin: User) -> None:
    assert show("openid", admin, application=None).get(CUSTOMERS).status_code == 200


@pytest.mark.parametrize("kind", ["machine", "superuser"])
def test_costs_one_statement(
    show: Show, admin: User, django_assert_num_queries: DjangoAssertNumQueries, kind: str
) -> None:
    client = show("read", admin if kind == "superuser" else None)

    with django_assert_num_queries(2):
        client.get(CUSTOMERS)
    with django_assert_num_queries(1):
        client.get(CUSTOMERS)
    forget_all()
    with django_assert_num_queries(2):
        client.get(CUSTOMERS)
