"""What an operator means on a value: the rules that conditions follow in Python, and in SQL (`003_conditions.sql`).

Equality goes by *keys*: two values are the same if they have a key in common. A text has its folded form, a number its
decimal digits, and a text that shows a number is the same as that number. Two texts are never compared as numbers, so
the postcode 0123 is not 123. A list has the keys of all that stands in it; what is an object or nested has none.
"""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from math import isfinite

from pydantic import JsonValue

Scalar = str | bool | int | float
"""What a condition compares with: a text, a number, true or false."""

Check = Callable[[JsonValue], bool]
"""Tells whether a value that is not empty passes."""

CASES: tuple[tuple[int, int, int, int], ...] = (
    (65, 90, 1, 32),  # A to Z
    (192, 214, 1, 32),  # À to Ö
    (216, 222, 1, 32),  # Ø to Þ
    (256, 302, 2, 1),  # Ā to Į; İ, whose small letter is two, stays as it is
    (306, 310, 2, 1),
    (313, 327, 2, 1),
    (330, 374, 2, 1),
    (376, 376, 1, -121),  # Ÿ
    (377, 381, 2, 1),
    (399, 399, 1, 202),  # Ə
    (416, 416, 1, 1),  # Ơ
    (431, 431, 1, 1),  # Ư
    (536, 538, 2, 1),  # Ș and Ț
    (7680, 7828, 2, 1),
    (7838, 7838, 1, -7615),  # ẞ
    (7840, 7934, 2, 1),  # Ạ to Ỿ
    (902, 902, 1, 38),  # Greek
    (904, 906, 1, 37),
    (908, 908, 1, 64),
    (910, 911, 1, 63),
    (913, 929, 1, 32),
    (931, 939, 1, 32),
    (962, 962, 1, 1),  # a final sigma is a sigma
    (1024, 1039, 1, 80),  # Cyrillic
    (1040, 1071, 1, 32),
    (1162, 1214, 2, 1),
    (1217, 1229, 2, 1),
    (1232, 1326, 2, 1),
    (1329, 1366, 1, 48),  # Armenian
)
"""The letters that have a small form: first and last, step, and how far away the small one is.

Neither Python's `casefold` nor PostgreSQL's `lower` is the same everywhere: one depends on the version, the other on
the database. So the rule is our own, one letter for one letter, and the schema file holds the same lines.
"""

_SMALL = {letter: letter + away for first, last, step, away in CASES for letter in range(first, last + 1, step)}
_NUMERIC = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_LONGEST_NUMBER = 400

NEGATIONS = {
    "is_not": "is_",
    "is_none_of": "is_any_of",
    "is_not_exactly": "is_exactly",
    "does_not_contain": "contains",
    "does_not_contain_all": "contains_all",
    "not_between": "between",
    "has_never_been": "has_ever_been",
    "has_never_contained": "has_ever_contained",
    "has_never_been_any_of": "has_ever_been_any_of",
    "has_never_been_exactly": "has_ever_been_exactly",
    "has_never_contained_all": "has_ever_contained_all",
    "not_updated_within": "updated_within",
}
"""Operators that are met where another one is not."""

EVER = {
    "has_ever_been": "is_",
    "has_ever_contained": "contains",
    "has_ever_been_any_of": "is_any_of",
    "has_ever_been_exactly": "is_exactly",
    "has_ever_contained_all": "contains_all",
}
"""Operators that are met where another one is, or was, on any value that the property ever had."""

BOUNDS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "greater_than": operator.gt,
    "at_least": operator.ge,
    "less_than": operator.lt,
    "at_most": operator.le,
}
"""Operators that compare numbers."""


def is_empty(value: JsonValue) -> bool:
    """Tell whether there is no value: a property that is missing or null, a text or a list with nothing in it."""
    return value is None or value in ("", [])


