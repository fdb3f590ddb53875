"""A customer is forgotten: what is personal is overwritten, what the books need stays."""

from collections import Counter
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from access.erasing import erase_login
from access.models import User
from common.errors import Conflict
from common.idempotency import forget
from customers.models import Customer, Erasure, Merge
from customers.signals import Erasing, erasing

NAME = "Erased customer"


@transaction.atomic
def erase_customer(customer: Customer, *, by: str) -> Erasure:
    """The receipt for the erasure of the customer's personal data, here and in every app.

    The caller holds the customer's row lock. Once only: a second call gives the first receipt.
    Orders, their words and sums stay, and so does the code, which is the company's own number.
    Raises Conflict when the login is a member of staff's.
    """
    if customer.erased_at:
        # What an order that was under way wrote after the first time.
        erasing.send(Customer, about=Erasing(customer.pk, ()))
        return Erasure.objects.get(customer_id=customer.pk)
    login = customer.user
    if login and (login.is_staff or login.is_superuser):
        raise Conflict(
            "The customer's login is a member of staff's; take it from the customer first.",
            code="staff",
        )
    about = Erasing(customer.pk, names_of(customer))
    erasing.send(Customer, about=about)
    about.forget_history(Customer, [customer.pk])
    blank_merges(customer, about)
    if login:
        about.forget_history(User, [login.pk])
        about.rows += Counter(erase_login(login))
    about.rows["idempotency_records"] += forget_answers(customer)
    overwrite(customer)
    about.rows["customers"] = 1
    rows = {kind: number for kind, number in sorted(about.rows.items()) if number}
    return Erasure.objects.create(customer_id=customer.pk, by=by, rows=rows)


def names_of(customer: Customer) -> tuple[str, ...]:
    """What the customer is called and reached by, those merged into them included."""
    members = ("name", "phone_number", "domain", "document")
    found = {getattr(customer, name) for name in members}
    for snapshot in customer.merges.values_list("snapshot", flat=True):
        for part in snapshot.values():
            found |= {part.get(name) for name in members}
    return tuple(sorted(name for name in found if name))


def blank_merges(customer: Customer, about: Erasing) -> None:
    """Leaves of the merges into the customer the ids, which go on answering, and the codes."""
    about.forget_history(Customer, merged_ids(customer))
    about.forget_history(Merge, customer.merges.values_list("pk", flat=True))
    about.rows["merges"] += customer.merges.update(snapshot={}, domain=None, document=None)


def merged_ids(customer: Customer) -> list[UUID]:
    """The ids of those who were merged into the customer."""
    return list(customer.merges.values_list("merged_id", flat=True))


def forget_answers(customer: Customer) -> int:
    """Deletes the stored answers that are about the customer; how many those were."""
    return sum(forget(str(pk)) for pk in [customer.pk, *merged_ids(customer)])


def overwrite(customer: Customer) -> None:
    """Stores the customer without what is personal. Who has the login is no longer known."""
    customer.name, customer.first_name, customer.last_name = NAME, "", ""
    customer.phone_number = customer.language = customer.time_zone = ""
    customer.domain = customer.document = customer.user = None
    customer.erased_at = timezone.now()
    customer.save()
