"""Redis as a cache that may be away: what is kept there makes nothing wait and nothing fail."""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from common import health

logger = logging.getLogger(__name__)

# What a request waits for Redis at most, and how long it is let alone after it did not answer.
TIMEOUT_SECONDS = 0.25
PAUSE_SECONDS = 5.0

T = TypeVar("T")


class ForgivingRedisCache(RedisCache):
    """Django's cache in Redis; while that is away, an empty cache that keeps nothing.

    Rate limits are then not counted: nobody is refused for our outage. `common.attempts` counts
    failures with secrets in the process meanwhile. The log says once that Redis has gone and once
    that it is back, and `/readyz` warns in between.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        options = {
            "socket_timeout": TIMEOUT_SECONDS,
            "socket_connect_timeout": TIMEOUT_SECONDS,
            # At once: a kept connection may have ended with a Redis that has started anew.
            "retry": Retry(NoBackoff(), 1),
            **params.get("OPTIONS", {}),
        }
        super().__init__(server, {**params, "OPTIONS": options})

    def add(self, *args: Any, **kwargs: Any) -> bool:
        return attempt(super().add, *args, otherwise=True, **kwargs)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return attempt(super().get, key, default, version=version, otherwise=default)

    def set(self, *args: Any, **kwargs: Any) -> None:
        attempt(super().set, *args, otherwise=None, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> bool:
        return attempt(super().touch, *args, otherwise=False, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        return attempt(super().delete, *args, otherwise=False, **kwargs)

    def get_many(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return attempt(super().get_many, *args, otherwise={}, **kwargs)

    def has_key(self, *args: Any, **kwargs: Any) -> bool:
        return attempt(super().has_key, *args, otherwise=False, **kwargs)

    def incr(self, *args: Any, **kwargs: Any) -> int:
        return attempt(super().incr, *args, otherwise=0, **kwargs)

    def set_many(self, *args: Any, **kwargs: Any) -> list[Any]:
        return attempt(super().set_many, *args, otherwise=[], **kwargs)

    def delete_many(self, *args: Any, **kwargs: Any) -> None:
        attempt(super().delete_many, *args, otherwise=None, **kwargs)

    def clear(self) -> None:
        attempt(super().clear, otherwise=None)


class Outage:
    """Whether Redis was away when it was last asked. One for a process, whatever its threads."""

    def __init__(self) -> None:
        self.until = 0.0
        self.known = False

    def begin(self, error: Exception) -> None:
        self.until = time.monotonic() + PAUSE_SECONDS
        if not self.known:
            self.known = True
            logger.warning("The cache is away: requests are not counted (%s)", error)

    def end(self) -> None:
        if self.known:
            self.known = False
            logger.warning("The cache is back")

    def warning(self) -> str | None:
        return "The cache is away: rates of requests are not limited." if self.known else None


outage = Outage()
health.register(outage.warning)


def is_away() -> bool:
    """Whether ForgivingRedisCache found Redis away when it was last asked."""
    return outage.known


def attempt(call: Callable[..., T], *args: Any, otherwise: T, **kwargs: Any) -> T:
    """What `call` returns; `otherwise` while Redis is away."""
    if time.monotonic() < outage.until:
        return otherwise
    try:
        answer = call(*args, **kwargs)
    except (RedisError, OSError) as error:
        outage.begin(error)
        return otherwise
    outage.end()
    return answer
