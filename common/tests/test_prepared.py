from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from pytest_django.fixtures import Settings

from common import prepared
from common.inserts import insert_row
from common.prepared import statements_on_this_connection
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
    assert len(statements_on_this_connection().names) >= 1


def test_other_errors_are_what_they_were(anna: Customer) -> None:
    twin: Any = Customer(name="Ben", code=anna.code)
    with pytest.raises(DatabaseError, match="customer_code_unique"):
        insert_row(twin)
    insert_row(twin, ignore_conflicts=True)
    assert Customer.objects.get().name == "Anna"


# --- Names, and how many there can be ---------------------------------------------------------


def number_of(number: int) -> Statement:
    """One of many statements: each shows a customer's name under another constant."""
    rows = Customer.objects.filter(code=Placeholder("code")).exclude(name=str(number)).order_by()
    return Statement(rows.values("name"))


def test_the_same_statement_has_the_same_name_everywhere() -> None:
    assert number_of(1).prepared.name == number_of(1).prepared.name
    assert number_of(1).prepared.name != number_of(2).prepared.name


@pytest.mark.parametrize("within", ["a transaction", "none"])
def test_one_that_somebody_else_has_prepared_is_taken(
    by_code: Statement, anna: Customer, within: str
) -> None:
    """As behind a pooler that was not noticed."""
    with connection.cursor() as cursor:
        statement = by_code.prepared
        cursor.execute(f"PREPARE {statement.name} AS {statement.sql}", statement.known)
    before = in_session()
    with transaction.atomic() if within == "a transaction" else nullcontext():
        customer = Customer.objects.create(name="Ben", code="B")
        assert by_code.run({"code": "B"}) == [{"name": customer.name}]
    assert Customer.objects.count() == 2
    assert statement.name in in_session() & before


@pytest.mark.parametrize("within", ["a transaction", "none"])
def test_the_least_used_make_room(
    anna: Customer, within: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "MOST_PREPARED", 3)
    connection.close()
    statements = [number_of(number) for number in range(10)]
    with transaction.atomic() if within == "a transaction" else nullcontext():
        for statement in statements:
            for each in (statements[0], statement):
                assert each.run({"code": "A"}) == [{"name": "Anna"}]
        used = [statements[8], statements[0], statements[9]]
        assert in_session() == {each.prepared.name for each in used}
    assert set(statements_on_this_connection().names) == in_session()


@pytest.mark.parametrize("within", ["a transaction", "none"])
def test_to_make_room_of_what_is_gone_is_no_error(
    anna: Customer, within: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "MOST_PREPARED", 1)
    number_of(1).run({"code": "A"})
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    with transaction.atomic() if within == "a transaction" else nullcontext():
        Customer.objects.create(name="Ben", code="B")
        assert number_of(2).run({"code": "A"}) == [{"name": "Anna"}]
    assert Customer.objects.count() == 2


def test_an_aborted_transaction_loses_no_statement(by_code: Statement, anna: Customer) -> None:
    with transaction.atomic():
        by_code.run({"code": "A"})
        with pytest.raises(DatabaseError):
            insert_row(Customer(name="Ben", code="A"))
        transaction.set_rollback(True)
    assert set(statements_on_this_connection().names) == in_session()
    assert by_code.run({"code": "A"}) == [{"name": "Anna"}]
