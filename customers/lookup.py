"""Finding a customer by whatever they are known by, or were before they were merged.

Only when nobody has the name today is it asked who had it: whoever was never merged costs
nothing more.
"""

from functools import cache
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet, Subquery
from django.db.models.functions import Coalesce

from common.statements import Placeholder, Statement
from customers.models import Customer, Merge


def formerly(**by: Any) -> QuerySet[Merge]:
    """The merge in force that knows these names: `pk`, `code`, `domain` or `document`."""
    known = {("merged_id" if name == "pk" else name): value for name, value in by.items()}
    return Merge.objects.in_force().filter(**known)


def find_customer(
    among: QuerySet[Customer] | None = None, *, hold: bool = False, **by: Any
) -> Customer | None:
    """The one of `among` (of all, if None) with this `pk`, `code`, `domain` or `document`.

    The survivor, with `merged_from`, for what was a merged customer's. With `hold`, whoever would
    erase, delete or merge the customer waits until the caller's transaction ends, and the caller
    waits for them: what is written about a customer needs it.
    """
    customer = read(among, hold=hold, **by)
    if customer or None in by.values():
        return customer
    if (merge := formerly(**by).first()) is None or merge.survivor_id is None:
        return None
    if survivor := read(among, hold=hold, pk=merge.survivor_id):
        survivor.merged_from = merge.merged_id
    return survivor


def read(among: QuerySet[Customer] | None, *, hold: bool, **by: Any) -> Customer | None:
    """The customer of `among` (of all, if None) who has these names today."""
    if among is not None:
        locked = among.select_for_update(of=("self",), no_key=True) if hold else among
        customer = locked.filter(**by).first()
    else:
        rows = statement(tuple(by), hold=hold).run(by)
        values = zip(*rows[0].items(), strict=True) if rows else None
        customer = Customer.from_db(DEFAULT_DB_ALIAS, *values) if values else None
    if customer:
        customer.held = hold
    return customer


@cache
def statement(lookups: tuple[str, ...], *, hold: bool) -> Statement:
    """What reads customers by some of their names.

    FOR KEY SHARE is what the reference of a new row takes when it commits: it lets others refer
    to the customer and change them, and keeps away who would erase, delete or merge them.
    """
    columns = [field.attname for field in Customer._meta.concrete_fields]
    wanted = {lookup: Placeholder(lookup) for lookup in lookups}
    rows = Customer.objects.filter(**wanted).order_by().values(*columns)
    return Statement(rows, lock="FOR KEY SHARE" if hold else "")


def customer_id_of(**by: Any) -> Coalesce:
    """The same as an expression: the id, or NULL where there is none. For filters of lists."""
    today = Customer.objects.filter(**by).values("pk")[:1]
    return Coalesce(Subquery(today), Subquery(formerly(**by).values("survivor")[:1]))


def present_id(customer_id: UUID) -> UUID:
    """The id itself, or that of whom its customer was merged into. One statement.

    For a filter of a list that can be long: PostgreSQL knows how many rows an id has, but not
    how many what an expression finds.
    """
    survivor = formerly(pk=customer_id).values_list("survivor", flat=True).first()
    return survivor or customer_id


def merge_of(customer_id: str) -> Merge | None:
    """The merge in force of the customer who had this id; None for what is no id."""
    pk = id_in(customer_id)
    return None if pk is None else formerly(pk=pk).first()


def id_in(text: str) -> UUID | None:
    """The id that a text is, if it is one: in ASCII, as `IdField` has it."""
    try:
        return UUID(text) if text.isascii() else None
    except ValueError:
        return None
