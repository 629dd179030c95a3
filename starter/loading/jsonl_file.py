"""A file of JSON Lines: each line one record, an object of names and values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import JsonValue
from pydantic_core import from_json

from starter.loading.rows import BadRow, Row
from workflows.model.errors import CallerError

_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class JsonlFile:
    """See RowFile. The columns are all names that any line uses, in the order in which they come up."""

    path: Path
    titles: tuple[str, ...]

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read what columns there are; raise CallerError when there is no line that can be used."""
        titles: dict[str, None] = {}
        try:
            for row in cls(path, ()).rows():
                if isinstance(row, Row):
                    titles.update(dict.fromkeys(row.cells))
        except OSError as error:
            raise CallerError(f"{path} cannot be read: {error.strerror}.") from None
        if not titles:
            raise CallerError(f"""{path} has no line such as {{"id": "42", "email": "anna@example.com"}}.""")
        return cls(path, tuple(titles))

    def rows(self) -> Iterator[Row | BadRow]:
        """Read the rows; a null is a name without a value, and an empty line is none."""
        with self.path.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                text = line.removeprefix(_MARK).strip() if number == 1 else line.strip()
                if text:
                    yield _row(number, text)


def _row(number: int, text: bytes) -> Row | BadRow:
    try:
        data = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        return _bad(number, f"is no JSON: {error}", text)
    if not isinstance(data, dict):
        return _bad(number, "is no object of names and values, as {...}", text)
    if b"\\u0000" in text and _has_null(data):
        return _bad(number, "holds a null character", text)
    return Row(number, {title: value for title, each in data.items() if not _is_nothing(value := _plain(each))})


def _bad(number: int, reason: str, text: bytes) -> BadRow:
    return BadRow(number, reason, [text.decode(errors="surrogateescape")])


def _plain(value: JsonValue) -> JsonValue:
    return value.strip() if isinstance(value, str) else value


def _is_nothing(value: JsonValue) -> bool:
    return value is None or value == ""


def _has_null(value: JsonValue) -> bool:
    if isinstance(value, dict):
        return any(_has_null(each) for pair in value.items() for each in pair)
    return any(map(_has_null, value)) if isinstance(value, list) else isinstance(value, str) and "\0" in value
