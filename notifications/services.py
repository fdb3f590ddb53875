"""What can be done with messages."""

from notifications import texts
from notifications.models import Message
from orders.models import Order

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
