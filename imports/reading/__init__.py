"""Files of rows: CSV and JSON Lines, read in bounded memory and from any row on."""

import codecs

from imports.reading.csv_rows import CsvRows, Feed, read_line
from imports.reading.header import Columns, read_header
from imports.reading.json_rows import JsonRows
from imports.reading.records import FileProblem, Position, Record, Rows
from imports.reading.spreadsheet import refuse_other
from imports.sources import Source

__all__ = ["Columns", "FileProblem", "JsonRows", "Position", "Record", "Rows", "open_rows"]

UTF_16 = "The file is UTF-16. Save it as UTF-8."


def open_rows(source: Source, columns: Columns) -> Rows:
    """The rows of a file. What it is shows in its first line: an object or a header.

    Raises FileProblem when it is neither.
    """
    beginning = next(source.blocks(0), b"")
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FileProblem(1, "encoding", UTF_16)
    refuse_other(beginning)
    start = Position(len(codecs.BOM_UTF8) if beginning.startswith(codecs.BOM_UTF8) else 0)
    feed = Feed(source, start)
    if (first := read_line(feed)) is None:
        raise FileProblem(1, "empty", "The file is empty.")
    line = feed.start.line
    if "\0" in first:
        raise FileProblem(line, "encoding", UTF_16)
    match first.lstrip()[0]:
        case "{":
            return JsonRows(source, start)
        case "[":
            detail = "This is one JSON array. JSON Lines has one object on each line."
            raise FileProblem(line, "json", detail)
        case _:
            return CsvRows(source, read_header(first, line, columns), feed.position)
