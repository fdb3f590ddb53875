"""A customer is forgotten: what is personal is overwritten, what the books need stays."""

from django.db import transaction

from common import personal
from common.errors import Conflict
from customers.models import Customer, Erasure
from customers.subjects import subject_of


@transaction.atomic
def erase_customer(customer: Customer, *, by: str) -> Erasure:
    """The receipt for the erasure of the customer's personal data, here and in every app.

    The caller holds the customer's row lock. A second call erases what has come in between, and
    gives the first receipt. Orders and their sums stay, and so does the code, which is the
    company's own number. Raises Conflict when the login is a member of staff's.
    """
    login = customer.user
    if login and (login.is_staff or login.is_superuser):
        raise Conflict(
            "The customer's login is a member of staff's; take it from the customer first.",
            code="staff",
        )
    counts = personal.erase(subject_of(customer))
    rows = {kind: number for kind, number in sorted(counts.items()) if number}
    receipt, _ = Erasure.objects.get_or_create(
        customer_id=customer.pk, defaults={"by": by, "rows": rows}
    )
    return receipt


@transaction.atomic
def delete_customer(customer: Customer, *, by: str) -> None:
    """Removes a customer to whom nothing refers, and everything personal with them.

    The caller holds the customer's row lock. Raises as `erase_customer` does, and ProtectedError
    when there are orders or merges of theirs.
    """
    erase_customer(customer, by=by)
    customer.delete()
