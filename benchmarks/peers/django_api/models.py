"""The tables that are Klanten's."""

import uuid

from django.db import models
from django.utils import timezone
from uuid_utils.compat import uuid7

REACHING = {"queued", "sent", "delivered"}


def new_id() -> uuid.UUID:
    return uuid7()


class Row(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class Customer(Row):
    code = models.CharField(max_length=50, unique=True)
    name = models.CharField(max_length=501, blank=True)
    first_name = models.CharField(max_length=250, blank=True)
    last_name = models.CharField(max_length=250, blank=True)
    phone_number = models.CharField(max_length=16, blank=True)
    domain = models.CharField(max_length=253, null=True)
    document = models.CharField(max_length=11, null=True)
    language = models.CharField(max_length=12, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    erased_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "customers_customer"

    @property
    def display_name(self) -> str:
        return self.name or self.domain or self.code


class App(Row):
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    active = models.BooleanField(default=True)

    class Meta:
        managed = False
        db_table = "mappings_app"


class Mapping(Row):
    customer = models.ForeignKey(Customer, models.CASCADE)
    app = models.ForeignKey(App, models.PROTECT)
    customer_app_id = models.CharField(max_length=255)

    class Meta:
        managed = False
        db_table = "mappings_mapping"


class Order(Row):
    customer = models.ForeignKey(Customer, models.PROTECT)
    code = models.CharField(max_length=50, null=True, unique=True)
    description = models.CharField(max_length=300)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3, default="KES")
    status = models.CharField(max_length=9, default="received")
    order_time = models.DateTimeField(default=timezone.now)

    class Meta:
        managed = False
        db_table = "orders_order"

    @property
    def sms(self) -> "Message | None":
        # `all`, so that what was prefetched is used.
        return next((each for each in self.messages.all() if each.kind == "order_received"), None)


class OrderLine(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    item_id = models.UUIDField(null=True)
    description = models.CharField(max_length=250)
    quantity = models.PositiveIntegerField()
    unit_price = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        managed = False
        db_table = "orders_orderline"
        ordering = ["position"]


class Message(Row):
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, default="")
    provider_id = models.CharField(max_length=200, default="")
    sent_at = models.DateTimeField(null=True)
    kind = models.CharField(max_length=50)
    order = models.ForeignKey(Order, models.SET_NULL, null=True, related_name="messages")
    customer = models.ForeignKey(Customer, models.SET_NULL, null=True)
    to = models.CharField(max_length=16)
    text = models.TextField()
    status = models.CharField(max_length=16, default="pending")

    class Meta:
        managed = False
        db_table = "notifications_message"

    @property
    def shown_status(self) -> str:
        return "queued" if self.status == "pending" else self.status
