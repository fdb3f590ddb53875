"""What is attacked: rows enough for big answers, and a credential."""

import json
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


def print_site(number: int) -> None:
    """Makes a site in a process of its own, and says what an attacker knows of it."""
    site = site_with_orders(number)
    _, reading_key = create_api_key(name="attacks, reading", scopes="read")
    known = {
        "key": f"Api-Key {site.key}",
        "reading_key": f"Api-Key {reading_key}",
        "order": site.order,
        "customer_code": site.customer_code,
    }
    print(json.dumps(known))


def site_with_orders(number: int) -> Site:
    customer, _ = Customer.objects.get_or_create(code="C-ATTACKED", defaults={"name": "Jane Doe"})
    orders = Order.objects.bulk_create(
        Order(customer=customer, description="Laptop Computer " * 10, amount=Decimal("10.00"))
        for _ in range(number)
    )
    _, key = create_api_key(name="attacks", scopes="read write")
    return Site(key, str(orders[0].pk), customer.code)
