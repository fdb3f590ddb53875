"""The whole database as text, to look for values that must not be in it any more."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.sessions.models import Session
from django.db import connection


def dumped() -> str:
    """Every value of every table; binary ones and sessions decoded, JSON without its escapes."""
    return "\n".join([*stored_texts(), *(str(each.get_decoded()) for each in sessions())])


def sessions() -> Iterable[Session]:
    return Session.objects.all()


def stored_texts() -> Iterator[str]:
    name = connection.ops.quote_name
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {name(table)}")  # noqa: S608 - a table's own name
            for row in cursor.fetchall():
                yield f"{table}: " + " | ".join(map(as_text, row))


def as_text(value: Any) -> str:
    if isinstance(value, memoryview | bytes):
        value = bytes(value).decode("utf-8", "replace")
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            value = json.loads(value)
        except ValueError:
            return str(value)
    if isinstance(value, dict | list):
        return f"{value} {json.dumps(value, ensure_ascii=False)}"
    return str(value)


def lines_with(text: str, wanted: Iterable[str]) -> list[str]:
    """The lines of `text` that have one of `wanted` in them, whatever the case."""
    lowered = [each.lower() for each in wanted]
    return [line for line in text.splitlines() if any(each in line.lower() for each in lowered)]
