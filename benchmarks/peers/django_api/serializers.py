from decimal import Decimal
from typing import Any

from django.core.validators import MinValueValidator
from django.db import transaction
from rest_framework import serializers

from benchmarks.peers.django_api.models import REACHING, Customer, Message, Order, OrderLine


class LineSerializer(serializers.ModelSerializer):
    item = serializers.UUIDField(source="item_id")
    total = serializers.SerializerMethodField()

    class Meta:
        model = OrderLine
        fields = ("item", "description", "quantity", "unit_price", "total")

    def get_total(self, line: OrderLine) -> str:
        return str((line.unit_price * line.quantity).quantize(Decimal("0.01")))


class OrderSerializer(serializers.ModelSerializer):
    item = serializers.SerializerMethodField()
    item_name = serializers.CharField(source="description")
    quantity = serializers.SerializerMethodField()
    total = serializers.DecimalField(source="amount", max_digits=14, decimal_places=2)
    customer_code = serializers.CharField(source="customer.code")
    customer_name = serializers.CharField(source="customer.display_name")
    customer_first_name = serializers.CharField(source="customer.first_name")
    customer_last_name = serializers.CharField(source="customer.last_name")
    customer_phone = serializers.CharField(source="customer.phone_number")
    lines = LineSerializer(many=True)
    sms_status = serializers.SerializerMethodField()
    sms_sent = serializers.SerializerMethodField()
    sms_reason = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = (
            *("id", "code", "item", "item_name", "quantity", "amount", "total", "currency"),
            *("status", "order_time", "created_at", "updated_at", "customer", "customer_id"),
            *("customer_code", "customer_name", "customer_first_name", "customer_last_name"),
            *("customer_phone", "lines", "sms_status", "sms_sent", "sms_reason"),
        )

    def get_item(self, order: Order) -> str:
        lines = order.lines.all()
        only_item = lines[0].item_id if len(lines) == 1 else None
        return str(only_item) if only_item else order.description

    def get_quantity(self, order: Order) -> int:
        return sum(line.quantity for line in order.lines.all())

    def get_sms_status(self, order: Order) -> str | None:
        return order.sms.shown_status if order.sms else None

    def get_sms_sent(self, order: Order) -> bool:
        return order.sms is not None and order.sms.shown_status in REACHING

    def get_sms_reason(self, order: Order) -> str | None:
        return (order.sms.last_error or None) if order.sms else None


class NewOrderSerializer(serializers.ModelSerializer):
    customer_code = serializers.SlugRelatedField(
        slug_field="code", source="customer", queryset=Customer.objects.all()
    )
    item = serializers.CharField(source="description", max_length=250)

    class Meta:
        model = Order
        fields = ("customer_code", "item", "amount", "currency", "order_time", "code")
        extra_kwargs = {
            "amount": {"validators": [MinValueValidator(0)]},
            "currency": {"required": False},
            "order_time": {"required": False},
            "code": {"required": False},
        }

    @transaction.atomic
    def create(self, validated_data: dict[str, Any]) -> Order:
        order = Order.objects.create(**validated_data)
        OrderLine.objects.create(
            order=order,
            position=0,
            description=order.description,
            quantity=1,
            unit_price=order.amount,
        )
        queue_confirmation(order)
        return order

    def to_representation(self, order: Order) -> dict[str, Any]:
        return OrderSerializer(order).data


def queue_confirmation(order: Order) -> None:
    """The row of the outbox, which Klanten's worker delivers."""
    customer = order.customer
    Message.objects.create(
        kind="order_received",
        order=order,
        customer=customer,
        to=customer.phone_number,
        text=(
            f"Hello {customer.display_name}! Your order for {order.description} worth "
            f"{order.currency} {order.amount} has been received. Thank you!"
        ),
        status="pending" if customer.phone_number else "skipped",
        last_error="" if customer.phone_number else "No phone number.",
    )


class CustomerSerializer(serializers.ModelSerializer):
    uuid = serializers.UUIDField(source="id")
    merged_from = serializers.ReadOnlyField(default=None)

    class Meta:
        model = Customer
        fields = (
            *("id", "uuid", "code", "name", "first_name", "last_name", "phone_number"),
            *("domain", "document", "language", "time_zone", "erased_at", "merged_from"),
            *("created_at", "updated_at"),
        )
