"""Every app answers for its rows when a customer is merged, exported or erased."""

from common import personal
from customers.merging import merge_customers
from customers.models import Customer, Merge


def test_every_reference_to_a_customer_moves(john: Customer) -> None:
    old = Customer.objects.create(name="Old")

    merge_customers(old.pk, into=john.pk, by="user:1")

    assert set(Merge.objects.get().moved) == {
        f"{relation.related_model._meta.label}.{relation.field.name}"
        for relation in Customer._meta.related_objects
    }


def test_every_row_of_a_customers_is_exported() -> None:
    exported = {holding.model for holding, _ in personal.sections()}

    assert exported >= {relation.related_model for relation in Customer._meta.related_objects}
