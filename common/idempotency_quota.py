"""How many idempotency records one principal can have at a time.

To count a million of them takes half a second. Each process counts in the database once in so
many POSTs, and until then takes it that there is room. So each process may exceed the quota by STEP
of it; a quota of less than 1 / STEP is exact.
"""

import time
from dataclasses import dataclass

from django.conf import settings
from rest_framework import status

from common.errors import Problem
from common.housekeeping import HOURLY
from common.models import IdempotencyRecord

# The part of the quota that a process may use before it counts (again).
STEP = 0.01
# How many processes may use up what is left of the quota, far from its end.
SHARES = 8
# How many records are counted in a second at most, for a principal who has reached the quota
# and goes on asking: a few percent of what a database can count.
COUNTED_PER_SECOND = 20_000
MOST_PRINCIPALS = 10_000


@dataclass(slots=True)
class Room:
    """For how many more records of a principal a process takes it that there is room.

    Without any, it counts them, but not before `count_at` (monotonic seconds).
    """

    quota: int
    left: int
    count_at: float = 0


_rooms: dict[str, Room] = {}


def require_room(principal: str) -> None:
    """Takes room for a record that was just inserted. Raises a 429 Problem if there is none."""
    room = room_of(principal)
    if room.left > 0:
        room.left -= 1
        return
    now = time.monotonic()
    if now < room.count_at:
        raise full(room.quota)
    left = room.quota - records_of(principal, most=room.quota + 1)
    if left < 0:
        room.count_at = now + room.quota / COUNTED_PER_SECOND
        raise full(room.quota)
    room.left = min(left, max(step_of(room.quota), left // SHARES))


def room_of(principal: str) -> Room:
    """What this process knows of a principal, under the present quota."""
    quota: int = settings.IDEMPOTENCY_RECORDS_PER_PRINCIPAL
    room = _rooms.get(principal)
    if room is None or room.quota != quota:
        if len(_rooms) >= MOST_PRINCIPALS:
            _rooms.clear()
        room = _rooms[principal] = Room(quota, left=step_of(quota))
    return room


def step_of(quota: int) -> int:
    """How many records a process lets be stored between two counts."""
    return int(quota * STEP)


def records_of(principal: str, *, most: int) -> int:
    """How many records a principal has, counted to `most`, by the index that begins with it."""
    return IdempotencyRecord.objects.filter(principal=principal)[:most].count()


def full(quota: int) -> Problem:
    """The refusal of one more record."""
    return Problem(
        f"{quota} of your Idempotency-Keys of the last 24 hours are on record, which is the most. "
        "Use fewer, or try again when the oldest are forgotten.",
        status=status.HTTP_429_TOO_MANY_REQUESTS,
        code="idempotency_quota",
        # When housekeeping has had its turn.
        headers={"Retry-After": str(int(HOURLY.total_seconds()))},
    )
