"""Reading a flow file: strict YAML 1.2, with the place of every value.

Only true, false, null and numbers are anything but text, so `on:` is a key and `at: 11:00` a time of day. Duplicate
keys, anchors, aliases and tags are refused: each makes a file mean something else than it seems to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml
from pydantic import JsonValue

from workflows.model.errors import FlowError

Path = tuple[str | int, ...]
Place = tuple[int, int]

MOST_BYTES = 1024 * 1024
DEEPEST = 60
"""Levels of nesting; a branch in a branch takes four, and what is deeper cannot be read by people either."""

_WORDS: dict[str, JsonValue] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE = re.compile(r"[-+]?[0-9]+")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, order=True)
class Mistake:
    """One thing that is wrong in a file, and where; lines and columns count from 1."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where} {self.path}: {self.message}" if self.path else f"{where} {self.message}"


class FlowMistakes(FlowError):
    """All that is wrong in a file, in the order of its lines."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        """Hold the mistakes; the message has one a line."""
        self.mistakes = tuple(sorted(mistakes))
        super().__init__("\n".join(map(str, self.mistakes)))


@dataclass
class FlowFile:
    """A file's data, the place of each value and key by its path, and the mistakes met so far."""

    name: str
    data: JsonValue = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def wrong(self, path: Path, message: str, *, at_key: bool = False) -> None:
        """Note a mistake at a value, or at its key; at what encloses it where the file has no such value."""
        places = self.keys if at_key else self.values
        known = next((path[:end] for end in range(len(path), -1, -1) if path[:end] in places), ())
        line, column = places.get(known) or self.values.get(known) or (1, 1)
        self.mistakes.append(Mistake(self.name, line, column, written(path), message))


def written(path: Path) -> str:
    """Write a path as people do: `steps[3].when`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def read(text: str, name: str) -> FlowFile:
    """Read a flow file; what is wrong with it as YAML stands in its `mistakes`."""
    file = FlowFile(name)
    if len(text.encode()) > MOST_BYTES:
        file.mistakes.append(Mistake(name, 1, 1, "", f"the file is larger than {MOST_BYTES} bytes"))
        return file
    try:
        _Reader(file, yaml.parse(text, yaml.CSafeLoader)).document()
    except _Unreadable as error:
        file.mistakes.append(error.mistake)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        tab = "".join(text.split("\n")[line - 1 : line])[column - 1 : column] == "\t"
        said = "a tab stands here; indent with spaces" if tab else error.problem or error.context
        file.mistakes.append(Mistake(name, line, column, "", f"this is not YAML: {said}"))
    except yaml.YAMLError as error:
        file.mistakes.append(Mistake(name, 1, 1, "", f"this is not YAML: {str(error).splitlines()[0]}"))
    return file


class _Unreadable(Exception):
    """A mistake after which the rest of the file cannot be told apart."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(str(mistake))
        self.mistake = mistake


class _Reader:
    """Builds the data from the parser's events, noting places on the way."""

    def __init__(self, file: FlowFile, events: Iterator[Any]) -> None:
        self.file, self.events = file, events

    def document(self) -> None:
        next(self.events)  # the start of the stream
        event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            self._stop(event, (), "the file is empty")
        self.file.data = self._value(next(self.events), ())
        next(self.events)  # the end of the document
        if not isinstance(event := next(self.events), yaml.StreamEndEvent):
            self._stop(event, (), "a second document begins here; a file holds one flow")

    def _value(self, event: Any, path: Path) -> JsonValue:  # noqa: ANN401 - the parser's events have no common type
        self.file.values[path] = _place(event)
        if len(path) > DEEPEST:
            self._stop(event, path[:8], f"this is nested more than {DEEPEST} levels deep")
        if isinstance(event, yaml.AliasEvent):
            self.file.wrong(path, f"write the value out: aliases as *{event.anchor} are not taken")
            return None
        if event.anchor is not None:
            self.file.wrong(path, f"anchors as &{event.anchor} are not taken")
        if event.tag is not None:
            self.file.wrong(path, f"tags as {event.tag} are not taken")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return scalar(event.value) if event.implicit[0] else str(event.value)

    def _mapping(self, path: Path) -> JsonValue:
        found: dict[str, JsonValue] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._stop(event, path, "a key must be plain text")
            key, place = event.value, _place(event)
            if event.anchor is not None or event.tag is not None:
                self.file.wrong(path, f"the key {key!r} has an anchor or a tag; neither is taken")
            if key in found:
                self.file.mistakes.append(
                    Mistake(self.file.name, *place, written((*path, key)), "this key stands here twice")
                )
            self.file.keys[*path, key] = place
            found[key] = self._value(next(self.events), (*path, key))
        return found

    def _sequence(self, path: Path) -> JsonValue:
        found: list[JsonValue] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self._value(event, (*path, len(found))))
        return found

    def _stop(self, event: Any, path: Path, message: str) -> None:  # noqa: ANN401 - as above
        raise _Unreadable(Mistake(self.file.name, *_place(event), written(path), message))


def scalar(text: str) -> JsonValue:
    """Give what an unquoted scalar means in YAML 1.2; all that is no word or number of JSON is text."""
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text) and len(text) <= 18:  # noqa: PLR2004 - what fits 64 bits
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) and not _WHOLE.fullmatch(text) else text


def _place(event: Any) -> Place:  # noqa: ANN401 - as above
    return event.start_mark.line + 1, event.start_mark.column + 1
