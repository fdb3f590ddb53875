"""The catalogue."""

from django.db import models
from django.db.models import Q

from common.models import BaseModel
from common.money import default_currency, validate_currency


class Item(BaseModel):
    """Something that is sold, at its present price. Orders keep the price they were made at."""

    class Size(models.TextChoices):
        SMALL = "S", "S"
        MEDIUM = "M", "M"
        LARGE = "L", "L"
        EXTRA_LARGE = "XL", "XL"
        DOUBLE_EXTRA_LARGE = "XXL", "XXL"

    name = models.CharField(max_length=250)
    size = models.CharField(max_length=3, choices=Size, blank=True)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    currency = models.CharField(
        max_length=3, default=default_currency, validators=[validate_currency]
    )

    class Meta(BaseModel.Meta):
        indexes = [
            models.Index(fields=["size", "-id"], name="item_size_newest"),
            models.Index(fields=["name", "id"], name="item_by_name"),
            models.Index(fields=["price", "id"], name="item_by_price"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(price__gte=0),
                name="item_price_not_negative",
                violation_error_message="A price cannot be negative.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.size}".strip()
