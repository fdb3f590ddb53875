"""An index for "somewhere in the text", on PostgreSQL; SQLite reads through the table."""

from collections.abc import Callable

from django.apps.registry import Apps
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

Operation = Callable[[Apps, BaseDatabaseSchemaEditor], None]


def trigram_index(table: str, column: str) -> tuple[Operation, Operation]:
    """How to make and how to drop the index: the two functions of a `RunPython`.

    Django compares `UPPER(column)` for `icontains`, so that is what is indexed. The extension
    comes with PostgreSQL and may be created by the owner of the database.
    """
    name = f"{table}_{column}_trigrams"

    def make(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        if editor.connection.vendor == "postgresql":
            editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            editor.execute(
                f"CREATE INDEX {name} ON {table} USING gin (upper({column}) gin_trgm_ops)"
            )

    def drop(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        if editor.connection.vendor == "postgresql":
            editor.execute(f"DROP INDEX {name}")

    return make, drop
