from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.utils import json

from common.money import cents, validate_currency
from common.parsers import unique_members
from common.representation import Derived
from common.serializers import (
    FieldErrors,
    Id,
    Lines,
    Moment,
    MoneyField,
    StrictSerializer,
    Text,
    WholeNumber,
    clash,
    given,
)
from orders import services
from orders.members import contributed_fields
from orders.models import Order, stored_id
from orders.pricing import WantedLine

MOST_LINES = 100
MOST_PIECES = 1_000_000


class LinesSerializer(serializers.ListSerializer[Any]):
    """Lines. In a form they are `lines[0]quantity` and so on, or JSON in one part (OpenAPI)."""

    def get_value(self, dictionary: Mapping[str, Any]) -> Any:
        text = dictionary.get(str(self.field_name))
        if not isinstance(dictionary, QueryDict) or not isinstance(text, str):
            return super().get_value(dictionary)
        try:
            return json.loads(text, object_pairs_hook=unique_members)
        except (ValueError, RecursionError):
            # To be refused as what it is: no list.
            return text


class LineSerializer(StrictSerializer):
    """A line: an item of the catalogue, or free text with a price. Prices are snapshots."""

    item = Id(source="item_id", required=False, allow_null=True)
    description = Lines(max_length=250, required=False)
    quantity = WholeNumber(min_value=1, max_value=MOST_PIECES)
    unit_price = MoneyField(required=False)
    total = MoneyField(read_only=True)

    class Meta:
        list_serializer_class = LinesSerializer

    def presence_errors(self, data: Mapping[str, Any]) -> FieldErrors:
        errors = super().presence_errors(data)
        names = given(data)
        free_text = {"description", "unit_price"}
        if data.get("item"):
            # With a change, a line can come back as it was read; the service compares.
            if names & free_text and self.root.instance is None:
                errors |= clash("item", *sorted(names & free_text))
        else:
            wanted = sorted(free_text) if names & free_text else ["item"]
            errors |= missing(wanted, names - {"item"})
        return errors


class ItemField(Derived, serializers.CharField):
    """What was ordered: the id of an item if that is all, or in words."""

    columns = ("description", "stored_lines")

    def make(self, description: str, lines: list[dict[str, Any]] | None) -> str:
        only_item = stored_id(lines[0]["item_id"]) if lines and len(lines) == 1 else None
        return str(only_item) if only_item else description


class QuantityField(Derived, serializers.IntegerField):
    """How many pieces of everything."""

    columns = ("stored_lines",)

    def make(self, lines: list[dict[str, Any]] | None) -> int:
        return sum(line["quantity"] for line in lines or ())


