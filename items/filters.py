import django_filters
from django.db.models import QuerySet

from common.filters import SHORTEST_SEARCH, CreatedFilter
from items.models import Item


class ItemFilter(CreatedFilter):
    """What the catalogue can be narrowed to."""

    size = django_filters.ChoiceFilter(choices=Item.Size.choices, help_text="In this size.")
    search = django_filters.CharFilter(
        method="find",
        min_length=SHORTEST_SEARCH,
        max_length=100,
        help_text="With this in their name.",
    )

    def find(self, rows: QuerySet[Item], name: str, text: str) -> QuerySet[Item]:
        """Items with `text` anywhere in their name, whatever its case."""
        return rows.filter(name__icontains=text)

    class Meta:
        model = Item
        fields: tuple[str, ...] = ()
