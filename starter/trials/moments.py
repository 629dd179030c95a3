"""Trying a delay: the instant at which it ends, what the clocks of a zone show then, and where they were moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from starter.language.wording import worded
from workflows.model.delays import due
from workflows.model.durations import duration
from workflows.model.errors import CallerError
from workflows.model.moments import instant
from workflows.model.nodes import NEXT, DelayUntil
from workflows.model.when import MIDNIGHT, moment, shift, wall_clock, zone_name

_DAY = timedelta(days=1)
_OPTIONS = {"on": "--on", "at": "--at-time", "days": "--days"}


@dataclass(frozen=True)
class Until:
    """What a `delay_until` waits for: weekdays and/or a time of day, or some days from a date or datetime."""

    on: tuple[str, ...] = ()
    at: str | None = None
    date: str | None = None
    days: int = 0


@dataclass(frozen=True)
class Shown:
    """An instant, what the clocks of the zone show at it, and a word where they were moved."""

    instant: datetime
    wall_clock: str
    weekday: str
    note: str = ""


@dataclass(frozen=True)
class Tried:
    """When a delay begins and ends; it has no end where nothing is waited for, and then `because` says why."""

    zone: str
    since: Shown
    until: Shown | None
    because: str = ""


def zone_of(name: str | None) -> str:
    """Read the name of a time zone, UTC if none is given; raise CallerError when there is no such."""
    try:
        return zone_name(name or "UTC")
    except ValueError as error:
        raise CallerError(f"--zone: {error}") from None


def moment_of(text: str | None, zone: str, option: str) -> datetime:
    """Read a date or a datetime, now if none is given; without an offset it is of the zone's wall clock.

    Raise CallerError when it is none.
    """
    if text is None:
        return datetime.now(UTC)
    try:
        found = moment(text)
        if found is None:
            raise ValueError("write a moment, as '2026-12-24T09:00'")
        return instant(found, zone)
    except ValueError as error:
        raise CallerError(f"{option}: {error}") from None


def tried(length: str | None, asked: Until, since: str | None, zone: str) -> Tried:
    """Say when a delay of a length ends, or one until something; raise CallerError where both are asked."""
    if length is None:
        return until(asked, since, zone)
    if asked != Until():
        raise CallerError(f"{length!r} counts from the beginning; leave out --on, --at-time, --date and --days")
    return after(length, since, zone)


def after(length: str, since: str | None, zone: str) -> Tried:
    """Try `for: 2 days`. Raise CallerError for what is no length of time."""
    begin = moment_of(since, zone, "--from")
    try:
        span = duration(length)
        end = begin + span
    except ValueError as error:
        raise CallerError(str(error)) from None
    except OverflowError:
        raise CallerError(f"{length} from {begin:%Y-%m-%d} lies outside the calendar, which ends in 9999") from None
    return Tried(zone, _begun(since, begin, zone), _after(begin, end, span, zone))


def _after(begin: datetime, end: datetime, span: timedelta, zone: str) -> Shown:
    shown = show(end, zone)
    first, last = wall_clock(begin, zone), wall_clock(end, zone)
    if span % _DAY or first.time() == last.time():
        return shown
    note = f"the clocks change in between: time elapses, so they show {last:%H:%M} and not {first:%H:%M}"
    return Shown(shown.instant, shown.wall_clock, shown.weekday, "; ".join(filter(None, (note, shown.note))))


def until(asked: Until, since: str | None, zone: str) -> Tried:
    """Try a `delay_until`. Raise CallerError for what such a step cannot say."""
    begin = moment_of(since, zone, "--from")
    node = _node(asked)
    try:
        moment(asked.date)
    except ValueError as error:
        raise CallerError(f"--date: {error}") from None
    found = due(node, begin, zone, asked.date)
    shown = show(found.until, zone, _wanted(node, asked.date, found.until, zone)) if found.until else None
    return Tried(zone, _begun(since, begin, zone), shown, found.because)


def _node(asked: Until) -> DelayUntil:
    """Make the step that is asked for; a date is given as a property's value, for that may be a datetime too."""
    given = {"on": asked.on, "at": asked.at, "days": asked.days, "property": "date" if asked.date else None}
    try:
        return DelayUntil.model_validate({"id": "try", "name": "Try", "edges": {NEXT: None}, **given})
    except ValidationError as error:
        told = "; ".join(_told(each) for each in error.errors(include_url=False))
        raise CallerError(told) from None


def _told(error: ErrorDetails) -> str:
    option = _OPTIONS.get(str(error["loc"][0]), "") if error["loc"] else ""
    return f"{option}: {worded(error)}" if option else "until when? Give --on and/or --at-time, or --date"


def _wanted(node: DelayUntil, day: str | None, found: datetime, zone: str) -> datetime | None:
    """Give what the clocks would show if nobody moved them, None where no time of day is asked for."""
    date_ = moment(day)
    if isinstance(date_, datetime):
        return None if node.at is None else datetime.combine(wall_clock(found, zone).date(), node.at)
    if date_ is not None:
        return datetime.combine(shift(date_, node.days, "day"), node.at or MIDNIGHT)
    return None if node.at is None else datetime.combine(wall_clock(found, zone).date(), node.at)


def _begun(since: str | None, begin: datetime, zone: str) -> Shown:
    """Show the beginning of a delay; one written as a wall clock shows may have been moved."""
    written = moment(since)
    return show(begin, zone, written if isinstance(written, datetime) and written.tzinfo is None else None)


def show(at: datetime, zone: str, wanted: datetime | None = None) -> Shown:
    """Show an instant; where the clocks of that day do not show what was wanted, or show it twice, say so."""
    wall = wall_clock(at, zone)
    note = _moved(wall, wanted) or _twice(at, zone)
    return Shown(at, wall.isoformat(sep=" ", timespec="seconds"), f"{wall:%A}", note)


def _moved(wall: datetime, wanted: datetime | None) -> str:
    if wanted is None or wanted == wall:
        return ""
    if wall.date() != wanted.date():
        return f"the zone has no {wanted:%Y-%m-%d %H:%M}: the clocks skip it, so it is {wall:%Y-%m-%d %H:%M}"
    return f"the clocks skip {wanted:%H:%M} that day, so it is {wall:%H:%M}"


def _twice(at: datetime, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    if local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset():
        return ""
    return f"the clocks show {local:%H:%M} twice that day; this is the {'second' if local.fold else 'first'} time"
