"""Giving steps the ids that they lack, in the text of their file: all else stays as it was written.

The new text is read again before anyone sees it: it must say what the old one did, with the ids and nothing else.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from starter.language.flow_file import FlowFile, FlowMistakes, Path, read, written
from starter.language.steps import every_step
from starter.language.yaml_pieces import scalar
from workflows.model.errors import FlowError

MOST_ID = 64
_ROOM = len("-9999")
_BREAK = re.compile("\r\n|\n|\r")
_BLANK = re.compile(r"\s*")


@dataclass(frozen=True)
class Given:
    """An id that a step was given, and the place of the step in the file as it was."""

    file: str
    line: int
    column: int
    path: str
    id: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column} {self.path}: id: {self.id}"


def with_ids(text: str, name: str) -> tuple[str, list[Given]]:
    """Give the text of a flow file with an id for every step, and the ids that were missing.

    Raise FlowMistakes where the file cannot be read to its end. Whatever else is wrong in it does not matter here.
    """
    file = read(text, name)
    if not file.whole:
        raise FlowMistakes(file.mistakes)
    steps = list(every_step(file.data))
    ids = _Ids({str(step["id"]) for _, step in steps if "id" in step})
    given = [(path, ids.new(_stem(step))) for path, step in steps if "id" not in step]
    return _insert(file, given), [Given(name, *file.place(path), written(path), id_) for path, id_ in given]


class _Ids:
    """The ids of a file, and new ones beside them."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.last: Counter[str] = Counter()

    def new(self, stem: str) -> str:
        """Give the stem itself, or with the first number from 2 on with which it is free."""
        while (id_ := f"{stem}-{self.last[stem]}" if self.last[stem] else stem) in self.taken:
            self.last[stem] += 1 if self.last[stem] else 2
        self.taken.add(id_)
        return id_


def _stem(step: dict[str, JsonValue]) -> str:
    """Make the stem of an id of a step's name, or else of its kind."""
    words = [slug(str(step.get(key) or "")) for key in ("name", "do")]
    # What YAML takes for a number or a word of its own would not be read back as text.
    stem = next((word for word in words if word and scalar(word) == word), "step")
    return stem[: MOST_ID - _ROOM].rstrip("-")


def slug(text: str) -> str:
    """Write a text in small letters, digits and hyphens; nothing may be left of it."""
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def _insert(file: FlowFile, given: list[tuple[Path, str]]) -> str:
    if not given:
        return file.text
    parts, end, expected = [], 0, deepcopy(file.data)
    insertions = sorted((_insertion(file, path, id_), number) for number, (path, id_) in enumerate(given))
    for (at, inserted), _ in insertions:
        parts += [file.text[end:at], inserted]
        end = at
    text = "".join([*parts, file.text[end:]])
    for path, id_ in given:
        _at(expected, path)["id"] = id_
    if (again := read(text, file.name)).data != expected or not again.whole:
        line, column = file.place(given[0][0])
        message = f"{file.name}:{line}:{column} {written(given[0][0])}: an id cannot be put in here; write it yourself"
        raise FlowError(message)
    return text


def _at(data: Any, path: Path) -> Any:  # noqa: ANN401 - JSON
    for part in path:
        data = data[part]
    return data


def _insertion(file: FlowFile, path: Path, id_: str) -> tuple[int, str]:
    """Tell where in the text an id goes, and what is put there: after `do`, or else before the first key."""
    text, begin, do = file.text, file.at(path), file.spot((*path, "do"))
    is_flow = text[begin] == "{"
    if do is None or do.key is None or "\n" in text[do.key : do.end] or not text[do.begin : do.end].strip():
        return _before_all(file, path, id_) if is_flow else (begin, f"id: {id_}{_line_break(file, path)}")
    key, value = _quoted(text, do.key, "id"), _quoted(text, do.begin, id_)
    found = _BREAK.search(text, do.end)
    end = found.start() if found else len(text)
    column = file.key_place((*path, "do"))[1]
    new_line = _line_break(file, (*path, "do"))
    if not is_flow:
        return end, f"{new_line}{key}: {value}"
    stands_alone = not text[do.key - column + 1 : do.key].strip() and text[do.end : end].strip() in {"", ","}
    return do.end, f",{new_line if stands_alone else ' '}{key}: {value}"


def _before_all(file: FlowFile, path: Path, id_: str) -> tuple[int, str]:
    """Put an id before all that stands in braces."""
    inside, is_empty = file.at(path) + 1, not _at(file.data, path)
    first = _BLANK.match(file.text, inside)
    is_quoted = is_empty or (first is not None and file.text[first.end()] == '"')
    key, value = (json.dumps(word) if is_quoted else word for word in ("id", id_))
    return inside, f"{key}: {value}" + ("" if is_empty else ", ")


def _quoted(text: str, at: int, word: str) -> str:
    """Write a word in the quotes that what stands at `at` has, if it has any."""
    return json.dumps(word) if text[at] == '"' else f"'{word}'" if text[at] == "'" else word


def _line_break(file: FlowFile, path: Path) -> str:
    """Give a line break as the text has them, and the indentation of a key, or of what has none."""
    found = _BREAK.search(file.text, file.at(path)) or _BREAK.search(file.text)
    return (found[0] if found else "\n") + " " * (file.key_place(path)[1] - 1)
