"""Reading a flow file, YAML or JSON: its data, the place of every value, and what is wrong with it as a file."""

from __future__ import annotations

import pathlib
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import JsonValue

from starter.language import json_pieces, yaml_pieces
from starter.language.pieces import Piece, Unreadable, refused_text
from workflows.model.errors import FlowError

Path = tuple[str | int, ...]
Place = tuple[int, int]

MOST_BYTES = 1024 * 1024
DEEPEST = 320
"""Levels of nesting: 64 of branches, each of which takes four, and what a step holds."""

MOST_VALUES = 100_000
"""Values in a file: ten for each of 10,000 steps."""

MOST_MISTAKES = 500
"""Mistakes that are told; nobody reads more, and a file can be made of nothing else."""

_SHOWN = 8
_LONGEST_KEY = 60
_BREAK = re.compile("\r\n|\n|\r")


@dataclass(frozen=True, order=True)
class Mistake:
    """One thing that is wrong in a file, and where, from line 1 and column 1; a code never changes its meaning."""

    file: str
    line: int
    column: int
    path: str
    code: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where} {self.path}: {self.message}" if self.path else f"{where} {self.message}"


class FlowMistakes(FlowError):
    """All that is wrong in a file, in the order of its lines."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        """Hold the mistakes; the message has one a line."""
        self.mistakes = tuple(sorted(mistakes))
        super().__init__("\n".join(map(str, self.mistakes)))


@dataclass(slots=True)
class Spot:
    """Where a value stands, as offsets in the text, with its key's where it has one, and the spots of its parts."""

    begin: int
    end: int
    key: int | None = None
    parts: dict[str | int, Spot] | None = None


@dataclass
class FlowFile:
    """A file's text and data, the places in it, and what is wrong, doubtful or (in a draft) missing so far.

    `whole` tells that it could be read to its end, so that what the data says can be checked further.
    """

    name: str
    text: str = ""
    data: JsonValue = None
    whole: bool = False
    root: Spot = field(default_factory=lambda: Spot(0, 0))
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)
    missing: list[Mistake] = field(default_factory=list)
    untold: int = 0
    refused: set[int] = field(default_factory=set)
    """Offsets of values that were refused as such: whatever else is said of them follows from that."""
    misspelt: set[tuple[Path, str]] = field(default_factory=set)
    """Keys that are there in a wrong spelling, so that they are not missing."""

    @property
    def is_full(self) -> bool:
        """Tell that no more mistakes are told, so that none need be worded."""
        return len(self.mistakes) >= MOST_MISTAKES

    def wrong(self, path: Path, code: str, message: str, *, at_key: bool = False) -> None:
        """Note a mistake at a value, or at its key; at what encloses it where the file has no such value."""
        at = self.at(path, at_key=at_key)
        if at not in self.refused:
            self.wrong_at(at, path, code, message)

    def refuse(self, path: Path, code: str, message: str) -> None:
        """Note a mistake at a value, of which nothing else is told then."""
        self.wrong(path, code, message)
        self.refused.add(self.at(path))

    def wrong_at(self, at: int, path: Path, code: str, message: str) -> None:
        """Note a mistake at an offset of the text."""
        if self.is_full:
            self.untold += 1
        else:
            self.mistakes.append(self.mistake(at, path, code, message))

    def doubt(self, path: Path, code: str, message: str) -> None:
        """Note a warning at a value."""
        self.warnings.append(self.mistake(self.at(path), path, code, message))

    def lacks(self, path: Path, code: str, message: str) -> None:
        """Note what a draft has still to be given."""
        self.missing.append(self.mistake(self.at(path), path, code, message))

    def mistake(self, at: int, path: Path, code: str, message: str) -> Mistake:
        """Word a mistake at an offset of the text."""
        return Mistake(self.name, *self._place(at), written(path), code, _on_one_line(message))

    def spot(self, path: Path) -> Spot | None:
        """Find a value's spot; None where the file has no such value."""
        spot: Spot | None = self.root
        for part in path:
            spot = spot.parts.get(part) if spot and spot.parts else None
        return spot

    def at(self, path: Path, *, at_key: bool = False) -> int:
        """Give the offset of a value, or of its key; of what encloses it where the file has no such value."""
        spot, is_found = self.root, True
        for part in path:
            inner = spot.parts.get(part) if spot.parts else None
            if inner is None:
                is_found = False
                break
            spot = inner
        return spot.key if at_key and is_found and spot.key is not None else spot.begin

    def place(self, path: Path) -> Place:
        """Give line and column of a value."""
        return self._place(self.at(path))

    def key_place(self, path: Path) -> Place:
        """Give line and column of a value's key."""
        return self._place(self.at(path, at_key=True))

    def _place(self, at: int) -> Place:
        line = bisect_right(self._lines, at)
        return line, at - self._lines[line - 1] + 1

    @cached_property
    def _lines(self) -> Sequence[int]:
        return [0, *(found.end() for found in _BREAK.finditer(self.text))]


