"""Days and nights: whose they are, when they begin, and when they end."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings

Window = tuple[time, time]


def house_zone() -> ZoneInfo:
    """The zone of DEFAULT_TIME_ZONE. Raises ValueError if it is none."""
    try:
        return ZoneInfo(settings.DEFAULT_TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError):
        name = settings.DEFAULT_TIME_ZONE
        raise ValueError(f"DEFAULT_TIME_ZONE is {name!r}. Name one like Africa/Nairobi.") from None


def zone_of(name: str) -> ZoneInfo:
    """The zone of this name; the house's for none, or for one that is no longer known."""
    try:
        return ZoneInfo(name) if name else house_zone()
    except (ZoneInfoNotFoundError, ValueError):
        return house_zone()


def today(now: datetime) -> date:
    """The day it is at the house."""
    return now.astimezone(house_zone()).date()


def day_start(day: date) -> datetime:
    """The moment at which a day begins at the house."""
    return datetime.combine(day, time(), house_zone()).astimezone(UTC)


def next_day(now: datetime) -> datetime:
    """The moment at which the house's next day begins."""
    return day_start(today(now) + timedelta(days=1))


def parse_window(text: str) -> Window | None:
    """The two times of "21:00-08:00"; None for "". Raises ValueError for anything else."""
    if not text:
        return None
    try:
        start, end = (time.fromisoformat(part.strip()) for part in text.split("-"))
    except ValueError:
        start = end = time()
    if start == end or start.tzinfo or end.tzinfo:
        raise ValueError(f"QUIET_HOURS is {text!r}. Write two times, like 21:00-08:00.")
    return start, end


def is_quiet(clock: time, window: Window) -> bool:
    """Whether a clock that shows `clock` is within the window, which may go over midnight."""
    start, end = window
    return start <= clock < end if start < end else clock >= start or clock < end


def next_allowed(moment: datetime, window: Window, zone: ZoneInfo) -> datetime:
    """`moment`, or the end of the quiet hours that it falls into in `zone`.

    Goes by what the clocks there show. Where they are put back, the end may come twice: the
    one that is still to come counts. Where they are put forward over the end, it is reached
    late by no more than they jump.
    """
    local = moment.astimezone(zone)
    if not is_quiet(local.time(), window):
        return moment
    start, end = window
    overnight = start > end and local.time() >= start
    day = local.date() + timedelta(days=overnight)
    ends = (datetime.combine(day, end, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return min(
        each
        for each in ends
        if each > moment and not is_quiet(each.astimezone(zone).time(), window)
    )
