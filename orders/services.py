"""What can be done with orders."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from common.errors import Conflict, FieldError, Invalid
from common.inserts import insert_row
from customers import lookup
from customers.models import Customer
from customers.services import require_present
from orders.models import Order, OrderLine
from orders.own_terms import require_own_terms
from orders.pricing import Priced, WantedLine, price


@transaction.atomic(savepoint=False)
def place_order(
    *,
    lines: Sequence[WantedLine],
    customers: QuerySet[Customer] | None = None,
    customer: UUID | None = None,
    customer_code: str | None = None,
    currency: str | None = None,
    order_time: datetime | None = None,
    code: str | None = None,
    announce: bool = True,
    by_customer: bool = False,
) -> Order:
    """A new order of a customer, named by id or by code, at today's prices.

    `customers` are those for whom the caller may order; everybody's, if not given. Without
    `announce` the customer is told nothing. `by_customer`: the customer places it with their own
    login, who may not say everything (`own_terms`).
    Saving it sends `post_save`, within the transaction: what must follow from an order commits
    with it. Raises Invalid naming every unknown customer and item at once, a 403 Problem for
    what is not the customer's to say, Conflict for a customer who was erased.
    """
    owner = find_customer(customers, customer, customer_code)
    if owner and by_customer:
        given = {"code": code, "currency": currency, "order_time": order_time}
        require_own_terms([name for name in given if given[name]], lines)
    priced = price(lines, currency=currency)
    missing = [] if owner else [not_found("customer" if customer else "customer_code")]
    if owner is None or priced.errors:
        raise Invalid(*missing, *priced.errors)
    require_present(owner)
    order = Order(
        customer=owner,
        code=code or None,
        description=priced.description,
        amount=priced.amount,
        currency=priced.currency,
    )
    if order_time:
        order.order_time = order_time
    order.announce = announce
    order.save()
    store_lines(order, priced.lines)
    return order


def find_customer(
    customers: QuerySet[Customer] | None, customer: UUID | None, customer_code: str | None
) -> Customer | None:
    """The one of `customers` (of all, if None) with this id, or else with this code; held."""
    by = {"pk": customer} if customer else {"code": customer_code}
    return lookup.find_customer(customers, hold=True, **by)


def not_found(field: str) -> FieldError:
    """The error for a customer that is not there; the wording is Savannah's."""
    return FieldError(field, "not_found", "Customer not found")


def store_lines(order: Order, lines: Sequence[OrderLine]) -> None:
    """Writes the lines of an order that has none, and lets the instance know them."""
    for line in lines:
        line.order = order
    if len(lines) == 1:
        insert_row(lines[0])
    else:
        OrderLine.objects.bulk_create(lines)
    order.stored_lines = [line.snapshot() for line in lines]


CONTENT = frozenset(
    {"customer", "customer_code", "item", "quantity", "amount", "lines", "currency"}
)


@transaction.atomic(savepoint=False)
def change_order(
    order: Order,
    *,
    customers: QuerySet[Customer] | None = None,
    by_customer: bool = False,
    **changes: Any,
) -> Order:
    """Takes over `changes`: any of the members with which an order is made, and its status.

    The caller holds the order's row lock. Prices that are not asked for anew stay as they were.
    `customers` and `by_customer` are as for `place_order`.
    Raises Invalid, a 403 Problem for what is not the customer's to say, or Conflict when the
    order's state forbids it.
    """
    if not order.open and CONTENT & set(changes):
        raise Conflict(f"An order that is {order.status} cannot be changed.", code="closed")
    if {"customer", "customer_code"} & set(changes):
        change_customer(order, customers, changes)
    wanted = wanted_lines(order, changes)
    if by_customer:
        require_own_terms(set(changes), wanted or (), order.line_list)
    status = changes.pop("status", order.status)
    if wanted is not None:
        currency = changes.get("currency", order.currency)
        kept_items = [line for line in wanted if line.item and line.unit_price is not None]
        if kept_items and currency != order.currency:
            raise clash("currency", why=f"The prices of this order's items are {order.currency}.")
        replace_lines(order, price(wanted, currency=currency))
    for member in {"order_time", "code"} & set(changes):
        setattr(order, member, changes[member])
    if status != order.status:
        check_transition(order, status)
        order.status = status
    order.save()
    return order


