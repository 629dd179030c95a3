"""What a cell of a file means: as a value of a property whose type is known, or as a hint of what the type may be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import JsonValue

from starter.loading.rows import YES_OR_NO

TYPES = ("text", "number", "boolean", "date", "datetime", "user")
"""Types that a property can be given by a load; options are defined where they are listed."""

MOST_UNIQUE = 500
"""Characters of a value that no two records share: it stands in an index."""

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,300}")
_LONGEST = 80

# What is surely no postcode, telephone or customer number: no zero before others, no plus, at most nine digits.
_SURELY_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?")
_SURELY_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SURELY_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)


@dataclass(frozen=True)
class Column:
    """A property as a column of a file: how it takes what the cells say."""

    name: str
    type: str = "text"
    options: tuple[JsonValue, ...] = ()
    is_unique: bool = False

    def read(self, cell: JsonValue) -> JsonValue:
        """Give a cell as the property's value; raise ValueError that says what the property takes."""
        try:
            value = _READ[self.type](cell, self.options)
        except (ValueError, KeyError, TypeError):
            takes = f"one of {', '.join(map(str, self.options))}" if self.options else f"a {self.type}"
            raise ValueError(f"{self.name} takes {takes}, not {_shown(cell)}") from None
        if self.is_unique and len(str(value)) > MOST_UNIQUE:
            raise ValueError(f"{self.name} is unique, and takes at most {MOST_UNIQUE} characters")
        return value


class Guess:
    """What type the cells of a column speak for: one that all of them are of, else text."""

    def __init__(self, *, reads_texts: bool) -> None:
        """Read texts as what they look like, or leave them texts; JSON's own numbers and booleans are what they are."""
        self.type, self.reads_texts = "", reads_texts

    def see(self, cell: JsonValue) -> None:
        """Take one more cell into account."""
        if self.type == "text":
            return
        found = self._kind(cell)
        self.type = found if self.type in ("", found) else "text"

    def _kind(self, cell: JsonValue) -> str:
        if isinstance(cell, bool):
            return "boolean"
        if isinstance(cell, int | float):
            return "number"
        return _looks(cell) if isinstance(cell, str) and self.reads_texts else "text"


def _looks(text: str) -> str:
    if _SURELY_NUMBER.fullmatch(text):
        return "number"
    if text.lower() in ("true", "false"):
        return "boolean"
    try:
        if _SURELY_DATE.fullmatch(text):
            date.fromisoformat(text)
            return "date"
        if _SURELY_DATETIME.fullmatch(text):
            datetime.fromisoformat(text)
            return "datetime"
    except ValueError:
        pass
    return "text"


def written(cell: JsonValue) -> str:
    """Write a cell as a CSV file has it."""
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)


def _shown(cell: JsonValue) -> str:
    return repr(cell[:_LONGEST]) if isinstance(cell, str) else written(cell)[:_LONGEST]


def _text(cell: JsonValue, _options: tuple[JsonValue, ...]) -> str:
    if isinstance(cell, dict | list):
        raise TypeError(cell)
    return written(cell)


def _boolean(cell: JsonValue, _options: tuple[JsonValue, ...]) -> bool:
    return YES_OR_NO[written(cell).lower()]


def _number(cell: JsonValue, _options: tuple[JsonValue, ...]) -> int | float:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return cell
    if not isinstance(cell, str) or not _NUMBER.fullmatch(cell):
        raise ValueError(cell)
    number = int(cell) if _WHOLE.fullmatch(cell) else float(cell)
    if number in (float("inf"), float("-inf")):  # JSON has no such number
        raise ValueError(cell)
    return number


def _date(cell: JsonValue, _options: tuple[JsonValue, ...]) -> str:
    return date.fromisoformat(cell).isoformat()  # type: ignore[arg-type]  # what is no text is a TypeError


def _datetime(cell: JsonValue, _options: tuple[JsonValue, ...]) -> str:
    return datetime.fromisoformat(cell).isoformat()  # type: ignore[arg-type]  # see above


def _option(cell: JsonValue, options: tuple[JsonValue, ...]) -> JsonValue:
    if cell not in options:
        raise ValueError(cell)
    return cell


def _options(cell: JsonValue, options: tuple[JsonValue, ...]) -> JsonValue:
    parts = [part.strip() for part in cell.split(";")] if isinstance(cell, str) else cell
    if not isinstance(parts, list):
        raise TypeError(cell)
    return [_option(part, options) for part in parts if part != ""]


_READ: Mapping[str, Callable[[JsonValue, tuple[JsonValue, ...]], JsonValue]] = {
    "text": _text,
    "user": _text,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "option": _option,
    "options": _options,
}
