"""What is left of a customer's messages once their data is erased: that there were some."""

from uuid import UUID

from django.db.models import F, QuerySet
from django.utils import timezone

from customers.models import Customer
from notifications.models import ConsentChange, IncomingMessage, Message, OptOut, Report

ERASED = "Erased."
ERASED_CUSTOMER = "The customer's data was erased."


def erase_messages(messages: QuerySet[Message]) -> int:
    """Overwrites what these say and to whom; how many those were. What waits is not sent.

    What a worker has in its hands may still arrive, and says so: only its text is gone.
    """
    waiting = messages.filter(status=Message.Status.PENDING, claimed_at__isnull=True)
    waiting.update(status=Message.Status.SKIPPED, last_error=ERASED_CUSTOMER)
    # A gateway's reason may repeat the number.
    numbered = messages.exclude(to="").filter(last_error__contains=F("to"))
    numbered.update(last_error=ERASED)
    Report.objects.filter(message__in=messages).update(phone="")
    return messages.update(to="", text=ERASED, updated_at=timezone.now())


def phones_of(customer_id: UUID) -> list[str]:
    """The numbers that are this customer's and nobody else's: theirs, and those written to."""
    theirs = set(Message.objects.filter(customer=customer_id).values_list("to", flat=True))
    theirs |= set(Customer.objects.filter(pk=customer_id).values_list("phone_number", flat=True))
    others = Customer.objects.exclude(pk=customer_id).filter(phone_number__in=theirs)
    return sorted(theirs - set(others.values_list("phone_number", flat=True)) - {""})


def erase_phones(phones: list[str]) -> int:
    """Deletes what these numbers sent and wished; how many rows."""
    of_phones = (IncomingMessage, OptOut, ConsentChange, Report)
    return sum(model._default_manager.filter(phone__in=phones).delete()[0] for model in of_phones)
