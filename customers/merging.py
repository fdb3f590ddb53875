"""Two customers become one, and, if it was a mistake, two again."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from access.models import User
from access.principals import Principal
from common.errors import Conflict, FieldError, Invalid, NotFound
from common.models import touched
from customers.lookup import find_customer
from customers.models import ALIASES, Customer, FormerPhone, Merge
from customers.services import require_present
from customers.signals import Joining, merged, merging

PREFERENCES = ("into", "merged")
# Together: nobody gets one's first name and the other's last name.
NAMES = ("name", "first_name", "last_name")
MEMBERS = (*NAMES, *ALIASES, "phone_number", "language", "time_zone", "user_id")
# Parameters of one statement.
AT_ONCE = 1000

Members = dict[str, Any]


def members_of(customer: Customer) -> Members:
    """What a merge has to do with, besides the rows of other apps."""
    return {name: getattr(customer, name) for name in MEMBERS}


def combined(survivor: Members, old: Members, *, prefer: str) -> Members:
    """The members of both in one: the preferred one's, and the other's where it has none."""
    first, second = (survivor, old) if prefer == "into" else (old, survivor)
    found = {name: first[name] or second[name] for name in MEMBERS}
    names = first if first["name"] else second
    return found | {name: names[name] for name in NAMES}


def lock_both(*ids: UUID) -> list[Customer]:
    """Those of the two that there are, locked: in the order of their ids, as everybody does."""
    rows = Customer.objects.filter(pk__in=ids).order_by("pk")
    return list(rows.select_for_update())


def clashes_between(
    customer: Customer, survivor: Customer, *, reader: Principal | None = None
) -> list[FieldError]:
    """What keeps the two from becoming one, as each app sees it, and in words for `reader`."""
    joining = Joining(customer.pk, survivor.pk, reader)
    if customer.user_id and survivor.user_id:
        detail = "Both have a login of their own."
        joining.clashes.append(FieldError("user", "clash", detail))
    merging.send(Customer, about=joining)
    return joining.clashes


@transaction.atomic
def merge_customers(
    customer_id: UUID,
    *,
    into: UUID,
    prefer: str = "into",
    by: str,
    reader: Principal | None = None,
) -> Customer:
    """The survivor: `into`, or whom that was merged into, with all that was the customer's.

    `prefer` says whose members win: those of "into" or of "merged". `by` is who did it, and
    `reader` who is told what is in the way (None: somebody who may read everything).
    Raises NotFound and Invalid for unknown ones, and Conflict that lists what is in the way.
    """
    customer, survivor = pair(customer_id, into)
    require_present(customer)
    require_present(survivor)
    if clashes := clashes_between(customer, survivor, reader=reader):
        detail = f"They cannot be merged: {' '.join(each.detail for each in clashes)}"
        raise Conflict(detail, code="clash", errors=clashes)
    merge = Merge(merged_id=customer.pk, into_id=survivor.pk, survivor=survivor, by=by)
    joining = Joining(customer.pk, survivor.pk)
    joining.move(Merge, "survivor")
    joining.move(FormerPhone)
    merged.send(Customer, about=joining)
    merge.moved = joining.moved
    before, old = members_of(survivor), members_of(customer)
    after = combined(before, old, prefer=prefer)
    merge.snapshot = snapshot(customer, before, after)
    for name in ALIASES:
        setattr(merge, name, gave_way(after[name], before[name], old[name]))
    remove(customer)
    for name, value in after.items():
        setattr(survivor, name, value)
    survivor.save()
    merge.save()
    return survivor


def pair(customer_id: UUID, into: UUID) -> tuple[Customer, Customer]:
    """The customer and the one to survive, both locked."""
    if (survivor := find_customer(pk=into)) is None:
        raise Invalid(FieldError("into", "not_found", "Customer not found"))
    rows = {row.pk: row for row in lock_both(customer_id, survivor.pk)}
    if customer_id == survivor.pk:
        raise Conflict("A customer cannot be merged with itself.", code="same")
    if customer_id not in rows:
        raise NotFound("Customer not found")
    if survivor.pk not in rows:
        raise Conflict("The customer was merged just now. Try again.", code="merged")
    return rows[customer_id], rows[survivor.pk]


def snapshot(customer: Customer, before: Members, after: Members) -> dict[str, Members]:
    """What it takes to undo a merge."""
    changed = [name for name in MEMBERS if before[name] != after[name]]
    times = {name: getattr(customer, name).isoformat() for name in ("created_at", "updated_at")}
    return {
        "merged": members_of(customer) | times,
        "before": {name: before[name] for name in changed},
        "after": {name: after[name] for name in changed},
    }


def gave_way(kept: str | None, *had: str | None) -> str | None:
    """Of the names that the two had the one that was not kept, if there is one."""
    return next((name for name in had if name and name != kept), None)


def remove(customer: Customer) -> None:
    """Removes a merged customer's row.

    Not by delete(), which would take with it what some app forgot to move; this is refused then.
    """
    rows = Customer.objects.filter(pk=customer.pk)
    rows._raw_delete(rows.db)  # noqa: SLF001 - see above


@transaction.atomic
def undo_merge(merge_id: UUID, *, by: str) -> Customer:
    """The customer who was merged, back with all that moved and that the survivor still has.

    What the merge changed of the survivor is changed back, unless somebody has since.
    Raises Conflict where something contradicts.
    """
    # The customer first, as everybody does; what is read after that is as it is now.
    into = Merge.objects.values_list("survivor", flat=True).get(pk=merge_id)
    list(Customer.objects.select_for_update().filter(pk=into))
    merge = Merge.objects.select_for_update().get(pk=merge_id)
    survivor = still_there(merge)
    old, before, after = (merge.snapshot[part] for part in ("merged", "before", "after"))
    customer = Customer(id=merge.merged_id, **{name: old[name] for name in MEMBERS})
    for name, value in before.items():
        if getattr(survivor, name) == after[name]:
            setattr(survivor, name, value)
    login_went(customer)
    require_undoable(merge, customer, survivor)
    survivor.save()
    Customer.objects.bulk_create([customer])
    times = {name: datetime.fromisoformat(old[name]) for name in ("created_at", "updated_at")}
    Customer.objects.filter(pk=customer.pk).update(**times)
    for rows, field in moved_rows(merge):
        rows.filter(**{field: survivor}).update(**{field: customer}, **touched(rows.model))
    # It is the other's own again.
    FormerPhone.objects.filter(customer=survivor, phone=customer.phone_number).delete()
    forget(merge)
    merge.undone_at, merge.undone_by = timezone.now(), by
    merge.save()
    customer.refresh_from_db()
    return customer


def still_there(merge: Merge) -> Customer:
    """The survivor of a merge that can be undone, as far as its own record says; locked."""
    if merge.survivor_id is None:
        raise Conflict("This merge has been undone.", code="undone")
    if merge.survivor_id != merge.into_id:
        detail = f"{merge.into_id} was merged further; undo that first."
        raise Conflict(detail, code="merged")
    survivor = Customer.objects.select_for_update().get(pk=merge.survivor_id)
    require_present(survivor)
    return survivor


def login_went(customer: Customer) -> None:
    """Leaves out a login that there is no more."""
    if customer.user_id and not User.objects.filter(pk=customer.user_id).exists():
        customer.user_id = None


def require_undoable(merge: Merge, customer: Customer, survivor: Customer) -> None:
    """Raises Conflict naming all that contradicts the undoing of a merge."""
    errors = [*taken_names(merge, customer, survivor), *gone_elsewhere(merge)]
    if not (survivor.name or survivor.domain or survivor.document):
        detail = "The other would be left without name, domain and document."
        errors.append(FieldError("survivor", "identity", detail))
    if errors:
        detail = f"It cannot be undone: {' '.join(each.detail for each in errors)}"
        raise Conflict(detail, code="contradicted", errors=errors)


def taken_names(merge: Merge, customer: Customer, survivor: Customer) -> Iterator[FieldError]:
    """Of what must be one customer's alone, what somebody has meanwhile; a login included."""
    for name in (*ALIASES, "user_id"):
        value = getattr(customer, name)
        if not value:
            continue
        taken = Customer.objects.filter(**{name: value}).exclude(pk=survivor.pk).exists()
        if name in ALIASES:
            others = Merge.objects.in_force().exclude(pk=merge.pk)
            taken = taken or others.filter(**{name: value}).exists()
        if taken or getattr(survivor, name) == value:
            label = name.removesuffix("_id")
            yield FieldError(label, "unique", f"Another customer has this {label} now.")


def gone_elsewhere(merge: Merge) -> Iterator[FieldError]:
    """Rows that moved, and that somebody has since given to a third customer."""
    for rows, field in moved_rows(merge):
        there = rows.exclude(**{field: merge.survivor_id}).values_list("pk", flat=True)
        for pk in there[:10]:
            kind = rows.model._meta.verbose_name
            yield FieldError(field, "moved", f"The {kind} {pk} belongs to somebody else now.")


def moved_rows(merge: Merge) -> Iterator[tuple[QuerySet[Any], str]]:
    """The rows that a merge moved, as far as they are still there, and their foreign key."""
    for path, ids in merge.moved.items():
        label, _, field = path.rpartition(".")
        for some in in_parts(ids):
            yield apps.get_model(label)._default_manager.filter(pk__in=some), field


def in_parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """`ids`, as many at a time as one statement takes."""
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]


def forget(merge: Merge) -> None:
    """Takes a merge out of force, and with it what it knew of the two."""
    merge.survivor = None
    merge.snapshot = {}
    merge.code, merge.domain, merge.document = "", None, None
