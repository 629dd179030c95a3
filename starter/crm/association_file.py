"""Associations from a file: who belongs to whom, a row each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from starter.crm.associations import associate
from starter.loading.rows import YES_OR_NO, BadRow, Row, RowFile, open_rows, slug, texts_of
from workflows.model.errors import CallerError
from workflows.model.records import RecordRef

_NEEDED = ("record", "other")
_WORDS = {"": False, **YES_OR_NO}


class Pair(NamedTuple):
    """A row: two records, the label of their association, and whether the other is the first of its type."""

    line: int
    record: RecordRef
    other: RecordRef
    label: str
    primary: bool


@dataclass
class Associated:
    """What became of a file's rows so far; `stopped` where not all were looked at."""

    made: int = 0
    as_before: int = 0
    bad: list[BadRow] = field(default_factory=list)
    stopped: bool = False

    @property
    def rows(self) -> int:
        """All rows that were looked at."""
        return self.made + self.as_before + len(self.bad)


def open_pairs(path: Path) -> RowFile:
    """Open a CSV or JSON Lines file with the columns record and other; raise CallerError where it is none."""
    file = open_rows(path)
    found = {slug(title) for title in file.titles}
    if missing := [name for name in _NEEDED if name not in found]:
        told = "it has record and other, as contact:42 and company:7, and may have label and primary"
        raise CallerError(f"{path}:1: there is no column {' and no column '.join(missing)}; {told}")
    return file


def pairs(file: RowFile) -> Iterator[Pair | BadRow]:
    """Read the rows; one that names no two records is bad."""
    names = {title: slug(title) for title in file.titles}
    for row in file.rows():
        yield row if isinstance(row, BadRow) else _read(row, names)


def _read(row: Row, names: Mapping[str, str]) -> Pair | BadRow:
    cells = texts_of(row, names)
    if missing := [name for name in _NEEDED if not cells[name]]:
        return BadRow(row.line, f"has no {' and no '.join(missing)}")
    primary = _WORDS.get(cells.get("primary", "").lower())
    if primary is None:
        return BadRow(row.line, f"primary is true or false, not {cells['primary'][:80]!r}")
    try:
        record, other = (RecordRef.parse(cells[name]) for name in _NEEDED)
    except CallerError as error:
        return BadRow(row.line, str(error))
    return Pair(row.line, record, other, cells.get("label", ""), primary)


async def put_pair(pool: asyncpg.Pool[Any], pair: Pair | BadRow, who: str, into: Associated) -> None:
    """Associate the records of a row, and count what became of it; one that cannot be is kept with its reason."""
    if isinstance(pair, BadRow):
        into.bad.append(pair)
        return
    try:
        made = await associate(pool, pair.record, pair.other, pair.label, who, primary=pair.primary)
    except CallerError as error:
        into.bad.append(BadRow(pair.line, str(error)))
        return
    if made:
        into.made += 1
    else:
        into.as_before += 1
