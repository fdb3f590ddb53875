"""What can be done with mappings."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from access.principals import Principal
from common.errors import Conflict, FieldError, Invalid
from customers.lookup import find_customer
from customers.models import Customer
from customers.rights import require_writer
from customers.services import change_customer, register_customer, require_present
from mappings.models import App, Mapping


def supported_app(slug: str) -> App:
    """The active application with this slug. Raises Invalid naming those that there are."""
    app = App.objects.filter(slug=slug, active=True).first()
    if app is None:
        slugs = App.objects.filter(active=True).order_by("slug").values_list("slug", flat=True)
        supported = ", ".join(slugs) or "none"
        detail = f"Supported applications are: {supported}."
        raise Invalid(FieldError("app", "unsupported", detail))
    return app


def map_customer(*, customer: UUID, app: str, customer_app_id: str) -> tuple[Mapping, bool]:
    """The mapping of a customer to their id in an application, and whether it is new.

    The very same once more gives the first (Klanten's document). Raises Invalid for an unknown
    customer or application, Conflict when either side is mapped otherwise.
    """
    application = supported_app(app)
    owner = owner_of(customer)
    return store(Mapping(customer=owner, app=application, customer_app_id=customer_app_id))


def owner_of(customer: UUID) -> Customer:
    """The customer with this id, held. Raises Invalid without one, Conflict for an erased one."""
    owner = find_customer(pk=customer, hold=True)
    if owner is None:
        raise Invalid(FieldError("customer", "not_found", "Customer not found"))
    require_present(owner)
    return owner


def store(mapping: Mapping) -> tuple[Mapping, bool]:
    """Writes `mapping`, or finds the very same; whether it is new.

    Two statements and no race: whoever comes second waits on the unique index for the first,
    then reads its row. Raises Conflict naming the side that is taken.
    """
    Mapping.objects.bulk_create([mapping], ignore_conflicts=True)
    same_id = Q(customer_app_id=mapping.customer_app_id)
    same_customer = Q(customer_id=mapping.customer_id)
    rows = Mapping.objects.filter(same_id | same_customer, app_id=mapping.app_id)
    found = {row.pk: row for row in rows}
    if mapping.pk in found:
        return mapping, True
    for row in found.values():
        if (row.customer_id, row.customer_app_id) == (mapping.customer_id, mapping.customer_app_id):
            row.customer, row.app = mapping.customer, mapping.app
            return row, False
    raise taken(mapping, list(found.values()))


def taken(wanted: Mapping, others: Sequence[Mapping]) -> Conflict:
    """The Conflict that names which side of `wanted` is mapped otherwise."""
    errors = []
    if any(other.customer_id == wanted.customer_id for other in others):
        detail = f"The customer has another id in {wanted.app.slug}."
        errors.append(FieldError("customer", "mapped", detail))
    if any(other.customer_app_id == wanted.customer_app_id for other in others):
        detail = f"This id belongs to another customer in {wanted.app.slug}."
        errors.append(FieldError("customer_app_id", "mapped", detail))
    return Conflict(errors[0].detail, code="mapped", errors=errors)


@transaction.atomic(savepoint=False)
def upsert(
    mapping: Mapping | None,
    *,
    by: Principal,
    app: str,
    customer_app_id: str,
    customer: UUID | None = None,
    **members: Any,
) -> tuple[Mapping, bool]:
    """The mapping of an application's id, made or changed; whether it is new.

    `mapping` is the present one, locked, or None. `customer` points it at that customer;
    `members` are a customer's own: the one behind the id takes them over, a new one is
    registered with them (or found by its domain); `by` needs the right to write them.
    Raises PermissionDenied, and as `map_customer` and the services of customers do.
    """
    if mapping is None and customer is None:
        require_writer(by, "add")
        application = supported_app(app)
        owner, _ = register_customer(**members)
        return store(Mapping(customer=owner, app=application, customer_app_id=customer_app_id))
    if mapping is None:
        return map_customer(customer=customer, app=app, customer_app_id=customer_app_id)  # type: ignore[arg-type]
    if customer is None and not members:
        return mapping, False
    if customer is None:
        require_writer(by, "change")
        owner = Customer.objects.select_for_update().get(pk=mapping.customer_id)
        mapping.customer = change_customer(owner, **members)
        return mapping, False
    return point_to(mapping, customer), False


def point_to(mapping: Mapping, customer: UUID) -> Mapping:
    """`mapping`, now of another customer. Raises Conflict if that one has an id there already."""
    if mapping.customer_id == customer:
        return mapping
    owner = owner_of(customer)
    if mapping.customer_id == owner.pk:
        return mapping
    others = Mapping.objects.filter(customer=owner, app=mapping.app)
    mapping.customer = owner
    if list(others):
        raise taken(mapping, list(others))
    mapping.save(update_fields=["customer", "updated_at"])
    return mapping


def behind(customers: QuerySet[Customer], pairs: Iterable[tuple[str, str]]) -> QuerySet[Customer]:
    """Those of `customers` behind pairs of an application's slug and an id there.

    By unique index, whatever the number of pairs.
    """
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for slug, customer_app_id in pairs:
        ids[slug].add(customer_app_id)
    wanted = Q(pk__in=[])
    for slug, there in ids.items():
        wanted |= Q(mappings__app__slug=slug, mappings__customer_app_id__in=there)
    return customers.filter(wanted).order_by()
