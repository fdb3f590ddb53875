"""What this app stores about customers, and about phones that nobody is known by."""

from django.db.models import Q

from common import personal
from common.personal import Rows, Section, Subject, record_of
from notifications.erasing import erase_messages, erase_opt_outs, erase_reports
from notifications.models import (
    ConsentChange,
    Decision,
    ErasedOptOut,
    IncomingMessage,
    Message,
    OptOut,
    Report,
    Spending,
    Tally,
    Template,
)
from notifications.serializers import MessageSerializer


def messages_of(who: Subject) -> Rows:
    """Those about the customer, and those to their phones that are about nobody."""
    about = Q(customer__in=who.customers) | Q(customer=None, to__in=who.phones)
    return Message.objects.filter(about)


def learn_phones(messages: Rows, who: Subject) -> None:
    """Where they were written to."""
    who.phones |= set(messages.order_by().values_list("to", flat=True).distinct())


def erase_texts(messages: Rows, who: Subject) -> int:
    """Also what a gateway has said of them: it may repeat what it was given."""
    personal.redact_rows(messages, who.own_mentions, "last_error")
    return erase_messages(messages)


# Reports and decisions before the messages by which they are found.
personal.declare(
    Report,
    fields={"phone": "The phone.", "failure_reason": "Why it did not arrive."},
    impersonal=("provider_id", "status", "network_code"),
    rows=lambda who: Report.objects.filter(
        Q(phone__in=who.phones) | Q(message__in=messages_of(who))
    ),
    erase=erase_reports,
    counted="phone_records",
    section=Section(
        "delivery_reports",
        record_of(
            Report,
            "created_at",
            "status",
            phone="The phone.",
            failure_reason="Why it did not arrive.",
        ),
    ),
)
personal.declare(
    Decision,
    fields={"reason": "Why staff did what they did, in their words."},
    impersonal=("action", "by", "was"),
    rows=lambda who: Decision.objects.filter(message__in=messages_of(who)),
    erase=personal.redact("reason"),
    counted="decisions",
    section=Section(
        "decisions", record_of(Decision, "created_at", "action", reason="Why, in staff's words.")
    ),
)
personal.declare(
    Message,
    fields={
        "to": "The phone.",
        "text": "What they were told.",
        "last_error": "What a gateway said of it.",
    },
    impersonal=("provider_id", "kind", "status", "principal", "gateway", "cost_currency"),
    rows=messages_of,
    learn=learn_phones,
    erase=erase_texts,
    counted="messages",
    section=Section("notifications", MessageSerializer),
)
personal.declare(
    IncomingMessage,
    fields={"phone": "The phone.", "text": "What they wrote."},
    impersonal=("provider_id", "to"),
    rows=lambda who: IncomingMessage.objects.filter(phone__in=who.phones),
    erase=personal.delete,
    counted="phone_records",
    section=Section(
        "incoming_messages",
        record_of(IncomingMessage, "created_at", phone="The phone.", text="What they wrote."),
    ),
)
personal.declare(
    OptOut,
    fields={"phone": "A phone that wants no messages."},
    impersonal=("source",),
    rows=lambda who: OptOut.objects.filter(phone__in=who.phones),
    erase=erase_opt_outs,
    counted="phone_records",
    section=Section(
        "opt_outs",
        record_of(OptOut, "created_at", "source", phone="A phone that wants no messages."),
    ),
)
personal.declare(
    ConsentChange,
    fields={"phone": "A phone that opted out, or in."},
    impersonal=("source",),
    rows=lambda who: ConsentChange.objects.filter(phone__in=who.phones),
    erase=personal.delete,
    counted="phone_records",
    section=Section(
        "consents",
        record_of(
            ConsentChange,
            "created_at",
            "opted_out",
            "source",
            phone="A phone that opted out, or in again.",
        ),
    ),
)
personal.declare_impersonal(ErasedOptOut, Spending, Tally, Template)
