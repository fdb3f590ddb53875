"""People and clients for the tests of the OpenID provider."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from access.models import Application, User
from access.tests.clients import OpenIdClient, browser_of, register


@pytest.fixture
def jane() -> User:
    """Somebody who may see customers, and nothing else."""
    user = User.objects.create_user(
        "jane", "jane@klanten.example", "correct horse", first_name="Jane", last_name="Wanjiru"
    )
    user.user_permissions.add(Permission.objects.get(codename="view_customer"))
    return user


@pytest.fixture
def janes_browser(jane: User) -> Client:
    return browser_of(jane)


@pytest.fixture
def shop(db: None) -> OpenIdClient:
    """A confidential client for the authorization code."""
    return register()


@pytest.fixture
def machine(db: None) -> OpenIdClient:
    """A client on its own behalf, which may read orders."""
    return register(
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        redirect_uris="",
        scopes="orders:read",
    )


@pytest.fixture
def tv(db: None) -> OpenIdClient:
    """A device without a browser or a secret."""
    return register(
        client_type=Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_DEVICE_CODE,
        redirect_uris="",
        scopes="customers:read",
    )
