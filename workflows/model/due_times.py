"""When something is due: so long from now, counted on some weekdays only where that is asked, at a time of day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from workflows.model.durations import duration
from workflows.model.when import ClockTime, Weekday, is_on, local_instant, shift, wall_clock

_DAY = timedelta(days=1)


def _length(given: object) -> object:
    """Keep a length of time as it is written; raise ValueError when it is none."""
    is_bare = isinstance(given, int | float) and not isinstance(given, bool)
    if is_bare:
        raise ValueError(f"{given} of what? Write a number and a unit, as '3 days' or '2 hours'")
    if isinstance(given, str):
        duration(given)
    return given


Length = Annotated[str, BeforeValidator(_length), Field(examples=["3 days", "2 hours"])]
"""A length of time, as `3 days`."""


class DueTime(BaseModel):
    """A moment counted from now, as `{after: 3 days, on: [mon, tue, wed, thu, fri], at: "09:00"}`.

    `at` is a time of day in the flow's zone, without `after` that of today; with `on`, only these weekdays are counted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: Length | None = Field(None, description="How long from now, as `3 days` or `2 hours`; none means today.")
    at: ClockTime | None = Field(None, description="The time of day, in the flow's zone.")
    on: tuple[Weekday, ...] = Field((), description="The weekdays that are counted; none means every day.")

    @model_validator(mode="after")
    def _is_a_moment(self) -> Self:
        if self.after is None and self.at is None:
            raise ValueError("say how long `after`, or `at` which time of today")
        if len({*self.on}) != len(self.on):
            raise ValueError("`on` names a weekday twice")
        if (self.at or self.on) and self._length % _DAY:
            raise ValueError(f"`after` must be in whole days beside `at` and `on`, not {self.after}")
        return self

    @property
    def _length(self) -> timedelta:
        return timedelta() if self.after is None else duration(self.after)

    def moment(self, now: datetime, zone: str) -> datetime:
        """Give the instant; it may be past where only a time of today is given."""
        if self.at is None and not self.on:
            return now + self._length
        wall = wall_clock(now, zone)
        return local_instant(_counted(wall.date(), self._length.days, self.on), self.at or wall.time(), zone)


def _counted(day: date, days: int, on: tuple[Weekday, ...]) -> date:
    """Give the day so many days later, of which only those on the weekdays count, and itself one of these."""
    if not on:
        return shift(day, days, "day")
    while days > 0 or not is_on(day, on):
        day = shift(day, 1, "day")
        days -= is_on(day, on)
    return day