def set_status(order: Order, status: str) -> Order:
    """The order in its next status. Raises Conflict for a transition that is not allowed."""
    check_transition(order, status)
    order.status = status
    order.save(update_fields=["status", "updated_at"])
    return order


def check_transition(order: Order, status: str) -> None:
    """Raises Conflict unless `Order.TRANSITIONS` lets `status` follow."""
    if status not in Order.TRANSITIONS[order.status]:
        allowed = " or ".join(sorted(Order.TRANSITIONS[order.status])) or "nothing"
        raise Conflict(
            f"An order that is {order.status} cannot become {status}; {allowed} can follow.",
            code="transition",
        )


def change_customer(
    order: Order, customers: QuerySet[Customer] | None, changes: dict[str, Any]
) -> None:
    """Gives the order to another of `customers`."""
    owner = find_customer(customers, changes.get("customer"), changes.get("customer_code"))
    if owner is None:
        raise Invalid(not_found("customer" if changes.get("customer") else "customer_code"))
    if owner.pk != order.customer_id:
        require_present(owner)
    order.customer = owner


def replace_lines(order: Order, priced: Priced) -> None:
    """Puts other lines in the place of the order's own."""
    if priced.errors:
        raise Invalid(*priced.errors)
    order.lines.all().delete()
    order.description = priced.description
    order.amount = priced.amount
    order.currency = priced.currency
    store_lines(order, priced.lines)


def wanted_lines(order: Order, changes: dict[str, Any]) -> list[WantedLine] | None:
    """The lines that `changes` ask for; None when they leave the lines alone."""
    if "lines" in changes:
        return kept_or_new(order, changes["lines"])
    present = order.line_list
    if not {"item", "quantity", "amount"} & set(changes):
        return [same(line) for line in present] if "currency" in changes else None
    if len(present) != 1:
        asked = sorted({"item", "quantity", "amount"} & set(changes))
        raise clash(*asked, why="This order has several lines; change it by `lines`.")
    return [changed_line(present[0], **{k: changes.get(k) for k in ("item", "quantity", "amount")})]


def kept_or_new(order: Order, lines: Sequence[WantedLine]) -> list[WantedLine]:
    """`lines`, where an item with a price of its own can only be one that the order has."""
    present = {(line.item_id, line.description, line.unit_price) for line in order.line_list}
    for line in lines:
        given = line.description or line.unit_price is not None
        if line.item and given and (line.item, line.description, line.unit_price) not in present:
            why = "The price of an item of the catalogue cannot be chosen; leave it out."
            raise clash(f"{line.path}unit_price", why=why)
    return list(lines)


def same(line: OrderLine, **changes: Any) -> WantedLine:
    """The line as it is, at the price that it has."""
    members = {
        "item": line.item_id,
        "description": line.description,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
    }
    return WantedLine(**{**members, **changes})


def changed_line(
    line: OrderLine, *, item: str | None, quantity: int | None, amount: Decimal | None
) -> WantedLine:
    """The only line of an order after a change.

    An amount belongs to free text (Savannah), a quantity to an item of the catalogue
    (CustOrder); `item` alone means whichever the line is.
    """
    if amount is not None:
        if item is None and line.item_id:
            raise clash("amount", why="The amount of a catalogue item follows from its price.")
        description = item or line.description
        return WantedLine(quantity=1, description=description, unit_price=amount)
    if item is None:
        if not line.item_id:
            raise clash("quantity", why="An order of free text has an amount, not a quantity.")
        return same(line, quantity=quantity)
    if line.item_id or quantity is not None:
        return WantedLine(item=item_id(item), quantity=quantity or line.quantity)
    return same(line, description=item)


def item_id(text: str) -> UUID:
    """The id that `item` stands for in a catalogue order.

    For what is no id it is the nil UUID, which no item has: it is then missed together with
    whatever else cannot be found.
    """
    return lookup.id_in(text) or UUID(int=0)


def clash(*fields: str, why: str) -> Invalid:
    """The error for members that do not go together, or not with this order."""
    return Invalid(*(FieldError(field, "clash", why) for field in fields))
