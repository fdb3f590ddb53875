"""With a password or a right to get in, all that it opened ends."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Permission
from django.test import Client
from oauth2_provider.models import get_access_token_model, get_refresh_token_model

from access.cache import forget_all
from access.models import Application, User
from access.tests.clients import (
    DEVICE_GRANT,
    OpenIdClient,
    api,
    bearer,
    browser_of,
    error_of,
    register,
)
from tests.hashers import QuickHasher

pytestmark = pytest.mark.django_db

PASSWORD, OTHER = "correct horse battery", "a staple, this time"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def jane() -> User:
    """A member of staff who may see customers."""
    jane = User.objects.create_user("jane", password=PASSWORD, is_staff=True)
    jane.user_permissions.add(Permission.objects.get(codename="view_customer"))
    return jane


@pytest.fixture
def root() -> Client:
    return browser_of(User.objects.create_superuser("root"))


@pytest.fixture
def shop() -> OpenIdClient:
    return register()


def user_form(user: User, **changes: Any) -> dict[str, Any]:
    """The admin's form of a user."""
    given = {
        "username": user.username,
        "is_active": "on" if user.is_active else "",
        "is_staff": "on" if user.is_staff else "",
        "is_superuser": "on" if user.is_superuser else "",
        "user_permissions": [str(each.pk) for each in user.user_permissions.all()],
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
        **changes,
    }
    return {name: value for name, value in given.items() if value != ""}


def change(root: Client, user: User, **changes: Any) -> None:
    answer = root.post(f"/admin/access/user/{user.pk}/change/", user_form(user, **changes))
    assert answer.status_code == 302, answer.content


def deactivated(user: User, root: Client) -> None:
    change(root, user, is_active="")


def no_longer_staff(user: User, root: Client) -> None:
    change(root, user, is_staff="")


def given_another_password(user: User, root: Client) -> None:
    answer = root.post(
        f"/admin/access/user/{user.pk}/password/",
        {"password1": OTHER, "password2": OTHER, "usable_password": "true"},
    )
    assert answer.status_code == 302, answer.content


def left_without_password(user: User, root: Client) -> None:
    answer = root.post(
        f"/admin/access/user/{user.pk}/password/",
        {"usable_password": "false", "unset-password": "1"},
    )
    assert answer.status_code == 302, answer.content


def changes_their_password(user: User, root: Client) -> None:
    answer = browser_of(user).post(
        "/admin/password_change/",
        {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER},
    )
    assert answer.status_code == 302, answer.content


def set_in_a_shell(user: User, root: Client) -> None:
    user.set_password(OTHER)
    user.save(update_fields=["password"])


def deactivated_in_a_shell(user: User, root: Client) -> None:
    user.is_active = False
    user.save(update_fields=["is_active"])


Ending = Callable[[User, Client], None]
ENDINGS = [
    deactivated,
    no_longer_staff,
    given_another_password,
    left_without_password,
    changes_their_password,
    set_in_a_shell,
    deactivated_in_a_shell,
]
ending = pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)


def is_let_back_in(user: User) -> None:
    """Staff change their mind."""
    user.refresh_from_db()
    user.is_active = user.is_staff = True
    user.save()


@ending
def test_sessions_end(jane: User, root: Client, end: Ending) -> None:
    browser = browser_of(jane)
    assert browser.get("/admin/").status_code == 200
    assert browser.get("/v1/customers/").status_code == 200

    end(jane, root)

    assert browser.get("/v1/customers/").status_code == 401
    # And do not come back with the right to have one.
    unused = browser_of(jane)
    end_again = User.objects.get(pk=jane.pk)
    is_let_back_in(end_again)
    assert browser.get("/admin/").status_code == 302
    assert browser.get("/v1/customers/").status_code == 401
    assert unused is not None


@ending
def test_sessions_do_not_come_back(jane: User, root: Client, end: Ending) -> None:
    """Nobody used this one in the meantime: Django has not looked at it."""
    browser = browser_of(jane)

    end(jane, root)
    is_let_back_in(jane)

    assert browser.get("/admin/").status_code == 302
    assert browser.get("/v1/customers/").status_code == 401


