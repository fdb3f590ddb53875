from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from pytest_django.fixtures import Settings

from common.inserts import insert_row
from common.prepared import names_on_this_connection
from common.statements import Placeholder, Statement
from customers.models import Customer
from items.models import Item

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="Only PostgreSQL prepares statements."
    ),
]


@pytest.fixture
def by_code() -> Statement:
    """What finds a customer's name by the code, and has not run yet."""
    rows = Customer.objects.filter(code=Placeholder("code")).exclude(name="50%").order_by()
    return Statement(rows.values("name"))


@pytest.fixture
def anna() -> Customer:
    return Customer.objects.create(name="Anna", code="A")


def in_session() -> set[str]:
    """The names of all statements that the database's session has."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements")
        return {name for (name,) in cursor.fetchall()}


def test_a_statement_is_prepared_once_for_a_connection(by_code: Statement, anna: Customer) -> None:
    before = in_session()
    for code, found in (("A", [{"name": "Anna"}]), ("B", []), ("A", [{"name": "Anna"}])):
        assert by_code.run({"code": code}) == found
    assert len(in_session() - before) == 1
    connection.close()
    assert by_code.run({"code": "A"}) == [{"name": "Anna"}]
    assert len(in_session()) == 1


def test_without_the_setting_nothing_is_prepared(
    by_code: Statement, anna: Customer, settings: Settings
) -> None:
    settings.PREPARED_STATEMENTS = False
    before = in_session()
    assert by_code.run({"code": "A"}) == [{"name": "Anna"}]
    insert_row(Item(name="Mug", price=1))
    assert in_session() == before


@pytest.fixture
def changed_under_it(by_code: Statement, anna: Customer) -> Iterator[None]:
    """A migration has changed a column that the prepared statement shows."""
    by_code.run({"code": "A"})
    alter("varchar(502)")
    yield
    alter("varchar(501)")


def alter(kind: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE customers_customer ALTER COLUMN name TYPE {kind}")


@pytest.mark.usefixtures("changed_under_it")
def test_a_plan_that_is_out_of_date_is_made_anew(by_code: Statement) -> None:
    assert by_code.run({"code": "A"}) == [{"name": "Anna"}]


@pytest.mark.usefixtures("changed_under_it")
def test_a_transaction_that_met_one_runs_again(by_code: Statement) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        by_code.run({"code": "A"})
    with transaction.atomic():
        assert by_code.run({"code": "A"}) == [{"name": "Anna"}]


def test_a_session_that_is_not_the_one_it_was(by_code: Statement, anna: Customer) -> None:
    by_code.run({"code": "A"})
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    assert by_code.run({"code": "A"}) == [{"name": "Anna"}]
    assert len(names_on_this_connection()) >= 1


def test_other_errors_are_what_they_were(anna: Customer) -> None:
    twin: Any = Customer(name="Ben", code=anna.code)
    with pytest.raises(DatabaseError, match="customer_code_unique"):
        insert_row(twin)
    insert_row(twin, ignore_conflicts=True)
    assert Customer.objects.get().name == "Anna"
