"""A CSV file of records: its header, its rows with the lines they begin on, its bad rows with their reasons."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from starter.loading.rows import BadRow, Row
from workflows.model.errors import CallerError

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_BETWEEN = "\x1f"


@dataclass(frozen=True)
class CsvFile:
    """See RowFile. The header has been read."""

    path: Path
    titles: tuple[str, ...]

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read the header; raise CallerError when there is none that can be used."""
        titles = [title.strip() for title in _header(path)]
        if any("\0" in title or _NOT_UTF8.search(title) for title in titles):
            raise CallerError(f"{path}:1: is not UTF-8; save the file as UTF-8 (in Excel: CSV UTF-8).")
        if len(titles) == 1 and ";" in titles[0]:
            raise CallerError(f"{path}:1: the columns are separated by semicolons; save the file with commas.")
        places: dict[str, int] = {}
        for place, title in enumerate(titles, 1):
            if places.setdefault(title, place) != place:
                raise CallerError(f"{path}:1: columns {places[title]} and {place} are both {title!r}; rename one.")
        return cls(path, tuple(titles))

    def rows(self) -> Iterator[Row | BadRow]:
        """Read the rows; one without a word is none."""
        reader = csv.reader(_lines(self.path), strict=True)
        begins = 1
        while True:
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield BadRow(begins, f"is no CSV: {error}")
                begins = reader.line_num + 1
                continue
            if begins > 1 and any(fields) and any(field.strip() for field in fields):
                yield self._row(begins, fields)
            begins = reader.line_num + 1

    def _row(self, line: int, fields: list[str]) -> Row | BadRow:
        if len(fields) != len(self.titles):
            return BadRow(line, f"has {len(fields)} cells, the header has {len(self.titles)}", fields)
        whole = _BETWEEN.join(fields)
        if "\0" in whole or not (whole.isascii() or _NOT_UTF8.search(whole) is None):
            return BadRow(line, self._unreadable(fields), fields)
        return Row(
            line, {title: text for title, field in zip(self.titles, fields, strict=True) if (text := field.strip())}
        )

    def _unreadable(self, fields: list[str]) -> str:
        for title, text in zip(self.titles, fields, strict=True):
            if "\0" in text:
                return f"{title} holds a null character"
            if _NOT_UTF8.search(text):
                return f"{title} is not UTF-8; save the file as UTF-8"
        raise AssertionError(fields)


def _header(path: Path) -> list[str]:
    try:
        with path.open("rb") as stream:
            if stream.read(2) in _UTF16:
                raise CallerError(f"{path} is UTF-16; save it as UTF-8 (in Excel: CSV UTF-8).")
        header = next(csv.reader(_lines(path), strict=True), None)
    except OSError as error:
        raise CallerError(f"{path} cannot be read: {error.strerror}.") from None
    except csv.Error as error:
        raise CallerError(f"{path}:1: is no CSV: {error}.") from None
    if not header:
        raise CallerError(f"{path} is empty; its first line must name the columns, as id,email,firstname.")
    return header


def _lines(path: Path) -> Iterator[str]:
    # Bytes that are not UTF-8 become lone surrogates: the one row that holds them is refused, not the file.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        yield from stream
