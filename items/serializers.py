from typing import Any

from rest_framework import serializers

from common.money import validate_currency
from common.serializers import MoneyField, StrictSerializer, Text
from items.models import Item


class ItemSerializer(StrictSerializer):
    """Something that is sold, at its present price."""

    id = serializers.UUIDField(read_only=True)
    uuid = serializers.UUIDField(source="id", read_only=True, help_text="The same as id.")
    name = Text(max_length=250)
    size = serializers.ChoiceField(choices=Item.Size.choices, required=False, allow_blank=True)
    price = MoneyField(max_digits=10)
    currency = Text(required=False, validators=[validate_currency])
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def create(self, validated_data: dict[str, Any]) -> Item:
        return Item.objects.create(**validated_data)

    def update(self, instance: Item, validated_data: dict[str, Any]) -> Item:
        for member, value in validated_data.items():
            setattr(instance, member, value)
        instance.save()
        return instance
