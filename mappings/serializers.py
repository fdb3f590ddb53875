from typing import Any

from django.core.validators import validate_slug
from rest_framework import serializers

from common.serializers import (
    FieldErrors,
    ForeignId,
    Id,
    RowSerializer,
    StrictSerializer,
    Text,
    clash,
    given,
)
from customers.serializers import CustomerSerializer
from mappings import services
from mappings.models import App, Mapping

LONGEST_SLUG = 50
LONGEST_ID = 255
MOST_PAIRS = 1000
PAIR_MEMBERS = {"app", "customer_app_id"}


class AppSerializer(RowSerializer):
    """An application whose ids for customers are kept."""

    model = App

    id = serializers.UUIDField(read_only=True)
    slug = Text(max_length=LONGEST_SLUG, validators=[validate_slug])
    name = Text(max_length=200)
    active = serializers.BooleanField(
        required=False, help_text="An inactive one takes no new mappings; queries are answered."
    )
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class MappingSerializer(StrictSerializer):
    """A customer's id in an application. `app_id` is customer_app_id once more."""

    id = serializers.UUIDField(read_only=True)
    customer = Id(source="customer_id")
    customer_app_id = ForeignId(max_length=LONGEST_ID, trim_whitespace=False)
    app = Text(
        source="app.slug", max_length=LONGEST_SLUG, help_text="The slug of a supported application."
    )
    app_id = serializers.CharField(source="customer_app_id", read_only=True)
    domain = serializers.CharField(source="customer.domain", read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def create(self, validated_data: dict[str, Any]) -> Mapping:
        mapping, self.created = services.map_customer(
            customer=validated_data["customer_id"],
            app=validated_data["app"]["slug"],
            customer_app_id=validated_data["customer_app_id"],
        )
        return mapping


class UpsertSerializer(CustomerSerializer):
    """Whose the id is: a customer that is known, or the members of one."""

    customer = Id(required=False, write_only=True)

    def presence_errors(self, data: Any) -> FieldErrors:
        errors = super().presence_errors(data)
        writable = {name for name, field in self.fields.items() if not field.read_only}
        names = given(data) & writable
        if "customer" in names and len(names) > 1:
            errors |= clash(*sorted(names))
        return errors


class PairSerializer(StrictSerializer):
    """An application, and an id there, as the application spells it."""

    app = Text(max_length=LONGEST_SLUG)
    customer_app_id = ForeignId(max_length=LONGEST_ID, trim_whitespace=False)


def pairs_in(data: Any) -> list[tuple[str, str]]:
    """The pairs that a body asks for, in its order. Raises ValidationError for anything else.

    What is right is seen at a glance; a serializer takes twenty times as long, and is asked for
    what is wrong with the others.
    """
    if isinstance(data, list) and len(data) <= MOST_PAIRS and all(map(is_pair, data)):
        return [(pair["app"], pair["customer_app_id"]) for pair in data]
    wanted = PairSerializer(
        data=data,
        many=True,
        max_length=MOST_PAIRS,  # type: ignore[call-arg]  # ListSerializer takes it
    )
    wanted.is_valid(raise_exception=True)
    return [(pair["app"], pair["customer_app_id"]) for pair in wanted.validated_data]


def is_pair(value: Any) -> bool:
    """Whether the serializer would take `value`, and as it is."""
    if not isinstance(value, dict) or value.keys() != PAIR_MEMBERS:
        return False
    app, there = value["app"], value["customer_app_id"]
    return is_text(app, LONGEST_SLUG) and is_text(there, LONGEST_ID) and app == app.strip()


def is_text(value: Any, longest: int) -> bool:
    """Whether it is text of a length that is allowed, with nothing in it that may not be."""
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()
