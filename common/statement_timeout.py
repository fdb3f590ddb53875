"""No request may keep the database busy for ever (PostgreSQL's statement_timeout)."""

from typing import Any

from django.conf import settings
from django.db.backends.signals import connection_created


def set_timeout(connection: Any, **kwargs: Any) -> None:
    """Limits the statements of a new connection to STATEMENT_TIMEOUT_SECONDS."""
    if connection.vendor == "postgresql":
        connection.set_timeout("statement_timeout", settings.STATEMENT_TIMEOUT_SECONDS)


def limit_statements() -> None:
    """From now on, in this process, every new connection is limited."""
    connection_created.connect(set_timeout, dispatch_uid="common.statement_timeout")
