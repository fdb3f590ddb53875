"""It registers an OpenID client once, and shows its secret once."""

from io import StringIO

import pytest
from django.contrib.auth.hashers import check_password
from django.core.management import CommandError, call_command
from oauth2_provider.models import get_application_model
from rest_framework.test import APIClient

Application = get_application_model()

pytestmark = pytest.mark.django_db


def setup_oauth(*args: str) -> dict[str, str]:
    """What the command prints: `name: value`, or a sentence without a value."""
    printed = StringIO()
    call_command("setup_oauth", *args, stdout=printed)
    lines = (line.partition(": ") for line in printed.getvalue().splitlines())
    return {name: value for name, _, value in lines}


def test_prints_the_client_as_savannahs_document_shows_it() -> None:
    printed = setup_oauth()

    application = Application.objects.get()
    assert list(printed) == [
        "OAuth2 Application created successfully!",
        "Client ID",
        "Client Secret",
        "Authorization Grant Type",
        "Client Type",
    ]
    assert printed["Client ID"] == application.client_id
    assert check_password(printed["Client Secret"], application.client_secret)
    assert printed["Client Secret"] not in application.client_secret
    assert printed["Authorization Grant Type"] == "authorization-code"
    assert printed["Client Type"] == "confidential"
    assert application.name == "Klanten"
    assert application.redirect_uris == "http://127.0.0.1:8000/o/callback"
    assert application.algorithm == "RS256"


def test_makes_no_second_client() -> None:
    first = setup_oauth()

    again = setup_oauth()

    assert Application.objects.count() == 1
    assert again["Client ID"] == first["Client ID"]
    assert "Client Secret" not in again
    assert "OAuth2 Application Klanten exists already." in again


def test_makes_a_second_client_when_asked() -> None:
    first = setup_oauth()

    second = setup_oauth("--new")

    assert Application.objects.count() == 2
    assert second["Client ID"] != first["Client ID"]
    assert second["Client Secret"] != first["Client Secret"]


def test_makes_a_client_of_another_name() -> None:
    setup_oauth()
    setup_oauth("--name", "Till")

    assert sorted(Application.objects.values_list("name", flat=True)) == ["Klanten", "Till"]


def test_prints_no_secret_of_a_public_client() -> None:
    printed = setup_oauth("--client-type", "public")

    assert "Client Secret" not in printed
    assert printed["Client Type"] == "public"
    assert Application.objects.get().client_type == Application.CLIENT_PUBLIC


def test_refuses_client_credentials_to_a_public_client() -> None:
    with pytest.raises(CommandError, match="it cannot use client-credentials"):
        setup_oauth("--client-type", "public", "--grant-type", "client-credentials")
    assert not Application.objects.exists()


@pytest.mark.parametrize("option", ["--client-type", "--grant-type"])
def test_refuses_an_unknown_choice(option: str) -> None:
    with pytest.raises(CommandError, match="invalid choice: 'other'"):
        setup_oauth(option, "other")
    assert not Application.objects.exists()


def test_makes_a_client_that_gets_a_token(stranger: APIClient) -> None:
    printed = setup_oauth("--grant-type", "client-credentials")
    credentials = {"client_id": printed["Client ID"], "client_secret": printed["Client Secret"]}
    body = "grant_type=client_credentials&scope=customers:read"
    for name, value in credentials.items():
        body += f"&{name}={value}"

    answer = stranger.post("/o/token/", body, content_type="application/x-www-form-urlencoded")

    assert answer.status_code == 200
    token = answer.json()["access_token"]
    machine = APIClient(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert machine.get("/v1/customers/").json() == []
    assert machine.post("/v1/customers/", {"name": "x"}).status_code == 403
