"""Who wants messages: a customer writes STOP, or START, or staff note it for them."""

import string

from django.db import transaction
from django.db.models import QuerySet

from customers.lookup import find_customer
from customers.models import Customer
from notifications import kinds
from notifications.digests import digests_of
from notifications.locks import lock_phones
from notifications.models import ConsentChange, ErasedOptOut, IncomingMessage, OptOut
from notifications.queueing import queue

# The words that the CTIA's Messaging Principles name, and those of the FCC's rule of 2024.
STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE"})
START = frozenset({"START", "UNSTOP", "YES", "OPTIN"})
AROUND = string.whitespace + string.punctuation + "\u201c\u201d\u2018\u2019«»…"


@transaction.atomic
def opt_out(phone: str, *, source: str) -> bool:
    """Notes that a phone (E.164) wants no messages; whether that is new.

    It is not where the phone had opted out before it was erased.
    """
    lock_phones([phone])
    if OptOut.objects.filter(phone=phone).exists():
        return False
    OptOut.objects.create(phone=phone, source=source)
    ConsentChange.objects.create(phone=phone, opted_out=True, source=source)
    return not erased_opt_outs(phone).exists()


@transaction.atomic
def opt_in(phone: str, *, source: str) -> bool:
    """Notes that a phone (E.164) wants messages again; whether that is new."""
    lock_phones([phone])
    deleted, _ = OptOut.objects.filter(phone=phone).delete()
    forgotten, _ = erased_opt_outs(phone).delete()
    if not deleted + forgotten:
        return False
    ConsentChange.objects.create(phone=phone, opted_out=False, source=source)
    return True


def erased_opt_outs(phone: str) -> QuerySet[ErasedOptOut]:
    """What is left of the phone's opt-out from before it was erased."""
    return ErasedOptOut.objects.filter(digest__in=digests_of(phone))


@transaction.atomic
def take_in(incoming: IncomingMessage) -> None:
    """Stores a message from a customer, once, and does what it says if it is one of our words.

    That is confirmed when it changes anything: who writes STOP twice is answered once.
    """
    IncomingMessage.objects.bulk_create([incoming], ignore_conflicts=True)
    if not IncomingMessage.objects.filter(pk=incoming.pk).exists():
        return
    word = incoming.text.strip(AROUND).upper()
    if word not in STOP | START:
        return
    # Before the phone: whoever erases the customer locks in this order, too.
    customer = held_by_phone(incoming.phone)
    if word in STOP and opt_out(incoming.phone, source=word):
        queue(kinds.OPT_OUT_CONFIRMATION, {}, customer=customer, to=incoming.phone)
    if word in START and opt_in(incoming.phone, source=word):
        queue(kinds.OPT_IN_CONFIRMATION, {}, customer=customer, to=incoming.phone)


def held_by_phone(phone: str) -> Customer | None:
    """The newest customer with this phone, in whose language it is answered; held."""
    newest = Customer.objects.filter(phone_number=phone).values_list("pk", flat=True).first()
    customer = find_customer(pk=newest, hold=True) if newest else None
    return customer if customer and customer.phone_number == phone else None
