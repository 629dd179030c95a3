"""The words of a comparison: what an operator says of a value, in English."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from pydantic import JsonValue

from workflows.model.time_points import Reading, Stretch, TimePoint, TimeRange

MOST_QUOTED = 80
"""Characters of a value that are quoted."""

_MOST_NAMED = 8

_PHRASES = {
    "is_": "is {}",
    "is_not": "is not {}",
    "is_any_of": "is any of {}",
    "is_none_of": "is none of {}",
    "is_exactly": "is exactly {}",
    "is_not_exactly": "is not exactly {}",
    "contains": "contains {}",
    "does_not_contain": "does not contain {}",
    "contains_all": "contains all of {}",
    "does_not_contain_all": "does not contain all of {}",
    "starts_with": "starts with {}",
    "ends_with": "ends with {}",
    "greater_than": "is greater than {}",
    "at_least": "is at least {}",
    "less_than": "is less than {}",
    "at_most": "is at most {}",
    "between": "is {}",
    "not_between": "is not {}",
    "before": "is before {}",
    "after": "is after {}",
    "on_or_before": "is {} or before",
    "on_or_after": "is {} or after",
    "in_": "is in {}",
    "within_last": "is within the last {}",
    "more_than_ago": "is more than {} ago",
    "within_next": "is within the next {}",
    "more_than_from_now": "is more than {} from now",
    "has_ever_been": "has ever been {}",
    "has_never_been": "has never been {}",
    "has_ever_contained": "has ever contained {}",
    "has_never_contained": "has never contained {}",
    "has_ever_been_any_of": "has ever been any of {}",
    "has_never_been_any_of": "has never been any of {}",
    "has_ever_been_exactly": "has ever been exactly {}",
    "has_never_been_exactly": "has never been exactly {}",
    "has_ever_contained_all": "has ever contained all of {}",
    "has_never_contained_all": "has never contained all of {}",
    "updated_within": "was changed within the last {}",
    "not_updated_within": "was not changed within the last {}",
}
_ENDS = {"after": "after {}", "on_or_after": "from {}", "before": " and before {}", "on_or_before": " to {}"}
_LENGTHS = (("day", 86400), ("hour", 3600), ("minute", 60))
_SIGN = re.compile(r"\s*([+-])\s*")


def phrase(operator: str, wanted: object) -> str:
    """Say what an operator says of a value, as `is any of lead or customer`."""
    if operator == "is_known":
        return "is known" if wanted else "is empty"
    word = "and" if operator.endswith(("exactly", "contains_all", "contain_all", "contained_all")) else "or"
    one_day = isinstance(wanted, Stretch) and wanted.at.strip().lower() in ("yesterday", "today", "tomorrow")
    return ("is {}" if one_day else _PHRASES[operator]).format(_said(wanted, word))


def numbers_between(operator: str, wanted: tuple[float, ...]) -> str:
    """Say that a number lies between two others, or does not."""
    lowest, highest = wanted
    return f"is {'not ' if operator == 'not_between' else ''}between {lowest} and {highest}"


def _said(wanted: object, word: str) -> str:
    match wanted:
        case timedelta():
            return length(wanted)
        case TimePoint():
            return point(wanted)
        case Stretch():
            return _stretch(wanted)
        case TimeRange():
            return "".join(_ENDS[operator].format(point(end)) for operator, end in wanted.ends)
        case tuple():
            return listed([quoted(one) for one in wanted], word)
        case _:
            return quoted(wanted)  # type: ignore[arg-type]


def _stretch(wanted: Stretch) -> str:
    words = wanted.at.strip().lower().replace("_", " ")
    the = "the " if words.startswith(("last", "next")) else ""
    return f"{the}{words}{_where(wanted)}"


def compared(operator: str, name: str, otherwise: JsonValue) -> str:
    """Say what an operator says of a value and another property."""
    other = f"the {named(name)}" + (f" (or {quoted(otherwise)} where that is empty)" if otherwise is not None else "")
    return (
        _PHRASES[operator].replace("is {}", "is the same as {}").replace("not {}", "not the same as {}").format(other)
    )


def point(wanted: TimePoint) -> str:
    """Name a point of time, as `the renewal date - 3 days`."""
    if wanted.property is None:
        day = str(wanted.at).strip().replace("_", " ")
        return f"{day}{_where(wanted)}"
    said = of(wanted.property, wanted.read)
    if wanted.offset:
        by = _SIGN.sub(r" \1 ", wanted.offset).strip()
        said += f" {by}" if by[0] in "+-" else f" + {by}"
    if wanted.otherwise:
        said += f" (or {point(wanted.otherwise)} where that is empty)"
    return f"the {said}{_where(wanted)}"


def _where(wanted: TimePoint | Stretch) -> str:
    fiscal = f" of a year that begins with month {wanted.fiscal_start}" if wanted.fiscal_start != 1 else ""
    return fiscal + (f" in {wanted.zone}" if wanted.zone else "")


def of(name: str, read: Reading = "value") -> str:
    """Name a property, or what of it is read."""
    before = {"value": "", "date": "date of ", "anniversary": "anniversary of ", "updated": "last change of "}
    return f"{before[read]}{named(name)}"


def named(name: str) -> str:
    """Name a property for people."""
    return _cut(name.replace("_", " "))


def length(span: timedelta) -> str:
    """Write a length of time, as `1 day 12 hours`."""
    left, words = span.total_seconds(), list[str]()
    for unit, seconds in _LENGTHS:
        count, left = divmod(left, seconds)
        words += [_counted(count, unit)] if count else []
    return " ".join([*words, *([_counted(left, "second")] if left or not words else [])])


def _counted(count: float, unit: str) -> str:
    return f"{count:g} {unit}{'' if count == 1 else 's'}"


def quoted(value: JsonValue) -> str:
    """Quote a value, cut to what one reads."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return _cut(listed([quoted(one) for one in value], "and")) if value else "empty"
    return "empty" if value in (None, "") else _cut(str(value))


def listed(words: Sequence[str], word: str) -> str:
    """List words, as `a, b or c`; of many only the first."""
    if len(words) > _MOST_NAMED + 1:
        words = [*words[:_MOST_NAMED], f"{len(words) - _MOST_NAMED} more"]
    return f" {word} ".join([*([", ".join(words[:-1])] if words[1:] else []), *words[-1:]])


def _cut(text: str) -> str:
    return text if len(text) <= MOST_QUOTED else f"{text[: MOST_QUOTED - 1]}…"
