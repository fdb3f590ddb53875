"""How much each principal may ask for, per class of request, counted in the cache.

Fixed windows of a minute. With the cache in local memory each process counts for itself;
with Redis (CACHE_URL) all of them count together. A cache that is away stops nobody.
"""

import logging
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands in the present window of a class."""

    policy: str
    quota: int
    used: int
    seconds_left: int

    def write_on(self, response: Response) -> None:
        """The header fields of draft-ietf-httpapi-ratelimit-headers."""
        left = max(0, self.quota - self.used)
        response["RateLimit-Policy"] = f'"{self.policy}";q={self.quota};w={WINDOW_SECONDS}'
        response["RateLimit"] = f'"{self.policy}";r={left};t={self.seconds_left}'


class PrincipalRateLimit(BaseThrottle):
    """DRF's question, answered by the principal and the class of the view or the method."""

    def allow_request(self, request: Request, view: Any) -> bool:
        policy = view.rate_policy or ("read" if request.method in SAFE_METHODS else "write")
        quota = settings.RATE_LIMITS[policy]
        if getattr(request.auth, "rate_class", "") == "high":
            quota *= settings.RATE_LIMIT_HIGH_FACTOR
        window, elapsed = divmod(int(time.time()), WINDOW_SECONDS)
        used = count(f"rate:{request.auth}:{policy}:{window}")
        self.standing = Standing(policy, quota, used, WINDOW_SECONDS - elapsed)
        view.standing = self.standing
        return bool(used <= quota)

    def wait(self) -> float:
        return self.standing.seconds_left


def count(key: str) -> int:
    """One more under `key`; how many that makes."""
    try:
        cache.add(key, 0, timeout=2 * WINDOW_SECONDS)
        return int(cache.incr(key))
    except Exception:
        logger.warning("The cache is away: requests are not counted", exc_info=True)
        return 0
