"""What customers have ordered."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Any, Self
from uuid import UUID

from django.db import models, transaction
from django.db.models import CharField, F, OuterRef, Q, Subquery
from django.db.models.functions import Cast
from django.utils import timezone

from common.aggregates import JSONArrayAgg, JSONObject
from common.models import BaseModel
from common.money import cents, default_currency, validate_currency
from common.text import validate_lines
from customers.models import Customer
from items.models import Item
from orders.members import contributed_annotations


class OrderQuerySet(models.QuerySet["Order"]):
    def with_members(self) -> "OrderQuerySet":
        """Each order with all that its representation shows, in one statement."""
        members: dict[str, Any] = {name: F(name) for name in OrderLine.MEMBERS}
        # As text: a JSON number would become a float.
        members["unit_price"] = Cast("unit_price", CharField())
        lines = (
            OrderLine.objects.filter(order=OuterRef("pk"))
            .order_by()
            .values("order")
            .annotate(array=JSONArrayAgg(JSONObject(**members)))
        )
        return self.select_related("customer").annotate(
            stored_lines=Subquery(  # type: ignore[no-redef]
                lines.values("array")
            ),
            **contributed_annotations(),
        )


class Order(BaseModel):
    """An order, at the prices of the moment at which it was made."""

    class Status(models.TextChoices):
        RECEIVED = "received"
        READY = "ready"
        COMPLETED = "completed"
        CANCELLED = "cancelled"

    # What may follow what. A state without a successor is final.
    TRANSITIONS: dict[str, frozenset[str]] = {
        Status.RECEIVED: frozenset({Status.READY, Status.CANCELLED}),
        Status.READY: frozenset({Status.COMPLETED, Status.CANCELLED}),
        Status.COMPLETED: frozenset(),
        Status.CANCELLED: frozenset(),
    }

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="orders")
    code = models.CharField(  # noqa: DJ001 - unique where given: "" would be given once only
        max_length=50, null=True, blank=True, help_text="Your own order number, if you have one."
    )
    # What was ordered, in words: known without the lines, which are stored after their order.
    description = models.CharField(max_length=300)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(
        max_length=3, default=default_currency, validators=[validate_currency]
    )
    status = models.CharField(max_length=9, choices=Status, default=Status.RECEIVED)
    order_time = models.DateTimeField(default=timezone.now)

    objects = OrderQuerySet.as_manager()

    # The status that the database holds, as far as this instance knows: what `post_save` hears
    # is a new one if it differs.
    stored_status: str | None = None

    # The lines as JSON: read with the order by `with_members`, or set by who wrote them.
    stored_lines: list[dict[str, Any]] | None
    # Not stored: whether those who hear of the saving may tell the customer.
    announce = True

    class Meta(BaseModel.Meta):
        permissions = [
            ("view_own_order", "Can view orders of one's own"),
            ("add_own_order", "Can add orders of one's own"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["code"],
                name="order_code_unique",
                violation_error_code="unique",
                violation_error_message="Another order has this code.",
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=0),
                name="order_amount_not_negative",
                violation_error_message="An amount cannot be negative.",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "-id"], name="order_customer_newest"),
            models.Index(fields=["status", "-id"], name="order_status_newest"),
            models.Index(fields=["order_time", "id"], name="order_by_order_time"),
            models.Index(fields=["amount", "id"], name="order_by_amount"),
        ]

    def __str__(self) -> str:
        return f"{self.description}, {self.currency} {self.amount}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        # Whoever saves, what post_save's receivers write commits with the order or not at all.
        with transaction.atomic(savepoint=False):
            super().save(*args, **kwargs)
        if self.status_is_new(kwargs.get("update_fields")):
            self.stored_status = self.status

    @classmethod
    def from_db(
        cls,
        db: str | None,
        field_names: Collection[str],
        values: Collection[Any],
        **options: Any,
    ) -> Self:
        order = super().from_db(db, field_names, values, **options)
        order.stored_status = order.__dict__.get("status")
        return order

    def status_is_new(self, saved: Collection[str] | None) -> bool:
        """Whether saving the fields `saved` (all, if None) brings the order into another status."""
        return self.status != self.stored_status and (saved is None or "status" in saved)

    @property
    def open(self) -> bool:
        """Whether anything can still follow."""
        return bool(self.TRANSITIONS[self.status])

    @property
    def line_list(self) -> "list[OrderLine]":
        """The lines in their order: as read with the order or just written, else by a query."""
        if "stored_lines" not in self.__dict__:
            return list(self.lines.all())
        lines = [OrderLine.from_snapshot(line) for line in self.stored_lines or ()]
        return sorted(lines, key=attrgetter("position"))


def stored_id(value: str | UUID | None) -> UUID | None:
    """An id that was stored in JSON; SQLite leaves the dashes out."""
    return UUID(str(value)) if value else None


class OrderLine(models.Model):
    """One thing ordered: an item of the catalogue, or free text. The price is a snapshot."""

    CHARACTERS = {"description": validate_lines}
    # What a line consists of, besides its order.
    MEMBERS = ("position", "item_id", "description", "quantity", "unit_price")

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    item = models.ForeignKey(Item, on_delete=models.PROTECT, null=True, blank=True)
    description = models.CharField(max_length=250)
    quantity = models.PositiveIntegerField()
    unit_price = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        ordering = ["order", "position"]
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="order_line_position"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="order_line_quantity"),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="order_line_unit_price"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.description}"

    @classmethod
    def from_snapshot(cls, members: Mapping[str, Any]) -> "OrderLine":
        """The line that `snapshot` or the database wrote as JSON."""
        unit_price = cents(members["unit_price"])
        return cls(
            **{**members, "item_id": stored_id(members["item_id"]), "unit_price": unit_price}
        )

    def snapshot(self) -> dict[str, Any]:
        """The members of the line, as `with_members` reads them."""
        return {name: getattr(self, name) for name in self.MEMBERS}

    @property
    def total(self) -> Decimal:
        """Price times quantity, in the order's currency."""
        return cents(self.unit_price * self.quantity)
