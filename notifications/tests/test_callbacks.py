"""It hears what became of a message, and who wants none."""

from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries, Settings

from common.tests.problems import problem
from customers.models import Customer
from notifications.models import (
    ConsentChange,
    Decision,
    IncomingMessage,
    Message,
    OptOut,
    Report,
)

SECRET = "s3cret-of-the-callbacks"
PHONE = "+254712345678"
BASE = f"/notifications/africastalking/{SECRET}"
Status = Message.Status


@pytest.fixture(autouse=True)
def secret(settings: Settings) -> None:
    settings.AFRICAS_TALKING_CALLBACK_SECRET = SECRET


def message(**members: Any) -> Message:
    """A message that the gateway accepted, unless the members say otherwise."""
    given = {"status": Status.SENT, "provider_id": "ATPid_1", "to": PHONE, **members}
    return Message.objects.create(kind="order_received", text="Hello", **given)


def report(client: Client, status: str, **changes: str) -> int:
    form = {"id": "ATPid_1", "phoneNumber": PHONE, "status": status, "networkCode": "63902"}
    return client.post(f"{BASE}/reports", form | changes).status_code


def state(row: Message) -> tuple[str, str]:
    row.refresh_from_db()
    return row.status, row.last_error


# --- Reports -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "after"),
    [
        ("Sent", ("sent", "")),
        ("Submitted", ("sent", "")),
        ("Buffered", ("sent", "")),
        ("Success", ("delivered", "")),
        ("Failed", ("undelivered", "Failed")),
        ("Rejected", ("undelivered", "Rejected")),
        ("AbsentSubscriber", ("undelivered", "AbsentSubscriber")),
        ("Expired", ("undelivered", "Expired")),
        ("SomethingNew", ("sent", "")),
    ],
)
@pytest.mark.django_db
def test_moves_a_message_as_the_report_says(
    client: Client, said: str, after: tuple[str, str]
) -> None:
    sent = message()

    assert report(client, said) == 200

    assert state(sent) == after
    kept = Report.objects.get()
    assert (kept.message, kept.status, kept.network_code) == (sent, said, "63902")


@pytest.mark.django_db
def test_says_why_it_did_not_arrive(client: Client) -> None:
    sent = message()

    report(client, "Failed", failureReason="InsufficientCredit")

    assert state(sent) == ("undelivered", "InsufficientCredit")


@pytest.mark.parametrize(
    ("said", "after"),
    [
        (["Success", "Success"], "delivered"),
        (["Success", "Sent"], "delivered"),
        (["Success", "Failed"], "delivered"),
        (["Failed", "Buffered"], "undelivered"),
        (["Failed", "Success"], "undelivered"),
        (["Submitted", "Buffered", "Sent", "Success"], "delivered"),
    ],
)
@pytest.mark.django_db
def test_moves_forward_only(client: Client, said: list[str], after: str) -> None:
    sent = message()

    assert [report(client, each) for each in said] == [200] * len(said)

    assert state(sent)[0] == after
    assert Report.objects.filter(message=sent).count() == len(said)


@pytest.mark.django_db
def test_changes_nothing_the_second_time(client: Client) -> None:
    sent = message()
    report(client, "Success")
    before = Message.objects.values().get(pk=sent.pk)

    report(client, "Success")

    assert Message.objects.values().get(pk=sent.pk) == before


@pytest.mark.parametrize("status", ["pending", "failed", "skipped"])
@pytest.mark.django_db
def test_leaves_a_message_that_is_not_on_its_way(client: Client, status: str) -> None:
    other = message(status=status)

    report(client, "Success")

    assert state(other)[0] == status


@pytest.mark.parametrize("changes", [{"id": "ATPid_2"}, {"phoneNumber": "+254722000111"}])
@pytest.mark.django_db
def test_must_match_in_both(client: Client, changes: dict[str, str]) -> None:
    sent = message()

    assert report(client, "Success", **changes) == 200

    assert state(sent) == ("sent", "")
    assert Report.objects.get().message is None


@pytest.mark.parametrize("spelled", [PHONE, "254712345678", " 254712345678"])
@pytest.mark.django_db
def test_knows_a_phone_whose_plus_was_lost(client: Client, spelled: str) -> None:
    sent = message()

    report(client, "Success", phoneNumber=spelled)

    assert state(sent)[0] == "delivered"


