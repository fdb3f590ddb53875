"""It lets somebody settle what nobody knows, and keeps a record of it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from access.models import ApiKey, User
from common.models import first_id_at
from common.tests.problems import problem
from notifications.models import Decision, Message, Report
from notifications.services import (
    blank_old_texts,
    mark_as_sent,
    prune_reports,
    resend,
    settle_unknown_by_policy,
)

LIST = "/admin/notifications/message/"


@pytest.fixture
def ada(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def message(status: str = "unknown", **members: Any) -> Message:
    given = {"status": status, "attempts": 2, "last_error": "Silence.", "text": "Hello", **members}
    return Message.objects.create(kind="order_received", to="+254712345678", **given)


def old(status: str = "unknown", *, hours: float, **members: Any) -> Message:
    """A message that has been as it is for so long."""
    row = message(status, **members)
    then = timezone.now() - timedelta(hours=hours)
    Message.objects.filter(pk=row.pk).update(updated_at=then)
    return row


def decisions() -> list[tuple[str, str, str]]:
    return list(Decision.objects.order_by("id").values_list("action", "by", "was"))


# --- Through the API -----------------------------------------------------------------


@pytest.mark.parametrize("status", ["failed", "undelivered", "unknown"])
def test_sends_again_what_did_not_arrive(partner: APIClient, status: str) -> None:
    row = message(status, provider_id="ATPid_1", sent_at=timezone.now())

    answer = partner.post(f"/v1/notifications/{row.pk}/resend")

    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["id"], shown["status"], shown["reason"]) == (str(row.pk), "queued", "")
    assert partner.get(f"/v1/notifications/{row.pk}").json() == shown
    row.refresh_from_db()
    assert (row.provider_id, row.sent_at, row.attempts, row.text) == ("", None, 2, "Hello")
    assert list(Message.due(timezone.now())) == [row]
    assert decisions() == [("resend", f"key:{ApiKey.objects.get().prefix}", status)]


@pytest.mark.parametrize("status", ["pending", "sent", "delivered", "skipped"])
def test_sends_nothing_again_that_may_not_be(partner: APIClient, status: str) -> None:
    row = message(status)
    before = Message.objects.values().get()

    answer = partner.post(f"/v1/notifications/{row.pk}/resend")

    assert problem(answer, 409)["detail"] == (
        f"A message that is {status} cannot be sent again; "
        "one that is failed or undelivered or unknown can."
    )
    assert Message.objects.values().get() == before
    assert not Decision.objects.exists()


def test_sends_again_once(partner: APIClient) -> None:
    row = message()

    answers = [partner.post(f"/v1/notifications/{row.pk}/resend").status_code for _ in range(2)]

    assert answers == [200, 409]
    assert Decision.objects.count() == 1


def test_sends_no_text_again_that_is_gone(partner: APIClient) -> None:
    row = message("failed", text="")

    answer = partner.post(f"/v1/notifications/{row.pk}/resend")

    assert problem(answer, 409)["code"] == "blanked"
    row.refresh_from_db()
    assert row.status == "failed"


def test_sends_nothing_again_for_readers(reader: APIClient) -> None:
    row = message()

    assert reader.post(f"/v1/notifications/{row.pk}/resend").status_code == 403
    row.refresh_from_db()
    assert row.status == "unknown"


# --- In the admin --------------------------------------------------------------------


def act(client: Client, action: str, *rows: Message, **more: str) -> str:
    form = {"action": action, "_selected_action": [str(row.pk) for row in rows], **more}
    return client.post(LIST, form, follow=True).content.decode()


def test_lists_what_is_unknown(ada: Client) -> None:
    message()
    message("sent")

    assert ada.get(f"{LIST}?status__exact=unknown").context["cl"].result_count == 1
    assert ada.get(f"{LIST}?kind=order_received").context["cl"].result_count == 2
    assert ada.get(f"{LIST}?kind=order_ready").context["cl"].result_count == 0


def test_asks_before_it_sends_again(ada: Client, admin: User) -> None:
    row = message()

    page = act(ada, "send_again", row)
    row.refresh_from_db()
    assert "1 of these may have arrived already, and would then arrive twice." in page
    assert row.status == "unknown"

    page = act(ada, "send_again", row, confirmed="yes")
    row.refresh_from_db()
    assert "1 queued again." in page
    assert row.status == "pending"
    assert decisions() == [("resend", f"user:{admin.pk}", "unknown")]


def test_marks_as_sent(ada: Client, admin: User) -> None:
    row, failed = message(), message("failed")

    page = act(ada, "mark_as_sent", row, failed)

    row.refresh_from_db()
    failed.refresh_from_db()
    assert (row.status, row.last_error, failed.status) == ("sent", "", "failed")
    assert row.sent_at is not None
    assert "1 marked as sent." in page
    assert "A message that is failed cannot be marked as sent; one that is unknown can." in page
    assert decisions() == [("sent", f"user:{admin.pk}", "unknown")]
    shown = ada.get(f"{LIST}{row.pk}/change/").content.decode()
    assert f"user:{admin.pk}" in shown


@pytest.mark.parametrize("action", ["send_again", "mark_as_sent"])
def test_lets_nobody_settle_who_may_only_look(client: Client, action: str, db: None) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_message"))
    client.force_login(clerk)
    row = message()

    act(client, action, row, confirmed="yes")

    row.refresh_from_db()
    assert row.status == "unknown"
    assert not Decision.objects.exists()


# --- By policy -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "after", "action"),
    [("resend", "pending", "resend"), ("sent", "sent", "sent"), ("failed", "failed", "failed")],
)
@pytest.mark.django_db
def test_settles_by_policy(settings: Settings, policy: str, after: str, action: str) -> None:
    settings.UNKNOWN_AFTER_HOURS, settings.UNKNOWN_POLICY = 24, policy
    row, young, failed = old(hours=24.1), old(hours=23.9), old("failed", hours=25)

    assert settle_unknown_by_policy() == 1

    assert [Message.objects.get(pk=each.pk).status for each in (row, young, failed)] == [
        *(after, "unknown", "failed"),
    ]
    assert decisions() == [(action, "policy", "unknown")]
    assert Decision.objects.get().reason == "Unknown for 24 hours."
    assert settle_unknown_by_policy() == 0


@pytest.mark.django_db
def test_leaves_what_is_unknown_without_a_policy(settings: Settings) -> None:
    settings.UNKNOWN_AFTER_HOURS = 0
    row = old(hours=1000)

    assert settle_unknown_by_policy() == 0
    row.refresh_from_db()
    assert row.status == "unknown"


@pytest.mark.django_db
def test_sends_again_by_policy_once(settings: Settings) -> None:
    settings.UNKNOWN_AFTER_HOURS, settings.UNKNOWN_POLICY = 1, "resend"
    row = old(hours=2)
    settle_unknown_by_policy()
    then = timezone.now() - timedelta(hours=2)
    Message.objects.filter(pk=row.pk).update(status="unknown", updated_at=then)

    assert settle_unknown_by_policy() == 0
    row.refresh_from_db()
    assert row.status == "unknown"


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("UNKNOWN_POLICY", "guess", "It must be one of: failed, resend, sent."),
        ("QUIET_HOURS", "at night", "Write two times, like 21:00-08:00."),
        ("DEFAULT_TIME_ZONE", "Mars/Olympus", "Name one like Africa/Nairobi."),
        ("SMS_FALLBACK_GATEWAY", "pigeon", "It must be one of: africastalking, console."),
        ("SMS_CAP_PER_CUSTOMER_PER_DAY", -1, "SMS_CAP_PER_CUSTOMER_PER_DAY cannot be negative."),
        ("SMS_DAILY_SPEND_LIMIT", Decimal(-1), "SMS_DAILY_SPEND_LIMIT cannot be negative."),
        ("SMS_SPEND_RESERVE_PERCENT", 101, "must be from 0 to 100."),
        ("AFRICAS_TALKING_CALLBACK_SECRET", "short", "needs 20 letters, digits, - or _, or more."),
        ("AFRICAS_TALKING_CALLBACK_SECRET", "a/b" * 10, "needs 20 letters"),
    ],
)
def test_says_what_is_wrong_with_a_setting(
    settings: Settings, setting: str, value: object, says: str
) -> None:
    setattr(settings, setting, value)

    with pytest.raises(SystemCheckError, match=says):
        call_command("check")


# --- What goes after a while ---------------------------------------------------------


@pytest.mark.django_db
def test_a_decision_names_what_was(admin: User) -> None:
    row = message()

    mark_as_sent(row, by="user:1", reason="The customer says so.")

    assert Decision.objects.get().reason == "The customer says so."
    assert str(Decision.objects.get()) == "Mark as sent, by user:1"


@pytest.mark.django_db
def test_a_resent_message_keeps_counting(settings: Settings) -> None:
    row = message("failed", attempts=10)

    resend(row, by="user:1")

    assert Message.objects.get().attempts == 10


def made(days: float) -> dict[str, Any]:
    """The id of something that was made so many days ago."""
    return {"id": first_id_at(timezone.now() - timedelta(days=days))}


@pytest.mark.django_db
def test_blanks_old_texts(settings: Settings) -> None:
    settings.MESSAGE_RETENTION_DAYS = 90
    message("sent", **made(90.1))
    message("pending", **made(90.2))
    message("sent", **made(89.9))

    assert blank_old_texts() == 1
    assert list(Message.objects.order_by("id").values_list("text", flat=True)) == [
        *("Hello", "", "Hello"),
    ]
    assert blank_old_texts() == 0


@pytest.mark.django_db
def test_keeps_texts_where_nothing_is_said(settings: Settings) -> None:
    message("sent", **made(9000))

    assert blank_old_texts() == 0
    assert Message.objects.get().text == "Hello"


@pytest.mark.django_db
def test_prunes_reports() -> None:
    for days in (30.1, 29.9):
        Report.objects.create(provider_id="x", phone="+254712345678", status="Sent", **made(days))

    assert prune_reports() == 1
    assert Report.objects.count() == 1
