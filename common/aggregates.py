"""JSON aggregates on PostgreSQL and SQLite: related rows, read together with their owner."""

import json
from decimal import Decimal
from typing import Any

from django.db.models import Aggregate, JSONField
from django.db.models.sql.compiler import SQLCompiler


class _ExactDecoder(json.JSONDecoder):
    """Numbers as Decimal: money never passes through a float."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(parse_float=Decimal, parse_int=int, **kwargs)


class JSONArrayAgg(Aggregate):
    """A JSON array of an expression over the rows of a group."""

    function = "JSONB_AGG"
    name = "JSONArrayAgg"
    output_field = JSONField(decoder=_ExactDecoder)

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="JSON_GROUP_ARRAY", **context)
