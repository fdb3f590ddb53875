from common.viewsets import ResourceViewSet
from items.models import Item
from items.serializers import ItemSerializer


class ItemViewSet(ResourceViewSet):
    """Items: the catalogue."""

    resource = "items"
    queryset = Item.objects.all()
    serializer_class = ItemSerializer
