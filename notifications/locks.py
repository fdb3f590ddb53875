"""A lock on a phone number, until the end of the transaction."""

from collections.abc import Iterable
from hashlib import blake2b

from django.db import connection


def lock_phones(phones: Iterable[str]) -> None:
    """Waits until nobody else has any of `phones` locked, and locks them all.

    What it guards may not have a row yet. On SQLite there is one writer at a time anyway.
    """
    if connection.vendor != "postgresql":
        return
    # In one order everywhere, so that two who lock several do not wait for each other.
    keys = sorted(key_of(phone) for phone in set(phones))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) key", [keys])


def key_of(phone: str) -> int:
    """A number of 64 bits for a phone, the same in every process."""
    digest = blake2b(f"notifications.phone:{phone}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