def folded(text: str) -> str:
    """Give a text as it is compared: without regard to case, and to whether an accent is a character of its own."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).translate(_SMALL)


def number(value: JsonValue) -> Decimal | None:
    """Give the number that a value is, or that a text shows in plain digits; None for any other."""
    match value:
        case bool():
            return None
        case int():
            return Decimal(value)
        case float():
            return exact(value) if isfinite(value) else None
        case str():
            return Decimal(value) if len(value) <= _LONGEST_NUMBER and _NUMERIC.fullmatch(value) else None
        case _:
            return None


def exact(amount: float) -> Decimal:
    """Give a number as it is written: 0.1 is a tenth."""
    return Decimal(amount) if isinstance(amount, int) else Decimal(repr(amount))


def digits(amount: Decimal) -> str:
    """Write a number in decimal digits, the same for 5, 5.0 and 5e0."""
    plain = format(amount, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain == "-0" else plain


def atoms(value: JsonValue) -> Iterator[Scalar]:
    """Give the texts, numbers and booleans of a list, or the one that a value is."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str | bool | int | float) and (not isinstance(each, float) or isfinite(each)):
            yield each


def text(atom: Scalar) -> str:
    """Give a text, number or boolean as the text that is looked through."""
    if isinstance(atom, str):
        return folded(atom)
    if isinstance(atom, bool):
        return "true" if atom else "false"
    return digits(exact(atom))


def keys(value: JsonValue) -> Iterator[str]:
    """Give the keys of a record's value; a number's is another than that of a text which shows it."""
    for atom in atoms(value):
        if isinstance(atom, str):
            yield f"t:{folded(atom)}"
            if (amount := number(atom)) is not None:
                yield f"d:{digits(amount)}"
        else:
            yield f"{'t' if isinstance(atom, bool) else 'n'}:{text(atom)}"


def wanted_keys(wanted: Iterable[Scalar]) -> frozenset[str]:
    """Give the keys that a value has which is the same as one of those wanted."""
    found = set[str]()
    for atom in wanted:
        if isinstance(atom, str):
            found.add(f"t:{folded(atom)}")
            if (amount := number(atom)) is not None:
                found.add(f"n:{digits(amount)}")
        elif isinstance(atom, bool):
            found.add(f"t:{text(atom)}")
        else:
            found |= {f"n:{text(atom)}", f"d:{text(atom)}"}
    return frozenset(found)


def _is(wanted: tuple[Scalar, ...]) -> Check:
    known = wanted_keys(wanted)
    # Several options are none of their single ones.
    return lambda value: not (isinstance(value, list) and len(value) > 1) and not known.isdisjoint(keys(value))


def _is_any_of(wanted: tuple[Scalar, ...]) -> Check:
    known = wanted_keys(wanted)
    return lambda value: not known.isdisjoint(keys(value))


def _contains_all(wanted: tuple[Scalar, ...]) -> Check:
    each = [wanted_keys((one,)) for one in wanted]

    def check(value: JsonValue) -> bool:
        there = frozenset(keys(value))
        return not any(one.isdisjoint(there) for one in each)

    return check


def _is_exactly(wanted: tuple[Scalar, ...]) -> Check:
    known, has_all = wanted_keys(wanted), _contains_all(wanted)

    def check(value: JsonValue) -> bool:
        options = value if isinstance(value, list) else [value]
        return not any(known.isdisjoint(keys(option)) for option in options) and has_all(value)

    return check


def _looks_through(passes: Callable[[str, str], bool]) -> Callable[[tuple[Scalar, ...]], Check]:
    def make(wanted: tuple[Scalar, ...]) -> Check:
        sought = [text(one) for one in wanted]
        return lambda value: any(passes(there, one) for there in map(text, atoms(value)) for one in sought)

    return make


CHECKS: dict[str, Callable[[tuple[Scalar, ...]], Check]] = {
    "is_": _is,
    "is_any_of": _is_any_of,
    "is_exactly": _is_exactly,
    "contains_all": _contains_all,
    "contains": _looks_through(operator.contains),
    "starts_with": _looks_through(str.startswith),
    "ends_with": _looks_through(str.endswith),
}
"""Operators that compare with one value or several, each made ready once for many values."""


def compares(name: str, wanted: Decimal) -> Check:
    """Make the check of an operator that compares numbers."""
    passes = BOUNDS[name]

    def check(value: JsonValue) -> bool:
        amount = number(value)
        return amount is not None and passes(amount, wanted)

    return check


def between(lowest: Decimal, highest: Decimal) -> Check:
    """Make the check whether a number lies between two others, each of them included."""

    def check(value: JsonValue) -> bool:
        amount = number(value)
        return amount is not None and lowest <= amount <= highest

    return check
