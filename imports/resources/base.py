"""What can be imported: how a row of it is read, and how rows are written."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import Model
from rest_framework import serializers

from common.bulk import REFUSALS, Members, Result, refusal
from common.errors import Problem
from common.serializers import StrictSerializer
from imports.reading import Columns

Serializer = type[StrictSerializer]


class Resource(ABC):
    """One kind of rows."""

    name: ClassVar[str]
    model: ClassVar[type[Model]]
    serializer: ClassVar[Serializer]
    # Groups of columns of which a header must name one each.
    needed: ClassVar[tuple[tuple[str, ...], ...]]
    # Rows of one transaction: some tenths of a second.
    batch: ClassVar[int] = 2000

    @abstractmethod
    def write(self, rows: Sequence[Mapping[str, Any]], *, notify: bool) -> list[Result]:
        """Writes rows as they were read, in the caller's transaction; what became of each."""

    def columns(self) -> Columns:
        """The columns of a CSV file: the members that are no arrays. Those only shown may come."""
        fields = {
            name: field
            for name, field in self.serializer().fields.items()
            if not isinstance(field, serializers.ListSerializer)
        }
        shown = tuple(name for name, field in fields.items() if not field.read_only)
        return Columns(frozenset(fields), shown, self.needed)


class BulkResource(Resource):
    """Rows that are written many at a time, once each has been validated as the API does it."""

    # Whether a row may leave out what a new one needs: it may be about one that is known.
    partial: ClassVar[bool]

    @abstractmethod
    def upsert(self, rows: Sequence[Members]) -> list[Result]:
        """Writes validated rows; what became of each."""

    def write(self, rows: Sequence[Mapping[str, Any]], *, notify: bool) -> list[Result]:
        validated = list(self.validated(rows))
        good = [row for row in validated if not isinstance(row, Problem)]
        written = iter(self.upsert(good))
        return [row if isinstance(row, Problem) else next(written) for row in validated]

    def validated(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[Members | Problem]:
        """Each row's members in their stored form, or why they are refused."""
        # One for all of them: making it costs more than a row.
        serializer = self.serializer(partial=self.partial)
        for row in rows:
            try:
                yield serializer.run_validation(row)
            except REFUSALS as error:
                yield refusal(error)
