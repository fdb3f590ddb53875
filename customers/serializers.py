from typing import Any
from uuid import UUID

from rest_framework import serializers

from common import personal
from common.representation import Derived
from common.serializers import Id, NormalisedField, StrictSerializer, Text
from customers import merging, services
from customers.models import Customer, Erasure, Merge
from customers.normalise import (
    LONGEST_DOMAIN,
    LONGEST_LANGUAGE,
    LONGEST_TIME_ZONE,
    normalise_document,
    normalise_domain,
    normalise_language,
    normalise_phone,
    normalise_time_zone,
)


class MergedFromField(Derived, serializers.UUIDField):
    """By which former id a customer was asked for: a matter of the request, in no column."""

    columns = ()

    def make(self) -> None:
        return None

    def get_attribute(self, instance: Customer) -> UUID | None:
        return instance.merged_from


class CustomerSerializer(StrictSerializer):
    """A customer. At least one of name (or its parts), domain and document is needed."""

    id = serializers.UUIDField(read_only=True)
    uuid = serializers.UUIDField(source="id", read_only=True, help_text="The same as id.")
    code = Text(max_length=50, required=False)
    name = Text(max_length=501, required=False, allow_blank=True)
    first_name = Text(max_length=250, required=False, allow_blank=True)
    last_name = Text(max_length=250, required=False, allow_blank=True)
    phone_number = NormalisedField(normalise_phone, max_length=40, required=False, allow_blank=True)
    domain = NormalisedField(
        normalise_domain,
        max_length=LONGEST_DOMAIN,
        required=False,
        allow_blank=True,
        allow_null=True,
    )
    document = NormalisedField(
        normalise_document, max_length=14, required=False, allow_blank=True, allow_null=True
    )
    language = NormalisedField(
        normalise_language, max_length=LONGEST_LANGUAGE, required=False, allow_blank=True
    )
    time_zone = NormalisedField(
        normalise_time_zone, max_length=LONGEST_TIME_ZONE, required=False, allow_blank=True
    )
    erased_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="When their personal data was erased."
    )
    merged_from = MergedFromField(
        allow_null=True,
        help_text="The id that was asked for, if its customer was merged into this one.",
    )
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        # An absent domain or document is NULL: "" would be a value that only one can have.
        return {
            name: None if name in {"domain", "document"} and not value else value
            for name, value in attrs.items()
        }

    def create(self, validated_data: dict[str, Any]) -> Customer:
        customer, self.created = services.register_customer(**validated_data)
        return customer

    def update(self, instance: Customer, validated_data: dict[str, Any]) -> Customer:
        return services.change_customer(instance, **validated_data)


class MergeRequestSerializer(StrictSerializer):
    """Into whom a customer is merged, and whose members win where both have some."""

    into = Id(help_text="The id of the customer who stays.")
    prefer = serializers.ChoiceField(
        choices=merging.PREFERENCES,
        default="into",
        help_text="Whose members win: those of the customer who stays, or of the merged one.",
    )


class MergeSerializer(serializers.Serializer[Merge]):
    """That a customer became part of another."""

    id = serializers.UUIDField()
    merged_id = serializers.UUIDField()
    into_id = serializers.UUIDField()
    code = serializers.CharField(help_text="Of both customers' codes the one that gave way.")
    domain = serializers.CharField(allow_null=True)
    document = serializers.CharField(allow_null=True)
    snapshot = serializers.JSONField(help_text="What both were before.")
    by = serializers.CharField()
    created_at = serializers.DateTimeField()


class ExportSerializer(serializers.Serializer[dict[str, Any]]):
    """Everything that is held about a customer: a member for each part of the registry."""

    exported_at = serializers.DateTimeField()

    def get_fields(self) -> dict[str, "serializers.Field[Any, Any, Any, Any]"]:
        shown = {
            section.name: (
                section.serializer(many=True)
                if section.many
                else section.serializer(allow_null=True)
            )
            for _, section in personal.sections()
        }
        return {**super().get_fields(), **shown}


class ErasureSerializer(serializers.Serializer[Erasure]):
    """The receipt for an erasure: who did it, when, and how many rows of each kind it met."""

    id = serializers.UUIDField()
    customer_id = serializers.UUIDField()
    erased_at = serializers.DateTimeField()
    by = serializers.CharField()
    rows = serializers.DictField(child=serializers.IntegerField())


class RegistrationSerializer(StrictSerializer):
    """A login that a customer makes for themselves (lori)."""

    username = serializers.CharField(max_length=150)
    email = serializers.EmailField(required=False, allow_blank=True, default="")
    password1 = serializers.CharField(max_length=1024, trim_whitespace=False)
    password2 = serializers.CharField(max_length=1024, trim_whitespace=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["password1"] != attrs["password2"]:
            raise serializers.ValidationError({"password2": "The two passwords differ."})
        return attrs
