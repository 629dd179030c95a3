"""Time arithmetic: durations as people write them. Instants are UTC."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

LONGEST = timedelta(days=5 * 366)
"""A delay past this is a slip of the pen; the server also caps timers, at 100 years."""

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*(second|minute|hour|day|week)s?\s*")


def duration(text: object) -> timedelta:
    """Read `2 days`, `1 hour 30 minutes` or `0.5 seconds`.

    Raise ValueError when it is not a duration, is nothing, or is longer than five years.
    """
    try:
        if isinstance(text, timedelta):
            found = text
        elif isinstance(text, int | float) and not isinstance(text, bool):
            found = timedelta(seconds=text)
        else:
            found = _read(str(text))
    except OverflowError:
        found = timedelta.max
    if not timedelta(0) < found <= LONGEST:
        raise ValueError(f"{text} is not between 0 and 5 years")
    return found


def _read(text: str) -> timedelta:
    words, at, seconds = text.strip().lower(), 0, 0.0
    while at < len(words) and (part := _PART.match(words, at)):
        seconds += float(part[1]) * _UNITS[part[2]]
        at = part.end()
    if at < len(words) or not words:
        message = f"{text[:80]!r} is not a duration; write a number and a unit, as '2 days' or '1 hour 30 minutes'"
        raise ValueError(message)
    return timedelta(seconds=seconds)


Duration = Annotated[
    timedelta, BeforeValidator(duration), PlainSerializer(lambda value: value.total_seconds(), return_type=float)
]
"""A length of elapsed time; in a stored revision a number of seconds."""
