"""Points and stretches of time, as conditions name them: `now - 2 hours`, `2026-12-24`, `last 2 months`.

A point is an instant or a whole day, week, month, quarter or year. What is *before* a day is before it begins, what is
*after* it comes when it is over. How a point becomes instants is told in `moments.py`.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import cached_property
from typing import Annotated, Literal, NamedTuple, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    model_serializer,
    model_validator,
)

from workflows.model.when import Unit, ZoneName

Reading = Literal["value", "date", "anniversary", "updated"]
"""What of a property is read: its value; the calendar date it is written with; the day of this year on which it comes
again; when the property was last changed."""

FURTHEST = 100
"""Years that a point may be moved by."""

_UNIT = "|".join(get_args(Unit))
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_SECONDS = {"minute": 60, "hour": 3600}
_A_YEAR: dict[Unit, int] = {"day": 365, "week": 52, "month": 12, "quarter": 4, "year": 1}
_NAMED = {"yesterday": "last day", "today": "this day", "tomorrow": "next day"}
_AWAY = {"last": -1, "this": 0, "next": 1}

_STEP = re.compile(rf"([+-]?)\s*([0-9]{{1,6}})\s*({_UNIT}|hour|minute)s?\s*")
_MOMENT = r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}(?:[t ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:z|[+-][0-9]{2}:[0-9]{2})?)?"
_POINT = re.compile(rf"(now|today|yesterday|tomorrow|(?:last|this|next) (?:{_UNIT})|{_MOMENT})\s*((?:[+-].*)?)")
_STRETCH = re.compile(rf"(last|next) (?:([0-9]{{1,5}}) )?({_UNIT})s?|this ({_UNIT})( so far)?")

_GIVEN = ConfigDict(frozen=True, extra="forbid")

FiscalStart = Annotated[int, Field(ge=1, le=12, strict=True)]
"""The month that a fiscal year begins with, 1 for January."""


class Offset(NamedTuple):
    """How far a point is moved: by the calendar first, then by elapsed seconds."""

    months: int = 0
    days: int = 0
    seconds: int = 0

    def keeps(self, unit: Unit) -> bool:
        """Tell whether a unit of the calendar that is moved is still one; a month moved by days is a day."""
        if self.seconds or unit == "day":
            return not self.seconds
        if unit == "week":
            return not self.months and self.days % 7 == 0
        return not self.days and self.months % _MONTHS[unit] == 0


def offset(words: str) -> Offset:
    """Read `-3 days` or `+ 1 month - 2 hours`; raise ValueError when it is none, or is over a hundred years."""
    months = days = seconds = at = 0
    words = words.strip().lower()
    while at < len(words) and (step := _STEP.match(words, at)):
        count, unit = int(f"{step[1]}{step[2]}"), step[3]
        months += count * _MONTHS.get(unit, 0)
        days += count * {"day": 1, "week": 7}.get(unit, 0)
        seconds += count * _SECONDS.get(unit, 0)
        at = step.end()
    if at < len(words) or not words:
        raise ValueError(f"{words[:80]!r} does not move a point; write a number and a unit, as '-3 days'")
    if max(abs(months) / 12, abs(days) / 366, abs(seconds) / 86400 / 366) > FURTHEST:
        raise ValueError(f"{words[:80]!r} is more than {FURTHEST} years")
    return Offset(months, days, seconds)


class Calendar(NamedTuple):
    """So many units of the calendar before, at or after the present one: `units` of them, from `away` on."""

    unit: Unit
    away: int
    units: int = 1
    so_far: bool = False


Base = date | datetime | Calendar | None
"""What a point begins with: a day, a moment, a unit of the calendar, or now."""


def _unit(word: str) -> Unit:
    return next(unit for unit in get_args(Unit) if unit == word)


def _plain(words: str) -> str:
    words = words.strip().lower().replace("_", " ")
    return _NAMED.get(words, words)


def _base(words: str) -> Base:
    away, _, unit = _NAMED.get(words, words).partition(" ")
    if words == "now":
        return None
    if away in _AWAY:
        return Calendar(_unit(unit), _AWAY[away])
    try:
        return datetime.fromisoformat(words.upper()) if ":" in words else date.fromisoformat(words)
    except ValueError:
        raise ValueError(f"{words!r} is no day of the calendar, or no time of a day") from None


def given_fields(model: BaseModel) -> dict[str, object]:
    """Give the fields of a model that were given; a model that caches what it derives has more in it than fields."""
    return {name: getattr(model, name) for name in type(model).model_fields if name in model.model_fields_set}


class _AsGiven(BaseModel):
    """Writes what was given, and as a plain text where nothing but that was."""

    model_config = _GIVEN

    @model_validator(mode="before")
    @classmethod
    def _from_words(cls, given: object) -> object:
        return {"at": given} if isinstance(given, str) else given

    @model_serializer
    def _as_given(self) -> object:
        given = given_fields(self)
        return given["at"] if list(given) == ["at"] else given


class TimePoint(_AsGiven):
    """A point of time: `at` words such as `today - 3 days`, or as a property of the record says.

    `zone` is where its day begins, if not where the flow's do. A property may be moved by an `offset`, and give way to
    `otherwise` where it is empty.
    """

    at: str | None = None
    property: str | None = Field(None, min_length=1, max_length=200)
    read: Reading = "value"
    offset: str | None = None
    otherwise: TimePoint | None = None
    zone: ZoneName | None = None
    fiscal_start: FiscalStart = 1

    @model_validator(mode="after")
    def _reads(self) -> Self:
        if (self.at is None) == (self.property is None):
            raise ValueError("a point of time is words such as 'today', or a `property`")
        if self.at is not None and self.model_fields_set & {"read", "offset", "otherwise"}:
            raise ValueError("`read`, `offset` and `otherwise` stand beside a `property`; write 'today - 3 days'")
        if self.otherwise is not None and self.otherwise.property is not None:
            raise ValueError("`otherwise` is a point of its own, not another property's")
        base = self.base
        if self.fiscal_start != 1 and not (isinstance(base, Calendar) and base.unit in ("quarter", "year")):
            raise ValueError("`fiscal_start` stands beside a quarter or a year")
        _ = self.moved
        return self

    @cached_property
    def _parts(self) -> tuple[str, str]:
        match = _POINT.fullmatch((self.at or "now").strip().lower().replace("_", " "))
        if match is None:
            said = f"{str(self.at)[:80]!r} is no point of time; write 'now', 'today - 3 days', 'this month', "
            raise ValueError(f"{said}'2026-12-24' or '2026-12-24T09:00'")
        return match[1], match[2]

    @cached_property
    def base(self) -> Base:
        """What the point begins with, if it is not a property."""
        return _base(self._parts[0])

    @cached_property
    def moved(self) -> Offset:
        """How far it is moved from there."""
        words = self.offset if self.property is not None else self._parts[1]
        return offset(words) if words else Offset()


class Stretch(_AsGiven):
    """A stretch of the calendar: `today`, `last 2 months`, `this quarter`, `this year so far`.

    Units are whole, and the last and next ones do not hold the present one. Weeks begin on Monday.
    """

    at: str
    zone: ZoneName | None = None
    fiscal_start: FiscalStart = 1

    @model_validator(mode="after")
    def _reads(self) -> Self:
        calendar = self.calendar
        if self.fiscal_start != 1 and calendar.unit not in ("quarter", "year"):
            raise ValueError("`fiscal_start` stands beside a quarter or a year")
        return self

    @cached_property
    def calendar(self) -> Calendar:
        """The units of the calendar that it is made of."""
        match = _STRETCH.fullmatch(_plain(self.at))
        if match is None:
            said = f"{self.at[:80]!r} is no stretch of time; write 'today', 'this week', 'last 2 months'"
            raise ValueError(f"{said} or 'this year so far'")
        if match[4]:
            return Calendar(_unit(match[4]), 0, so_far=bool(match[5]))
        unit, count = _unit(match[3]), int(match[2] or 1)
        if not 1 <= count <= FURTHEST * _A_YEAR[unit]:
            raise ValueError(f"{self.at[:80]!r} is not within {FURTHEST} years")
        return Calendar(unit, -count if match[1] == "last" else 1, count)


class TimeRange(BaseModel):
    """From one point to another: `[A, B]` holds both; `{after: A, before: B}` neither."""

    model_config = _GIVEN

    after: TimePoint | None = None
    on_or_after: TimePoint | None = None
    before: TimePoint | None = None
    on_or_before: TimePoint | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_pair(cls, given: object) -> object:
        if isinstance(given, list | tuple) and len(given) == len(("from", "to")):
            return {"on_or_after": given[0], "on_or_before": given[1]}
        return given

    @model_validator(mode="after")
    def _has_two_ends(self) -> Self:
        if (self.after is None) == (self.on_or_after is None) or (self.before is None) == (self.on_or_before is None):
            raise ValueError("give two points: [from, to], or `after` or `on_or_after`, and `before` or `on_or_before`")
        return self

    @property
    def ends(self) -> tuple[tuple[str, TimePoint], tuple[str, TimePoint]]:
        """The operators of its beginning and its end, with their points."""
        given = [(name, getattr(self, name)) for name in ("after", "on_or_after", "before", "on_or_before")]
        lower, upper = (end for end in given if end[1] is not None)
        return lower, upper

    @model_serializer
    def _as_given(self) -> dict[str, object]:
        return given_fields(self)
