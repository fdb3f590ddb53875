"""What can be done with customers."""

from typing import Any

from common.errors import Conflict, FieldError, Problem
from customers.codes import new_code
from customers.models import NO_IDENTITY, Customer

# 40 random bits meet one of a million codes once in a million times.
CODE_TRIES = 5


def register_customer(**members: Any) -> tuple[Customer, bool]:
    """The customer with these members, and whether it is new.

    A domain that is known already gives the original back, unchanged (Klanten's document).
    Two statements and no race: whoever comes second waits for the first, then reads its row.
    Raises a Problem without any identity, Conflict when the code or the document is taken.
    """
    customer = Customer()
    customer.change(**members)
    require_identity(customer)
    for _ in range(CODE_TRIES):
        Customer.objects.bulk_create([customer], ignore_conflicts=True)
        if customer.domain:
            stored = Customer.objects.filter(domain=customer.domain).first()
        else:
            stored = Customer.objects.filter(pk=customer.pk).first()
        if stored:
            return stored, stored.pk == customer.pk
        refuse_taken(customer, given_code="code" in members)
        customer.code = new_code()
    raise Conflict("No free customer code was found; give one.", code="code")


def refuse_taken(customer: Customer, *, given_code: bool) -> None:
    """Raises the Conflict that kept `customer` from being stored, unless it was our own code."""
    taken = []
    if given_code and Customer.objects.filter(code=customer.code).exists():
        taken.append("code")
    if customer.document and Customer.objects.filter(document=customer.document).exists():
        taken.append("document")
    if taken:
        errors = [
            FieldError(field, "unique", f"Another customer has this {field}.") for field in taken
        ]
        raise Conflict(errors[0].detail, code="unique", errors=errors)


def change_customer(customer: Customer, **changes: Any) -> Customer:
    """Takes over `changes` and stores them. Raises a Problem if no identity would be left."""
    customer.change(**changes)
    require_identity(customer)
    customer.save()
    return customer


def require_identity(customer: Customer) -> None:
    """Raises a Problem that names all three for a customer without name, domain and document."""
    if not (customer.name or customer.domain or customer.document):
        members = ("name", "domain", "document")
        raise Problem(
            NO_IDENTITY, errors=[FieldError(member, "required", NO_IDENTITY) for member in members]
        )
