from common.documents.operations import Operation
from common.viewsets import ResourceViewSet
from items import examples
from items.filters import ItemFilter
from items.models import Item
from items.serializers import ItemSerializer


class ItemViewSet(ResourceViewSet):
    """Items: the catalogue."""

    resource = "items"
    queryset = Item.objects.all()
    serializer_class = ItemSerializer
    filterset_class = ItemFilter
    ordering_fields = ("created_at", "name", "price")
    sample = examples.SHIRT
    operations = {"create": Operation(examples=examples.CREATE)}