@ending
def test_tokens_of_clients_end(jane: User, root: Client, shop: OpenIdClient, end: Ending) -> None:
    tokens = shop.tokens(browser_of(jane))
    code = shop.consented(browser_of(jane))["code"]
    assert api(tokens["access_token"]) == 200

    end(jane, root)
    is_let_back_in(jane)

    assert api(tokens["access_token"]) == 401
    assert Client().get("/o/userinfo/", headers=bearer(tokens["access_token"])).status_code == 401
    assert error_of(shop.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert error_of(shop.exchange(code)) == (400, "invalid_grant")
    assert not get_access_token_model().objects.filter(user=jane).exists()
    assert not get_refresh_token_model().objects.filter(user=jane).exists()


@ending
@pytest.mark.parametrize("page", ["/api-token-auth/", "/api/token/"])
def test_tokens_of_logins_end(jane: User, root: Client, end: Ending, page: str) -> None:
    given = Client().post(page, {"username": "jane", "password": PASSWORD}).json()
    access = given.get("token") or given["access"]
    assert api(access) == 200

    end(jane, root)
    is_let_back_in(jane)

    assert api(access) == 401
    if "refresh" in given:
        answer = Client().post("/api/token/refresh/", {"refresh": given["refresh"]})
        assert answer.status_code == 401


@ending
def test_devices_end(jane: User, root: Client, end: Ending) -> None:
    tv = register(
        client_type=Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_DEVICE_CODE,
        redirect_uris="",
    )
    begun = (
        Client()
        .post(
            "/o/device-authorization/",
            f"client_id={tv.application.client_id}",
            content_type=FORM,
        )
        .json()
    )
    browser = browser_of(jane)
    confirm = browser.post("/o/device/", {"user_code": begun["user_code"]})["Location"]
    assert browser.post(confirm, {"action": "accept"}).status_code == 302

    end(jane, root)
    is_let_back_in(jane)

    polled = tv.call("/o/token/", grant_type=DEVICE_GRANT, device_code=begun["device_code"])
    assert error_of(polled) == (400, "invalid_grant")


def test_what_was_believed_a_moment_ago_is_forgotten(
    jane: User, root: Client, shop: OpenIdClient, django_capture_on_commit_callbacks: Any
) -> None:
    """In this process at once; in others within AUTH_CACHE_SECONDS."""
    token = shop.tokens(browser_of(jane))["access_token"]
    forget_all()
    assert Client().get("/v1/customers/", headers=bearer(token)).status_code == 200

    with django_capture_on_commit_callbacks(execute=True):
        deactivated(jane, root)

    assert Client().get("/v1/customers/", headers=bearer(token)).status_code == 401


def test_who_changes_their_password_stays_in(jane: User) -> None:
    browser, other = browser_of(jane), browser_of(jane)

    browser.post(
        "/admin/password_change/",
        {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER},
    )

    assert browser.get("/admin/").status_code == 200
    assert other.get("/admin/").status_code == 302


def renamed(user: User, root: Client) -> None:
    change(root, user, first_name="Jane")


def promoted(user: User, root: Client) -> None:
    change(root, user, is_superuser="on")


def logs_in_again(user: User, root: Client) -> None:
    Client().post("/login/", {"username": "jane", "password": PASSWORD})


def logs_in_with_an_old_hash(user: User, root: Client) -> None:
    """Django hashes the password anew, with as many rounds as it takes today."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QuickHasher, "iterations", 101)
        logs_in_again(user, root)
    assert "$101$" in User.objects.get(pk=user.pk).password


@pytest.mark.parametrize(
    "event",
    [renamed, promoted, logs_in_again, logs_in_with_an_old_hash],
    ids=lambda event: event.__name__,
)
def test_nothing_else_ends_tokens(
    jane: User, root: Client, shop: OpenIdClient, event: Ending
) -> None:
    tokens = shop.tokens(browser_of(jane))
    assert issubclass(QuickHasher, PBKDF2PasswordHasher)

    event(jane, root)

    assert api(tokens["access_token"]) == 200
    assert shop.refresh(tokens["refresh_token"]).status_code == 200


@ending
def test_somebody_else_keeps_theirs(
    jane: User, root: Client, shop: OpenIdClient, end: Ending
) -> None:
    grace = User.objects.create_superuser("grace")
    browser, tokens = browser_of(grace), shop.tokens(browser_of(grace))

    end(jane, root)

    assert browser.get("/admin/").status_code == 200
    assert api(tokens["access_token"]) == 200
