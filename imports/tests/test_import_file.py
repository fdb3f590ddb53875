"""`manage.py import_file`: the same from the command line."""

import io
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from customers.models import Customer
from imports.management.commands import import_file
from imports.models import Import, ImportChunk
from imports.work import advance, work
from notifications.models import Message
from orders.models import Order

pytestmark = pytest.mark.django_db

GOOD = "code,name\nC1,Ann\nC2,Bob\n"
BAD = GOOD + "C3,\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    path.write_text(GOOD)
    return path


def run(*arguments: Any, **options: Any) -> tuple[int, str]:
    """The exit code and what is printed."""
    out = io.StringIO()
    try:
        call_command("import_file", *map(str, arguments), stdout=out, **options)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


def test_imports_a_file_of_the_disk(file: Path) -> None:
    said = "2 rows: 2 created, 0 updated, 0 unchanged, 0 refused.\n"
    assert run("customers", file) == (0, said)
    assert Customer.objects.count() == 2
    one = Import.objects.get()
    assert (one.state, one.principal, one.file_name) == ("done", "command", "customers.csv")
    assert not ImportChunk.objects.exists()


def test_ends_with_1_and_a_report_when_rows_are_refused(file: Path, tmp_path: Path) -> None:
    file.write_text(BAD)
    report = tmp_path / "report.csv"

    said = "3 rows: 2 created, 0 updated, 0 unchanged, 1 refused.\n"
    assert run("customers", file, "--report", report) == (1, said)
    assert report.read_text().splitlines()[:2] == [
        "line,field,code,reason",
        '4,name,required,"A customer needs at least one of name, domain, document."',
    ]
    assert Customer.objects.count() == 2


def test_refuses_all_on_an_error(file: Path) -> None:
    file.write_text(BAD)

    counts = "3 rows: 0 created, 0 updated, 0 unchanged, 1 refused."
    said = f"{counts} Nothing is stored: 1 of 3 rows are refused.\n"
    assert run("customers", file, "--mode", "all") == (1, said)
    assert not Customer.objects.exists()


def test_a_dry_run_says_what_would_be(file: Path) -> None:
    said = "2 rows: would be 2 created, 0 updated, 0 unchanged, 0 refused.\n"
    assert run("customers", file, "--dry-run") == (0, said)
    assert not Customer.objects.exists()


def test_tells_nobody_if_it_is_not_to(file: Path, john: Customer) -> None:
    file.write_text("customer_code,item,amount\nCUST001,Laptop,1\n")

    assert run("orders", file, "--no-notify")[0] == 0
    assert (Order.objects.count(), Message.objects.count()) == (1, 0)


def test_shows_how_far_it_is_on_a_terminal(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imports.resources.customers.Customers.batch", 1)
    terminal = Terminal()

    call_command("import_file", "customers", str(file), stdout=io.StringIO(), stderr=terminal)

    shown = terminal.getvalue().split("\r")
    assert shown[1] == f"[{'#' * 28}{'.' * 12}]  70% 1 rows"
    assert shown[-1] == f"[{'#' * 40}] 100% 2 rows\n"


def test_goes_on_when_it_was_interrupted(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imports.resources.customers.Customers.batch", 1)
    steps = [advance, advance_interrupted]

    def step(*args: Any) -> None:
        steps.pop(0)(*args)

    with (
        mock.patch.object(import_file, "advance", step),
        pytest.raises(CommandError) as stopped,
    ):
        run("customers", file)

    one = Import.objects.get()
    assert str(stopped.value) == (
        "Stopped. 1 rows: 1 created, 0 updated, 0 unchanged, 0 refused.\n"
        f"Go on with the same arguments and --resume {one.pk}"
    )
    # The worker has no file of it.
    assert not work(mock.Mock())
    said = "2 rows: 2 created, 0 updated, 0 unchanged, 0 refused.\n"
    assert run("customers", file, "--resume", one.pk) == (0, said)
    assert Customer.objects.count() == 2


def advance_interrupted(*args: Any) -> None:
    """A batch in the middle of which somebody presses Ctrl-C."""
    advance(*args)
    raise KeyboardInterrupt


@pytest.mark.parametrize("change", ["resource", "file", "id"])
def test_goes_on_with_nothing_else(file: Path, change: str) -> None:
    one = Import.objects.create(
        resource="customers", file_name=file.name, size=len(GOOD), stored=False
    )
    if change == "file":
        file.write_text(BAD)
    pk = uuid4() if change == "id" else one.pk

    with pytest.raises(CommandError, match="import"):
        run("items" if change == "resource" else "customers", file, "--resume", pk)
    assert not Customer.objects.exists()


def test_says_when_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no file"):
        run("customers", tmp_path / "none.csv")