@pytest.mark.parametrize(
    ("said", "after"), [("Sent", "sent"), ("Success", "delivered"), ("Failed", "undelivered")]
)
@pytest.mark.parametrize("provider_id", ["ATPid_1", ""])
@pytest.mark.django_db
def test_settles_what_is_unknown(client: Client, said: str, after: str, provider_id: str) -> None:
    unknown = message(status=Status.UNKNOWN, provider_id=provider_id, last_error="Silence.")

    report(client, said)

    assert state(unknown)[0] == after
    assert unknown.provider_id == "ATPid_1"
    assert unknown.sent_at is not None
    decision = Decision.objects.get()
    assert (decision.message, decision.action, decision.by) == (unknown, "reported", "report")
    assert (decision.was, decision.reason) == ("unknown", said)


@pytest.mark.django_db
def test_does_not_guess_between_two(client: Client) -> None:
    rows = [message(status=Status.UNKNOWN, provider_id="") for _ in range(2)]

    report(client, "Success")

    assert [state(row)[0] for row in rows] == ["unknown"] * 2
    assert not Decision.objects.exists()


@pytest.mark.django_db
def test_does_not_guess_while_another_is_under_way(client: Client) -> None:
    unknown = message(status=Status.UNKNOWN, provider_id="")
    message(status=Status.PENDING, provider_id="", claimed_at="2026-01-01T00:00:00Z")

    report(client, "Success")

    assert state(unknown)[0] == "unknown"


@pytest.mark.django_db
def test_does_not_take_an_old_report_for_a_new_attempt(client: Client) -> None:
    sent = message()
    report(client, "Failed")
    Message.objects.update(status=Status.UNKNOWN, provider_id="")

    report(client, "Success")

    assert state(sent)[0] == "unknown"


