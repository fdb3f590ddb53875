"""It knows when it is night, and when a day begins."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from pytest_django.fixtures import Settings

from notifications.clock import (
    day_start,
    is_quiet,
    next_allowed,
    next_day,
    parse_window,
    today,
    zone_of,
)

NAIROBI = ZoneInfo("Africa/Nairobi")
BERLIN = ZoneInfo("Europe/Berlin")
OVERNIGHT = (time(21), time(8))


def at(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "zone", "moment", "until"),
    [
        # Nairobi is three hours ahead, all year round.
        (OVERNIGHT, NAIROBI, "2026-01-01 17:59:59", "2026-01-01 17:59:59"),
        (OVERNIGHT, NAIROBI, "2026-01-01 18:00:00", "2026-01-02 05:00:00"),
        (OVERNIGHT, NAIROBI, "2026-01-01 23:00:00", "2026-01-02 05:00:00"),
        (OVERNIGHT, NAIROBI, "2026-01-02 04:59:59", "2026-01-02 05:00:00"),
        (OVERNIGHT, NAIROBI, "2026-01-02 05:00:00", "2026-01-02 05:00:00"),
        # Within one day.
        ((time(12), time(14)), NAIROBI, "2026-01-01 09:30:00", "2026-01-01 11:00:00"),
        ((time(12), time(14)), NAIROBI, "2026-01-01 20:00:00", "2026-01-01 20:00:00"),
        # From and to midnight.
        ((time(22), time(0)), NAIROBI, "2026-01-01 20:00:00", "2026-01-01 21:00:00"),
        ((time(0), time(6)), NAIROBI, "2026-01-01 21:00:00", "2026-01-02 03:00:00"),
        # Over a change of the clocks: the night is an hour shorter, an hour longer.
        (OVERNIGHT, BERLIN, "2026-03-28 22:00:00", "2026-03-29 06:00:00"),
        (OVERNIGHT, BERLIN, "2026-10-24 22:00:00", "2026-10-25 07:00:00"),
        # The end is skipped: 02:30 is not there on that day.
        ((time(0), time(2, 30)), BERLIN, "2026-03-29 00:30:00", "2026-03-29 01:30:00"),
        # The end comes twice: before the first, and between the two.
        ((time(0), time(2, 30)), BERLIN, "2026-10-25 00:10:00", "2026-10-25 00:30:00"),
        ((time(0), time(2, 30)), BERLIN, "2026-10-25 01:10:00", "2026-10-25 01:30:00"),
    ],
)
def test_waits_for_the_end_of_the_night(
    window: tuple[time, time], zone: ZoneInfo, moment: str, until: str
) -> None:
    assert next_allowed(at(moment), window, zone) == at(until)


@pytest.mark.parametrize("zone", ["Africa/Nairobi", "Europe/Berlin", "America/Sao_Paulo", "UTC"])
@pytest.mark.parametrize("zone_day", ["2026-03-28", "2026-10-24", "2018-11-03"])
@pytest.mark.parametrize(
    "window", [OVERNIGHT, (time(0), time(2, 30)), (time(2), time(3)), (time(23), time(0, 30))]
)
def test_never_ends_within_the_night(window: tuple[time, time], zone: str, zone_day: str) -> None:
    there = ZoneInfo(zone)
    for minutes in range(0, 3 * 24 * 60, 7):
        moment = at(zone_day) + timedelta(minutes=minutes)

        until = next_allowed(moment, window, there)

        assert not is_quiet(until.astimezone(there).time(), window)
        quiet = is_quiet(moment.astimezone(there).time(), window)
        assert moment < until <= moment + timedelta(hours=13) if quiet else until == moment


@pytest.mark.parametrize("text", ["21:00", "21-08-09", "21:00-21:00", "x-y", "25:00-08:00", "-"])
def test_refuses_hours_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="Write two times, like 21:00-08:00"):
        parse_window(text)


def test_reads_hours() -> None:
    assert parse_window("21:00-08:00") == OVERNIGHT
    assert parse_window(" 21:00 - 08:00 ") == OVERNIGHT
    assert parse_window("") is None


def test_days_begin_where_the_house_is(settings: Settings) -> None:
    settings.DEFAULT_TIME_ZONE = "Africa/Nairobi"
    late = at("2026-01-01 21:30:00")

    assert today(late) == date(2026, 1, 2)
    assert day_start(today(late)) == at("2026-01-01 21:00:00")
    assert next_day(late) == at("2026-01-02 21:00:00")


def test_goes_by_the_house_where_the_customer_says_nothing(settings: Settings) -> None:
    settings.DEFAULT_TIME_ZONE = "Africa/Nairobi"

    assert zone_of("").key == zone_of("Atlantis/City").key == "Africa/Nairobi"
    assert zone_of("Europe/Berlin").key == "Europe/Berlin"