class LinesField(Derived, serializers.ListSerializer[Any]):
    """The lines in their order."""

    columns = ("stored_lines",)

    def make(self, lines: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
        return [shown_line(line) for line in sorted(lines or (), key=itemgetter("position"))]

    def to_representation(self, value: Any) -> Any:
        return value


def shown_line(line: Mapping[str, Any]) -> dict[str, Any]:
    """A stored line as LineSerializer documents it."""
    unit_price, quantity = cents(line["unit_price"]), line["quantity"]
    return {
        "item": line["item_id"] and str(stored_id(line["item_id"])),
        "description": line["description"],
        "quantity": quantity,
        "unit_price": str(unit_price),
        "total": str(cents(unit_price * quantity)),
    }


class CustomerNameField(Derived, serializers.CharField):
    """How the customer is addressed."""

    columns = ("customer__name", "customer__domain", "customer__code")

    def make(self, name: str, domain: str | None, code: str) -> str:
        return name or domain or code


class OrderSerializer(serializers.Serializer[Order]):
    """An order as it is read. `total` is `amount`; `item` is the item's id, or what was ordered."""

    id = serializers.UUIDField()
    code = serializers.CharField(allow_null=True)
    item = ItemField()
    item_name = serializers.CharField(source="description")
    quantity = QuantityField()
    amount = MoneyField()
    total = MoneyField(source="amount")
    currency = serializers.CharField()
    status = serializers.ChoiceField(choices=Order.Status.choices)
    order_time = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    customer = serializers.UUIDField(source="customer_id")
    customer_id = serializers.UUIDField()
    customer_code = serializers.CharField(source="customer.code")
    customer_name = CustomerNameField()
    customer_first_name = serializers.CharField(source="customer.first_name")
    customer_last_name = serializers.CharField(source="customer.last_name")
    customer_phone = serializers.CharField(source="customer.phone_number")
    lines = LinesField(child=LineSerializer())

    def get_fields(self) -> dict[str, "serializers.Field[Any, Any, Any, Any]"]:
        return {**super().get_fields(), **contributed_fields()}


class OrderRequestSerializer(StrictSerializer):
    """An order as it is made or changed, in one of three ways.

    1. `{customer_code, item: "free text", amount}`
    2. `{customer, item: <item id>, quantity}`
    3. `{customer | customer_code, lines: [{item, quantity} | {description, quantity, unit_price}]}`

    `currency`, `order_time` and `code` may go with each. To change one, give what changes.
    """

    customer = Id(required=False)
    customer_code = Text(max_length=50, required=False)
    item = Lines(max_length=250, required=False)
    quantity = WholeNumber(min_value=1, max_value=MOST_PIECES, required=False)
    amount = MoneyField(required=False)
    lines = LineSerializer(
        many=True,
        required=False,
        allow_empty=False,
        max_length=MOST_LINES,  # type: ignore[call-arg]  # ListSerializer takes it
    )
    currency = Text(required=False, validators=[validate_currency])
    order_time = Moment(required=False)
    code = Text(max_length=50, required=False, allow_null=True)
    status = serializers.ChoiceField(
        choices=Order.Status.choices,
        required=False,
        help_text="What follows the present state; a new order is always received.",
    )

    def to_internal_value(self, data: Any) -> Any:
        # A form's nested names (`lines[0]item`) are for DRF to read, not for us to compare.
        if self.instance is not None and isinstance(data, dict) and not isinstance(data, QueryDict):
            data = self.changes_in(data)
        return super().to_internal_value(data)

    def changes_in(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """What `data` would change: an order that was read can be sent back with a change.

        Members that are only shown are passed over, whatever they say by now.
        """
        present = OrderSerializer(self.instance).data
        return {
            name: value
            for name, value in data.items()
            if name not in present
            or (name in self.fields and not self.says_the_same(name, value, present[name]))
        }

    def says_the_same(self, name: str, value: Any, present: Any) -> bool:
        """Whether two spellings of a member mean the same: `"1.5"` and `1.50`, say."""
        if value == present:
            return True
        field = self.fields[name]
        try:
            return bool(field.run_validation(value) == field.run_validation(present))
        except serializers.ValidationError:
            return False

    def presence_errors(self, data: Mapping[str, Any]) -> FieldErrors:
        names = given(data)
        errors = super().presence_errors(data)
        if {"customer", "customer_code"} <= names:
            errors |= clash("customer", "customer_code")
        if {"amount", "quantity"} <= names:
            errors |= clash("amount", "quantity")
        if "lines" in names and (others := sorted(names & {"item", "quantity", "amount"})):
            errors |= clash("lines", *others)
        if self.instance is None:
            errors = self.creation_errors(names) | errors
        return errors

    def creation_errors(self, names: set[str]) -> FieldErrors:
        """What is missing from, or too much for, the way in which the order is being made."""
        if "status" in names:
            detail = "A new order is received; its status can be changed afterwards."
            return {"status": [ErrorDetail(detail, code="clash")]}
        if "lines" in names:
            return {} if {"customer"} & names else missing(["customer_code"], names)
        if "quantity" in names or ("customer" in names and "amount" not in names):
            wrong = names & {"customer_code"}
            return clash("customer_code", "quantity") if wrong else missing(WAY_2, names)
        wrong = names & {"customer"}
        return clash("customer", "amount") if wrong else missing(WAY_1, names)

    def create(self, validated_data: dict[str, Any]) -> Order:
        lines = self.wanted_lines(validated_data)
        contents = {"lines", "item", "quantity", "amount"}
        others = {name: value for name, value in validated_data.items() if name not in contents}
        return services.place_order(
            lines=lines,
            customers=self.context["customers"],
            announce=self.context.get("announce", True),
            by_customer=self.context.get("by_customer", False),
            **others,
        )

    def update(self, instance: Order, validated_data: dict[str, Any]) -> Order:
        if "lines" in validated_data:
            validated_data["lines"] = self.wanted_lines(validated_data)
        return services.change_order(
            instance,
            customers=self.context["customers"],
            by_customer=self.context.get("by_customer", False),
            **validated_data,
        )

    def wanted_lines(self, data: dict[str, Any]) -> list[WantedLine]:
        """The lines that any of the three ways asks for."""
        if "lines" in data:
            return [
                WantedLine(
                    quantity=line["quantity"],
                    item=line.get("item_id"),
                    description=line.get("description", ""),
                    unit_price=line.get("unit_price"),
                    path=f"lines[{index}].",
                )
                for index, line in enumerate(data["lines"])
            ]
        if "amount" in data:
            amount = data["amount"]
            return [WantedLine(quantity=1, description=data["item"], unit_price=amount)]
        return [WantedLine(quantity=data["quantity"], item=services.item_id(data["item"]))]


WAY_1 = ["customer_code", "item", "amount"]
WAY_2 = ["customer", "item", "quantity"]


def missing(wanted: list[str], names: set[str]) -> FieldErrors:
    """An error for each of `wanted` that is not among `names`."""
    return {
        name: [ErrorDetail("This field is required.", code="required")]
        for name in wanted
        if name not in names
    }