@pytest.mark.django_db(transaction=True)
def test_costs_the_same_whatever_there_is(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    message()
    for number in range(20):
        message(provider_id=f"ATPid_{number + 2}")

    with django_assert_max_num_queries(8):
        report(client, "Success")


# --- Incoming messages and opt-outs --------------------------------------------------


def write(client: Client, text: str, **changes: str) -> int:
    number = IncomingMessage.objects.count() + 1
    form = {"date": "2026-01-01 10:00:00", "from": PHONE, "id": f"in-{number}", "text": text}
    form |= {"to": "20880", "cost": "0", "networkCode": "63902"}
    return client.post(f"{BASE}/incoming", form | changes).status_code


STOPS = ["STOP", "stop", " Stop. ", "“Stop!”", "STOPALL", "unsubscribe", "Cancel", "end", "QUIT"]


@pytest.mark.parametrize("text", STOPS)
@pytest.mark.django_db
def test_opts_out(client: Client, text: str) -> None:
    assert write(client, text) == 200

    assert OptOut.objects.get().phone == PHONE
    change = ConsentChange.objects.get()
    assert (change.phone, change.opted_out) == (PHONE, True)
    assert IncomingMessage.objects.get().text == text.strip()
    answer = Message.objects.get()
    assert (answer.kind, answer.to, answer.essential) == ("opt_out_confirmation", PHONE, True)
    assert answer.text == "You will get no more messages from us. Reply START to get them again."


@pytest.mark.parametrize(
    "text", ["Please stop", "STOP IT", "stopp", "", "?", "START", "Thanks!", "Dont stop"]
)
@pytest.mark.django_db
def test_takes_nothing_else_for_an_opt_out(client: Client, text: str) -> None:
    assert write(client, text) == 200

    assert IncomingMessage.objects.count() == 1
    assert not OptOut.objects.exists()
    assert not ConsentChange.objects.exists()
    assert not Message.objects.exists()


@pytest.mark.parametrize("text", ["START", "yes", "Unstop!"])
@pytest.mark.django_db
def test_opts_in(client: Client, text: str) -> None:
    write(client, "STOP")

    write(client, text)

    assert not OptOut.objects.exists()
    assert list(ConsentChange.objects.order_by("id").values_list("opted_out", flat=True)) == [
        True,
        False,
    ]
    newest = Message.objects.order_by("id").last()
    assert newest is not None
    assert newest.kind == "opt_in_confirmation"


@pytest.mark.django_db
def test_answers_once(client: Client) -> None:
    write(client, "STOP")
    write(client, "STOP")
    write(client, "STOP", id="in-1")

    assert Message.objects.count() == 1
    assert ConsentChange.objects.count() == 1
    assert IncomingMessage.objects.count() == 2


@pytest.mark.django_db
def test_answers_in_the_name_of_the_customer(client: Client, john: Customer) -> None:
    write(client, "STOP")

    assert Message.objects.get().customer == john


@pytest.mark.django_db
def test_opts_out_at_the_network(client: Client) -> None:
    form = {"senderId": "KLANTEN", "phoneNumber": PHONE}

    answers = [client.post(f"{BASE}/optout", form).status_code for _ in range(2)]

    assert answers == [200, 200]
    assert (OptOut.objects.get().phone, OptOut.objects.get().source) == (PHONE, "network")
    assert ConsentChange.objects.count() == 1
    assert not Message.objects.exists()


# --- What is refused -----------------------------------------------------------------

GOOD = {"id": "ATPid_1", "phoneNumber": PHONE, "status": "Success"}
CALLS = {
    "reports": GOOD,
    "incoming": {"id": "in-1", "from": PHONE, "text": "STOP"},
    "optout": {"phoneNumber": PHONE},
}
every_call = pytest.mark.parametrize("call", CALLS)


def nothing_changed(sent: Message) -> bool:
    return state(sent) == ("sent", "") and not (
        Report.objects.exists() or IncomingMessage.objects.exists() or OptOut.objects.exists()
    )


@every_call
@pytest.mark.parametrize("wrong", ["x", SECRET[:-1], f"{SECRET}x", SECRET.upper(), "é", "%00"])
@pytest.mark.django_db
def test_is_not_there_with_another_secret(client: Client, call: str, wrong: str) -> None:
    sent = message()

    answer = client.post(f"/notifications/africastalking/{wrong}/{call}", CALLS[call])

    nowhere = client.post("/nowhere", CALLS[call])
    assert answer.status_code == nowhere.status_code == 404
    differing = {"request_id": ""}
    assert answer.json() | differing == nowhere.json() | differing
    assert nothing_changed(sent)


@every_call
@pytest.mark.django_db
def test_is_not_there_without_a_secret(client: Client, settings: Settings, call: str) -> None:
    settings.AFRICAS_TALKING_CALLBACK_SECRET = ""

    for path in (SECRET, "", "x"):
        answer = client.post(f"/notifications/africastalking/{path}/{call}", CALLS[call])
        assert answer.status_code == 404
    assert not Report.objects.exists()


@every_call
@pytest.mark.django_db
def test_needs_no_csrf_token_and_no_slash(call: str) -> None:
    client = Client(enforce_csrf_checks=True)

    assert client.post(f"{BASE}/{call}", CALLS[call]).status_code == 200
    assert client.post(f"{BASE}/{call}/", CALLS[call]).status_code == 200


@pytest.mark.parametrize(
    ("call", "changes", "says"),
    [
        ("reports", {"id": ""}, "Missing required field: id"),
        ("reports", {"status": " "}, "Missing required field: status"),
        ("reports", {"phoneNumber": ""}, "Missing required field: phoneNumber"),
        ("reports", {"phoneNumber": "John"}, "The field phoneNumber is no phone number."),
        ("reports", {"phoneNumber": "0712345678"}, "The field phoneNumber is no phone number."),
        ("reports", {"id": "x" * 201}, "The field id is too long, or no text."),
        ("reports", {"status": "a\0b"}, "The field status is too long, or no text."),
        ("incoming", {"from": ""}, "Missing required field: from"),
        ("incoming", {"id": ""}, "Missing required field: id"),
        ("incoming", {"text": "x" * 2001}, "The field text is too long, or no text."),
        ("optout", {"phoneNumber": "+"}, "The field phoneNumber is no phone number."),
    ],
)
@pytest.mark.django_db
def test_refuses_what_is_malformed(
    client: Client, call: str, changes: dict[str, str], says: str
) -> None:
    sent = message()

    answer = client.post(f"{BASE}/{call}", CALLS[call] | changes)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["detail"]) == ("malformed", says)
    assert nothing_changed(sent)


@every_call
@pytest.mark.django_db
def test_takes_posted_forms_alone(client: Client, call: str) -> None:
    got = client.get(f"{BASE}/{call}")
    json = client.post(f"{BASE}/{call}", CALLS[call], content_type="application/json")

    assert problem(got, 405)["code"] == "method_not_allowed"
    assert got["Allow"] == "POST"
    assert problem(json, 415)["code"] == "unsupported_media_type"
    assert not Report.objects.exists()


@pytest.mark.django_db
def test_bounds_a_body(client: Client, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 200

    answer = client.generic(
        "POST",
        f"{BASE}/incoming",
        "text=" + "x" * 300,
        content_type="application/x-www-form-urlencoded",
    )

    assert answer.status_code == 413
    assert not IncomingMessage.objects.exists()
