"""What can be done with customers."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, Q, QuerySet

from common.errors import Conflict, FieldError, Problem
from customers.codes import new_code
from customers.lookup import find_customer
from customers.models import ALIASES, NO_IDENTITY, TAKEN, Customer, Merge

# 40 random bits meet one of a million codes once in a million times.
CODE_TRIES = 5


def register_customer(**members: Any) -> tuple[Customer, bool]:
    """The customer with these members, and whether it is new.

    A domain that is known already gives the original back, unchanged (Klanten's document); one
    that was known before a merge gives the survivor; both are held, as `find_customer` says. No
    race: whoever comes second waits for the first, then reads its row.
    Raises a Problem without any identity, Conflict when the code or the document is taken.
    """
    customer = Customer()
    customer.change(**members)
    require_identity(customer)
    for _ in range(CODE_TRIES):
        Customer.objects.bulk_create([customer], ignore_conflicts=True)
        stored = as_stored(customer).first()
        if stored and stored.pk != customer.pk:
            if held := find_customer(domain=customer.domain, hold=True):
                return held, False
            continue
        if stored and not stored.known_before:  # type: ignore[attr-defined]
            return stored, True
        take_back(customer)
        if customer.domain and (survivor := find_customer(domain=customer.domain, hold=True)):
            return survivor, False
        refuse_taken(customer, given_code="code" in members)
        if "code" not in members:
            customer.code = new_code()
    raise Conflict("No free customer code was found; give one.", code="code")


def as_stored(customer: Customer) -> QuerySet[Customer]:
    """The row that has the customer's domain, or else its id; whether a merge knows its names.

    The names are looked for after the insert, which waits for a merge that is giving them up.
    """
    known = Q(code=customer.code)
    for name in ("domain", "document"):
        if value := getattr(customer, name):
            known |= Q(**{name: value})
    by = {"domain": customer.domain} if customer.domain else {"pk": customer.pk}
    before = Exists(Merge.objects.in_force().filter(known))
    return Customer.objects.filter(**by).annotate(known_before=before)


def take_back(customer: Customer) -> None:
    """Removes the row of a customer that was just made, if it is there; nothing refers to it."""
    rows = Customer.objects.filter(pk=customer.pk)
    rows._raw_delete(rows.db)  # noqa: SLF001 - no cascade to look for


def refuse_taken(customer: Customer, *, given_code: bool) -> None:
    """Raises the Conflict that kept `customer` from being stored, unless it was our own code."""
    kept_out = [name for name in ("code", "document") if name != "code" or given_code]
    taken = [
        name
        for name in kept_out
        if getattr(customer, name) and find_customer(**{name: getattr(customer, name)})
    ]
    if taken:
        raise taken_by_another(taken)


def taken_by_another(names: Iterable[str]) -> Conflict:
    """The Conflict for names that can be one customer's alone."""
    errors = [FieldError(name, "unique", TAKEN.format(name)) for name in names]
    return Conflict(errors[0].detail, code="unique", errors=errors)


def require_present(customer: Customer) -> None:
    """Raises Conflict for a customer who was erased: nothing more is to be known about them."""
    if customer.erased_at:
        raise Conflict("The customer's data was erased; register them anew.", code="erased")


def change_customer(customer: Customer, **changes: Any) -> Customer:
    """Takes over `changes` and stores them.

    Raises a Problem if no identity would be left, Conflict for a customer who was erased, or a
    name that another had before they were merged.
    """
    require_present(customer)
    before = {name: getattr(customer, name) for name in ALIASES}
    customer.change(**changes)
    require_identity(customer)
    changed = [name for name in ALIASES if before[name] != getattr(customer, name)]
    # Looked for first: PostgreSQL logs a statement that it refuses, and with it the row.
    if taken := [name for name in changed if has_another(customer, name)]:
        raise taken_by_another(taken)
    customer.save()
    # After the write, which waits for a merge that is giving the names up.
    if changed and (held := Merge.objects.held_against(customer)):
        raise taken_by_another(held)
    return customer


def has_another(customer: Customer, name: str) -> bool:
    """Whether another customer has today what this one is to have as its `name`."""
    value = getattr(customer, name)
    others = Customer.objects.filter(**{name: value}).exclude(pk=customer.pk)
    return value is not None and others.exists()


def require_identity(customer: Customer) -> None:
    """Raises a Problem that names all three for a customer without name, domain and document."""
    if not (customer.name or customer.domain or customer.document):
        members = ("name", "domain", "document")
        raise Problem(
            NO_IDENTITY, errors=[FieldError(member, "required", NO_IDENTITY) for member in members]
        )
