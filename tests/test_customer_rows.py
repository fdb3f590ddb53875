"""Every app answers for its rows when a customer is merged, exported or erased."""

from uuid import uuid4

from customers import exporting
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
    sections = exporting.sections(uuid4())

    # The customer's own app shows its records of merges itself.
    assert {each.rows.model for each in sections.values()} == {
        relation.related_model for relation in Customer._meta.related_objects
    } - {Merge}
