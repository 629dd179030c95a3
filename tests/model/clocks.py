"""The second method for time: watch the clocks of a zone tick by, and note what they show."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from workflows.model.when import _zones

ZONES = sorted(_zones())
TICK = timedelta(seconds=30)
HOUR = timedelta(hours=1)
AROUND = 16  # hours: more than any zone is ahead of UTC or behind it


def shown(instant: datetime, zone: str) -> datetime:
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def watched(day: date, at: time, zone: str) -> datetime:
    """The first instant at which the clocks show a moment; if none does, that at which clocks left alone would have.

    Where the clocks are not touched for hours around, the moment is as far from UTC as they are; else they are watched.
    """
    wall = datetime.combine(day, at)
    middle = wall.replace(tzinfo=UTC)
    ahead = {shown(hour, zone) - hour.replace(tzinfo=None) for hour in ticks(middle, HOUR)}
    if len(ahead) == 1:
        return middle - ahead.pop()
    for instant in ticks(middle, TICK):
        if shown(instant, zone) == wall:
            return instant
        if shown(instant, zone) < wall < shown(instant + TICK, zone):
            return instant + (wall - shown(instant, zone))
    raise AssertionError(wall)


def ticks(middle: datetime, step: timedelta) -> list[datetime]:
    return [middle + number * step for number in range(-AROUND * (HOUR // step), AROUND * (HOUR // step) + 1)]


@cache
def turns(zone: str, year: int) -> list[datetime]:
    """The instants of a year from which on the clocks of a zone are differently far from UTC, to the tick."""
    days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=number) for number in range(366)]
    return [turn(one, other, zone) for one, other in pairwise(days) if far(one, zone) != far(other, zone)]


def turn(before: datetime, after: datetime, zone: str) -> datetime:
    while after - before > TICK:
        middle = before + (after - before) // TICK // 2 * TICK
        before, after = (middle, after) if far(middle, zone) == far(before, zone) else (before, middle)
    return after


def far(instant: datetime, zone: str) -> timedelta:
    return shown(instant, zone) - instant.replace(tzinfo=None)


@st.composite
def places(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and an instant from 1970 to 2100, in every second case near one at which its clocks are changed."""
    zone, year = draw(st.sampled_from(ZONES)), draw(st.integers(1970, 2100))
    if draw(st.booleans()) and (changes := turns(zone, year)):
        return zone, draw(st.sampled_from(changes)) + draw(st.integers(-3000, 3000)) * TICK
    return zone, datetime(year, 1, 1, tzinfo=UTC) + timedelta(seconds=draw(st.integers(0, 366 * 86400)))
