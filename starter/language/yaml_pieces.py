"""Strict YAML 1.2, piece by piece.

Only true, false, null and numbers are anything but text, so `on:` is a key and `at: 11:00` a time of day. Anchors,
aliases and tags are refused: each makes a file mean something else than it seems to, and aliases can make it endless.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import JsonValue

from starter.language.pieces import MOST_DIGITS, Piece, Refusal, Unreadable, refused_number, refused_text

_WORDS: dict[str, JsonValue] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE = re.compile(r"[-+]?[0-9]+")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BREAK = re.compile("[\x85\u2028\u2029]")
"""Ends a line for the parser, as in YAML 1.1, and for nobody else: a text would not be what it seems to be."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_SAID = {
    "mapping values are not allowed in this context": "a second `key: value` stands on this line; put it on a line of"
    " its own, or put a text that holds a colon in quotes",
    "could not find expected ':'": "a key must be followed by a colon and a space, as `for: 2 days`",
    "did not find expected key": "no key stands here; look at the indentation, and at quotes and brackets before it",
    "did not find expected '-' indicator": "a list goes on with `- ` here; look at the indentation",
    "did not find expected ',' or ']'": "a list in brackets is not closed: a `,` or a `]` belongs here",
    "did not find expected ',' or '}'": "keys and values in braces are not closed: a `,` or a `}` belongs here;"
    " a text that holds braces must stand in quotes",
    "found unexpected end of stream": "a text in quotes is not closed",
    "found character that cannot start any token": "a text cannot begin with this character; put it in quotes",
    "block sequence entries are not allowed in this context": "a list begins on a line of its own, below its key",
}
"""What the parser says, in plainer words."""


def pieces(text: str) -> Iterator[Piece]:
    """Give the pieces of a text; raise Unreadable where it is not YAML."""
    if odd := _BREAK.search(text):
        message = f"the odd line break U+{ord(odd[0]):04X} stands here; take it out, or write it as an escape in quotes"
        raise Unreadable(odd.start(), "control_character", message)
    try:
        yield from _pieces(text, yaml.parse(text, yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = mark.index if mark else 0
        if text[at : at + 1] == "\t":
            raise Unreadable(at, "not_yaml", "a tab stands here; indent with spaces") from None
        problem = error.problem or error.context or "it cannot be read"
        raise Unreadable(at, "not_yaml", f"this is not YAML: {_SAID.get(problem, problem)}") from None
    except yaml.YAMLError as error:
        # The parser counts bytes here, and is not always right: look for the character itself.
        control = _CONTROL.search(text)
        sign = f"the control character {ord(control[0]):#04x} stands here; take it out" if control else str(error)
        at = control.start() if control else 0
        raise Unreadable(at, "control_character" if control else "not_yaml", sign.splitlines()[0]) from None


def _pieces(text: str, events: Iterator[Any]) -> Iterator[Piece]:
    documents = 0
    for event in events:
        begin, end = event.start_mark.index, event.end_mark.index
        match event:
            case yaml.MappingStartEvent():
                yield Piece("mapping", begin, end, refused=_decorated(event))
            case yaml.SequenceStartEvent():
                yield Piece("list", begin, end, refused=_decorated(event))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                yield Piece("end", begin, end)
            case yaml.AliasEvent():
                refused = "alias", f"write the value out: aliases as *{event.anchor} are not taken"
                yield Piece("value", begin, end, key=f"*{event.anchor}", refused=refused)
            case yaml.ScalarEvent():
                yield _plain(event, begin, end)
            case yaml.DocumentStartEvent():
                documents += 1
                if documents > 1:
                    raise Unreadable(begin, "second_document", "a second document begins here; a file holds one flow")
    if not documents:
        raise Unreadable(len(text), "empty_file", "the file is empty; a flow begins with `flow: its-key`")


def _plain(event: yaml.ScalarEvent, begin: int, end: int) -> Piece:
    written = event.value
    refused = _decorated(event) or refused_text(written)
    if not event.implicit[0]:
        return Piece("value", begin, end, written, written, refused)
    value = scalar(written)
    if isinstance(value, str) and _DECIMAL.fullmatch(written):
        return Piece("value", begin, end, None, written, refused or refused_number(written))
    return Piece("value", begin, end, value, written, refused)


def _decorated(event: Any) -> Refusal | None:  # noqa: ANN401 - the parser's events have no common type
    if event.anchor is not None:
        return "anchor", f"anchors as &{event.anchor} are not taken"
    if event.tag is not None:
        return "tag", f"tags as {event.tag} are not taken"
    return None


def scalar(text: str) -> JsonValue:
    """Give what an unquoted scalar means in YAML 1.2; all that is no word or number of JSON is text.

    A number that cannot be kept stays text.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text) if len(text.lstrip("+-")) <= MOST_DIGITS else text
    if _DECIMAL.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text
