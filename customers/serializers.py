from typing import Any

from rest_framework import serializers

from common.serializers import NormalisedField, StrictSerializer, Text
from customers import services
from customers.models import Customer
from customers.normalise import (
    LONGEST_DOMAIN,
    normalise_document,
    normalise_domain,
    normalise_phone,
)


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
