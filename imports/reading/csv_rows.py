"""CSV: a header, and rows that can be taken up again between any two of them."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence

from imports.reading.header import Header
from imports.reading.lines import LONGEST_LINE, TOO_LONG, lines_of
from imports.reading.records import NOT_UTF8, FileProblem, Position, Record, unreadable
from imports.sources import Source

# Of a row that goes over several lines, in bytes.
LONGEST_ROW = LONGEST_LINE


class RowTooLong(Exception):  # noqa: N818 - what it is, not what went wrong
    """A row went on for more than LONGEST_ROW."""


class Feed:
    """The lines of a file for `csv.reader`, which can go back to the second of a row."""

    def __init__(self, source: Source, start: Position) -> None:
        self.lines = lines_of(source.blocks(start.offset))
        self.ahead: deque[tuple[bytes, int]] = deque()
        self.taken: list[tuple[bytes, int]] = []
        self.size = 0
        self.start = start

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line, size = self.ahead.popleft() if self.ahead else next(self.lines)
        self.taken.append((line, size))
        self.size += size
        if len(line) > LONGEST_LINE or self.size > LONGEST_ROW:
            raise RowTooLong
        return line.decode()

    @property
    def position(self) -> Position:
        """Behind everything that has been taken."""
        return Position(self.start.offset + self.size, self.start.line + len(self.taken))

    def begin_row(self) -> None:
        """What has been taken is done with."""
        self.start = self.position
        self.taken.clear()
        self.size = 0

    def give_back(self) -> None:
        """All but the first line of the present row is taken once more."""
        self.ahead.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]
        self.size = self.taken[0][1]


class CsvRows:
    """The rows behind a header. An empty cell is a member that is not given."""

    def __init__(self, source: Source, header: Header, start: Position) -> None:
        self.source, self.header, self.start = source, header, start

    def records(self, position: Position) -> Iterator[tuple[Record, Position]]:
        feed = Feed(self.source, position if position.offset else self.start)
        reader = csv.reader(feed, delimiter=self.header.delimiter, strict=True)
        while True:
            feed.begin_row()
            try:
                values = next(reader)
            except StopIteration:
                return
            except (csv.Error, RowTooLong, UnicodeDecodeError) as error:
                record = unreadable(feed.start.line, *self.explain(error, feed))
                feed.give_back()
            else:
                if not any(value.strip() for value in values):
                    continue
                record = self.record(feed.start.line, values)
            yield record, feed.position

    def record(self, line: int, values: Sequence[str]) -> Record:
        """The members of a row, or why these values are none."""
        columns = self.header.columns
        if len(values) != len(columns):
            has = f"{len(values)} value{'' if len(values) == 1 else 's'}"
            named = f"{len(columns)} column{'' if len(columns) == 1 else 's'}"
            return unreadable(line, "columns", f"This row has {has}; the header names {named}.")
        if self.header.is_repeated_by(values):
            return unreadable(line, "header", "This is the header once more.")
        given = zip(columns, values, strict=True)
        return Record(line, {name: value for name, value in given if value.strip()})

    def explain(self, error: Exception, feed: Feed) -> tuple[str, str]:
        """Why the row that begins with the first line that was taken cannot be read.

        That line alone is refused; those after it are read anew, each as a row of its own.
        """
        if isinstance(error, UnicodeDecodeError):
            behind = f"Line {feed.position.line - 1} belongs to this row. "
            return "encoding", NOT_UTF8 if len(feed.taken) == 1 else behind + NOT_UTF8
        if len(feed.taken[0][0]) > LONGEST_LINE:
            return "too_long", TOO_LONG
        opened = open_quote(feed, self.header.delimiter)
        if opened is not None:
            return "quote", f"The quote that opens in line {opened} is never closed."
        return "quote", "Behind a closing quote there is more than the next delimiter."


def open_quote(feed: Feed, delimiter: str) -> int | None:
    """The line in which the quote opens that is open where the lines of `feed` end."""
    opened: int | None = None
    at_start = True
    for number, (line, _) in enumerate(feed.taken, start=feed.start.line):
        closing = False
        for character in line.decode(errors="replace"):
            if opened is not None:
                if character == '"':
                    closing = not closing
                elif closing:
                    # One quote alone; two are a quote in the value.
                    opened, closing = None, False
                    at_start = character == delimiter
            elif character == '"' and at_start:
                opened, at_start = number, False
            else:
                at_start = character == delimiter
        if closing:
            opened = None
        if opened is None:
            at_start = True
    return opened


def read_line(feed: Feed) -> str | None:
    """The first line that is not blank; None if there is none. Raises FileProblem."""
    while True:
        feed.begin_row()
        try:
            text = next(feed)
        except StopIteration:
            return None
        except UnicodeDecodeError:
            raise FileProblem(feed.start.line, "encoding", NOT_UTF8) from None
        except RowTooLong:
            raise FileProblem(feed.start.line, "too_long", TOO_LONG) from None
        if text.strip():
            return text
