"""Who a company's customers are."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from common.models import BaseModel
from customers.codes import new_code
from customers.fields import DocumentField, DomainField, PhoneNumberField
from customers.normalise import LONGEST_DOMAIN

NO_IDENTITY = "A customer needs at least one of name, domain, document."


def compose_name(first_name: str, last_name: str) -> str:
    """The full name from its parts."""
    return f"{first_name} {last_name}".strip()


class Customer(BaseModel):
    """A person or an organisation, once, whatever applications know them."""

    code = models.CharField(
        max_length=50,
        default=new_code,
        help_text="Your own customer number; made up when none is given.",
    )
    # As long as its parts together: CustOrder allows 250 for each.
    name = models.CharField(max_length=501, blank=True)
    first_name = models.CharField(max_length=250, blank=True)
    last_name = models.CharField(max_length=250, blank=True)
    phone_number = PhoneNumberField(
        max_length=16, blank=True, help_text="Stored as E.164: +254712345678."
    )
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="customer",
        help_text="The login with which the customer sees what is theirs.",
    )
    domain = DomainField(max_length=LONGEST_DOMAIN, null=True, blank=True)
    document = DocumentField(max_length=11, null=True, blank=True, help_text="CPF.")

    class Meta(BaseModel.Meta):
        indexes = [
            models.Index(fields=["phone_number", "-id"], name="customer_phone_newest"),
            models.Index(fields=["name", "id"], name="customer_by_name"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["code"],
                name="customer_code_unique",
                violation_error_code="unique",
                violation_error_message="Another customer has this code.",
            ),
            models.UniqueConstraint(
                fields=["domain"],
                name="customer_domain_unique",
                violation_error_code="unique",
                violation_error_message="Another customer has this domain.",
            ),
            models.UniqueConstraint(
                fields=["document"],
                name="customer_document_unique",
                violation_error_code="unique",
                violation_error_message="Another customer has this document.",
            ),
            models.CheckConstraint(
                condition=~Q(name="") | Q(domain__isnull=False) | Q(document__isnull=False),
                name="customer_has_identity",
                violation_error_code="identity",
                violation_error_message=NO_IDENTITY,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.display_name} ({self.code})"

    @property
    def display_name(self) -> str:
        """How to address them: the name, or what stands in for it."""
        return self.name or self.domain or self.code

    def change(self, **changes: Any) -> None:
        """Takes over `changes`. A name that was composed follows its parts; a given one stays."""
        composed = self.name == compose_name(self.first_name, self.last_name)
        for member, value in changes.items():
            setattr(self, member, value)
        if composed and "name" not in changes:
            self.name = compose_name(self.first_name, self.last_name)

    def clean(self) -> None:
        """For forms: composes a missing name, and says what is missing in one sentence."""
        self.name = self.name or compose_name(self.first_name, self.last_name)
        if not (self.name or self.domain or self.document):
            raise ValidationError(NO_IDENTITY, code="identity")
