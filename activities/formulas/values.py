"""The values of formulas, and how one is taken as another: "12" is a number where one is wanted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow

from pydantic import JsonValue

from workflows.model.filters import written as written_value
from workflows.model.moments import instant
from workflows.model.when import moment

Value = Decimal | str | bool | date | datetime | tuple[str, ...] | None

LONGEST_TEXT = 64 * 1024
"""Characters of any value on the way; what would be longer is an error, and is not begun."""

DIGITS = Context(prec=28, Emax=99, Emin=-99, traps=[InvalidOperation, DivisionByZero, Overflow])
"""How numbers are computed: exactly as on paper, to 28 digits, up to 10**99."""

_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?", re.ASCII)
_MILLISECONDS = Decimal(1000)


class Wrong(Exception):
    """A formula cannot be computed on these values; `code` holds nothing personal, the message may."""

    def __init__(self, code: str, message: str) -> None:
        """Take a code for history and a sentence for people."""
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Setting:
    """Where and when a formula is evaluated."""

    now: datetime
    zone: str = "UTC"
    locale: str = "en"


def taken(value: JsonValue) -> Value:
    """Take a value of a record or an output into a formula."""
    match value:
        case bool() | None | str():
            return value
        case int() | float():
            return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        case list():
            return tuple(text for each in value if (text := str(written_value(each))))
        case _:
            raise Wrong("type_mismatch", "an object with names of its own is no value for a formula")


def given(value: Value) -> JsonValue:
    """Give a value as JSON: a whole number as such, moments in UTC."""
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case tuple():
            return list(value)
        case _:
            return value


def number(value: Value) -> Decimal:
    """Take a value as a number."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return Decimal(value.strip())
    if isinstance(value, datetime):
        return Decimal(int(value.timestamp() * 1000))
    raise Wrong("empty_value" if value in (None, "") else "type_mismatch", f"{shown(value)} is no number")


def text(value: Value) -> str:
    """Take a value as a text; an empty one is the empty text."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case tuple():
            return bounded("; ".join(value))
        case _:
            return str(given(value))


def whole(value: Value) -> int:
    """Take a value as a whole number that counts something."""
    found = number(value)
    if found != found.to_integral_value() or abs(found) > LONGEST_TEXT:
        raise Wrong("type_mismatch", f"{shown(value)} is no whole number up to {LONGEST_TEXT}")
    return int(found)


def items(value: Value) -> tuple[str, ...]:
    """Take a value as a list of texts; an empty one has none."""
    if isinstance(value, tuple):
        return value
    return () if value in (None, "") else (text(value),)


def when(value: Value, zone: str) -> datetime:
    """Take a value as an instant: a datetime, a date (which is its beginning in the zone), or Unix milliseconds."""
    try:
        if isinstance(value, Decimal):
            return datetime.fromtimestamp(float(value / _MILLISECONDS), UTC)
        found = value if isinstance(value, date) else moment(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        found = None
    if found is None:
        raise Wrong("empty_value" if value in (None, "") else "type_mismatch", f"{shown(value)} is no date")
    return instant(found, zone)


def is_day(value: Value) -> bool:
    """Tell whether a value is a calendar date, without a time."""
    if isinstance(value, str):
        try:
            value = moment(value)
        except ValueError:
            return False
    return isinstance(value, date) and not isinstance(value, datetime)


def bounded(value: str) -> str:
    """Give a text back that is not too long."""
    if len(value) > LONGEST_TEXT:
        raise Wrong("too_large", f"a text of {len(value)} characters; at most {LONGEST_TEXT}")
    return value


def shown(value: Value) -> str:
    """Show a value in a message for people."""
    return "an empty value" if value in (None, "", ()) else repr(given(value))[:60]
