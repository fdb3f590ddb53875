"""Clients are registered by staff; people see what they have consented to."""

import jwt
import pytest
from django.test import Client
from oauth2_provider.models import (
    get_access_token_model,
)

from access.models import Application, User
from access.tests.clients import (
    CALLBACK,
    OpenIdClient,
    api,
    browser_of,
    error_of,
    register,
)
from tests.web_client import form_fields

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path",
    [
        "/o/applications/",
        "/o/applications/register/",
        "/o/applications/1/",
        "/o/applications/1/update/",
        "/o/applications/1/delete/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_clients_are_registered_by_staff_alone(
    janes_browser: Client, method: str, path: str
) -> None:
    for browser in (janes_browser, Client()):
        answer = browser.generic(method, path)

        assert (answer.status_code, answer["Location"]) == (302, f"/admin/login/?next={path}")
    assert not Application.objects.exists()


def test_staff_register_a_client_that_may_only_know_who_somebody_is(admin: User) -> None:
    browser = browser_of(admin)
    page = browser.get("/o/applications/register/").content.decode()
    fields = form_fields(page, "redirect_uris")
    assert fields["algorithm"] == "RS256"

    answer = browser.post(
        "/o/applications/register/",
        {
            **fields,
            "client_type": "confidential",
            "authorization_grant_type": "authorization-code",
            "redirect_uris": CALLBACK,
            "scopes": "read write",
            "skip_authorization": "on",
        },
    )

    client = Application.objects.get()
    assert answer["Location"] == f"/o/applications/{client.pk}/"
    assert (client.scopes, client.skip_authorization, client.user) == ("", False, admin)


def test_a_client_without_an_algorithm_gets_the_default(janes_browser: Client) -> None:
    client = register(algorithm="")

    id_token = client.tokens(janes_browser)["id_token"]

    assert jwt.get_unverified_header(id_token)["alg"] == "RS256"


def test_people_see_and_revoke_what_they_have_consented_to(
    shop: OpenIdClient, janes_browser: Client, admin: User
) -> None:
    tokens = shop.tokens(janes_browser)
    token = get_access_token_model().objects.get()
    path = f"/o/authorized_tokens/{token.pk}/delete/"

    assert browser_of(admin).post(path).status_code == 404
    assert "Shop" in janes_browser.get("/o/authorized_tokens/").content.decode()
    assert janes_browser.post(path).status_code == 302
    assert api(tokens["access_token"]) == 401
    assert error_of(shop.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
