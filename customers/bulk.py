"""Many customers at once: the rules of `services`, in a constant number of statements."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any
from uuid import UUID

from django.db.models import Q

from common.bulk import (
    Members,
    Outcome,
    Result,
    in_waves,
    insert_rows,
    planned,
    update_rows,
    values_of,
)
from common.errors import Conflict, FieldError, Invalid
from customers.models import Customer, FormerPhone, Merge
from customers.services import require_identity, require_present

# By what a row names its customer: the first of these that it has.
KEYS = ("id", "code", "domain", "document")
UNIQUE = ("code", "domain", "document")
# A key, and somebody's value of it.
Name = tuple[str, Any]


def upsert_customers(rows: Sequence[Members]) -> list[Result]:
    """Registers or changes a customer for each row; what became of it.

    A row names its customer by the first that it has of id, code, domain and document. One that
    is known takes over the row's members and keeps the others; with an id it must be known.
    Refused are rows without any identity, and codes, domains and documents of other customers.
    """
    return in_waves(rows, write, keys=identities)


def identities(row: Members) -> Iterator[tuple[str, Any]]:
    """What a row has that only one customer can have."""
    return ((key, row[key]) for key in KEYS if row.get(key))


class Known:
    """The customers that rows are about, by what only one of them has."""

    def __init__(self, customers: Iterable[Customer], former: Mapping[Name, UUID]) -> None:
        self.by: dict[Name, Customer] = {}
        # What named somebody who was merged, and names the survivor unless another has it today.
        self.former = former
        for customer in customers:
            self.put(customer)

    def put(self, customer: Customer) -> None:
        for key in KEYS:
            if value := getattr(customer, key):
                self.by[key, value] = customer

    def replace(self, before: Customer | None, after: Customer) -> None:
        """Takes note of a change: what the customer had before is free for others."""
        if before:
            for key in UNIQUE:
                self.by.pop((key, getattr(before, key)), None)
        self.put(after)

    def find(self, row: Members) -> Customer | None:
        """The customer whom a row names. Raises Invalid for an id that nobody has."""
        key = next((key for key in KEYS if row.get(key)), None)
        found = self.holder((key, row[key])) if key else None
        if found is None and key == "id":
            raise Invalid(FieldError("id", "not_found", "Customer not found"))
        return found

    def holder(self, name: Name) -> Customer | None:
        """Whom this id, code, domain or document names, today or since a merge."""
        return self.by.get(name) or self.by.get(("id", self.former.get(name)))

    def refuse_taken(self, customer: Customer) -> None:
        """Raises the Conflict that names everything another customer has already."""
        errors = [
            FieldError(key, "unique", f"Another customer has this {key}.")
            for key in UNIQUE
            if (value := getattr(customer, key))
            and (holder := self.holder((key, value)))
            and holder.pk != customer.pk
        ]
        if errors:
            raise Conflict(errors[0].detail, code="unique", errors=errors)


def write(rows: Sequence[Members]) -> list[Result]:
    """Writes rows that have no identity in common, in three statements."""
    former = former_names(rows)
    known = Known(find_all(rows, set(former.values())), former)
    new: dict[Any, Customer] = {}
    changed: dict[Any, Customer] = {}
    results = planned(rows, lambda row: plan(row, known, new, changed))
    # In this order: a change may free what a new customer has.
    update_rows(Customer, changed.values())
    FormerPhone.objects.note(changed.values())
    insert_rows(Customer, list(new.values()))
    return results


def find_all(rows: Sequence[Members], survivors: Collection[UUID]) -> Iterable[Customer]:
    """Everybody who has an identity of one of the rows, and these survivors, locked."""
    among = Q(pk__in=survivors)
    for key, values in wanted_names(rows).items():
        among |= Q(**{f"{key}__in": values})
    return Customer.objects.filter(among).order_by("pk").select_for_update()


def ids_named(names: Sequence[Name]) -> dict[Name, UUID]:
    """The ids of those customers that these ids, codes, domains and documents name.

    Today, or since a merge. Unlocked: for comparing rows, not for writing them.
    """
    rows = [dict([name]) for name in names]
    among = Q(pk__in=[])
    for key, values in wanted_names(rows).items():
        among |= Q(**{f"{key}__in": values})
    present = Customer.objects.filter(among).order_by().values(*KEYS)
    own = {(key, each[key]): each["id"] for each in present for key in KEYS}
    return former_names(rows) | own


def former_names(rows: Sequence[Members]) -> dict[Name, UUID]:
    """The survivors of merges by what the rows have of those who were merged."""
    if not Merge.objects.in_force().exists():
        return {}
    wanted = wanted_names(rows)
    members = {"id": "merged_id", "code": "code", "domain": "domain", "document": "document"}
    among = Q(pk__in=[])
    for key, values in wanted.items():
        among |= Q(**{f"{members[key]}__in": values})
    merges = Merge.objects.in_force().filter(among)
    return {
        (key, getattr(merge, members[key])): merge.survivor_id
        for merge in merges
        for key in wanted
        if merge.survivor_id
    }


def wanted_names(rows: Sequence[Members]) -> dict[str, list[Any]]:
    """All ids, codes, domains and documents of the rows."""
    wanted: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        for key, value in identities(row):
            wanted[key].append(value)
    return wanted


def plan(
    row: Members, known: Known, new: dict[Any, Customer], changed: dict[Any, Customer]
) -> Outcome:
    """Adds to `new` or to `changed` what a row asks for. Raises a Problem for what is refused."""
    present = known.find(row)
    customer = copy(present) if present else new_customer(row)
    said = {"id"}
    if present:
        require_present(present)
        # A former name says who is meant; the customer keeps the present one.
        said |= {name for name in KEYS if known.former.get((name, row.get(name))) == present.pk}
    customer.change(**{name: row[name] for name in row if name not in said})
    require_identity(customer)
    known.refuse_taken(customer)
    if present and values_of(customer) == values_of(present):
        return Outcome.UNCHANGED
    known.replace(present, customer)
    # A customer of this wave may be named a second time, by another of their identities.
    (changed if present and present.pk not in new else new)[customer.pk] = customer
    return Outcome.UPDATED if present else Outcome.CREATED


def new_customer(row: Members) -> Customer:
    """A customer who is not stored yet. A code is only made up where none is given."""
    return Customer(code=row["code"]) if row.get("code") else Customer()
