"""What is attacked: rows enough for big answers, and a credential."""

from dataclasses import dataclass
from decimal import Decimal

from access.api_keys import create_api_key
from customers.models import Customer
from orders.models import Order


@dataclass(frozen=True, slots=True)
class Site:
    """A key for everything, and an order that it can read."""

    key: str
    order: str
    customer_code: str


def site_with_orders(number: int) -> Site:
    customer = Customer.objects.create(name="Jane Doe", code="C-ATTACKED")
    orders = Order.objects.bulk_create(
        Order(customer=customer, description="Laptop Computer " * 10, amount=Decimal("10.00"))
        for _ in range(number)
    )
    _, key = create_api_key(name="attacks", scopes="read write")
    return Site(key, str(orders[0].pk), customer.code)
