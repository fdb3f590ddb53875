"""No request may keep the database busy for ever (PostgreSQL's statement_timeout)."""

from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


def set_timeout(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Limits the statements of a new connection to STATEMENT_TIMEOUT_SECONDS."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = %s", [f"{settings.STATEMENT_TIMEOUT_SECONDS}s"])


def limit_statements() -> None:
    """From now on, in this process, every new connection is limited."""
    connection_created.connect(set_timeout, dispatch_uid="common.statement_timeout")
