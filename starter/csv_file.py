"""A CSV file of records: its columns as properties, its rows with their lines, its bad rows with their reasons."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from workflows.model.errors import CallerError
from workflows.model.records import RecordRef

ID = "id"
_PROPERTY = re.compile(r"[a-z][a-z0-9_]{0,79}")
_TYPE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Row(NamedTuple):
    """A good row: the line it begins on, the record it names, and what its cells say; empty cells are left out."""

    line: int
    record: RecordRef
    cells: dict[str, str]


class BadRow(NamedTuple):
    """A row that cannot be used, and why."""

    line: int
    reason: str


@dataclass(frozen=True)
class CsvFile:
    """An opened file, its header read. `columns` are property names in the file's order, `id_column` a place."""

    path: Path
    object: str
    columns: tuple[str, ...]
    id_column: int

    @property
    def properties(self) -> list[str]:
        """The columns that are properties: all but one called `id`, which names the record and nothing else."""
        return [name for place, name in enumerate(self.columns) if place != self.id_column or name != ID]

    def rows(self) -> Iterator[Row | BadRow]:
        """Read the rows; a file may be larger than memory."""
        reader = csv.reader(_lines(self.path), strict=True)
        seen: dict[str, int] = {}
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
            if begins > 1 and any(field.strip() for field in fields):
                yield self._row(begins, fields, seen)
            begins = reader.line_num + 1

    def _row(self, line: int, fields: list[str], seen: dict[str, int]) -> Row | BadRow:
        if len(fields) != len(self.columns):
            return BadRow(line, f"has {len(fields)} cells, the header has {len(self.columns)}")
        for name, text in zip(self.columns, fields, strict=True):
            if any("\udc80" <= letter <= "\udcff" for letter in text):
                return BadRow(line, f"{name} is not UTF-8; save the file as UTF-8")
            if "\0" in text:
                return BadRow(line, f"{name} holds a null character")
        cells = {name: text.strip() for name, text in zip(self.columns, fields, strict=True)}
        name = cells[self.columns[self.id_column]]
        if not name:
            return BadRow(line, f"has no {self.columns[self.id_column]}")
        try:
            record = RecordRef.parse(f"{self.object}:{name}")
        except CallerError:
            return BadRow(line, f"{name[:80]!r} cannot name a record: up to 200 characters, no spaces and no slashes")
        if (first := seen.setdefault(name, line)) != line:
            return BadRow(line, f"{name!r} was on line {first} already")
        wanted = self.properties
        return Row(line, record, {name: text for name, text in cells.items() if text and name in wanted})


def open_csv(path: Path, object_type: str, id_column: str | None = None) -> CsvFile:
    """Read the header. The record is named by the column asked for, else by one called `id`, else by the first.

    Raise CallerError when the file cannot be read, has no usable header, or lacks the column.
    """
    if not _TYPE.fullmatch(object_type):
        message = f"{object_type!r} is no object type; write one as contact or deal: small letters, digits and _."
        raise CallerError(message)
    columns = _columns(path, _header(path))
    if id_column is None:
        return CsvFile(path, object_type, columns, columns.index(ID) if ID in columns else 0)
    if slug(id_column) not in columns:
        message = f"{path}:1: there is no column {id_column!r}; there are {', '.join(columns)}."
        raise CallerError(message)
    return CsvFile(path, object_type, columns, columns.index(slug(id_column)))


def slug(header: str) -> str:
    """Turn a column's header into a property name: `First name` into `first_name`, `Größe` into `grosse`."""
    plain = unicodedata.normalize("NFKD", header.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def record_names(path: Path, object_type: str) -> Iterator[RecordRef | BadRow]:
    """Read only the names of the records of a file, as `enroll --from` does."""
    for row in open_csv(path, object_type).rows():
        yield row.record if isinstance(row, Row) else row


def _header(path: Path) -> list[str]:
    try:
        with path.open("rb") as stream:
            if stream.read(2) in _UTF16:
                message = f"{path} is UTF-16; save it as UTF-8 (in Excel: CSV UTF-8)."
                raise CallerError(message)
        header = next(csv.reader(_lines(path), strict=True), None)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise CallerError(message) from None
    except csv.Error as error:
        message = f"{path}:1: is no CSV: {error}."
        raise CallerError(message) from None
    if not header:
        message = f"{path} is empty; its first line must name the columns, as id,email,firstname."
        raise CallerError(message)
    return header


def _columns(path: Path, header: list[str]) -> tuple[str, ...]:
    if len(header) == 1 and ";" in header[0]:
        message = f"{path}:1: the columns are separated by semicolons; save the file with commas."
        raise CallerError(message)
    places: dict[str, int] = {}
    for place, title in enumerate(header):
        name = slug(title)
        if not _PROPERTY.fullmatch(name):
            message = f"{path}:1: column {place + 1} ({title!r}) gives no property name; begin it with a letter."
            raise CallerError(message)
        if name in places:
            message = f"{path}:1: columns {places[name] + 1} and {place + 1} are both {name!r}; rename one."
            raise CallerError(message)
        places[name] = place
    return tuple(places)


def _lines(path: Path) -> Iterator[str]:
    # Bytes that are not UTF-8 become lone surrogates: the one row that holds them is refused, not the file.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        yield from stream
