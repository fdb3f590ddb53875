"""It finds a bad configuration before the first request."""

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ValidationError
from django.test import Client
from pytest_django.fixtures import Settings

from access.issuers import trusted_issuers
from access.models import Application, User


def found(*, deploy: bool = False) -> set[str]:
    return {str(each.id) for each in run_checks(include_deployment_checks=deploy)}


@pytest.mark.parametrize("rate", ["often", "x/min", ""])
def test_finds_a_rate_that_is_none(settings: Settings, rate: str) -> None:
    settings.LOGIN_RATE = rate

    assert "access.E002" in found()


@pytest.mark.parametrize("name", ["LOGIN_LOG_RETENTION_DAYS", "HISTORY_RETENTION_DAYS"])
def test_finds_a_log_that_would_be_kept_for_less_than_no_time(
    settings: Settings, name: str
) -> None:
    assert "access.E003" not in found()
    setattr(settings, name, -1)

    assert "access.E003" in found()


def test_finds_an_issuer_in_the_open(settings: Settings) -> None:
    settings.OIDC_TRUSTED_ISSUERS = [{"issuer": "http://issuer.example", "audience": "klanten"}]
    trusted_issuers.cache_clear()
    try:
        assert "access.W001" in found(deploy=True)
    finally:
        trusted_issuers.cache_clear()


@pytest.mark.django_db
def test_refuses_a_secret_that_can_be_guessed() -> None:
    application = Application(
        name="Shop",
        client_type="confidential",
        authorization_grant_type="client-credentials",
        client_secret="summer2026",
    )
    with pytest.raises(ValidationError, match="give 40 characters"):
        application.full_clean()


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/login/", "/admin/login/"])
def test_shows_a_page_once_a_name_is_locked(settings: Settings, client: Client, page: str) -> None:
    settings.AXES_FAILURE_LIMIT = 1
    User.objects.create_user("ada", password="correct horse battery", is_staff=True)

    client.post(page, {"username": "ada", "password": "wrong"})
    answer = client.post(page, {"username": "ada", "password": "correct horse battery"})

    assert (answer.status_code, answer["Retry-After"]) == (429, "900")
    assert b"Too many failed logins" in answer.content
