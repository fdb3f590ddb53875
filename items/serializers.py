from rest_framework import serializers

from common.money import validate_currency
from common.serializers import MoneyField, RowSerializer, Text
from items.models import Item


class ItemSerializer(RowSerializer):
    """Something that is sold, at its present price."""

    model = Item

    id = serializers.UUIDField(read_only=True)
    uuid = serializers.UUIDField(source="id", read_only=True, help_text="The same as id.")
    name = Text(max_length=250)
    size = serializers.ChoiceField(choices=Item.Size.choices, required=False, allow_blank=True)
    price = MoneyField(max_digits=10)
    currency = Text(required=False, validators=[validate_currency])
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
