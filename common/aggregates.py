"""JSON aggregates on PostgreSQL and SQLite: related rows, read together with their owner."""

from typing import Any

from django.db.models import Aggregate, JSONField
from django.db.models.sql.compiler import SQLCompiler


class JSONArrayAgg(Aggregate):
    """A JSON array of an expression over the rows of a group."""

    function = "JSONB_AGG"
    name = "JSONArrayAgg"
    output_field = JSONField()

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="JSON_GROUP_ARRAY", **context)
