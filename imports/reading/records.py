"""What is read from a file: records, and where each of them ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from common.errors import FieldError

NOT_UTF8 = "This line is not UTF-8; it looks like Latin-1 or Windows-1252. Save the file as UTF-8."


class Position(NamedTuple):
    """A place between two records: the bytes before it, and the number of the line behind it."""

    offset: int = 0
    line: int = 1


@dataclass(frozen=True, slots=True)
class Record:
    """The members of one row, or why it cannot be read; and the line in which it begins."""

    line: int
    members: dict[str, Any]
    problem: FieldError | None = None


def unreadable(line: int, code: str, detail: str) -> Record:
    """The record for a line of which no members can be had."""
    return Record(line, {}, FieldError("", code, detail))


class Rows(Protocol):
    """The rows of an opened file."""

    def records(self, position: Position) -> Iterator[tuple[Record, Position]]:
        """Each record from `position` on, and the position behind it."""
        ...


class FileProblem(Exception):  # noqa: N818 - what it is, not what went wrong
    """The file as a whole cannot be read; `line` says where that shows."""

    def __init__(self, line: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.line = line
        self.error = FieldError("", code, detail)
