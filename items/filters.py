import django_filters

from common.filters import CreatedFilter, NameSearch
from items.models import Item


class ItemFilter(CreatedFilter):
    """What the catalogue can be narrowed to."""

    size = django_filters.ChoiceFilter(choices=Item.Size.choices, help_text="In this size.")
    search = NameSearch()

    class Meta:
        model = Item
        fields: tuple[str, ...] = ()
