"""By which id each application knows a customer."""

from django.core.exceptions import ValidationError
from django.db import models

from common.models import BaseModel
from common.text import validate_foreign_id
from customers.lookup import find_customer
from customers.models import Customer


class App(BaseModel):
    """An application whose ids for customers are kept here."""

    slug = models.SlugField(
        max_length=50, db_index=False, help_text="Its name in addresses: /v1/query/<slug>/..."
    )
    name = models.CharField(max_length=200)
    active = models.BooleanField(
        default=True, help_text="An inactive one takes no new mappings; queries are answered."
    )

    class Meta(BaseModel.Meta):
        verbose_name = "application"
        constraints = [
            models.UniqueConstraint(
                fields=["slug"],
                name="app_slug_unique",
                violation_error_code="unique",
                violation_error_message="Another application has this slug.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Mapping(BaseModel):
    """A customer's id in an application. Each has at most one there."""

    CHARACTERS = {"customer_app_id": validate_foreign_id}

    customer = models.ForeignKey(
        Customer,
        on_delete=models.CASCADE,
        related_name="mappings",
        # An index below begins with it, as one does with the application.
        db_index=False,
    )
    app = models.ForeignKey(
        App,
        on_delete=models.PROTECT,
        related_name="mappings",
        db_index=False,
        verbose_name="application",
    )
    customer_app_id = models.CharField(
        "id in the application", max_length=255, help_text="As the application spells it."
    )

    class Meta(BaseModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["app", "customer_app_id"],
                name="mapping_app_id_unique",
                violation_error_code="mapped",
                violation_error_message="This id belongs to another customer in this application.",
            ),
            models.UniqueConstraint(
                fields=["customer", "app"],
                name="mapping_customer_app_unique",
                violation_error_code="mapped",
                violation_error_message="The customer has another id in this application.",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "-id"], name="mapping_customer_newest"),
            models.Index(fields=["app", "-id"], name="mapping_app_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.customer_app_id} in {self.app}"

    def clean(self) -> None:
        """For forms: refuses a customer who was erased, and holds one who was not."""
        owner = find_customer(pk=self.customer_id, hold=True) if self.customer_id else None
        if owner and owner.erased_at:
            raise ValidationError({"customer": "The customer's data was erased."}, code="erased")
