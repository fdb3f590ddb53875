"""The header of a CSV file: which columns there are, and what stands between them."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from imports.reading.records import FileProblem

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
# What others put between columns.
FOREIGN = {"|": "bars (|)", ":": "colons", " ": "spaces"}


@dataclass(frozen=True, slots=True)
class Columns:
    """What a header may name, what it is told about, and of which groups it must name one each."""

    known: frozenset[str]
    shown: tuple[str, ...]
    needed: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Header:
    columns: tuple[str, ...]
    delimiter: str

    def is_repeated_by(self, values: Sequence[str]) -> bool:
        """Whether a row is the header once more, as where two files were put together."""
        # The first value tells of nearly every row that it is none.
        return names(values[:1]) == self.columns[:1] and names(values) == self.columns


def names(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(value.strip().lstrip("\ufeff").lower() for value in values)


def read_header(text: str, line: int, columns: Columns) -> Header:
    """The header in the line `text`. Raises FileProblem with a sentence to act on.

    Commas, semicolons and tabs will do: the one by which every column is known, if there is one.
    """
    candidates = [header for each in DELIMITERS if (header := split(text, each))]
    good = [header for header in candidates if set(header.columns) <= columns.known]
    if not good:
        raise FileProblem(line, "header", why_none(candidates, text, columns))
    require_columns(good[0].columns, line, columns)
    return good[0]


def cells_of_header(values: Sequence[str], line: int, columns: Columns) -> tuple[str, ...]:
    """The columns that a row of cells names. Raises FileProblem with a sentence to act on."""
    named = names(values)
    if unknown := [name for name in named if name not in columns.known]:
        found = ", ".join(name or '""' for name in unknown)[:200]
        raise FileProblem(line, "header", f"There is no column {found}. {known_are(columns)}")
    require_columns(named, line, columns)
    return named


def require_columns(named: Sequence[str], line: int, columns: Columns) -> None:
    """Raises FileProblem for a column that is named twice, or that is needed and not named."""
    if doubled := sorted({name for name in named if named.count(name) > 1}):
        detail = f"The header names {doubled[0]} more than once."
        raise FileProblem(line, "header", detail)
    for group in columns.needed:
        if not set(group) & set(named):
            lacking = group[0] if len(group) == 1 else f"any of {', '.join(group)}"
            raise FileProblem(line, "header", f"The header does not name {lacking}.")


def known_are(columns: Columns) -> str:
    return f"Known columns are {', '.join(columns.shown)}."


def split(text: str, delimiter: str) -> Header | None:
    """The header as `delimiter` divides it; None when the quotes do not allow that."""
    try:
        values = next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return Header(names(values), delimiter)


def why_none(candidates: Sequence[Header], text: str, columns: Columns) -> str:
    """What is wrong with a header that has unknown columns, however it is divided."""
    shown = known_are(columns)
    best = max(
        candidates, key=lambda header: len(columns.known & set(header.columns)), default=None
    )
    unknown = [name for name in best.columns if name not in columns.known] if best else []
    if best and len(unknown) < len(best.columns):
        named = ", ".join(name or '""' for name in unknown)[:200]
        found = DELIMITERS[best.delimiter]
        return f"There is no column {named} (the header is divided by {found}). {shown}"
    if len(candidates) < len(DELIMITERS):
        return f"The quotes of the header do not match. {shown}"
    for delimiter, called in FOREIGN.items():
        if set(names(text.split(delimiter))) & columns.known:
            use = "Divide them by commas, semicolons or tabs."
            return f"The columns are divided by {called}. {use} {shown}"
    return f"The first line has to name the columns; it names none that is known. {shown}"
