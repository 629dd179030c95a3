"""What pydantic has found, in plain words and as a stable code."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Any

from pydantic import JsonValue
from pydantic_core import ErrorDetails

_KINDS = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
}
_SPELT = {
    "^[a-z0-9][a-z0-9-]{0,79}$": "write small letters, digits and -, as demo-request",
    "^[a-z0-9][a-z0-9_-]{0,63}$": "write small letters, digits, - and _, as two-days",
    "^[a-z][a-z0-9_]{0,39}$": "write small letters, digits and _, as contact",
    "^[a-z][a-z0-9_.]{0,79}$": "write small letters, digits, _ and ., as form_submitted",
    "^[a-z][a-z0-9_]{0,99}$": "write a property by its internal name, as lifecycle_stage",
    r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_]+$": "write a step and one of its outputs, as opened.happened",
}
"""What people read where a name does not match; a pattern that is not here is shown as it is."""

SPAN_KEYS = dict.fromkeys(("for", "at_most", "timeout", "first", "most", "within"), "bad_duration")
"""Keys whose value is a length of time."""

_CODES = {
    "missing": "missing_key",
    "extra_forbidden": "unknown_key",
    "string_pattern_mismatch": "bad_name",
    "literal_error": "unknown_value",
    "too_short": "too_few",
    "too_long": "too_many",
    "recursion_loop": "too_deep",
}
_CODES_OF_KEYS = {
    **SPAN_KEYS,
    "at": "bad_time",
    "date": "bad_date",
    "headers": "invalid_header",
    "url": "url_blocked",
    "zone": "unknown_timezone",
}

_SYNONYMS = {
    "action": ("do",),
    "condition": ("when",),
    "default": ("otherwise",),
    "else": ("otherwise",),
    "equals": ("is",),
    "goto": ("go_to",),
    "if": ("branch", "when"),
    "email": ("send_email",),
    "pause": ("delay",),
    "sleep": ("delay",),
    "stop": ("end",),
    "switch": ("branch_on_value",),
    "then": ("steps",),
    "time": ("at",),
    "time_zone": ("timezone",),
    "trigger": ("on", "enroll"),
    "triggers": ("on", "enroll"),
    "type": ("do",),
    "value": ("is",),
    "wait": ("delay",),
    "wait_until": ("delay_until",),
    "weekdays": ("on",),
}
"""Words that other tools have for ours."""

_LIKENESS, _LIKENESS_OF_SHORT, _SHORT = 0.6, 0.5, 3
_MOST_WORDS = 12
_MOST_COMPARED = 100
_SHOWN = 60
_WANTS = re.compile(r"_(type|parsing|from_float)$")
_QUOTED = re.compile(r"'([^']*)'")


def code_of(error: ErrorDetails) -> str:
    """Give the code of an error; one about a value is called after the key that it stands under."""
    if error["type"] == "value_error" and error["loc"]:
        return _CODES_OF_KEYS.get(str(error["loc"][-1]), "bad_value")
    return _CODES.get(error["type"], "wrong_type" if _WANTS.search(error["type"]) else "bad_value")


def kind_wanted(error: ErrorDetails) -> str:
    """Name the kind of value that an error wants; none for an error about something else."""
    return _KINDS.get(_WANTS.sub("", error["type"]), "")


def worded(error: ErrorDetails) -> str:
    """Say in plain words what pydantic found."""
    key = str(error["loc"][-1]) if error["loc"] else ""
    context: Mapping[str, Any] = error.get("ctx") or {}
    given = error["input"]
    match error["type"]:
        case "missing":
            return f"`{key}` is missing"
        case "string_pattern_mismatch":
            spelt = _SPELT.get(context["pattern"], f"it must match {context['pattern']}")
            return f"{said(given)} is not allowed; {spelt}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"must be keys and values, not {said(given)}"
        case "literal_error":
            return f"{said(given)} is not known here; {_one_of(str(given), str(context['expected']))}"
        case "string_too_short" | "too_short" if context["min_length"] == 1:
            return "must not be empty"
        case "too_short" | "string_too_short":
            return f"needs at least {context['min_length']}"
        case "string_too_long":
            return f"is too long: at most {context['max_length']} characters"
        case "too_long":
            return f"holds too many: at most {context['max_length']}"
    return _not_a(kind, given) if (kind := kind_wanted(error)) else _plainer(error["msg"])


def _not_a(kind: str, given: JsonValue) -> str:
    if given is None:
        return f"must be {kind}, and there is nothing"
    hint = ""
    if kind == "text" and isinstance(given, int | float):
        hint = f"; put it in quotes, as '{said(given)}'"
    elif kind == "a list" and isinstance(given, str):
        hint = f"; write it as [{given[:_SHOWN]}]"
    return f"must be {kind}, not {said(given)}{hint}"


def _plainer(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Input should be", "must be", 1)


def _one_of(given: str, expected: str) -> str:
    words = _QUOTED.findall(expected)
    near = nearest(given, words)
    return f"did you mean {said(near)}?" if near else f"it is one of {', '.join(words)}"


def meant(word: str, words: Collection[str]) -> str:
    """Give the nearest word as a question, or else the words that there are."""
    if near := nearest(word, words):
        return f"did you mean {said(near)}?"
    named = ", ".join(map(short, islice(words, _MOST_WORDS)))
    more = f" and {len(words) - _MOST_WORDS} more" if len(words) > _MOST_WORDS else ""
    return f"there are {named}{more}" if words else "there are none"


def nearest(word: str, words: Collection[str], likeness: float | None = None) -> str | None:
    """Give the word of a list that means the same as another, or is most like it; None where none is like it."""
    given = word[:_SHOWN].lower()
    same = next((each for each in _SYNONYMS.get(given, ()) if each in words), None)
    likeness = likeness or (_LIKENESS_OF_SHORT if len(given) <= _SHORT else _LIKENESS)
    likely: Iterable[str] = words
    if len(words) > _MOST_COMPARED:  # to compare with thousands, a thousand times, would take minutes
        likely = islice((each for each in words if each[:2].lower() == given[:2]), _MOST_COMPARED)
    return same or next(iter(difflib.get_close_matches(given, list(likely), 1, likeness)), None)


def said(data: JsonValue) -> str:
    """Show a value in a sentence."""
    names = {dict: "keys and values", list: "a list", type(None): "nothing", bool: str(data).lower()}
    return names.get(type(data)) or (repr(short(data)) if isinstance(data, str) else short(repr(data)))


def short(text: str) -> str:
    """Shorten a text for a sentence."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
