from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError

from common.statements import Placeholder, Statement
from customers.models import Customer

pytestmark = pytest.mark.django_db

COLUMNS = ("id", "code", "created_at", "domain")


def test_it_reads_what_the_queryset_reads_whatever_the_values() -> None:
    anna = Customer.objects.create(name="Anna", domain="anna.example")
    ben = Customer.objects.create(name="Ben")
    by_id = Statement(Customer.objects.filter(pk=Placeholder("id")).values(*COLUMNS))
    for customer in (anna, ben):
        rows = Customer.objects.filter(pk=customer.pk).values(*COLUMNS)
        assert by_id.run({"id": customer.pk}) == list(rows)
        assert by_id.run({"id": str(customer.pk)}) == list(rows)
    assert by_id.run({"id": uuid4()}) == []


def test_placeholders_may_stand_anywhere() -> None:
    anna = Customer.objects.create(name="Anna", code="A")
    rows = Customer.objects.exclude(name="Ben").filter(code=Placeholder("code"))
    both = Statement(rows.filter(pk=Placeholder("id")).values("name"))
    assert both.run({"code": "A", "id": anna.pk}) == [{"name": "Anna"}]
    assert both.run({"code": "B", "id": anna.pk}) == []


def test_what_can_be_no_value_of_the_column_is_refused() -> None:
    by_id = Statement(Customer.objects.filter(pk=Placeholder("id")).values("name"))
    with pytest.raises(ValidationError):
        by_id.run({"id": "no id"})


def test_only_the_first_run_puts_it_together(
    django_assert_num_queries: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = Customer.objects.create(name="Anna")
    by_id = Statement(Customer.objects.filter(pk=Placeholder("id")).values("name"))
    monkeypatch.setattr(by_id.compiler, "as_sql", None)
    with django_assert_num_queries(1):
        assert by_id.run({"id": anna.pk}) == [{"name": "Anna"}]
