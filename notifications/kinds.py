"""The kinds of messages there are. An app adds one of its own in one line, from its `ready()`:

register(Kind("rental_overdue", "Rental overdue", {"title": "Emma"}, {"en": "..."}))
"""

from collections.abc import Mapping
from dataclasses import dataclass

from notifications.wording import check


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of message.

    `variables` are what its text may name, with an example of each; `default` is the text by
    language (BCP 47), used until staff write one of their own. An `essential` one is sent
    whatever the customer's opt-out, the hour and the caps say.
    """

    name: str
    label: str
    variables: Mapping[str, str]
    default: Mapping[str, str]
    essential: bool = False


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Adds a kind. Raises ValueError for a default text that names what the kind does not have."""
    for text in kind.default.values():
        check(text, kind.variables)
    _kinds[kind.name] = kind


def kind_of(name: str) -> Kind:
    """The kind of this name; KeyError if nobody registered one."""
    return _kinds[name]


def choices() -> list[tuple[str, str]]:
    """Every kind and its label, for forms."""
    return sorted((kind.name, kind.label) for kind in _kinds.values())


# --- Of orders -----------------------------------------------------------------------

ORDER_RECEIVED = "order_received"
ORDER_READY = "order_ready"
ORDER_CANCELLED = "order_cancelled"

ORDER_VARIABLES = {
    "customer_name": "John Doe",
    "item": "Laptop Computer",
    "currency": "KES",
    "amount": "1299.99",
    "order_code": "A-1001",
}

# --- Of consent ----------------------------------------------------------------------

OPT_OUT_CONFIRMATION = "opt_out_confirmation"
OPT_IN_CONFIRMATION = "opt_in_confirmation"

for each in (
    Kind(
        ORDER_RECEIVED,
        "Order received",
        ORDER_VARIABLES,
        # In the words of Savannah's document.
        {
            "en": "Hello {customer_name}! Your order for {item} worth {currency} {amount} "
            "has been received. Thank you!"
        },
    ),
    Kind(
        ORDER_READY,
        "Order ready",
        ORDER_VARIABLES,
        # What CustOrder told its customers.
        {
            "en": "Hello {customer_name}! Your order of {item}, for a total of "
            "{currency} {amount}, is ready for pickup. Thank you!"
        },
    ),
    Kind(
        ORDER_CANCELLED,
        "Order cancelled",
        ORDER_VARIABLES,
        {
            "en": "Hello {customer_name}! Your order for {item} worth {currency} {amount} "
            "has been cancelled."
        },
    ),
    Kind(
        OPT_OUT_CONFIRMATION,
        "Opt-out confirmed",
        {},
        {"en": "You will get no more messages from us. Reply START to get them again."},
        essential=True,
    ),
    Kind(
        OPT_IN_CONFIRMATION,
        "Opt-in confirmed",
        {},
        {"en": "You will get our messages again. Reply STOP to end them."},
        essential=True,
    ),
):
    register(each)
