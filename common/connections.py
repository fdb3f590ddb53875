"""A kept connection is only asked whether it still works when it has been idle."""

import threading
import time
from typing import Any

from django.core.signals import request_finished, request_started
from django.db import connections

# One that has just answered is believed: asking costs a statement for each request. If the
# database was restarted meanwhile, one request is answered 503 and the next connects anew.
BELIEVED_SECONDS = 2.0

# A connection belongs to a thread, and so does the time of its last use.
_last = threading.local()


def note_use(**kwargs: Any) -> None:
    """A request has ended."""
    _last.use = time.monotonic()


def believe_recent(**kwargs: Any) -> None:
    """A request begins. Runs after Django's own receiver, which wants every connection checked."""
    if time.monotonic() < getattr(_last, "use", float("-inf")) + BELIEVED_SECONDS:
        for connection in connections.all(initialized_only=True):
            connection.health_check_done = True  # type: ignore[attr-defined]  # not in the stubs


def check_only_the_idle() -> None:
    """From now on, in this process, a connection is checked after BELIEVED_SECONDS."""
    request_finished.connect(note_use, dispatch_uid="common.connections.note_use")
    request_started.connect(believe_recent, dispatch_uid="common.connections.believe_recent")