def written(path: Path) -> str:
    """Write a path as people do: `steps[3].when`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_short(part)}" for part in path)
    return text.removeprefix(".")


def _short(key: str) -> str:
    return _on_one_line(key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}...")


def _on_one_line(text: str) -> str:
    """Write what no terminal should be sent, and what would end the line, as Python does."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def read_file(path: pathlib.Path) -> str:
    """Give the text of a file; raise FlowMistakes where it cannot be read, is no UTF-8, or is too large."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) <= MOST_BYTES:
            return raw.decode("utf-8-sig")
        mistake = _too_large(str(path))
    except OSError as error:
        mistake = Mistake(str(path), 1, 1, "", "unreadable_file", f"the file cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        before = FlowFile(str(path), raw[: error.start].decode("utf-8-sig"))
        mistake = before.mistake(len(before.text), (), "not_utf8", "this is not UTF-8; save the file as UTF-8")
    raise FlowMistakes([mistake])


def read(text: str, name: str) -> FlowFile:
    """Read a flow file: strict JSON where its name ends in `.json`, else YAML. Its `mistakes` say what is wrong."""
    file = FlowFile(name, text.removeprefix("\ufeff"))
    if len(text.encode(errors="surrogatepass")) > MOST_BYTES:
        file.mistakes.append(_too_large(name))
        return file
    reader = _Reader(file)
    try:
        if refused := refused_text(file.text):
            code, message = refused
            raise Unreadable(_first_refused(file.text), code, message)
        reader.read(json_pieces.pieces(file.text) if name.endswith(".json") else yaml_pieces.pieces(file.text))
        file.whole = True
    except Unreadable as error:
        path = reader.path[:_SHOWN]
        file.mistakes.append(file.mistake(error.at, tuple(path), error.code, error.message))
    return file


def _too_large(name: str) -> Mistake:
    message = f"the file is larger than {MOST_BYTES} bytes (1 MiB); divide it into several flows"
    return Mistake(name, 1, 1, "", "flow_too_large", message)


def _first_refused(text: str) -> int:
    return next(at for at, sign in enumerate(text) if sign == "\0" or "\ud800" <= sign <= "\udfff")


@dataclass(slots=True)
class _Open:
    """A mapping or a list whose end has not come; in a mapping, the key whose value comes next, and its offset."""

    data: dict[str, JsonValue] | list[JsonValue]
    spot: Spot
    key: str | None = None
    key_at: int | None = None


class _Reader:
    """Builds data and spots from pieces, without recursion."""

    def __init__(self, file: FlowFile) -> None:
        self.file = file
        self.open: list[_Open] = []
        self.path: list[str | int] = []
        self.count = 0

    def read(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            inner = self.open[-1] if self.open else None
            if piece.kind == "end":
                self._close(piece)
            elif inner and isinstance(inner.data, dict) and inner.key_at is None:
                self._key(inner, inner.data, piece)
            else:
                self._value(inner, piece)

    def _close(self, piece: Piece) -> None:
        self.open.pop().spot.end = piece.end
        if self.path:
            self.path.pop()

    def _key(self, inner: _Open, data: dict[str, JsonValue], piece: Piece) -> None:
        if piece.kind != "value" or piece.key is None:
            is_token = self.file.text[piece.begin - 1 : piece.begin + 1] == "{{"
            said = "a text that begins with {{ must stand in quotes" if is_token else "a key must be plain text"
            raise Unreadable(piece.begin, "bad_key", said)
        here = (*self.path, piece.key)
        if piece.refused:
            self.file.wrong_at(piece.begin, here, *piece.refused)
        if piece.key in data:
            first = self.file.key_place(here)[0]
            message = f"this key stands here twice; the first is in line {first}"
            self.file.wrong_at(piece.begin, here, "duplicate_key", message)
        inner.key, inner.key_at = piece.key, piece.begin

    def _value(self, inner: _Open | None, piece: Piece) -> None:
        self.count += 1
        if self.count > MOST_VALUES:
            message = f"the file holds more than {MOST_VALUES} values; divide it into several flows"
            raise Unreadable(piece.begin, "flow_too_large", message)
        spot = Spot(piece.begin, piece.end, parts=None if piece.kind == "value" else {})
        part: str | int | None = None
        data: JsonValue = {} if piece.kind == "mapping" else [] if piece.kind == "list" else piece.value
        if inner is None:
            self.file.data, self.file.root = data, spot
        else:
            part = self._put(inner, data, spot)
        if piece.refused:
            here = (*self.path, part) if part is not None else ()
            self.file.wrong_at(piece.begin, here, *piece.refused)
            self.file.refused.add(piece.begin)
        if isinstance(data, dict | list):
            self.path += [part] if part is not None else []
            self.open.append(_Open(data, spot))
            if len(self.open) > DEEPEST:
                raise Unreadable(piece.begin, "too_deep", f"this is nested more than {DEEPEST} levels deep")

    def _put(self, inner: _Open, data: JsonValue, spot: Spot) -> str | int:
        if isinstance(inner.data, list):
            inner.data.append(data)
            part: str | int = len(inner.data) - 1
        else:
            part = inner.key or ""
            spot.key = inner.key_at
            inner.data[part] = data
            inner.key = inner.key_at = None
        if inner.spot.parts is not None:
            inner.spot.parts[part] = spot
        return part
