"""Poolers that give each transaction another server connection, as PgBouncer can.

Nothing that outlives a transaction may be left on a connection there. `common.postgresql` is what
sees to that.
"""

from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections


def is_postgresql_itself() -> bool:
    """Whether what is left on the connection is there again in the next transaction."""
    database: Any = connections[DEFAULT_DB_ALIAS]
    return bool(database.vendor == "postgresql" and not database.is_pooled)


def unannounced_pooler() -> str | None:
    """For `/readyz`: a pooler that was noticed, and that the settings do not know of."""
    database: Any = connections[DEFAULT_DB_ALIAS]
    if settings.POOLED or database.vendor != "postgresql" or not database.is_pooled:
        return None
    return (
        "The database is behind a connection pooler, so statements are not prepared and workers"
        " poll. Set POOLED=true."
    )
