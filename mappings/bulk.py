"""Many mappings at once, in a constant number of statements."""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import Any
from uuid import UUID

from django.db.models import Q

from common.bulk import Members, Outcome, Result, in_waves, insert_rows, planned, update_rows
from common.errors import FieldError, Invalid, Problem
from customers.bulk import former_names
from customers.models import Customer
from mappings.models import App, Mapping
from mappings.services import taken

# By what a row names its customer, and the customer's own member of that kind.
NAMED_BY = {"customer": "id", "customer_code": "code", "domain": "domain"}


def upsert_mappings(rows: Sequence[Members]) -> list[Result]:
    """Maps a customer, or points an id to another one, for each row; what became of it.

    A row has `app` (a slug), `customer_app_id` and one of `customer` (an id), `customer_code`
    and `domain`. Refused are unknown applications and customers, and a second id of a customer
    in an application.
    """
    there = {app.slug: app for app in App.objects.all()}
    customers = find_customers(rows)
    resolved = [resolve(row, there, customers) for row in rows]
    good = [row for row in resolved if not isinstance(row, Problem)]
    written = iter(in_waves(good, write, keys=keys_of))
    return [row if isinstance(row, Problem) else next(written) for row in resolved]


def find_customers(rows: Sequence[Members]) -> dict[tuple[str, Any], UUID]:
    """The ids of the customers that rows name, by how they name them.

    Locked, so that nobody erases or merges one before the mapping is stored.
    """
    former = former_customers(rows)
    among = Q(pk__in=set(former.values()))
    for name, member in NAMED_BY.items():
        if values := {row[name] for row in rows if row.get(name)}:
            among |= Q(**{f"{member}__in": values})
    customers = Customer.objects.filter(among, erased_at=None).only(*NAMED_BY.values())
    present = list(customers.order_by("pk").select_for_update(no_key=True))
    found = {
        (name, getattr(customer, member)): customer.pk
        for customer in present
        for name, member in NAMED_BY.items()
    }
    there = {customer.pk for customer in present}
    return {named: pk for named, pk in former.items() if pk in there} | found


def former_customers(rows: Sequence[Members]) -> dict[tuple[str, Any], UUID]:
    """The survivors of merges, by what rows name of those who were merged."""
    named = [
        {member: row[name] for name, member in NAMED_BY.items() if row.get(name)} for row in rows
    ]
    of_name = {member: name for name, member in NAMED_BY.items()}
    return {(of_name[member], value): pk for (member, value), pk in former_names(named).items()}


def resolve(
    row: Members, there: dict[str, App], customers: dict[tuple[str, Any], UUID]
) -> Members | Problem:
    """The row with its application and the id of its customer, or all that is unknown of it."""
    errors = []
    if (app := there.get(row["app"])) is None:
        supported = ", ".join(sorted(slug for slug, app in there.items() if app.active)) or "none"
        detail = f"Supported applications are: {supported}."
        errors.append(FieldError("app", "unsupported", detail))
    named = [name for name in NAMED_BY if row.get(name)]
    owners = {customers.get((name, row[name])) for name in named}
    if not named:
        detail = "Give one of customer, customer_code, domain."
        errors.append(FieldError("customer", "required", detail))
    elif None in owners:
        errors += [
            FieldError(name, "not_found", "Customer not found")
            for name in named
            if (name, row[name]) not in customers
        ]
    elif len(owners) > 1:
        detail = f"These name different customers: {', '.join(named)}."
        errors += [FieldError(name, "clash", detail) for name in named]
    if errors:
        return Invalid(*errors)
    return {"app": app, "customer": owners.pop(), "customer_app_id": row["customer_app_id"]}


def keys_of(row: Members) -> Iterator[tuple[Any, ...]]:
    yield ("id", row["app"].pk, row["customer_app_id"])
    yield ("customer", row["app"].pk, row["customer"])


class Known:
    """The mappings that rows touch, from either side."""

    def __init__(self, mappings: Iterable[Mapping]) -> None:
        self.by_id: dict[tuple[Any, ...], Mapping] = {}
        self.by_customer: dict[tuple[Any, ...], Mapping] = {}
        for mapping in mappings:
            self.put(mapping)

    def put(self, mapping: Mapping) -> None:
        self.by_id[mapping.app_id, mapping.customer_app_id] = mapping
        self.by_customer[mapping.app_id, mapping.customer_id] = mapping

    def forget(self, mapping: Mapping) -> None:
        del self.by_id[mapping.app_id, mapping.customer_app_id]
        del self.by_customer[mapping.app_id, mapping.customer_id]


def write(rows: Sequence[Members]) -> list[Result]:
    """Writes resolved rows that have no key in common, in three statements."""
    known = Known(find_all(rows))
    new: list[Mapping] = []
    changed: dict[UUID, Mapping] = {}
    results = planned(rows, lambda row: plan(row, known, new, changed))
    update_rows(Mapping, changed.values())
    insert_rows(Mapping, new)
    return results


def find_all(rows: Sequence[Members]) -> Iterable[Mapping]:
    """Every mapping that one of the rows touches, locked."""
    among = Q(pk__in=[])
    for app in {row["app"].pk: row["app"] for row in rows}.values():
        own = [row for row in rows if row["app"] == app]
        ids = [row["customer_app_id"] for row in own]
        customers = [row["customer"] for row in own]
        among |= Q(app=app, customer_app_id__in=ids) | Q(app=app, customer__in=customers)
    return Mapping.objects.filter(among).order_by("pk").select_for_update()


def plan(row: Members, known: Known, new: list[Mapping], changed: dict[UUID, Mapping]) -> Outcome:
    """Adds to `new` or to `changed` what a row asks for. Raises a Problem for what is refused."""
    app: App = row["app"]
    present = known.by_id.get((app.pk, row["customer_app_id"]))
    if present and present.customer_id == row["customer"]:
        return Outcome.UNCHANGED
    wanted = copy(present) if present else Mapping(customer_app_id=row["customer_app_id"])
    wanted.app, wanted.customer_id = app, row["customer"]
    if other := known.by_customer.get((app.pk, row["customer"])):
        raise taken(wanted, [other])
    if present is None:
        if not app.active:
            raise Invalid(FieldError("app", "unsupported", f"{app.slug} takes no new ids."))
        new.append(wanted)
    else:
        known.forget(present)
        changed[wanted.pk] = wanted
    known.put(wanted)
    return Outcome.UPDATED if present else Outcome.CREATED
