"""What a token does with its value before it is put in: `{{ contact.name | trim | default('there') }}`.

A value is a text, or the texts of a list. A filter that changes letters changes each text of a list; the others take
a list as the one text that it would be written as. A filter that a value does not suit, as `date` for a word, leaves
it as it is: what stands in a mail should be what stands in the record, not a gap.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from html import escape
from types import UnionType

from workflows.model.errors import RecordError
from workflows.model.when import moment, wall_clock

Value = str | tuple[str, ...]
Argument = str | int
Apply = Callable[[Value, tuple[Argument, ...], "Work"], Value]

OUTPUT_BYTES = 256 * 1024
"""The most that a rendered text may take, in bytes of UTF-8."""

WORK = OUTPUT_BYTES
"""The most characters that filters may go over in one text."""

MOST_ITEMS = 10_000
MOST_DIGITS = 12
SEPARATOR = "; "

_ITEM_WORK = 8
_LONGEST_FORM = 100
_EXACT = 1e15
_LONGEST_INTEGER = 1024  # bits; Python refuses to write out very long ones
_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_WORDS = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*|[\W_]+")
_TAG = re.compile(r"<[!/?a-zA-Z][^<>]*>")
_CONTEXT = Context(prec=200)  # a number of 40 digits and an exponent of two is longer than the usual 28
_DIRECTIVE = re.compile(r"%(-?[a-zA-Z%])?")
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


class TooLarge(RecordError):
    """The values of the record make a text larger than OUTPUT_BYTES, or its filters go over more than WORK."""


@dataclass
class Work:
    """One rendering: the zone of its days, whether it is HTML, and how much its filters may still go over."""

    zone: str = "UTC"
    html: bool = False
    left: int = WORK

    def spend(self, value: Value) -> None:
        """Count a value that is gone over once more; raise TooLarge when it has been enough."""
        self.left -= len(value) if isinstance(value, str) else sum(map(len, value)) + _ITEM_WORK * len(value)
        if self.left < 0:
            raise TooLarge("the values are too large for the filters of this text; use fewer, or shorten the values")


@dataclass(frozen=True, eq=False)
class Filter:
    """A filter: how it is written, what it does, which arguments it takes (all but `optional`), what they may be."""

    usage: str
    apply: Apply
    takes: tuple[type | UnionType, ...] = ()
    optional: int = 0
    wrong: Callable[[tuple[Argument, ...]], str] = lambda _arguments: ""

    def mistake(self, arguments: tuple[Argument, ...]) -> str:
        """Say what is wrong with arguments; empty when they are right."""
        fit = all(isinstance(given, wanted) for given, wanted in zip(arguments, self.takes, strict=False))
        if not fit or not len(self.takes) - self.optional <= len(arguments) <= len(self.takes):
            return f"write {self.usage}"
        return self.wrong(arguments)


def written(value: object) -> Value:
    """Write a value of a record as a person would; of a list, each item that is not empty."""
    if not isinstance(value, list | tuple):
        return _scalar(value)
    if len(value) > MOST_ITEMS:
        raise TooLarge(f"a list is too long to be written: at most {MOST_ITEMS} items")
    return tuple(filter(None, map(_scalar, value)))


def joined(value: Value) -> str:
    """Give the one text that a value is written as."""
    return value if isinstance(value, str) else SEPARATOR.join(value)


def _scalar(value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() if value.bit_length() <= _LONGEST_INTEGER:
            return str(value)
        case float() if math.isfinite(value):
            return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
        case _:
            return ""


def _default(value: Value, arguments: tuple[Argument, ...], _work: Work) -> Value:
    return value or str(arguments[0])


def _letters(change: Callable[[str], str]) -> Apply:
    def apply(value: Value, _arguments: tuple[Argument, ...], _work: Work) -> Value:
        return change(value) if isinstance(value, str) else tuple(map(change, value))

    return apply


def _whole(change: Callable[..., str]) -> Apply:
    def apply(value: Value, arguments: tuple[Argument, ...], _work: Work) -> Value:
        return change(joined(value), *arguments)

    return apply


def _title(value: Value, arguments: tuple[Argument, ...], work: Work) -> Value:
    work.spend(value)  # word by word it takes twice as long as the others
    return _letters(_capitals)(value, arguments, work)


def _capitals(text: str) -> str:
    return "".join(map(str.capitalize, _WORDS.findall(text)))


def _truncate(text: str, most: int, end: str = "…") -> str:
    return text if len(text) <= most else text[: max(0, most - len(end))].rstrip() + end[:most]


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _rounded(number: Decimal, digits: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, _CONTEXT)


def _round(text: str, digits: int = 0) -> str:
    if (number := _number(text)) is None:
        return text
    plain = f"{_rounded(number, digits):f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain == "-0" else plain


def _thousands(text: str, digits: int | None = None, between: str = ",", point: str = ".") -> str:
    if (number := _number(text)) is None:
        return text
    whole, _, rest = f"{number if digits is None else _rounded(number, digits):,f}".partition(".")
    return whole.replace(",", between) + (point + rest if rest else "")


def _date(value: Value, arguments: tuple[Argument, ...], work: Work) -> Value:
    text = joined(value)
    try:
        found = moment(text)
        if isinstance(found, datetime) and found.tzinfo is not None:
            found = wall_clock(found, work.zone)
    except ValueError:
        return value
    if found is None:
        return value
    shown = found
    return _DIRECTIVE.sub(lambda directive: _PARTS[directive[1]](shown), str(arguments[0]))


def _time(read: Callable[[datetime], object]) -> Callable[[date], str]:
    """Show a part of the time of day; a date has none, and shows the beginning of the day."""
    return lambda day: str(read(day if isinstance(day, datetime) else datetime(day.year, day.month, day.day)))  # noqa: DTZ001


_PARTS: Mapping[str, Callable[[date], str]] = {
    "%": lambda _day: "%",
    "Y": lambda day: f"{day.year:04}",
    "y": lambda day: f"{day.year % 100:02}",
    "m": lambda day: f"{day.month:02}",
    "-m": lambda day: str(day.month),
    "B": lambda day: _MONTHS[day.month - 1],
    "b": lambda day: _MONTHS[day.month - 1][:3],
    "d": lambda day: f"{day.day:02}",
    "-d": lambda day: str(day.day),
    "A": lambda day: _DAYS[day.weekday()],
    "a": lambda day: _DAYS[day.weekday()][:3],
    "H": _time(lambda at: f"{at.hour:02}"),
    "-H": _time(lambda at: at.hour),
    "I": _time(lambda at: f"{(at.hour - 1) % 12 + 1:02}"),
    "-I": _time(lambda at: (at.hour - 1) % 12 + 1),
    "M": _time(lambda at: f"{at.minute:02}"),
    "S": _time(lambda at: f"{at.second:02}"),
    "p": _time(lambda at: "AM" if at.hour < 12 else "PM"),  # noqa: PLR2004
}


def _bad_form(arguments: tuple[Argument, ...]) -> str:
    if len(str(arguments[0])) > _LONGEST_FORM:
        return f"the form of a date takes at most {_LONGEST_FORM} characters"
    unknown = [match[0] for match in _DIRECTIVE.finditer(str(arguments[0])) if match[1] not in _PARTS]
    return f"a date has no {unknown[0]!r}; there are {' '.join(f'%{name}' for name in _PARTS)}" if unknown else ""


def _too_many_digits(arguments: tuple[Argument, ...]) -> str:
    many = arguments and isinstance(arguments[0], int) and arguments[0] > MOST_DIGITS
    return f"at most {MOST_DIGITS} digits may follow the point" if many else ""


def _join(value: Value, arguments: tuple[Argument, ...], work: Work) -> Value:
    if isinstance(value, str):
        return value
    between = str(arguments[0])
    if len(between) * len(value) > work.left:
        raise TooLarge(f"the values make the text too large: at most {OUTPUT_BYTES // 1024} KiB")
    return between.join(value)


def _item(which: int) -> Apply:
    return lambda value, _arguments, _work: value if isinstance(value, str) else value[which] if value else ""


_PERCENT = [chr(byte) if re.match(r"[\w.~-]", chr(byte), re.ASCII) else f"%{byte:02X}" for byte in range(256)]


def _urlencode(text: str) -> str:
    return "".join(map(_PERCENT.__getitem__, text.encode("utf-8", "replace")))


def _strip_tags(text: str) -> str:
    """Take tags out, for people; it makes nothing safe, which is what escaping is for."""
    plain = _TAG.sub("", text)
    for name, sign in (("nbsp", " "), ("lt", "<"), ("gt", ">"), ("quot", '"'), ("#39", "'"), ("amp", "&")):
        plain = plain.replace(f"&{name};", sign)
    return plain.strip()


def _escape(value: Value, _arguments: tuple[Argument, ...], work: Work) -> Value:
    return value if work.html else escape(joined(value))  # all values are escaped in HTML, and once is enough


FILTERS: Mapping[str, Filter] = {
    "default": Filter("default('there')", _default, (str | int,)),
    "upper": Filter("upper", _letters(str.upper)),
    "lower": Filter("lower", _letters(str.lower)),
    "title": Filter("title", _title),
    "capitalize": Filter("capitalize", _letters(str.capitalize)),
    "trim": Filter("trim", _letters(str.strip)),
    "truncate": Filter("truncate(40) or truncate(40, '...')", _whole(_truncate), (int, str), 1),
    "round": Filter("round or round(2)", _whole(_round), (int,), 1, _too_many_digits),
    "number": Filter(
        "number, number(2) or number(2, ' ', ',')", _whole(_thousands), (int, str, str), 3, _too_many_digits
    ),
    "date": Filter("date('%d.%m.%Y')", _date, (str,), 0, _bad_form),
    "join": Filter("join(', ')", _join, (str,)),
    "first": Filter("first", _item(0)),
    "last": Filter("last", _item(-1)),
    "urlencode": Filter("urlencode", _whole(_urlencode)),
    "striptags": Filter("striptags", _whole(_strip_tags)),
    "escape": Filter("escape", _escape),
}
"""All filters by name."""
