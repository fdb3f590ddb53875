"""Messages that are there to be delivered, and the workers' way to the gateway's stand-in."""

from customers.models import Customer
from notifications.models import Message
from orders.models import Order
from orders.pricing import WantedLine
from orders.services import place_order
from simulators.testing import Simulator


def order_for(phone: str) -> Order:
    """A new order, with its message, of a new customer with this phone."""
    customer = Customer.objects.create(name="John", phone_number=phone)
    line = WantedLine(quantity=1, description="Laptop", unit_price=1)  # type: ignore[arg-type]
    return place_order(customer=customer.pk, lines=[line])


def settled() -> bool:
    """Whether nothing is left to deliver."""
    return not Message.objects.filter(status="pending").exists()


def worker_environment(simulator: Simulator, **more: str) -> dict[str, str]:
    """What a worker needs that delivers to the simulator, and `more` besides."""
    return {
        "SMS_GATEWAY": "africastalking",
        "AFRICAS_TALKING_API_KEY": "secret",
        "AFRICAS_TALKING_URL": simulator.url,
        "DELIVERY_LEASE_SECONDS": "2",
        "DELIVERY_POLL_SECONDS": "0.2",
        **more,
    }
