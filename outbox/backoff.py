"""How long to wait before the next attempt."""

import random
from datetime import timedelta

from django.conf import settings

LONGEST = timedelta(hours=1)


def wait_after(attempts: int) -> timedelta:
    """The wait after this many attempts: doubled each time, at most an hour.

    The second half of it is random: rows that failed together do not come back together.
    """
    first = timedelta(seconds=float(settings.DELIVERY_BACKOFF_SECONDS))
    full: timedelta = min(first * 2 ** min(attempts - 1, 30), LONGEST)
    return full / 2 + full / 2 * random.random()  # noqa: S311 - spreads load, keeps no secret
