"""Failed tries of secrets, counted in the cache.

A window begins with the first failure and ends on its own. With Redis (CACHE_URL) all processes
count together. While the cache is away, or without Redis, each process counts for itself.
"""

import logging
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256

from django.conf import settings
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpRequest

from common.cache import is_away
from common.client_ip import network_of
from common.errors import Problem

logger = logging.getLogger(__name__)

PERIODS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most so many in so many seconds."""

    most: int
    seconds: int


@lru_cache(maxsize=16)
def parse_rate(text: str) -> Rate:
    """The rate that is written as `30/min`. ValueError for anything else."""
    most, slash, period = text.partition("/")
    seconds = PERIODS.get(period.strip()[:1].lower())
    if not slash or seconds is None or not most.strip().isdecimal():
        raise ValueError(f"{text!r} is no rate. Write it like 30/min.")
    return Rate(int(most), seconds)


class TooManyAttempts(Problem):
    """429: too many failures, from this address or for this name."""

    status_code = 429
    default_code = "throttled"

    def __init__(self, seconds: int) -> None:
        headers = {"Retry-After": str(seconds), "Cache-Control": "no-store"}
        super().__init__("Too many failed attempts. Try again later.", headers=headers)


# Where a process counts while the cache is away.
LOCAL = LocMemCache("failed attempts", {"OPTIONS": {"MAX_ENTRIES": 100_000}})


@dataclass(frozen=True, slots=True)
class Bucket:
    """The failures of one address, or for one name, at one kind of place."""

    key: str
    rate: Rate

    def add(self) -> int:
        """Counts one more; how many there are now."""
        return self._wherever_it_works(self._add_to)

    def take_back(self) -> None:
        """Counts one less, if the window still lasts."""
        self._wherever_it_works(self._take_from)

    def seconds_left(self) -> int:
        """How long the present window lasts; at least 1."""
        return self._wherever_it_works(self._left_in)

    def _wherever_it_works(self, count: Callable[[BaseCache], int]) -> int:
        try:
            counted = count(cache)
        except Exception:
            logger.warning("The cache is away: this process counts for itself", exc_info=True)
            return count(LOCAL)
        # ForgivingRedisCache raises nothing: what it returned during an outage counts nothing.
        return count(LOCAL) if is_away() else counted

    def _add_to(self, counters: BaseCache) -> int:
        end = time.time() + self.rate.seconds
        counters.add(self.key, 0, timeout=self.rate.seconds)
        counters.add(f"{self.key}:end", end, timeout=self.rate.seconds)
        try:
            return int(counters.incr(self.key))
        except ValueError:
            # The window ended between the two calls: this is the first of the next one.
            return 1

    def _take_from(self, counters: BaseCache) -> int:
        try:
            return int(counters.decr(self.key))
        except ValueError:
            return 0

    def _left_in(self, counters: BaseCache) -> int:
        end = float(counters.get(f"{self.key}:end", 0.0))
        return min(max(int(end - time.time()) + 1, 1), self.rate.seconds)


def address_bucket(kind: str, request: HttpRequest) -> Bucket:
    """The failures at places of this kind from the client's address (IPv6: its /64)."""
    return Bucket(f"failures:{kind}:from:{network_of(request)}", parse_rate(settings.LOGIN_RATE))


def name_bucket(kind: str, name: str) -> Bucket:
    """The failures for this name, from wherever. The cache holds only the name's digest."""
    spelling = unicodedata.normalize("NFKC", name).strip().casefold()
    digest = sha256(spelling.encode("utf-8", "surrogatepass")).hexdigest()
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    rate = Rate(settings.LOGIN_NAME_FAILURE_LIMIT, seconds)
    return Bucket(f"failures:{kind}:for:{digest}", rate)


def buckets(kind: str, request: HttpRequest, name: str) -> list[Bucket]:
    """Everything that a failure counts in; without a name, the address alone."""
    named = [name_bucket(kind, name)] if name else []
    return [address_bucket(kind, request), *named]


@dataclass(slots=True)
class Attempt:
    """A try that was counted as a failure before its secret was looked at."""

    counted: list[Bucket] = field(default_factory=list)

    def succeeded(self) -> None:
        """Takes it back: only failures count."""
        for bucket in self.counted:
            bucket.take_back()


def count_first(
    kind: str, request: HttpRequest, name: str, *, is_excused: Callable[[], bool]
) -> Attempt:
    """Counts a try of a secret that could be guessed, before it is checked.

    That many tries at once cannot pass the limit together. Raises TooManyAttempts beyond it,
    unless `is_excused()`; what was refused for its address does not count for the name.
    """
    attempt = Attempt()
    for bucket in buckets(kind, request, name):
        if bucket.add() > bucket.rate.most and not is_excused():
            raise TooManyAttempts(bucket.seconds_left())
        attempt.counted.append(bucket)
    return attempt


def count_failure(kind: str, request: HttpRequest, name: str = "") -> None:
    """Counts a wrong secret of a kind that nobody can guess, such as a key or a token.

    Raises TooManyAttempts beyond the limit. Those are checked first and counted afterwards, so
    that a right one works whatever others behind the same address do.
    """
    for bucket in buckets(kind, request, name):
        if bucket.add() > bucket.rate.most:
            raise TooManyAttempts(bucket.seconds_left())
