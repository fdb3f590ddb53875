from collections.abc import Sequence

from common.bulk import Members, Result
from common.serializers import Id
from imports.resources.base import BulkResource
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

    def upsert(self, rows: Sequence[Members]) -> list[Result]:
        return upsert_items(rows)
