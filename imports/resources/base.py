"""What can be imported: how a row of it is read, and how rows are written."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, ClassVar, NamedTuple

from django.db.models import Model
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from common.bulk import REFUSALS, Members, Result, refusal
from common.errors import FieldError, Problem
from common.serializers import StrictSerializer
from imports.reading import Columns, Record

Serializer = type[StrictSerializer]
# What only one row of the table can have: `("code", "C1")`.
Name = tuple[Hashable, ...]

CONTRADICTION = "Lines {} and {} of the file contradict each other here."
# Beside an Outcome, what can have become of a row.
REFUSED = "refused"


class Names(NamedTuple):
    """By what a row says which one it is about, and what else it has that only one can have."""

    own: Sequence[Name] = ()
    others: Sequence[Name] = ()


@dataclass(frozen=True, slots=True)
class Together:
    """Rows of a file that share a name, and what has become of them, by their lines."""

    records: Sequence[Record]
    outcomes: Mapping[int, str]


class Resource(ABC):
    """One kind of rows."""

    name: ClassVar[str]
    model: ClassVar[type[Model]]
    serializer: ClassVar[Serializer]
    # Groups of columns of which a header must name one each.
    needed: ClassVar[tuple[tuple[str, ...], ...]]
    # Rows of one transaction: some tenths of a second.
    batch: ClassVar[int] = 2000
    # Rows of one name that are compared with each other.
    most_together: ClassVar[int] = 20

    @abstractmethod
    def names(self, rows: Sequence[Mapping[str, Any]]) -> list[Names]:
        """What each row, as it was read, is about."""

    @abstractmethod
    def write(self, records: Sequence[Record], together: Together, *, notify: bool) -> list[Result]:
        """Writes rows as they were read, in the caller's transaction; what became of each.

        `together` are all rows of the file that share a name with one of them.
        """

    def columns(self) -> Columns:
        """The columns of a CSV file: the members that are no arrays. Those only shown may come."""
        fields = {
            name: field
            for name, field in self.serializer().fields.items()
            if not isinstance(field, serializers.ListSerializer)
        }
        shown = tuple(name for name, field in fields.items() if not field.read_only)
        return Columns(frozenset(fields), shown, self.needed)

    @cached_property
    def fields(self) -> Mapping[str, Any]:
        """The members of a row by their names."""
        return self.serializer().fields

    def stored_form(self, row: Mapping[str, Any], *names: str) -> dict[str, Any]:
        """Those of some members that a row has, and rightly, each as it would be stored."""
        found = {}
        for name in names:
            if row.get(name) in (None, ""):
                continue
            try:
                found[name] = self.fields[name].run_validation(row[name])
            except ValidationError:
                continue
        return found


class BulkResource(Resource):
    """Rows that are written many at a time, once each has been validated as the API does it."""

    # Whether a row may leave out what a new one needs: it may be about one that is known.
    partial: ClassVar[bool]

    @abstractmethod
    def upsert(self, rows: Sequence[Members]) -> list[Result]:
        """Writes validated rows; what became of each."""

    @abstractmethod
    def said(self, rows: Sequence[Mapping[str, Any]]) -> list[Members]:
        """What each row says of the one that it names, in stored form; nothing if it is wrong."""

    def write(self, records: Sequence[Record], together: Together, *, notify: bool) -> list[Result]:
        contradicted = self.contradictions(together.records)
        rows = [
            Problem(errors[0].detail, code=errors[0].code, errors=errors)
            if (errors := contradicted.get(record.line))
            else record.members
            for record in records
        ]
        validated = list(self.validated(rows))
        good = [row for row in validated if not isinstance(row, Problem)]
        written = iter(self.upsert(good))
        return [row if isinstance(row, Problem) else next(written) for row in validated]

    def validated(self, rows: Sequence[Mapping[str, Any] | Problem]) -> Iterator[Members | Problem]:
        """Each row's members in their stored form, or why they are refused."""
        # One for all of them: making it costs more than a row.
        serializer = self.serializer(partial=self.partial)
        for row in rows:
            if isinstance(row, Problem):
                yield row
                continue
            try:
                yield serializer.run_validation(row)
            except REFUSALS as error:
                yield refusal(error)

    def readable(self, rows: Sequence[Mapping[str, Any]]) -> list[Members]:
        """Each row's members in their stored form; nothing of a row that is wrong."""
        return [{} if isinstance(row, Problem) else row for row in self.validated(rows)]

    def contradictions(self, records: Sequence[Record]) -> dict[int, list[FieldError]]:
        """The rows that say different things of the same one, by their lines.

        Nobody knows which of them is right, so none is taken. What only one of them gives is no
        contradiction, and the very same twice is none.
        """
        if not records:
            return {}
        rows = [record.members for record in records]
        said = self.said(rows)
        found: defaultdict[int, list[FieldError]] = defaultdict(list)
        for pair in self.pairs_about_the_same(self.names(rows)):
            one, other = (said[index] for index in pair)
            first, second = sorted(records[index].line for index in pair)
            for member in one.keys() & other.keys():
                if one[member] == other[member]:
                    continue
                detail = CONTRADICTION.format(first, second)
                for line in (first, second):
                    if all(error.field != member for error in found[line]):
                        found[line].append(FieldError(member, "contradiction", detail))
        return found

    def pairs_about_the_same(self, named: Sequence[Names]) -> set[tuple[int, int]]:
        """The pairs of rows of which one is about what the other is about, or has."""
        owners: defaultdict[Name, list[int]] = defaultdict(list)
        others: defaultdict[Name, list[int]] = defaultdict(list)
        for index, names in enumerate(named):
            for name in names.own:
                owners[name].append(index)
            for name in names.others:
                others[name].append(index)
        pairs = {pair for indexes in owners.values() for pair in combinations(indexes, 2)}
        for name, indexes in owners.items():
            pairs |= {(index, other) for index in indexes for other in others[name]}
        return pairs
