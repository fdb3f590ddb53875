"""Lines at today's prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from common.errors import FieldError
from common.money import MOST, default_currency
from items.models import Item
from orders.models import OrderLine


@dataclass(frozen=True, slots=True)
class WantedLine:
    """A line as it was asked for.

    With a `unit_price` it stands as it is; without one, `item` says what to look up. `path` is
    where the request named it (`lines[2].`), for errors.
    """

    quantity: int
    item: UUID | None = None
    description: str = ""
    unit_price: Decimal | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class Priced:
    """Lines with their prices, the currency of all of them, and what was wrong."""

    lines: list[OrderLine]
    currency: str
    errors: list[FieldError]

    @property
    def amount(self) -> Decimal:
        return sum((line.total for line in self.lines), Decimal(0))

    @property
    def description(self) -> str:
        """The order in words: its first line, and how many more there are."""
        first, more = self.lines[0].description, len(self.lines) - 1
        return f"{first} and {more} more" if more else first


def price(wanted: Sequence[WantedLine], *, currency: str | None) -> Priced:
    """Looks up all items in one statement. `currency` is what was asked for, if anything was."""
    ids = {line.item for line in wanted if line.item and line.unit_price is None}
    items = Item.objects.in_bulk(ids) if ids else {}
    if currency is None:
        found = sorted({item.currency for item in items.values()})
        currency = found[0] if found else default_currency()
    errors = [error for line in wanted if (error := line_error(line, items, currency))]
    if errors:
        return Priced([], currency, errors)
    lines = [price_line(line, items, position) for position, line in enumerate(wanted)]
    priced = Priced(lines, currency, [])
    if priced.amount > MOST:
        field = f"{wanted[-1].path}quantity"
        priced.errors.append(FieldError(field, "max_value", f"The amount would exceed {MOST}."))
    return priced


def line_error(line: WantedLine, items: dict[UUID, Item], currency: str) -> FieldError | None:
    """Why a line cannot be priced, if it cannot."""
    if line.item is None or line.unit_price is not None:
        return None
    field = f"{line.path}item"
    if (item := items.get(line.item)) is None:
        return FieldError(field, "not_found", "Item not found")
    if item.currency != currency:
        detail = f"This item is priced in {item.currency}, the order in {currency}."
        return FieldError(field, "currency", detail)
    return None


def price_line(line: WantedLine, items: dict[UUID, Item], position: int) -> OrderLine:
    """The line to be stored, with the item's present name and price if it has none of its own."""
    item = items.get(line.item) if line.item else None
    return OrderLine(
        position=position,
        item_id=line.item,
        description=line.description or (item.name if item else ""),
        quantity=line.quantity,
        unit_price=line.unit_price if line.unit_price is not None else item.price if item else 0,
    )
