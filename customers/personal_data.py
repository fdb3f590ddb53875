"""What this app stores about customers."""

from django.db.models import Q
from django.utils import timezone

from common import personal
from common.models import touched
from common.personal import Rows, Section, Subject, record_of
from customers.models import Customer, Erasure, FormerPhone, Merge
from customers.serializers import CustomerSerializer, MergeSerializer

NAME = "Erased customer"


def learn_customer(customers: Rows, who: Subject) -> None:
    """What they are called and reached by."""
    for customer in customers:
        learn_members({name: getattr(customer, name) for name in MEMBERS}, who)


MEMBERS = ("name", "first_name", "last_name", "domain", "document", "phone_number")


def learn_members(members: dict[str, str | None], who: Subject) -> None:
    given = {name: members.get(name) or "" for name in MEMBERS}
    who.phones.add(given.pop("phone_number"))
    full_name = f"{given.pop('first_name')} {given.pop('last_name')}".strip()
    who.names |= {full_name, *given.values()}


def learn_merges(merges: Rows, who: Subject) -> None:
    """What those were called and reached by who were merged into them."""
    for merge in merges:
        for part in merge.snapshot.values():
            learn_members(part, who)
        who.names |= {merge.domain or "", merge.document or ""}


def learn_phones(former: Rows, who: Subject) -> None:
    """What they were reached by before."""
    who.phones |= set(former.values_list("phone", flat=True))


def overwrite(customers: Rows, who: Subject) -> int:
    """Overwrites all but the code, of customers who were not erased before; how many."""
    return customers.filter(erased_at=None).update(
        name=NAME,
        first_name="",
        last_name="",
        phone_number="",
        language="",
        time_zone="",
        domain=None,
        document=None,
        user=None,
        erased_at=timezone.now(),
        **touched(Customer),
    )


def merges_of(who: Subject) -> Rows:
    """The merges that the customer came out of, undone ones included."""
    ids = who.customers
    about = Q(survivor__in=ids) | Q(merged_id__in=ids) | Q(into_id__in=ids)
    return Merge.objects.filter(about)


personal.declare(
    Customer,
    fields={
        "name": "The name.",
        "first_name": "First name.",
        "last_name": "Last name.",
        "phone_number": "The phone.",
        "domain": "The domain, which may be a person's.",
        "document": "The CPF.",
        "language": "What they are written to in.",
        "time_zone": "Where they live, by its time.",
    },
    # The company's own number, under which the books name them.
    impersonal=("code",),
    rows=lambda who: Customer.objects.filter(pk__in=who.customers),
    learn=learn_customer,
    erase=overwrite,
    counted="customers",
    section=Section("customer", CustomerSerializer, many=False),
)
personal.declare(
    FormerPhone,
    fields={"phone": "A phone that they had before."},
    rows=lambda who: FormerPhone.objects.filter(customer__in=who.customers),
    learn=learn_phones,
    erase=personal.delete,
    counted="former_phones",
    section=Section(
        "former_phones", record_of(FormerPhone, "created_at", phone="A phone they had before.")
    ),
)
personal.declare(
    Merge,
    fields={
        "domain": "A domain that gave way.",
        "document": "A CPF that gave way.",
        "snapshot": "What both were before.",
    },
    # The ids and the codes go on answering.
    impersonal=("code", "moved", "by", "undone_by"),
    rows=merges_of,
    learn=learn_merges,
    erase=personal.blank(snapshot={}, domain=None, document=None),
    counted="merges",
    section=Section("merges", MergeSerializer),
)
personal.declare_impersonal(Erasure)
