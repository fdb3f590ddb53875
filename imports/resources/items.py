from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from common.bulk import Members, Result
from common.serializers import Id
from imports.resources.base import BulkResource, Names
from items.bulk import upsert_items
from items.models import Item
from items.serializers import ItemSerializer


class ItemRow(ItemSerializer):
    """An item as in the API; an id names one that is known."""

    id = Id(required=False)


class Items(BulkResource):
    name = "items"
    model = Item
    serializer = ItemRow
    partial = True
    needed = (("id", "name"),)

    def names(self, rows: Sequence[Mapping[str, Any]]) -> list[Names]:
        """By the id, or else by name and size; by the id, if one item has these."""
        found = [self.stored_form(row, "id", "name", "size") for row in rows]
        known: defaultdict[tuple[str, str], list[UUID]] = defaultdict(list)
        wanted = {keys["name"] for keys in found if "name" in keys and "id" not in keys}
        present = Item.objects.filter(name__in=wanted).order_by()
        for pk, name, size in present.values_list("id", "name", "size"):
            known[name, size].append(pk)
        return [self.named(keys, known) for keys in found]

    def named(
        self, keys: Mapping[str, Any], known: Mapping[tuple[str, str], Sequence[UUID]]
    ) -> Names:
        """What a row with these keys is about."""
        if "id" in keys:
            return Names([("id", keys["id"])])
        if "name" not in keys:
            return Names()
        name, size = keys["name"], keys.get("size", "")
        present = known.get((name, size), ())
        return Names([("id", present[0]) if len(present) == 1 else ("name", name, size)])

    def said(self, rows: Sequence[Mapping[str, Any]]) -> list[Members]:
        naming = ({"id"} if members.get("id") else {"name", "size"} for members in rows)
        return [
            {name: value for name, value in members.items() if name not in named}
            for members, named in zip(self.readable(rows), naming, strict=True)
        ]

    def upsert(self, rows: Sequence[Members]) -> list[Result]:
        return upsert_items(rows)
