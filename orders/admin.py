from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet, ModelForm
from django.http import HttpRequest, HttpResponse

from common.errors import Problem
from common.forms import NumberField, WholeNumberField
from orders.models import Order, OrderLine
from orders.pricing import WantedLine, price
from orders.services import place_order, set_status


class LineForm(forms.ModelForm):  # type: ignore[type-arg]
    """A line that staff enter: an item, or words and a price."""

    class Meta:
        model = OrderLine
        fields = ("item", "description", "quantity", "unit_price")

    description = forms.CharField(max_length=250, required=False)
    unit_price = NumberField(max_digits=14, decimal_places=2, min_value=0, required=False)
    quantity = WholeNumberField(min_value=1, initial=1)

    def clean(self) -> dict[str, Any]:
        members: dict[str, Any] = super().clean() or self.cleaned_data
        free_text = bool(members.get("description")) and members.get("unit_price") is not None
        if bool(members.get("item")) == free_text:
            raise forms.ValidationError("Give an item, or else a description and a unit price.")
        return members

    def wanted(self) -> WantedLine:
        """The line as the order service takes it."""
        members = self.cleaned_data
        item = members["item"]
        return WantedLine(
            quantity=members["quantity"],
            item=item and item.pk,
            description="" if item else members["description"],
            unit_price=None if item else members["unit_price"],
        )


class LineFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """The lines of a new order, priced while the form can still say what is wrong."""

    def wanted(self) -> list[WantedLine]:
        """The lines as the order service takes them."""
        return [
            form.wanted() for form in self.forms if isinstance(form, LineForm) and form.cleaned_data
        ]

    def clean(self) -> None:
        super().clean()
        if any(self.errors) or self.instance.currency is None:
            return
        if errors := price(self.wanted(), currency=self.instance.currency).errors:
            raise forms.ValidationError([error.detail for error in errors])


class LineInline(admin.TabularInline[OrderLine, Order]):
    """Lines are entered with a new order, and only shown afterwards: they are snapshots."""

    model = OrderLine
    form = LineForm
    formset = LineFormSet
    fields = ("item", "description", "quantity", "unit_price")
    autocomplete_fields = ("item",)
    min_num = 1
    extra = 0
    can_delete = False

    def has_change_permission(self, request: HttpRequest, obj: Order | None = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def has_add_permission(  # type: ignore[override]  # an inline's takes the parent as well
        self, request: HttpRequest, obj: Order | None
    ) -> bool:
        return obj is None


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin[Order]):
    """Orders are placed here as through the API: priced, and announced to the customer."""

    list_display = (
        "description",
        "customer",
        "amount",
        "currency",
        "status",
        "sms_status",
        "order_time",
    )
    list_filter = ("status", "currency", "order_time")
    list_select_related = ("customer",)
    search_fields = ("id", "code", "description", "customer__name", "customer__code")
    date_hierarchy = "order_time"
    inlines = (LineInline,)
    actions = ("make_ready", "complete", "cancel")
    autocomplete_fields = ("customer",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        return Order.objects.with_members()

    def get_fields(self, request: HttpRequest, obj: Order | None = None) -> tuple[Any, ...]:
        if obj is None:
            return ("customer", "code", "currency")
        return (
            "customer",
            "code",
            "description",
            ("amount", "currency"),
            "status",
            "sms_status",
            "order_time",
            "id",
            ("created_at", "updated_at"),
        )

    def get_readonly_fields(
        self, request: HttpRequest, obj: Order | None = None
    ) -> tuple[Any, ...]:
        return self.flat(self.get_fields(request, obj)) if obj else ()

    @staticmethod
    def flat(fields: tuple[Any, ...]) -> tuple[str, ...]:
        """The names in `fields`, with those that share a row side by side."""
        return tuple(
            name for field in fields for name in (field if isinstance(field, tuple) else (field,))
        )

    @admin.display(description="SMS")
    def sms_status(self, order: Order) -> str:
        """What became of the customer's SMS, as the app that sends it says."""
        return str((getattr(order, "sms", None) or {}).get("status", "-"))

    def save_model(
        self, request: HttpRequest, obj: Order, form: ModelForm[Order], change: bool
    ) -> None:
        """Nothing: a new order is placed in `save_related`, where its lines are known."""

    def save_related(
        self, request: HttpRequest, form: ModelForm[Order], formsets: Any, change: bool
    ) -> None:
        if change:
            super().save_related(request, form, formsets, change)
            return
        order = form.instance
        (lines,) = formsets
        placed = place_order(
            lines=lines.wanted(),
            customer=order.customer_id,
            currency=order.currency,
            code=order.code,
        )
        # The admin goes on with the instance of its form: its log and its redirect mean this row.
        form.instance.pk = placed.pk
        # What a formset that is saved leaves behind for the log.
        lines.new_objects, lines.changed_objects, lines.deleted_objects = [], [], []

    @admin.action(description="Mark as ready", permissions=["change"])
    def make_ready(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        self.set_statuses(request, orders, Order.Status.READY)

    @admin.action(description="Mark as completed", permissions=["change"])
    def complete(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        self.set_statuses(request, orders, Order.Status.COMPLETED)

    @admin.action(description="Cancel", permissions=["change"])
    def cancel(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        self.set_statuses(request, orders, Order.Status.CANCELLED)

    def set_statuses(
        self, request: HttpRequest, orders: QuerySet[Order], status: str
    ) -> HttpResponse | None:
        """Moves each of `orders` on that may, and says of the others why not."""
        moved = 0
        for order in orders:
            try:
                with transaction.atomic():
                    # As it is now, not as the list showed it.
                    set_status(Order.objects.select_for_update().get(pk=order.pk), status)
            except Order.DoesNotExist:
                messages.error(request, f"{order}: it was deleted meanwhile.")
            except Problem as problem:
                messages.error(request, f"{order}: {problem.detail}")
            else:
                moved += 1
        if moved:
            messages.success(request, f"{moved} now {status}.")
        return None
