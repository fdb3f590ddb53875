"""A customer as the person whom the registry of personal data asks for."""

from common import personal
from common.personal import Subject
from customers.models import Customer
from customers.personal_data import NAME


def subject_of(customer: Customer) -> Subject:
    """The customer with all that they are known by, in every app.

    Their phones are those that no other customer has today; of a name that another has as well,
    text that may be about anybody is not searched.
    """
    who = Subject(customers={customer.pk, *customer.merges.values_list("merged_id", flat=True)})
    if customer.user_id:
        who.users.add(customer.user_id)
    personal.complete(who)
    who.names -= {"", NAME}
    others = Customer.objects.exclude(pk=customer.pk)
    theirs = others.filter(phone_number__in=who.phones).values_list("phone_number", flat=True)
    who.phones -= {"", *theirs}
    who.shared = set(others.filter(name__in=who.names).values_list("name", flat=True))
    return who
