"""How rows of the house's own models are stored."""

from datetime import UTC, datetime

import pytest
from django.core import serializers
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from customers.models import Customer
from items.models import Item

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2020, 2, 29, 12, tzinfo=UTC)


def test_a_new_row_is_stored_as_it_is_and_knows_its_times(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(1):
        item = Item.objects.create(name="Mug", price="12.50", size="M")
    stored = Item.objects.values("name", "size", "created_at", "updated_at").get(pk=item.pk)
    assert stored == {
        "name": "Mug",
        "size": "M",
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }


def test_a_fixture_keeps_its_times() -> None:
    customer = Customer.objects.create(name="Anna", code="A")
    customer.created_at = customer.updated_at = LONG_AGO
    written = serializers.serialize("json", [customer])
    customer.delete()
    for row in serializers.deserialize("json", written):
        row.save()
    kept = Customer.objects.get()
    assert (kept.created_at, kept.updated_at) == (LONG_AGO, LONG_AGO)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL prepares.")
def test_what_is_saved_one_by_one_is_prepared_once() -> None:
    for name in ("Mug", "Cup"):
        Item(name=name, price=1).save()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s",
            ['PREPARE % AS INSERT INTO "items_item"%'],
        )
        assert cursor.fetchone() == (1,)
