"""On whose behalf the present request acts, for what is written far from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_acting: ContextVar[str] = ContextVar("acting", default="")


def acting() -> str:
    """The principal of the API request that is being answered (`key:...`), or ""."""
    return _acting.get()


@contextmanager
def acting_as(principal: str) -> Iterator[None]:
    """Everything within is done on behalf of `principal`."""
    token = _acting.set(principal)
    try:
        yield
    finally:
        _acting.reset(token)
