"""Time: what people write of it, and the arithmetic of days, wall clocks and zones.

One rule holds throughout: the wall clock is computed first and made an instant at once, and only instants are compared.
An instant is a datetime in UTC; `now` is always an argument.
"""

from __future__ import annotations

import calendar
import difflib
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, JsonValue, PlainSerializer, WithJsonSchema

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
"""A day of the week, as a flow file names it."""

Unit = Literal["day", "week", "month", "quarter", "year"]
"""A unit of the calendar; weeks begin on Monday."""

MIDNIGHT = time(0)
_WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DAYS = {"day": 1, "week": 7}
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::00)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})([T ].+)?", re.ASCII)


def clock_time(text: object) -> time:
    """Read a time of day, as `09:00`; raise ValueError when it is none, or not a whole minute."""
    match = _CLOCK.fullmatch(str(text))
    if match is None:
        raise ValueError(f"{str(text)[:80]!r} is no time of day; write hours and minutes, as '09:00'")
    return time(int(match[1]), int(match[2]))


ClockTime = Annotated[
    time,
    BeforeValidator(clock_time),
    PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_CLOCK.pattern}$", "examples": ["09:00"]}),
]
"""A time of day on a wall clock, to the minute."""


def calendar_date(text: object) -> date:
    """Read a calendar date, as `2026-12-24`; raise ValueError when it is none."""
    try:
        if _DAY.fullmatch(str(text)):
            return date.fromisoformat(str(text))
    except ValueError:
        pass
    raise ValueError(f"{str(text)[:80]!r} is no date; write year, month and day, as '2026-12-24'")


CalendarDate = Annotated[
    date, BeforeValidator(calendar_date), PlainSerializer(lambda value: value.isoformat(), return_type=str)
]
"""A day of the calendar, in no zone."""


def zone_name(name: str) -> str:
    """Give the name of a time zone back; raise ValueError when it is none, as a path of a file is."""
    if name not in _zones():
        near = difflib.get_close_matches(name[:80], _zones(), 1)
        hint = f"did you mean {near[0]!r}?" if near else "write one as 'Europe/Helsinki'"
        raise ValueError(f"{name[:80]!r} is no time zone; {hint}")
    return name


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"Factory", "localtime"}  # what a computer's owner set, or did not


ZoneName = Annotated[str, AfterValidator(zone_name)]
"""The name of a time zone of the IANA database."""


def local_instant(day: date, at: time, zone: str) -> datetime:
    """Give the instant of a wall-clock moment.

    One that the clocks skip moves forward by as much as they do; of one that they show twice it is the first.
    """
    wall = datetime.combine(day, at.replace(fold=0), ZoneInfo(zone_name(zone)))
    try:
        return wall.astimezone(UTC)
    except OverflowError:
        raise _outside(f"{day} {at:%H:%M} in {zone}") from None


def wall_clock(instant: datetime, zone: str) -> datetime:
    """Give what the clocks of a zone show at an instant, as a datetime in no zone."""
    try:
        return instant.astimezone(ZoneInfo(zone_name(zone))).replace(tzinfo=None)
    except OverflowError:
        raise _outside(f"{instant} in {zone}") from None


def next_occurrence(now: datetime, zone: str, weekdays: tuple[Weekday, ...], at: time | None) -> datetime:
    """Give the first moment strictly after now that is on one of the weekdays (on any, if none is given) at a time.

    Without a time it is the beginning of the day, and on such a day it is now.
    """
    today = wall_clock(now, zone).date()
    if at is None and _WEEKDAYS[today.weekday()] in weekdays:
        return now
    moments = (local_instant(day, at or MIDNIGHT, zone) for day in _around(today) if is_on(day, weekdays))
    return next(each for each in moments if each > now)


def _around(today: date) -> Iterator[date]:
    """Give the days on which the next moment may be.

    A moment of yesterday that the clocks skipped may still be to come; where a day came twice, one of tomorrow may
    be over, and its weekday returns in eight days.
    """
    return (shift(today, days, "day") for days in range(-1, 9))


def is_on(day: date, weekdays: tuple[Weekday, ...]) -> bool:
    """Tell whether a day is one of some weekdays; without any, every day is."""
    return not weekdays or _WEEKDAYS[day.weekday()] in weekdays


def on_date(day: date, days: int, at: time | None, zone: str) -> datetime:
    """Give the instant some days after a date (before, if negative), at a time of the zone or as the day begins."""
    return local_instant(shift(day, days, "day"), at or MIDNIGHT, zone)


def from_property(value: JsonValue, days: int, at: time | None, zone: str) -> datetime | None:
    """Give the instant that a property's value leads to, None for an empty one; raise ValueError when it is no date.

    A date is a day of the calendar in whatever zone. A datetime without days and time is its instant; with them it is
    the day that the zone's calendar then shows, and, if no time is given, the time that its clocks show.
    """
    found = moment(value)
    if found is None:
        return None
    if not isinstance(found, datetime):
        return on_date(found, days, at, zone)
    if found.tzinfo is None:
        return on_date(found.date(), days, at or found.time(), zone)
    if not days and at is None:
        return in_utc(found)
    wall = wall_clock(found, zone)
    return on_date(wall.date(), days, at or wall.time(), zone)


def moment(value: JsonValue) -> date | datetime | None:
    """Read a property's value as the date or datetime it is, None for an empty one; raise ValueError when it is none.

    A datetime that names no offset is left without one: it is a wall clock's, in the zone of whoever asks.
    """
    if value is None or value == "":
        return None
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    try:
        if match is None:
            raise ValueError(value)
        return date.fromisoformat(match[1]) if match[2] is None else datetime.fromisoformat(match[0])
    except ValueError:
        message = f"{str(value)[:80]!r} is no date; it reads as '2026-12-24' or '2026-12-24T09:00:00+02:00'"
        raise ValueError(message) from None


def in_utc(stamp: datetime) -> datetime:
    """Give a datetime that has an offset in UTC."""
    try:
        return stamp.astimezone(UTC)
    except OverflowError:
        raise _outside(str(stamp)) from None


def start_of(unit: Unit, day: date, *, fiscal_start: int = 1) -> date:
    """Give the first day of the unit that a day is in; quarters and years count from the month `fiscal_start`."""
    if unit in _DAYS:
        return shift(day, -(day.weekday() % _DAYS[unit]), "day")
    months = (day.month - fiscal_start) % _MONTHS[unit]
    return shift(day.replace(day=1), -months, "month")


def shift(day: date, count: int, unit: Unit) -> date:
    """Give the day so many units later (earlier, if negative); where a month is too short, its last day."""
    try:
        if unit in _DAYS:
            return day + timedelta(days=count * _DAYS[unit])
        year, month = divmod(day.year * 12 + day.month - 1 + count * _MONTHS[unit], 12)
        return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
    except (OverflowError, ValueError):
        raise _outside(f"{day} and {count} {unit}s") from None


def _outside(what: str) -> ValueError:
    return ValueError(f"{what} lies outside the calendar, which has the years 1 to 9999")
