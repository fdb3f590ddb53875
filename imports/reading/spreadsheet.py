"""Excel workbooks (.xlsx), turned into JSON Lines: a line of it is a row of the sheet."""

import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from typing import IO, Any
from xml.parsers import expat

import openpyxl
from openpyxl.cell.cell import ERROR_CODES

from imports.reading.encoding import json_text
from imports.reading.header import Columns, cells_of_header
from imports.reading.records import FileProblem

WORKBOOK = b"PK\x03\x04"
# What else people hand in for a spreadsheet, by its first bytes.
OTHERS = {
    b"\xd0\xcf\x11\xe0": "This is an old Excel workbook (.xls), or one with a password.",
    b"PK\x05\x06": "This is an empty archive.",
    b"\x1f\x8b": "This is a compressed file.",
    b"%PDF": "This is a PDF document.",
}
SAVE = "Save the table as .xlsx, or as CSV in UTF-8."

# Bytes of the file, which is held in memory, and of all that is in it.
LONGEST_FILE = 50_000_000
LONGEST_UNPACKED = 500_000_000
MOST_PARTS = 1000
# XML elements of a row (16,384 cells of a formula and a value), and of whatever has no rows.
MOST_IN_ROW = 50_000
MOST_IN_PART = 2_000_000
# Excel's own bound for rows. A row that is far to the right counts with all its empty cells.
MOST_ROWS = 1_048_576
MOST_CELLS = 10_000_000


def refuse_other(beginning: bytes) -> None:
    """Raises FileProblem for the beginning of a file that is neither text nor a workbook."""
    for first, what in OTHERS.items():
        if beginning.startswith(first):
            raise FileProblem(1, "format", f"{what} {SAVE}")


def json_lines(file: IO[bytes], columns: Columns) -> Iterator[bytes]:
    """The first sheet as JSON Lines: a blank line for each row without values, and the header.

    Numbers and times are written as text, as they are in CSV. Raises FileProblem.
    """
    with first_sheet(file) as rows:
        header: tuple[str, ...] = ()
        for number, row in enumerate(counted(rows), start=1):
            values = [as_text(value) for value in row]
            if not any(value.strip() for value in values):
                yield b"\n"
            elif not header:
                header = cells_of_header(without_end(values), number, columns)
                yield b"\n"
            else:
                yield json_text(members(header, values)).encode() + b"\n"
        if not header:
            raise FileProblem(1, "empty", "The first sheet is empty.")


@contextmanager
def first_sheet(file: IO[bytes]) -> Iterator[Iterator[Sequence[Any]]]:
    """The rows of the first sheet, in bounded memory. Whatever cannot be read is a FileProblem."""
    try:
        refuse_bomb(file)
        # It warns of styles and of extensions that are of no concern here.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        try:
            sheet = book.worksheets[0]
            # What a workbook says of its own size may be wrong.
            sheet.reset_dimensions()
            yield sheet.iter_rows(values_only=True)
        finally:
            book.close()
    except FileProblem:
        raise
    # Whatever a broken archive, broken XML or an impossible cell makes of the libraries.
    except Exception as error:
        what = "This cannot be read as an Excel workbook (.xlsx)."
        raise FileProblem(1, "format", f"{what} {SAVE}") from error


def refuse_bomb(file: IO[bytes]) -> None:
    """Raises FileProblem for an archive that would take too much memory when it is read.

    A part is read row by row, but a row's elements are all in memory; so are shared strings and
    styles. Entities, of which a few bytes can become gigabytes, need a document type.
    """
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        # zipfile reads no more of a part than it claims to have.
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > LONGEST_UNPACKED:
            raise too_large_problem()
        for part in parts:
            if part.filename.endswith((".xml", ".rels")):
                with archive.open(part) as content:
                    weigh(content, rows=part.filename.startswith("xl/worksheets/"))
    file.seek(0)


def weigh(content: IO[bytes], *, rows: bool) -> None:
    """Raises FileProblem for XML with more elements than are allowed, within a row if `rows`."""
    elements = 0
    most = MOST_IN_ROW if rows else MOST_IN_PART

    def count(name: str, attributes: list[str]) -> None:
        nonlocal elements
        is_row = rows and name.endswith("row")
        elements = 0 if is_row else elements + 1
        # Rows that are not there are read as empty ones, up to the one that is.
        number = attributes[attributes.index("r") + 1] if is_row and "r" in attributes else "0"
        if elements > most or int(number) > MOST_ROWS:
            raise too_large_problem()

    def refuse_document_type(*declaration: Any) -> None:
        raise FileProblem(1, "format", f"The workbook declares a document type. {SAVE}")

    parser = expat.ParserCreate()
    parser.ordered_attributes = True
    parser.StartElementHandler = count
    parser.StartDoctypeDeclHandler = refuse_document_type
    parser.ParseFile(content)


def too_large_problem() -> FileProblem:
    return FileProblem(1, "too_large", "The workbook is too large. Save the table as CSV.")


def counted(rows: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    """`rows`, up to MOST_ROWS and MOST_CELLS. Raises FileProblem beyond."""
    cells = 0
    for number, row in enumerate(rows, start=1):
        cells += len(row)
        if number > MOST_ROWS or cells > MOST_CELLS:
            raise too_large_problem()
        yield row


def as_text(value: Any) -> str:
    """A cell as CSV would have it."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            # Excel keeps every number so: a phone number, too. 15 digits of it are exact.
            return format(Decimal(f"{value:.15g}"), "f")
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return str(value)


def without_end(values: Sequence[str]) -> Sequence[str]:
    """`values` without the empty ones behind the last that is not."""
    last = max((index for index, value in enumerate(values) if value.strip()), default=-1)
    return values[: last + 1]


def members(header: Sequence[str], values: Sequence[str]) -> dict[str, Any]:
    """The members of a row: its values that are not empty, by their columns.

    A formula that failed is no value: it is given as what no column takes, an array.
    """
    width = len(without_end(values))
    beyond = [f"column {number}" for number in range(len(header) + 1, width + 1)]
    return {
        name: [value] if value in ERROR_CODES else value
        for name, value in zip([*header, *beyond], values, strict=False)
        if value.strip()
    }
