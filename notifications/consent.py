"""Who wants messages: a customer writes STOP, or START, or staff note it for them."""

import string

from django.db import transaction

from customers.models import Customer
from notifications import kinds
from notifications.locks import lock_phones
from notifications.models import ConsentChange, IncomingMessage, Message, OptOut
from notifications.queueing import queue

# The words that the CTIA's Messaging Principles name, and those of the FCC's rule of 2024.
STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE"})
START = frozenset({"START", "UNSTOP", "YES", "OPTIN"})
AROUND = string.whitespace + string.punctuation + "\u201c\u201d\u2018\u2019«»…"


@transaction.atomic
def opt_out(phone: str, *, source: str) -> bool:
    """Notes that a phone (E.164) wants no messages; whether that is new."""
    lock_phones([phone])
    if OptOut.objects.filter(phone=phone).exists():
        return False
    OptOut.objects.create(phone=phone, source=source)
    ConsentChange.objects.create(phone=phone, opted_out=True, source=source)
    return True


@transaction.atomic
def opt_in(phone: str, *, source: str) -> bool:
    """Notes that a phone (E.164) wants messages again; whether that is new."""
    lock_phones([phone])
    if not OptOut.objects.filter(phone=phone).delete()[0]:
        return False
    ConsentChange.objects.create(phone=phone, opted_out=False, source=source)
    return True


@transaction.atomic
def take_in(incoming: IncomingMessage) -> None:
    """Stores a message from a customer, once, and does what it says if it is one of our words.

    That is confirmed when it changes anything: who writes STOP twice is answered once.
    """
    IncomingMessage.objects.bulk_create([incoming], ignore_conflicts=True)
    if not IncomingMessage.objects.filter(pk=incoming.pk).exists():
        return
    word = incoming.text.strip(AROUND).upper()
    if word in STOP and opt_out(incoming.phone, source=word):
        confirm(incoming.phone, kinds.OPT_OUT_CONFIRMATION)
    if word in START and opt_in(incoming.phone, source=word):
        confirm(incoming.phone, kinds.OPT_IN_CONFIRMATION)


def confirm(phone: str, kind: str) -> Message:
    """Queues the confirmation to the phone, in the language of the customer who has it."""
    return queue(kind, {}, customer=Customer.objects.filter(phone_number=phone).first(), to=phone)
