"""Poolers that give each transaction another server connection, as PgBouncer can.

Nothing that outlives a transaction may be left on a connection there. `common.postgresql` is what
sees to that.
"""

from django.conf import settings
from django.db import connection


def is_pooled() -> bool:
    """Whether the database is behind such a pooler: POOLED says so, or it was noticed."""
    return bool(getattr(connection, "is_pooled", False))


def unannounced_pooler() -> str | None:
    """For `/readyz`: a pooler that was noticed, and that the settings do not know of."""
    if settings.POOLED or not is_pooled():
        return None
    return (
        "The database is behind a connection pooler, so statements are not prepared and workers"
        " poll. Set POOLED=true."
    )
