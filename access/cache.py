"""A short memory for checked credentials, per process.

A check costs a query and, as model instances, a millisecond; believing it for a few seconds
costs nothing but that much delay in a revocation. Failures are never remembered.
"""

import time
from collections.abc import Callable
from hashlib import sha256

from django.conf import settings

from access.principals import Principal

MOST_ENTRIES = 10_000

_checked: dict[bytes, tuple[float, Principal]] = {}


def remembered(
    named: tuple[str, str], check: Callable[[str], Principal | None]
) -> Principal | None:
    """`check(credential)` for a scheme and a credential, or its answer of a moment ago.

    A moment is AUTH_CACHE_SECONDS.
    """
    scheme, credential = named
    # Only a digest is kept in memory: a dump of the process shows no working credential.
    digest = sha256(f"{scheme} {credential}".encode()).digest()
    now = time.monotonic()
    known = _checked.get(digest)
    if known and known[0] > now:
        return known[1]
    principal = check(credential)
    if principal and settings.AUTH_CACHE_SECONDS > 0:
        if len(_checked) >= MOST_ENTRIES:
            _checked.clear()
        _checked[digest] = (now + settings.AUTH_CACHE_SECONDS, principal)
    return principal


def forget_all() -> None:
    """Empties the memory: the next request of everybody is checked anew."""
    _checked.clear()
