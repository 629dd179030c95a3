"""Loading records from a CSV file: good rows in, bad rows told, nothing half."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

import asyncpg
from pydantic import JsonValue

from starter.csv_file import BadRow, CsvFile, Row
from workflows.model.errors import CallerError

BATCH = 5_000
"""Rows a transaction: a second's work, so that neither locks nor a failure cost more."""

BATCH_TIMEOUT = 60.0
"""Seconds that one statement over a batch may take."""

_DEFINE = """
insert into property (object, name, type) select $1, name, 'text' from unnest($2::text[]) as name
on conflict do nothing
"""

_INSERT = """
with entered as (
  insert into record (type, id, properties)
  select $1, id, properties from unnest($2::text[], $3::jsonb[]) as incoming(id, properties)
  on conflict do nothing returning id, properties
), kept as (
  insert into property_history (type, id, name, value, source)
  select $1, e.id, cell.key, cell.value, jsonb_build_object('load', $4::text)
    from entered e, jsonb_each(e.properties) as cell
)
select id from entered
"""

_UPDATE = """
with incoming as (
  select * from unnest($2::text[], $3::jsonb[]) as i(id, properties)
), held as (
  select r.id, r.properties as before, i.properties as cells, r.archived_at is not null as archived
    from record r join incoming i on i.id = r.id where r.type = $1 order by r.id collate "C" for update of r
), change as (
  select h.id, c.key as name, c.value, h.before -> c.key as before
    from held h, jsonb_each(h.cells) c where h.before -> c.key is distinct from c.value
), edited as (
  update record r set properties = r.properties || h.cells, archived_at = null, updated_at = clock_timestamp()
    from held h where r.type = $1 and r.id = h.id and (h.archived or exists (select from change c where c.id = h.id))
  returning r.id
), kept as (
  insert into property_history (type, id, name, value, source)
  select $1, c.id, c.name, c.value, jsonb_build_object('load', $4::text) from change c
), told as (
  insert into event (source, type, record_type, record_id, properties)
  select 'perdure', 'property_changed', $1, c.id, jsonb_build_object(
         'name', c.name, 'value', c.value, 'before', c.before, 'by', jsonb_build_object('load', $4::text))
    from change c
)
select count(*) from edited
"""


@dataclass
class Loaded:
    """What became of a file's rows."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    bad: int = 0

    @property
    def good(self) -> int:
        """The rows whose record is now as the file says."""
        return self.inserted + self.updated + self.unchanged


@dataclass(frozen=True)
class Column:
    """How a property takes text."""

    name: str
    type: str = "text"
    options: tuple[JsonValue, ...] = ()

    def read(self, text: str) -> JsonValue:
        """Turn a cell's text into the property's value; raise ValueError that says what the property takes."""
        try:
            return _READ[self.type](text, self.options)
        except (ValueError, KeyError):
            takes = f"one of {', '.join(map(str, self.options))}" if self.options else f"a {self.type}"
            message = f"{self.name} takes {takes}, not {text[:80]!r}"
            raise ValueError(message) from None


async def load(pool: asyncpg.Pool[Any], file: CsvFile, tell: Callable[[BadRow], None]) -> Loaded:
    """Upsert every good row, 5,000 a transaction; hand every bad one to `tell`. A second run changes nothing.

    A property that is unknown is defined as text. An empty cell leaves the record's value as it is. Where a record
    was there before, each changed value is an event `property_changed`, so that waits and goals see it.

    Raise CallerError when a column is read-only; then nothing was loaded.
    """
    columns = await _define(pool, file)
    loaded = Loaded()
    rows = _typed(file, columns, loaded, tell)
    while batch := list(islice(rows, BATCH)):
        await _write(pool, file, sorted(batch), loaded)
    return loaded


async def _define(pool: asyncpg.Pool[Any], file: CsvFile) -> Mapping[str, Column]:
    known = await pool.fetch("select name, type, options, read_only from property where object = $1", file.object)
    fixed = {row["name"] for row in known if row["read_only"]}
    if refused := [name for name in file.properties if name in fixed]:
        message = f"{file.path}:1: {', '.join(refused)} is read-only; leave the column out."
        raise CallerError(message)
    await pool.execute(_DEFINE, file.object, file.properties)
    columns = {row["name"]: Column(row["name"], row["type"], tuple(row["options"] or ())) for row in known}
    return {name: columns.get(name, Column(name)) for name in file.properties}


def _typed(
    file: CsvFile, columns: Mapping[str, Column], loaded: Loaded, tell: Callable[[BadRow], None]
) -> Iterator[tuple[str, dict[str, JsonValue]]]:
    for row in file.rows():
        values = _values(row, columns) if isinstance(row, Row) else row
        if isinstance(values, BadRow):
            loaded.bad += 1
            tell(values)
        elif isinstance(row, Row):
            yield row.record.id, values


def _values(row: Row, columns: Mapping[str, Column]) -> dict[str, JsonValue] | BadRow:
    try:
        return {name: columns[name].read(text) for name, text in row.cells.items()}
    except ValueError as error:
        return BadRow(row.line, str(error))


async def _write(
    pool: asyncpg.Pool[Any], file: CsvFile, batch: Iterable[tuple[str, dict[str, JsonValue]]], loaded: Loaded
) -> None:
    rows = dict(batch)  # in the order of their ids, in which every loader locks
    async with pool.acquire() as connection, connection.transaction():
        new = await connection.fetch(
            _INSERT, file.object, list(rows), list(rows.values()), file.path.name, timeout=BATCH_TIMEOUT
        )
        old = {name: rows[name] for name in rows.keys() - {row["id"] for row in new}}
        edited = 0
        if old:
            edited = await connection.fetchval(
                _UPDATE, file.object, list(old), list(old.values()), file.path.name, timeout=BATCH_TIMEOUT
            )
    loaded.inserted += len(new)
    loaded.updated += edited
    loaded.unchanged += len(old) - edited


def _boolean(text: str, _options: tuple[JsonValue, ...]) -> bool:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]


def _number(text: str, _options: tuple[JsonValue, ...]) -> int | float:
    number = float(text)
    if number - number != 0:  # not finite: JSON has no such number
        raise ValueError(text)
    return int(text) if text.lstrip("+-").isdigit() else number


def _option(text: str, options: tuple[JsonValue, ...]) -> JsonValue:
    if text not in options:
        raise ValueError(text)
    return text


def _options(text: str, options: tuple[JsonValue, ...]) -> JsonValue:
    return [_option(part.strip(), options) for part in text.split(";") if part.strip()]


_READ: Mapping[str, Callable[[str, tuple[JsonValue, ...]], JsonValue]] = {
    "text": lambda text, _options: text,
    "user": lambda text, _options: text,
    "number": _number,
    "boolean": _boolean,
    "date": lambda text, _options: date.fromisoformat(text).isoformat(),
    "datetime": lambda text, _options: datetime.fromisoformat(text).isoformat(),
    "option": _option,
    "options": _options,
}
