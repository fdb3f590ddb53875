"""What messages say."""

from common.money import cents
from orders.models import Order


def order_received(order: Order) -> str:
    """The confirmation of a new order, in the words of Savannah's document."""
    return (
        f"Hello {order.customer.display_name}! Your order for {order.description} worth "
        f"{order.currency} {cents(order.amount)} has been received. Thank you!"
    )
