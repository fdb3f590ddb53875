"""JSON Lines: one object on each line."""

from collections.abc import Iterator
from json import JSONDecodeError

from rest_framework.exceptions import ParseError
from rest_framework.utils import json

from common.parsers import DEEPEST, size_of, unique_members
from imports.reading.lines import LONGEST_LINE, TOO_LONG, lines_of
from imports.reading.records import NOT_UTF8, Position, Record, unreadable
from imports.sources import Source


class JsonRows:
    """The objects of a file."""

    def __init__(self, source: Source, start: Position) -> None:
        self.source, self.start = source, start

    def records(self, position: Position) -> Iterator[tuple[Record, Position]]:
        offset, number = position if position.offset else self.start
        for line, size in lines_of(self.source.blocks(offset)):
            offset += size
            if line.strip():
                yield read(line, number), Position(offset, number + 1)
            number += 1


def read(line: bytes, number: int) -> Record:
    """The members in a line, or why there are none."""
    if len(line) > LONGEST_LINE:
        return unreadable(number, "too_long", TOO_LONG)
    try:
        members = json.loads(line.decode().rstrip(), object_pairs_hook=unique_members)
        too_deep = size_of(members).depth > DEEPEST
    except (ValueError, RecursionError, ParseError) as error:
        return unreadable(number, *explain(error))
    if too_deep:
        return unreadable(number, *explain(RecursionError()))
    if not isinstance(members, dict):
        return unreadable(number, "json", "A line has to be one JSON object.")
    return Record(number, members)


def explain(error: Exception) -> tuple[str, str]:
    """Why a line is no JSON."""
    match error:
        case UnicodeDecodeError():
            return "encoding", NOT_UTF8
        case JSONDecodeError():
            return "json", f"This is not JSON: {error.msg} (column {error.colno})."
        case ParseError():
            return "json", str(error.detail)
        case RecursionError():
            return "json", "The JSON is nested too deeply."
        case _:
            # NaN and its like, and integers beyond Python's limit.
            return "json", "This is not JSON: a number is out of range."
