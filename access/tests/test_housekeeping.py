"""It forgets logins and tokens that have had their time, and no others."""

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db.models import Model
from django.utils import timezone
from oauth2_provider.models import AccessToken, DeviceGrant, Grant
from pytest_django import Settings

from access.models import Application, User

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def keep_house() -> None:
    call_command("housekeeping", verbosity=0)


def aged(row: Model, **times: Any) -> Model:
    """The row, with times that its model would have set itself."""
    type(row)._default_manager.filter(pk=row.pk).update(**times)
    return row


def test_forgets_expired_sessions() -> None:
    now = timezone.now()
    Session.objects.create(session_key="old", session_data="", expire_date=now - MINUTE)
    Session.objects.create(session_key="new", session_data="", expire_date=now + MINUTE)

    keep_house()

    assert [session.session_key for session in Session.objects.all()] == ["new"]


def test_forgets_expired_tokens_and_codes(admin: User) -> None:
    application = Application.objects.create(name="A", client_type="public")
    for name, age in [("old", -MINUTE), ("new", MINUTE)]:
        times = {"application": application, "expires": timezone.now() + age}
        AccessToken.objects.create(user=admin, token=name, **times)
        Grant.objects.create(user=admin, code=name, redirect_uri="https://a.example", **times)
        DeviceGrant.objects.create(
            client_id=application.client_id,
            device_code=name,
            user_code=name,
            expires=times["expires"],
        )

    keep_house()

    assert [each.token for each in AccessToken.objects.all()] == ["new"]
    assert [each.code for each in Grant.objects.all()] == ["new"]
    assert [each.device_code for each in DeviceGrant.objects.all()] == ["new"]


def test_forgets_failed_logins_that_lock_nothing() -> None:
    now = timezone.now()
    for name, age in [("old", 16), ("new", 14)]:
        attempt = AccessAttempt.objects.create(username=name, failures_since_start=1)
        aged(attempt, attempt_time=now - age * MINUTE)

    keep_house()

    assert [attempt.username for attempt in AccessAttempt.objects.all()] == ["new"]


@pytest.mark.parametrize(
    ("days", "left"), [(0, ["new", "old"]), (90, ["new"]), (120, ["new", "old"])]
)
def test_forgets_who_logged_in_after_a_while(
    settings: Settings, days: int, left: list[str]
) -> None:
    settings.LOGIN_LOG_RETENTION_DAYS = days
    now = timezone.now()
    for name, age in [("old", 91), ("new", 89)]:
        aged(AccessLog.objects.create(username=name), attempt_time=now - age * DAY)

    keep_house()

    assert sorted(AccessLog.objects.values_list("username", flat=True)) == left


@pytest.mark.parametrize(("days", "left"), [(0, ["new", "old"]), (365, ["new"])])
def test_forgets_who_changed_what_if_it_is_told_to(
    admin: User, settings: Settings, days: int, left: list[str]
) -> None:
    settings.HISTORY_RETENTION_DAYS = days
    now = timezone.now()
    for name, age in [("old", 366), ("new", 364)]:
        LogEntry.objects.create(
            user=admin, action_flag=2, object_repr=name, action_time=now - age * DAY
        )

    keep_house()

    assert sorted(LogEntry.objects.values_list("object_repr", flat=True)) == left
