"""What properties take: how a text is read as a value, what may be copied where, and what an edit makes of a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from math import isfinite

from pydantic import JsonValue
from pydantic_core import to_json

from activities.action import Refused
from activities.effects import AddTo, Append, Clear, Edit, Edited, Fill, PropertyDefinition, Remove, SetTo
from workflows.model.facts import EPOCH
from workflows.model.moments import written
from workflows.model.operators import digits, exact, folded, is_empty, number
from workflows.model.records import RecordRef
from workflows.model.when import wall_clock

_COPIES = {
    "text": ("text", "number"),
    "number": ("number",),
    "boolean": ("boolean",),
    "date": ("date", "datetime"),
    "datetime": ("datetime", "date"),
    "option": ("option",),
    "options": ("options", "option"),
    "user": ("user",),
}
"""By the type of the target, the types of what may be copied into it."""

_MULTIPLE, _NUMBER = "options", "number"


def may_copy(source: str, target: str) -> bool:
    """Tell whether a property of one type may be copied into one of another."""
    return source in _COPIES.get(target, ())


def edited(
    ref: RecordRef,
    properties: Mapping[str, JsonValue],
    edits: Mapping[str, Edit],
    definitions: Mapping[str, PropertyDefinition] | None,
) -> Edited:
    """Give what edits make of a record's properties. Raise Refused.

    Without definitions every property is there, and takes anything.
    """
    before = {name: properties.get(name) for name in edits}
    after = {name: _made(name, before[name], edit, _editable(name, definitions)) for name, edit in edits.items()}
    return Edited(ref, before, after)


def _editable(name: str, definitions: Mapping[str, PropertyDefinition] | None) -> PropertyDefinition | None:
    if definitions is None:
        return None
    if name not in definitions:
        raise Refused("unknown_property", name)
    if definitions[name].read_only:
        raise Refused("read_only_property", name)
    return definitions[name]


def _made(name: str, before: JsonValue, edit: Edit, definition: PropertyDefinition | None) -> JsonValue:
    match edit:
        case Clear():
            return None
        case SetTo(value, is_written):
            if definition is None or value is None:
                return value
            return fitting(name, read(value, definition.type) if is_written else value, definition)
        case Fill(value):
            return before if not is_empty(before) else _made(name, before, SetTo(value), definition)
        case AddTo(amount):
            _is_a(name, definition, _NUMBER)
            return _sum(name, before, amount)
        case Append(options):
            _is_a(name, definition, _MULTIPLE)
            there = _options(before)
            added: list[JsonValue] = [each for each in dict.fromkeys(options) if each not in there]
            if definition:
                fitting(name, added, definition)
            return [*there, *added] or None
        case Remove(options):
            _is_a(name, definition, _MULTIPLE)
            return [each for each in _options(before) if each not in options] or None


def _is_a(name: str, definition: PropertyDefinition | None, type_: str) -> None:
    if definition is not None and definition.type != type_:
        raise Refused("wrong_type", f"{name} is a {definition.type}, not a {type_}")


def _options(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else [] if is_empty(value) else [value]


def _sum(name: str, before: JsonValue, amount: float) -> JsonValue:
    """Add as people do on paper: a tenth and two tenths are three tenths."""
    there = exact(0) if is_empty(before) else number(before)
    if there is not None and not isinstance(before, float) and there == int(there) and amount == int(amount):
        return int(there) + int(amount)
    total = float(there + exact(amount)) if there is not None else float("nan")
    if not isfinite(total):
        raise Refused("bad_value", f"{name} is {before!r}; nothing can be added to it")
    return total


def unique_texts(each: Edited, definitions: Mapping[str, PropertyDefinition] | None) -> dict[str, str]:
    """Give the new values of unique properties by name, as they are compared; none for what is empty."""
    changed = {name: each.after[name] for name in each.changed if definitions and definitions[name].is_unique}
    return {name: text for name, value in changed.items() if (text := compared(value))}


def compared(value: JsonValue) -> str:
    """Give a value as it is compared with others of its property: `A@B.C` is the same as `a@b.c`."""
    return folded(value if isinstance(value, str) else "" if value is None else to_json(value).decode())


def fitting(name: str, value: JsonValue, definition: PropertyDefinition) -> JsonValue:
    """Give the value back; raise Refused where the property's type or its options do not take it."""
    if not _FITS[definition.type](value):
        raise Refused("bad_value", f"{name} is a {definition.type}; {value!r} is none")
    if definition.type in ("option", _MULTIPLE):
        for each in _options(value):
            if each not in definition.options:
                raise Refused("unknown_option", f"{name} has no option {each!r}")
    return value


def read(value: JsonValue, type_: str) -> JsonValue:
    """Read a text as a property of a type has it: as a person writes it and a token renders it.

    Any other value stays as it is, and so does a text that shows no value of the type: it will not fit.
    """
    reading = _READ.get(type_)
    return reading(value.strip()) if reading and isinstance(value, str) and value.strip() else value


def converted(value: JsonValue, type_: str, zone: str) -> JsonValue:
    """Give a value that is copied as a property of a type has it; one that cannot be such stays, and will not fit.

    A date becomes midnight in UTC, and a datetime the day that it is in `zone`. A number is a moment in Unix
    milliseconds where a moment is wanted.
    """
    if _FITS[type_](value):
        return value
    if type_ == "text":
        return _as_text(value)
    if type_ in ("date", "datetime"):
        moment = _moment(value)
        if moment is None:
            return value
        return as_date(moment, zone) if type_ == "date" else as_datetime(moment)
    return read(value, type_)


def as_date(moment: date | datetime, zone: str) -> str:
    """Write the day of a moment: of an instant that in `zone`."""
    if isinstance(moment, datetime):
        moment = (wall_clock(moment, zone) if moment.tzinfo else moment).date()
    return moment.isoformat()


def as_datetime(moment: date | datetime) -> str:
    """Write a moment as a datetime; a date is its midnight in UTC."""
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time(), UTC)
    return moment.isoformat()


def _moment(value: JsonValue) -> date | datetime | None:
    milliseconds = number(value)
    if milliseconds is None:
        return written(value)
    try:
        return EPOCH + timedelta(milliseconds=float(milliseconds))
    except OverflowError:
        return None


def _as_text(value: JsonValue) -> JsonValue:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "; ".join(str(_as_text(each)) for each in value)
    amount = None if isinstance(value, str) else number(value)
    return value if amount is None else digits(amount)


def _number(text: str) -> JsonValue:
    amount = number(text)
    if amount is None:
        return text
    return int(amount) if "." not in text else float(amount)


def _datetime(text: str) -> JsonValue:
    found = written(text)
    return as_datetime(found) if found is not None and not isinstance(found, datetime) else text


_READ: Mapping[str, Callable[[str], JsonValue]] = {
    "number": _number,
    "boolean": lambda text: {"true": True, "false": False}.get(text.lower(), text),
    "date": lambda text: text,
    "datetime": _datetime,
    "option": lambda text: text,
    "options": lambda text: [part.strip() for part in text.split(";") if part.strip()],
    "user": lambda text: text,
}

_FITS: Mapping[str, Callable[[JsonValue], bool]] = {
    "text": lambda value: isinstance(value, str),
    "user": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "date": lambda value: (found := written(value)) is not None and not isinstance(found, datetime),
    "datetime": lambda value: isinstance(written(value), datetime),
    "option": lambda value: isinstance(value, str),
    "options": lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value),
}
