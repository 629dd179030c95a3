"""Functions of dates and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from activities.formulas.values import Setting, Value, Wrong, is_day, shown, text, when, whole
from workflows.model.filters import FILTERS, Work
from workflows.model.when import Unit, local_instant, shift, wall_clock

_EXACT = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
_CALENDAR: dict[str, Unit] = {"day": "day", "week": "week", "month": "month", "quarter": "quarter", "year": "year"}
_STYLES = ("short", "medium", "long", "full")
_LONGEST_FORM = 100


def formatted(setting: Setting, at: Value, form: Value = "medium") -> Value:
    """Write a date in the words of the locale; a calendar date without a time."""
    from babel.dates import format_date, format_datetime

    how = text(form)
    if not how or len(how) > _LONGEST_FORM:
        raise Wrong("type_mismatch", f"a form of a date has 1 to {_LONGEST_FORM} characters")
    local = when(at, setting.zone).astimezone(ZoneInfo(setting.zone))
    try:
        if is_day(at) and how in _STYLES:
            return format_date(local.date(), how, locale=setting.locale)
        return format_datetime(local, how, tzinfo=ZoneInfo(setting.zone), locale=setting.locale)
    except (AttributeError, KeyError, ValueError) as error:
        raise Wrong("type_mismatch", f"{shown(form)} is no form of a date: {error}") from None


def by_form(setting: Setting, at: Value, form: Value) -> Value:
    """Write a date by a form of the token filter `date`."""
    if mistake := FILTERS["date"].mistake((text(form),)):
        raise Wrong("type_mismatch", mistake)
    instant = when(at, setting.zone).astimezone(UTC).isoformat()
    return str(FILTERS["date"].apply(instant, (text(form),), Work(setting.zone)))


def later(setting: Setting, at: Value, count: Value, unit: Value) -> Value:
    """Give the moment so much later; days and longer keep the time of day in the flow's zone, and a date stays one."""
    return _moved(setting, at, whole(count), text(unit))


def earlier(setting: Setting, at: Value, count: Value, unit: Value) -> Value:
    """Give the moment so much earlier."""
    return _moved(setting, at, -whole(count), text(unit))


def milliseconds(setting: Setting, at: Value) -> Value:
    """Give Unix milliseconds."""
    return Decimal(round(when(at, setting.zone).timestamp() * 1000))


def _moved(setting: Setting, at: Value, count: int, unit: str) -> Value:
    name, found = unit.removesuffix("s"), when(at, setting.zone)
    try:
        if name in _EXACT:
            return found + count * _EXACT[name]
        if name in _CALENDAR:
            return _by_calendar(found, count, _CALENDAR[name], setting.zone, day=is_day(at))
    except (ValueError, OverflowError) as error:
        raise Wrong("type_mismatch", f"no such date: {error}") from None
    units = ", ".join(f"{each}s" for each in (*_EXACT, *_CALENDAR))
    raise Wrong("type_mismatch", f"{shown(unit)} is no unit of time; there are {units}")


def _by_calendar(found: datetime, count: int, unit: Unit, zone: str, *, day: bool) -> Value:
    wall = wall_clock(found, zone)
    moved = shift(wall.date(), count, unit)
    return moved if day else local_instant(moved, wall.time(), zone)
