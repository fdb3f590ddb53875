"""Logout at the wish of a client."""

import pytest
from django.test import Client

from access.tests.clients import (
    OpenIdClient,
    api,
    error_of,
)
from tests.web_client import form_fields

pytestmark = pytest.mark.django_db


def test_a_client_logs_somebody_out_after_a_question(
    shop: OpenIdClient, janes_browser: Client
) -> None:
    tokens = shop.tokens(janes_browser)
    query = {
        "id_token_hint": tokens["id_token"],
        "post_logout_redirect_uri": "https://client.example/goodbye",
        "state": "s",
    }

    page = janes_browser.get("/o/logout/", query)

    assert (page.status_code, api(tokens["access_token"])) == (200, 200)
    fields = form_fields(page.content.decode(), "id_token_hint")
    answer = janes_browser.post("/o/logout/", {**fields, "allow": "Logout"})
    assert answer["Location"] == "https://client.example/goodbye?state=s"
    assert janes_browser.get("/o/authorized_tokens/").status_code == 302
    assert api(tokens["access_token"]) == 401
    assert error_of(shop.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


def test_somebody_can_stay_logged_in(shop: OpenIdClient, janes_browser: Client) -> None:
    token = shop.tokens(janes_browser)["access_token"]

    answer = janes_browser.post("/o/logout/", {})

    assert answer.status_code == 400
    assert janes_browser.get("/o/authorized_tokens/").status_code == 200
    assert api(token) == 200


@pytest.mark.parametrize(
    "query",
    [
        {"client_id": "unknown"},
        {"id_token_hint": "eya.b.c"},
        {"id_token_hint": "garbage"},
        {"post_logout_redirect_uri": "https://evil.example/"},
    ],
)
def test_a_logout_that_cannot_be_is_an_error_page(
    janes_browser: Client, query: dict[str, str]
) -> None:
    page = janes_browser.get("/o/logout/", query)

    assert (page.status_code, "Location" in page) == (400, False)
    assert janes_browser.get("/o/authorized_tokens/").status_code == 200


def test_a_logout_leads_only_where_the_client_is_registered_for(
    shop: OpenIdClient, janes_browser: Client
) -> None:
    hint = shop.tokens(janes_browser)["id_token"]

    page = janes_browser.get(
        "/o/logout/",
        {"id_token_hint": hint, "post_logout_redirect_uri": "https://evil.example/"},
    )

    assert (page.status_code, "Location" in page) == (400, False)
