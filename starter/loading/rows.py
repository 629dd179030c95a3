"""The rows of a file of records: good ones by their columns, bad ones with their reasons, whatever the file is in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from pydantic import JsonValue

from workflows.model.errors import CallerError
from workflows.model.records import RecordRef, is_name

ID = "id"
_LONGEST = 80

YES_OR_NO: Mapping[str, bool] = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
"""The words that a cell says yes or no by, in small letters."""


class Row(NamedTuple):
    """A row that can be read: the line it begins on, and what it says under the title of each column, if anything."""

    line: int
    cells: dict[str, JsonValue]


class BadRow(NamedTuple):
    """A row that cannot be used, why, and its cells as the file has them."""

    line: int
    reason: str
    cells: Sequence[str] = ()


class RowFile(Protocol):
    """A file of records. `titles` are those of its columns, in order; its rows may be more than fit in memory."""

    @property
    def path(self) -> Path:
        """Where the file is."""

    @property
    def titles(self) -> tuple[str, ...]:
        """The titles of the columns, no two alike."""

    def rows(self) -> Iterator[Row | BadRow]:
        """Read the rows from the beginning."""


def open_rows(path: Path) -> RowFile:
    """Open a file by its name: JSON Lines where it ends in `.jsonl` or `.ndjson`, else CSV.

    Raise CallerError when it cannot be read, or says nothing of its columns.
    """
    from starter.loading.csv_file import CsvFile
    from starter.loading.jsonl_file import JsonlFile

    if path.suffix.lower() == ".json":
        raise CallerError(f"{path} is JSON as a whole; write an object a line, and call the file {path.stem}.jsonl")
    return JsonlFile.open(path) if path.suffix.lower() in (".jsonl", ".ndjson") else CsvFile.open(path)


def slug(title: str) -> str:
    """Turn a column's title into a property name: `First name` into `first_name`, `Größe` into `grosse`."""
    plain = unicodedata.normalize("NFKD", title.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def texts_of(row: Row, names: Mapping[str, str]) -> dict[str, str]:
    """Give what a row says as texts, by the names that the titles of its columns stand for; nothing is empty."""
    cells = {name: row.cells.get(title) for title, name in names.items()}
    return {name: "" if value is None else str(value).strip() for name, value in cells.items()}


def record_names(path: Path, object_type: str) -> Iterator[RecordRef | BadRow]:
    """Read only the names of a file's records, as `enroll --from` does: the column `id`, or else the first."""
    file = open_rows(path)
    title = next((each for each in file.titles if slug(each) == ID), file.titles[0])
    for row in file.rows():
        if isinstance(row, BadRow):
            yield row
            continue
        try:
            id_ = record_id(row.cells.get(title), object_type, title)
            yield RecordRef.model_construct(type=object_type, id=id_)  # checked
        except ValueError as error:
            yield BadRow(row.line, str(error))


def record_id(value: JsonValue, object_type: str, title: str = ID) -> str:
    """Read the id of a record; raise ValueError that says what is wrong with it."""
    if value is None:
        raise ValueError(f"has no {title}")
    name = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(name, str) or not is_name(f"{object_type}:{name}"):
        told = repr(name)[:_LONGEST]
        raise ValueError(f"{told} cannot name a record: up to 200 characters, no spaces and no slashes")
    return name
