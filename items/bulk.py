"""Many items at once, in a constant number of statements."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import Any
from uuid import UUID

from django.db.models import Q

from common.bulk import (
    Members,
    Outcome,
    Result,
    in_waves,
    insert_rows,
    planned,
    update_rows,
    values_of,
)
from common.errors import Conflict, FieldError, Invalid
from items.models import Item

# What a new item must come with.
REQUIRED = ("name", "price")


def upsert_items(rows: Sequence[Members]) -> list[Result]:
    """Makes or changes an item for each row; what became of it.

    A row names its item by the id, or else by name and size (none is a size of its own). One
    that is known takes over the row's members and keeps the others. Refused are unknown ids, a
    new item without a price, and a name and size that several items have.
    """
    return in_waves(rows, write, keys=keys_of)


def keys_of(row: Members) -> Iterator[tuple[Any, ...]]:
    if row.get("id"):
        yield (row["id"],)
    if row.get("name"):
        yield (row["name"], row.get("size", ""))


class Known:
    """The items that rows are about, by both of their keys."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.by_id: dict[UUID, Item] = {}
        self.by_name: defaultdict[tuple[str, str], dict[UUID, Item]] = defaultdict(dict)
        for item in items:
            self.put(item)

    def put(self, item: Item) -> None:
        self.by_id[item.pk] = item
        self.by_name[item.name, item.size][item.pk] = item

    def replace(self, before: Item, after: Item) -> None:
        """Takes note of a change: the name that the item had before is free for another."""
        del self.by_name[before.name, before.size][before.pk]
        self.put(after)

    def find(self, row: Members) -> Item | None:
        """The item that a row names. Raises Invalid for an unknown id, Conflict for several."""
        if row.get("id"):
            if row["id"] not in self.by_id:
                raise Invalid(FieldError("id", "not_found", "Item not found"))
            return self.by_id[row["id"]]
        found = list(self.by_name[row.get("name", ""), row.get("size", "")].values())
        if len(found) > 1:
            detail = "Several items have this name and size; give the id."
            raise Conflict(detail, errors=[FieldError("name", "conflict", detail)])
        return found[0] if found else None


def write(rows: Sequence[Members]) -> list[Result]:
    """Writes rows that have no key in common, in three statements."""
    known = Known(find_all(rows))
    new: list[Item] = []
    changed: dict[UUID, Item] = {}
    results = planned(rows, lambda row: plan(row, known, new, changed))
    update_rows(Item, changed.values())
    insert_rows(Item, new)
    return results


def find_all(rows: Sequence[Members]) -> Iterable[Item]:
    """Every item that one of the rows may mean, locked."""
    ids = [row["id"] for row in rows if row.get("id")]
    names = {row["name"] for row in rows if row.get("name") and not row.get("id")}
    among = Q(pk__in=ids) | Q(name__in=names)
    return Item.objects.filter(among).order_by("pk").select_for_update()


def plan(row: Members, known: Known, new: list[Item], changed: dict[UUID, Item]) -> Outcome:
    """Adds to `new` or to `changed` what a row asks for. Raises a Problem for what is refused."""
    present = known.find(row)
    if present is None:
        refuse_incomplete(row)
    item = copy(present) if present else Item()
    for name, value in row.items():
        setattr(item, name, value)
    if present is None:
        new.append(item)
        return Outcome.CREATED
    if values_of(item) == values_of(present):
        return Outcome.UNCHANGED
    known.replace(present, item)
    changed[item.pk] = item
    return Outcome.UPDATED


def refuse_incomplete(row: Members) -> None:
    """Raises Invalid naming what a new item lacks."""
    if missing := [name for name in REQUIRED if name not in row]:
        detail = "This field is required."
        raise Invalid(*(FieldError(name, "required", detail) for name in missing))
