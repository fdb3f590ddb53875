from common.filters import CreatedFilter
from imports.models import Import


class ImportFilter(CreatedFilter):
    """What a list of imports can be narrowed to."""

    class Meta:
        model = Import
        fields: tuple[str, ...] = ()
