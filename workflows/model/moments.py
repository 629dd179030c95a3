"""Points and stretches of time as instants: when a condition is judged, and in which zone.

Everything becomes a span of instants, the end not included. An instant is a span of a microsecond, the finest that
PostgreSQL keeps, so that each comparison is one with a beginning or an end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from pydantic import JsonValue

from workflows.model.time_points import Calendar, Offset, Reading, Stretch, TimePoint, TimeRange
from workflows.model.when import MIDNIGHT, Unit, in_utc, local_instant, shift, start_of, wall_clock

TICK = timedelta(microseconds=1)

_VALUE = re.compile(
    r"([12][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))"
    r"([T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])?)?"
)
"""A date or a datetime as a property holds it; the schema file reads it by the same pattern."""


class Clock(NamedTuple):
    """When and where a condition is judged."""

    now: datetime
    zone: str


class Span(NamedTuple):
    """From an instant up to another, which is not of it; None where there is no bound."""

    start: datetime | None
    end: datetime | None

    def __contains__(self, moment: object) -> bool:
        return (
            isinstance(moment, datetime)
            and (self.start is None or self.start <= moment)
            and (self.end is None or moment < self.end)
        )


class Bounds(NamedTuple):
    """A point with both its ends."""

    start: datetime
    end: datetime


Read = Callable[[str, Reading], "date | datetime | None"]
"""Gives what of a property of the record is read, None where it is empty or no date."""


def written(value: JsonValue) -> date | datetime | None:
    """Read a property's value as the date or datetime it is, None for any other.

    A datetime without an offset has none; it is a wall clock's.
    """
    match = _VALUE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        return datetime.fromisoformat(match[0]) if match[2] else date.fromisoformat(match[1])
    except ValueError:  # the 31st of a month with 30 days
        return None


def day_of(value: JsonValue) -> date | None:
    """Give the calendar date that a date or datetime is written with, in whatever zone."""
    found = written(value)
    return found.date() if isinstance(found, datetime) else found


def instant(moment: date | datetime, zone: str) -> datetime:
    """Give the instant of a moment; a date is its beginning."""
    if not isinstance(moment, datetime):
        return local_instant(moment, MIDNIGHT, zone)
    return local_instant(moment.date(), moment.time(), zone) if moment.tzinfo is None else in_utc(moment)


def anniversary(moment: date | datetime, clock: Clock) -> date | datetime:
    """Give the day of this year on which a date comes again, at the time of a datetime; 29 February may be the 28th."""
    year = wall_clock(clock.now, clock.zone).year
    if not isinstance(moment, datetime):
        return shift(moment, year - moment.year, "year")
    wall = moment if moment.tzinfo is None else wall_clock(moment, clock.zone)
    return datetime.combine(shift(wall.date(), year - wall.year, "year"), wall.time())


def moved(moment: date | datetime, by: Offset, zone: str) -> date | datetime:
    """Move a moment: on the calendar and the wall clock first, then by what elapses."""
    if by.months or by.days:
        wall = wall_clock(moment, zone) if isinstance(moment, datetime) and moment.tzinfo else moment
        day = wall.date() if isinstance(wall, datetime) else wall
        day = shift(shift(day, by.months, "month"), by.days, "day")
        moment = datetime.combine(day, wall.time()) if isinstance(wall, datetime) else day
    return instant(moment, zone) + timedelta(seconds=by.seconds) if by.seconds else moment


def bounds(point: TimePoint, clock: Clock, read: Read) -> Bounds | None:
    """Give the span of a point, None where a property that it names is empty or no date."""
    here = clock if point.zone is None else Clock(clock.now, point.zone)
    if point.property is None:
        return _span_of_words(point, here)
    found = read(point.property, point.read)
    if found is None:
        return bounds(point.otherwise, here, read) if point.otherwise else None
    again = anniversary(found, here) if point.read == "anniversary" else found
    return _span(moved(again, point.moved, here.zone), here.zone)


def _span_of_words(point: TimePoint, clock: Clock) -> Bounds:
    base, by = point.base, point.moved
    if not isinstance(base, Calendar):
        return _span(moved(base or clock.now, by, clock.zone), clock.zone)
    first = _first(base.unit, clock, point.fiscal_start)
    start = moved(shift(first, base.away, base.unit), by, clock.zone)
    return _span(start, clock.zone, base.unit if by.keeps(base.unit) else "day")


def _first(unit: Unit, clock: Clock, fiscal_start: int) -> date:
    return start_of(unit, wall_clock(clock.now, clock.zone).date(), fiscal_start=fiscal_start)


def _span(start: date | datetime, zone: str, unit: Unit = "day") -> Bounds:
    begin = instant(start, zone)
    if isinstance(start, datetime):
        return Bounds(begin, begin + TICK)
    return Bounds(begin, instant(shift(start, 1, unit), zone))


def stretch(words: Stretch, clock: Clock) -> Span:
    """Give the span of a stretch of the calendar."""
    here = clock if words.zone is None else Clock(clock.now, words.zone)
    unit, away, count, so_far = words.calendar
    start = shift(_first(unit, here, words.fiscal_start), away, unit)
    end = clock.now + TICK if so_far else instant(shift(start, count, unit), here.zone)
    return Span(instant(start, here.zone), end)


def window(operator: str, wanted: object, clock: Clock, read: Read) -> Span | None:
    """Give the span in which a moment meets an operator, None where a property that it names is empty or no date."""
    match wanted:
        case Stretch():
            return stretch(wanted, clock)
        case timedelta():
            return rolling(operator, wanted, clock.now)
        case TimeRange():
            first, last = (window(*end, clock, read) for end in wanted.ends)
            return Span(first.start, last.end) if first and last else None
        case TimePoint():
            found = bounds(wanted, clock, read)
            return found and beside(operator, found)
    raise TypeError(operator)


def rolling(operator: str, length: timedelta, now: datetime) -> Span:
    """Give the span of an operator that counts from now."""
    match operator:
        case "within_last" | "updated_within":
            return Span(now - length, now + TICK)
        case "within_next":
            return Span(now, now + length + TICK)
        case "more_than_ago":
            return Span(None, now - length)
        case _:
            return Span(now + length + TICK, None)


def beside(operator: str, point: Bounds) -> Span:
    """Give the span before or after a point, with or without it."""
    match operator:
        case "before":
            return Span(None, point.start)
        case "on_or_before":
            return Span(None, point.end)
        case "after":
            return Span(point.end, None)
        case _:
            return Span(point.start, None)
