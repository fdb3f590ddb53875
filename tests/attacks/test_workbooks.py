"""Excel workbooks: read as what they are, and bounded whatever they claim to be."""

import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from customers.models import Customer
from imports.models import ImportChunk
from imports.reading import spreadsheet
from imports.tests.uploads import counts, imported, report
from orders.models import Order

UNREADABLE = (
    "Line 1: This cannot be read as an Excel workbook (.xlsx). "
    "Save the table as .xlsx, or as CSV in UTF-8."
)
TOO_LARGE = "Line 1: The workbook is too large. Save the table as CSV."
SHEET = "xl/worksheets/sheet1.xml"


def workbook(*rows: Sequence[Any], title: str = "Customers") -> bytes:
    """A workbook with these rows in its first sheet, and others in a second."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    book.create_sheet("Notes").append(["nothing", "of", "this"])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def with_part(content: bytes, name: str, part: bytes | str) -> bytes:
    """The archive with another part of this name."""
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for each in old.namelist():
            if each != name:
                new.writestr(each, old.read(each))
        new.writestr(name, part)
    return changed.getvalue()


def sheet_of(rows: str) -> str:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'


GOOD = workbook(["code", "name"], ["C1", "Ann"], ["C2", "Bob"])


def test_reads_the_first_sheet(partner: APIClient) -> None:
    content = workbook(
        [" Code ", "NAME", "phone_number", "document"],
        ["C1", "Zoë Lee", 712345678, "529.982.247-25"],
        [],
        [721, "Bob", "0712345679", None],
        ["C3", "Carl", 712345678.0, 52998224725],
        ["C4", True, None, None],
        ["C5", "Eve", None, None, "x"],
        ["C6", "#N/A"],
    )

    shown = imported(partner, content)

    found = Customer.objects.order_by("name").values_list(
        "code", "name", "phone_number", "document"
    )
    assert list(found) == [
        ("721", "Bob", "+254712345679", None),
        ("C1", "Zoë Lee", "+254712345678", "52998224725"),
        ("C4", "true", "", None),
    ]
    assert [row[:3] for row in report(partner, shown)] == [
        (5, "document", "unique"),
        (7, "column 5", "unknown"),
        (8, "name", "invalid"),
    ]
    assert (shown["state"], shown["percent"], shown["file_name"]) == ("done", 100, "rows.csv")
    assert counts(shown) == {"rows": 6, "created": 3, "refused": 3}
    assert not ImportChunk.objects.exists()


def test_reads_amounts_and_times(partner: APIClient, john: Customer) -> None:
    content = workbook(
        ["code", "customer_code", "item", "amount", "order_time"],
        ["T1", "CUST001", "Pen", 0.1 + 0.2, datetime(2026, 1, 1, 10, 30)],  # noqa: DTZ001 - Excel has no zones
        ["T1", "CUST001", "Ink", 2, None],
        ["T2", "CUST001", "Pad", 1e300, date(2026, 1, 1)],
    )

    shown = imported(partner, content, "orders", mode="good")

    assert report(partner, shown)[0][:2] == (4, "amount")
    order = Order.objects.get()
    assert (str(order.amount), order.lines.count()) == ("2.30", 2)
    assert order.order_time.strftime("%Y-%m-%d %M") == "2026-01-01 30"


@pytest.mark.parametrize("batch", [1, 2])
def test_goes_on_between_batches(
    partner: APIClient, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr("imports.resources.customers.Customers.batch", batch)
    content = workbook(["code", "name"], *([f"C{number}", "Ann"] for number in range(7)))

    assert counts(imported(partner, content, mode="all")) == {"rows": 7, "created": 7}


def test_the_command_reads_it_too(tmp_path: Path, db: None) -> None:
    file = tmp_path / "customers.xlsx"
    file.write_bytes(GOOD)
    out = io.StringIO()

    call_command("import_file", "customers", str(file), stdout=out)

    assert out.getvalue() == "2 rows: 2 created, 0 updated, 0 unchanged, 0 refused.\n"
    assert Customer.objects.count() == 2
    assert file.read_bytes() == GOOD
    assert not ImportChunk.objects.exists()


WRONG: list[tuple[str, bytes, str]] = [
    ("no columns", workbook(["nmae", "x"], ["Ann", 1]), "Line 1: There is no column nmae, x. "),
    ("a title above", workbook(["Our customers"], ["code", "name"]),
     "Line 1: There is no column our customers. "),
    ("a column twice", workbook(["code", "Code"]), "Line 1: The header names code more than once."),
    ("nothing", workbook(), "Line 1: The first sheet is empty."),
    ("blank rows", workbook([" "], [None]), "Line 1: The first sheet is empty."),
    ("another archive", with_part(b"PK\x05\x06" + b"\0" * 18, "word/document.xml", "<x/>"),
     UNREADABLE),
    ("half of one", GOOD[: len(GOOD) // 2], UNREADABLE),
    ("a few bytes of one", GOOD[:10], UNREADABLE),
    ("an empty archive", b"PK\x05\x06" + b"\0" * 18, "Line 1: This is an empty archive. Save "),
    ("an old workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
     "Line 1: This is an old Excel workbook (.xls), or one with a password. Save "),
    ("a compressed file", b"\x1f\x8b\x08" + b"\0" * 50, "Line 1: This is a compressed file. Save "),
    ("a document", b"%PDF-1.7\n", "Line 1: This is a PDF document. Save "),
    ("broken XML", with_part(GOOD, SHEET, "<worksheet><a>"), UNREADABLE),
    ("a number that is none",
     with_part(GOOD, SHEET, sheet_of('<row r="1"><c r="A1"><v>x</v></c></row>')), UNREADABLE),
    ("a string that is not there",
     with_part(GOOD, SHEET, sheet_of('<row r="1"><c r="A1" t="s"><v>99</v></c></row>')),
     UNREADABLE),
    ("a row beyond all rows",
     with_part(GOOD, SHEET, sheet_of('<row r="4000000000"><c r="A4000000000"><v>1</v></c></row>')),
     TOO_LARGE),
    ("entities within entities",
     with_part(GOOD, SHEET, '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
               + sheet_of('<row r="1"><c r="A1" t="inlineStr"><is><t>&b;</t></is></c></row>')),
     "Line 1: The workbook declares a document type. "),
    ("a file from outside",
     with_part(GOOD, SHEET, '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
               + sheet_of('<row r="1"><c r="A1" t="inlineStr"><is><t>&a;</t></is></c></row>')),
     "Line 1: The workbook declares a document type. "),
    ("an endless row", with_part(GOOD, SHEET, sheet_of(f"<row>{'<c/>' * 60_000}</row>")),
     TOO_LARGE),
    ("too many styles", with_part(GOOD, "xl/styles.xml", f"<x>{'<c/>' * 2_100_000}</x>"),
     TOO_LARGE),
    ("too many strings",
     with_part(GOOD, "xl/sharedStrings.xml", f"<x>{'<c/>' * 2_100_000}</x>"), TOO_LARGE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "says"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG]
)
def test_says_what_is_wrong_with_one(partner: APIClient, content: bytes, says: str) -> None:
    shown = imported(partner, content)

    assert shown["state"] == "failed"
    assert shown["detail"].startswith(says)
    assert not Customer.objects.exists()
    assert not ImportChunk.objects.exists()


def test_believes_no_size(partner: APIClient) -> None:
    """Of a sheet that claims a million columns, each row has those that it has."""
    rows = '<row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c></row>'
    rows += '<row r="2"><c r="A2" t="inlineStr"><is><t>Ann</t></is></c></row>'
    claimed = sheet_of(rows).replace("<sheetData>", '<dimension ref="A1:XFD1048576"/><sheetData>')

    assert counts(imported(partner, with_part(GOOD, SHEET, claimed))) == {"rows": 1, "created": 1}


def test_bounds_what_is_unpacked(partner: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "LONGEST_UNPACKED", 1_000_000)
    content = with_part(GOOD, "xl/media/image1.png", b"\0" * 1_000_000)
    assert len(content) < 20_000

    assert imported(partner, content)["detail"] == TOO_LARGE


@pytest.mark.parametrize(("name", "most"), [("MOST_ROWS", 2), ("MOST_CELLS", 5)])
def test_bounds_what_is_read(
    partner: APIClient, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    monkeypatch.setattr(spreadsheet, name, most)

    assert imported(partner, GOOD)["detail"] == TOO_LARGE


def test_bounds_the_file(partner: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imports.survey.LONGEST_FILE", len(GOOD) - 1)

    assert imported(partner, GOOD)["detail"] == TOO_LARGE
