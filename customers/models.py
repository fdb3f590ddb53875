"""Who a company's customers are."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q

from common.models import BaseModel
from customers.codes import new_code
from customers.fields import (
    DocumentField,
    DomainField,
    LanguageField,
    PhoneNumberField,
    TimeZoneField,
)
from customers.normalise import LONGEST_DOMAIN, LONGEST_LANGUAGE, LONGEST_TIME_ZONE

# By what a customer is known besides the id; each is one customer's alone.
ALIASES = ("code", "domain", "document")
TAKEN = "Another customer has this {}."
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
    # With a default in the database as well: while a release rolls out, processes of the one
    # before it go on inserting.
    language = LanguageField(
        max_length=LONGEST_LANGUAGE,
        blank=True,
        default="",
        db_default="",
        help_text="What we write to them in, such as en or sw (BCP 47); the house's, if empty.",
    )
    time_zone = TimeZoneField(
        max_length=LONGEST_TIME_ZONE,
        blank=True,
        default="",
        db_default="",
        help_text="When it is night there, such as Africa/Nairobi (IANA); the house's, if empty.",
    )
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)

    # The id that was asked for, where that is the id of another who was merged into this one.
    merged_from: UUID | None = None
    # Whether the transaction that read it keeps the row from being erased or merged before it
    # ends (`customers/lookup.py`).
    held = False
    # The phone number that the database holds, as far as this instance knows.
    stored_phone = ""

    class Meta(BaseModel.Meta):
        permissions = [
            ("export_customer", "Can export all that is held about a customer"),
            ("erase_customer", "Can erase a customer's personal data"),
        ]
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

    @classmethod
    def from_db(
        cls,
        db: str | None,
        field_names: Collection[str],
        values: Collection[Any],
        **options: Any,
    ) -> Self:
        customer = super().from_db(db, field_names, values, **options)
        customer.stored_phone = customer.__dict__.get("phone_number", "")
        return customer

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic(savepoint=False):
            super().save(*args, **kwargs)
            FormerPhone.objects.note([self])

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
        if errors := {name: TAKEN.format(name) for name in Merge.objects.held_against(self)}:
            raise ValidationError(errors)


class FormerPhoneManager(models.Manager["FormerPhone"]):
    def note(self, customers: Iterable[Customer]) -> None:
        """Keeps the numbers that customers had until they were stored just now."""
        customers = list(customers)
        former = [each for each in customers if each.stored_phone not in {"", each.phone_number}]
        if former:
            self.bulk_create(FormerPhone(customer=each, phone=each.stored_phone) for each in former)
        for each in customers:
            each.stored_phone = each.phone_number


class FormerPhone(BaseModel):
    """A number that a customer had before: what was sent to it, and from it, is about them too."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="former_phones")
    phone = models.CharField(max_length=16, help_text="E.164")

    objects = FormerPhoneManager()

    def __str__(self) -> str:
        return self.phone


class MergeQuerySet(models.QuerySet["Merge"]):
    def in_force(self) -> "MergeQuerySet":
        """Those that have not been undone."""
        return self.filter(survivor__isnull=False)

    def held_against(self, customer: Customer) -> list[str]:
        """Which of the customer's code, domain and document gave way to another's in a merge.

        They go on naming that merge's survivor, who alone may take them up again.
        """
        names = {name: value for name in ALIASES if (value := getattr(customer, name))}
        wanted = Q(pk__in=[])
        for name, value in names.items():
            wanted |= Q(**{name: value})
        others = self.in_force().filter(wanted).exclude(survivor=customer.pk)
        found = list(others.values(*ALIASES))
        return [name for name in names if any(row[name] == names[name] for row in found)]


class Merge(BaseModel):
    """That a customer became part of another: what answers for the old id, and can be undone.

    The old customer has no row any more; so its code, its domain and its document are free for
    the survivor, and no reader has to know that there is such a thing.
    """

    merged_id = models.UUIDField(help_text="The id that goes on answering.")
    into_id = models.UUIDField(help_text="The customer whom it was merged into.")
    # Whom that customer became part of later, and so on. Without one it is not in force.
    survivor = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, blank=True, related_name="merges"
    )
    # Of the two customers' names those that gave way; they go on naming the survivor.
    code = models.CharField(max_length=50, blank=True)
    domain = DomainField(max_length=LONGEST_DOMAIN, null=True, blank=True)
    document = DocumentField(max_length=11, null=True, blank=True)
    # `merged`: the old customer's members; `before` and `after`: those of the survivor's that
    # the merge changed.
    snapshot = models.JSONField(default=dict, blank=True)
    # The ids of the rows that moved, by `app.Model.field`.
    moved = models.JSONField(default=dict, blank=True)
    by = models.CharField(max_length=300)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.CharField(max_length=300, blank=True)

    objects = MergeQuerySet.as_manager()

    class Meta(BaseModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["merged_id"],
                condition=Q(survivor__isnull=False),
                name="merge_in_force_once",
                violation_error_code="merged",
                violation_error_message="The customer has been merged already.",
            )
        ]
        indexes = [
            models.Index(fields=["code"], name="merge_by_code"),
            models.Index(fields=["domain"], name="merge_by_domain"),
            models.Index(fields=["document"], name="merge_by_document"),
        ]

    def __str__(self) -> str:
        return f"{self.merged_id} into {self.into_id}"


class Erasure(BaseModel):
    """The receipt for the erasure of a customer's personal data: who, when, and how much."""

    customer_id = models.UUIDField()
    by = models.CharField(max_length=300)
    rows = models.JSONField(help_text="How many of each kind were overwritten or removed.")

    class Meta(BaseModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["customer_id"],
                name="erasure_once",
                violation_error_code="erased",
                violation_error_message="The customer has been erased already.",
            )
        ]

    def __str__(self) -> str:
        return f"Erasure of {self.customer_id}"

    @property
    def erased_at(self) -> datetime:
        """When it was done."""
        return self.created_at
