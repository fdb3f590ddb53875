"""What customers may not say of an order that they place themselves, with their own login.

What is unique across customers, and what an order costs, is for partners and staff to say: a code
that a customer chose could be one that a partner needs, and a conflict would tell which exist.
"""

from collections.abc import Collection, Iterator, Sequence
from http import HTTPStatus

from django.conf import settings

from common.errors import FieldError, Problem
from orders.models import OrderLine
from orders.pricing import WantedLine

# By member: refused always, and refused unless CUSTOMERS_MAY_PRICE.
GIVEN_BY_OTHERS = {
    "code": "The code of an order is given by partners and staff; leave it out.",
    "status": "The status of an order is changed by partners and staff; leave it out.",
}
PART_OF_THE_PRICE = {
    "currency": "The currency is that of the catalogue; leave it out.",
    "order_time": "The time of an order is that at which it is placed; leave it out.",
}
PRICE = "The price is that of the catalogue: order an item of it, without a price."


def require_own_terms(
    named: Collection[str], lines: Sequence[WantedLine], present: Sequence[OrderLine] = ()
) -> None:
    """Raises a 403 Problem that names all that a customer may not say.

    `named` are the members that the request gives, `lines` what is wanted, and `present` the lines
    that an order has already, at whose prices it can keep them.
    """
    refused = dict(GIVEN_BY_OTHERS)
    priced: Iterator[FieldError] = iter(())
    if not settings.CUSTOMERS_MAY_PRICE:
        refused |= PART_OF_THE_PRICE
        priced = price_errors(lines, present)
    errors = [
        *(FieldError(name, "forbidden", refused[name]) for name in refused if name in named),
        *priced,
    ]
    if errors:
        raise Problem(
            errors[0].detail,
            status=HTTPStatus.FORBIDDEN,
            code="permission_denied",
            errors=errors,
        )


def price_errors(lines: Sequence[WantedLine], present: Sequence[OrderLine]) -> Iterator[FieldError]:
    """The errors for lines with a price of their own that are not among the present ones."""
    kept = {(line.item_id, line.description, line.unit_price) for line in present}
    for line in lines:
        chosen = (line.item, line.description, line.unit_price)
        if line.unit_price is not None and chosen not in kept:
            field = f"{line.path}unit_price" if line.path else "amount"
            yield FieldError(field, "forbidden", PRICE)
