"""What can be done with messages."""

from django.db.models import F, QuerySet
from django.utils import timezone

from notifications import texts
from notifications.models import Message
from orders.models import Order

ERASED = "Erased."
ERASED_CUSTOMER = "The customer's data was erased."
NO_PHONE = "The customer has no phone number."


def queue_for_order(order: Order) -> Message:
    """Queues the confirmation of a new order, in the order's own transaction.

    Without a phone number the message is `skipped`, with the reason. A second call for the
    same order writes nothing: the database holds one message of a kind for each.
    """
    phone = order.customer.phone_number
    message = Message(
        kind=Message.Kind.ORDER_RECEIVED,
        order=order,
        customer=order.customer,
        to=phone,
        text=texts.order_received(order),
        status=Message.Status.PENDING if phone else Message.Status.SKIPPED,
        last_error="" if phone else NO_PHONE,
    )
    Message.objects.bulk_create([message], ignore_conflicts=True)
    return message


def erase_messages(messages: QuerySet[Message]) -> int:
    """Overwrites what these say and to whom; how many those were. What waits is not sent.

    What a worker has in its hands may still arrive, and says so: only its text is gone.
    """
    waiting = messages.filter(status=Message.Status.PENDING, claimed_at__isnull=True)
    waiting.update(status=Message.Status.SKIPPED, last_error=ERASED_CUSTOMER)
    # A gateway's reason may repeat the number.
    numbered = messages.exclude(to="").filter(last_error__contains=F("to"))
    numbered.update(last_error=ERASED)
    return messages.update(to="", text=ERASED, updated_at=timezone.now())
