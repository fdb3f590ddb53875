"""How a message comes to be: rendered and stored, in the transaction of its cause."""

from collections.abc import Mapping

from common.acting import acting
from common.inserts import insert_row
from customers.lookup import find_customer
from customers.models import Customer
from notifications import kinds, texts
from notifications.models import Message
from orders.models import Order
from outbox.wakeup import wake

NO_PHONE = "The customer has no phone number."


def queue(
    kind: str,
    values: Mapping[str, str],
    *,
    customer: Customer | None,
    order: Order | None = None,
    to: str | None = None,
) -> Message:
    """Queues a message of a registered kind: to the phone `to` (E.164), or else the customer's.

    Without a phone number it is `skipped`, with the reason. About an order there is one of a
    kind, so a second call for the same order writes nothing. The customer is read again, unless
    the transaction holds them: whoever was erased meanwhile is told nothing.
    """
    if customer and not customer.held:
        customer = find_customer(pk=customer.pk, hold=True) or customer
    phone = to or (customer.phone_number if customer else "")
    words = texts.rendered(kind, values, customer=customer)
    message = Message(
        kind=kind,
        order=order,
        customer=customer,
        to=phone,
        text=words.text,
        essential=words.essential,
        principal=acting(),
        status=Message.Status.PENDING if phone else Message.Status.SKIPPED,
        last_error="" if phone else NO_PHONE,
    )
    insert_row(message, ignore_conflicts=True)
    wake()
    return message


def queue_for_order(order: Order, kind: str = kinds.ORDER_RECEIVED) -> Message:
    """Queues a message about an order, in the order's own transaction."""
    # Before the customer's name gets into the text.
    if not order.customer.held:
        order.customer = find_customer(pk=order.customer_id, hold=True) or order.customer
    return queue(kind, texts.values_of(order), customer=order.customer, order=order)
