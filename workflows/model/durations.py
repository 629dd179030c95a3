"""Lengths of time, as people write them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

LONGEST = timedelta(days=5 * 366)
"""A delay past this is a slip of the pen; the server also caps timers, at 100 years."""

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}
_PART = re.compile(r"(\d{1,20}(?:\.\d{1,3})?)\s*(second|minute|hour|day|week)s?\s*", re.ASCII)


def duration(text: object) -> timedelta:
    """Read `2 days`, `1 hour 30 minutes` or `0.5 seconds`.

    Raise ValueError when it is not a duration, is nothing, or is longer than five years.
    """
    seconds = _seconds(text)
    if not timedelta.resolution.total_seconds() <= seconds <= LONGEST.total_seconds():
        raise ValueError(f"{str(text)[:80]} is not between 0 and 5 years")
    return timedelta(seconds=seconds)


def _seconds(text: object) -> float:
    match text:
        case timedelta():
            return text.total_seconds()
        case int() | float() if not isinstance(text, bool):
            return text
        case _:
            return _read(str(text))


def _read(text: str) -> float:
    words, at, seconds = text.strip().lower(), 0, 0.0
    while at < len(words) and (part := _PART.match(words, at)):
        seconds += float(part[1]) * _UNITS[part[2]]
        at = part.end()
    if at < len(words) or not words:
        message = f"{text[:80]!r} is not a duration; write a number and a unit, as '2 days' or '1 hour 30 minutes'"
        raise ValueError(message)
    return seconds


Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    PlainSerializer(lambda value: value.total_seconds(), return_type=float),
    WithJsonSchema({"type": ["string", "number"], "examples": ["2 days", "1 hour 30 minutes"]}),
]
"""A length of elapsed time; in a stored revision a number of seconds."""
