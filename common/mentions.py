"""Finding and taking out what names a person, in text that other people wrote."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import phonenumbers
from django.db.models import BinaryField, Func, IntegerField, Model, Q, QuerySet, Value
from django.db.models.lookups import GreaterThan

REDACTED = "[erased]"
# A shorter name is part of too much else: a customer who is called "Bo" is not looked for.
SHORTEST_NAME = 4
SHORTEST_NAME_NOT_ASCII = 2
SHORTEST_NUMBER = 6
# The end of a phone number, which is looked for first: people write them in groups.
TAIL = 3

# What may stand between two words of a name or two digits of a number.
BETWEEN_WORDS = r"(?:[\W_]|%[0-9A-Fa-f]{2})*"
BETWEEN_DIGITS = r"[\s().\-/]?"


class Position(Func):
    """Where some bytes first stand in a binary column; 0 if nowhere."""

    output_field = IntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        column, piece = self.get_source_expressions()
        template, joint = "position(%(expressions)s)", " IN "
        swapped = Func(piece, column, template=template, arg_joiner=joint)
        return swapped.as_sql(compiler, connection)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="instr")


@dataclass(frozen=True)
class Mentions:
    """Where a person is named: by a name, a number, a phone (E.164).

    Names are found whatever stands between their words (`Jane_Doe`), numbers and phones in the
    usual spellings (`0712 345 678`). Short names are not looked for.
    """

    names: Collection[str] = ()
    phones: Collection[str] = ()

    @cached_property
    def _numbers(self) -> list[str]:
        return [name for name in self.names if name.isdigit() and len(name) > SHORTEST_NUMBER]

    @cached_property
    def _words(self) -> list[list[str]]:
        """The words of each name that is long enough."""
        names = (name for name in self.names if name not in self._numbers and is_telling(name))
        return [re.findall(r"[^\W_]+", name) for name in names]

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """What finds each mention; None if there is nothing to look for."""
        # The longer before the shorter that it begins with.
        words = sorted(self._words, key=lambda each: -sum(map(len, each)))
        names = [BETWEEN_WORDS.join(map(re.escape, each)) for each in words]
        numbers = [*map(phone_pattern, self.phones), *map(BETWEEN_DIGITS.join, self._numbers)]
        parts = []
        if numbers:
            parts.append(rf"(?<![0-9])(?:{'|'.join(numbers)})(?![0-9])")
        if names:
            parts.append(rf"(?<![^\W_])(?:{'|'.join(names)})(?![^\W_])")
        return re.compile("|".join(parts), re.IGNORECASE) if parts else None

    @cached_property
    def hints(self) -> list[str]:
        """Pieces of which every mention has one: what the database is asked for."""
        longest = [max(words, key=len) for words in self._words]
        return sorted({*longest, *(each[-TAIL:] for each in [*self.phones, *self._numbers])})

    def among(self, rows: "QuerySet[Any]", *fields: str) -> "QuerySet[Any]":
        """Those of `rows` that name the person in one of `fields` (text, JSON or binary).

        Asks the database for those that may, and looks at each of them.
        """
        if self.pattern is None:
            return rows.none()
        wanted = Q(pk__in=[])
        for field in fields:
            wanted |= self._may_be_in(rows.model, field)
        found = rows.order_by().filter(wanted).values_list("pk", *fields)
        ids = [pk for pk, *values in found.iterator() if any(map(self.are_in, values))]
        return rows.filter(pk__in=ids)

    def _may_be_in(self, model: type[Model], name: str) -> Q:
        field = model._meta.get_field(name)
        wanted = Q(pk__in=[])
        for hint in self.hints:
            if isinstance(field, BinaryField):
                piece = Value(hint.encode(), output_field=BinaryField())
                wanted |= Q(GreaterThan(Position(name, piece), 0))
            else:
                wanted |= Q(**{f"{name}__icontains": hint})
        return wanted

    def are_in(self, value: Any) -> bool:
        """Whether a value of a column names the person."""
        return self.pattern is not None and self.pattern.search(as_text(value)) is not None

    def redact(self, text: str) -> str:
        """`text`, with a mark in the place of each mention."""
        return self.pattern.sub(REDACTED, text) if self.pattern else text

    def blank(self, data: bytes) -> bytes:
        """`data` (UTF-8), with as many spaces as it had bytes in the place of each mention."""
        if self.pattern is None:
            return data
        text = data.decode("utf-8", "surrogateescape")
        blanked = self.pattern.sub(lambda each: " " * len(each.group().encode()), text)
        return blanked.encode("utf-8", "surrogateescape")


def is_telling(name: str) -> bool:
    """Whether a name is long enough to be looked for in text."""
    letters = sum(map(str.isalnum, name))
    return letters >= (SHORTEST_NAME if name.isascii() else SHORTEST_NAME_NOT_ASCII)


def phone_pattern(phone: str) -> str:
    """What finds a phone (E.164) as people write it: with its country code, a zero, or neither."""
    number = phonenumbers.parse(phone)
    national = str(number.national_number)
    digits = BETWEEN_DIGITS.join(national)
    before = rf"(?:(?:\+|00|%2B)?{number.country_code}{BETWEEN_DIGITS}\(?0?\)?{BETWEEN_DIGITS}|0)?"
    return rf"{before}{digits}"


def as_text(value: Any) -> str:
    """A value of a column as text, in which names stand as they are."""
    if isinstance(value, memoryview | bytes):
        return bytes(value).decode("utf-8", "replace")
    return str(value)
