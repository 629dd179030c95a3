"""Loading records from a file: good rows in, bad rows told, nothing half."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from activities.gateways.postgres_unique import LOAD_ALONE, unique_value
from starter.loading.batches import PASSING, patiently
from starter.loading.cells import written
from starter.loading.load_plan import Incoming, Plan, Wish, plan
from starter.loading.rows import BadRow, Row, RowFile
from starter.loading.uniqueness import check_unique, make_findable
from workflows.model.errors import EngineError

BATCH = 5_000
"""Rows a transaction: a second's work, so that neither locks nor a failure cost more."""

AGAIN = "Run the same command again to go on: rows that are in stay as they are."

BATCH_TIMEOUT = 60.0
"""Seconds that one statement over a batch may take."""

_TABLE = "create temp table if not exists incoming (line int, id text, cells jsonb) on commit delete rows"

_DEFINE_TYPE = "insert into object_type (key, name) values ($1, $2) on conflict do nothing"

_DEFINE = """
insert into property (object, name, type, is_unique)
select $1, name, type, is_unique from unnest($2::text[], $3::text[], $4::bool[]) as p (name, type, is_unique)
    on conflict (object, name) do update set is_unique = property.is_unique or excluded.is_unique
"""

_WHOSE = """
update incoming i set id = r.id
  from record r where r.type = '{object}' and r.archived_at is null and {theirs} = {ours} and i.id is null
"""
_NOBODYS = "update incoming set id = gen_random_uuid()::text where id is null"

# Two rows are one record's, where one row tells so by its id and the other by a property.
_TWICE = """
delete from incoming i using incoming other where i.id = other.id and i.line > other.line returning i.line, i.id
"""

_TAKEN = """
delete from incoming i using record r
 where r.type = '{object}' and r.archived_at is null and {theirs} = {ours} and r.id <> i.id
returning i.line, r.id, i.cells ->> '{name}' as value
"""

_DIFFERS = "(r.archived_at is not null or (r.properties || i.cells) is distinct from r.properties)"

_COUNT = f"""
select count(*) filter (where r.id is null) as new, count(*) filter (where {_DIFFERS}) as changed
  from incoming i left join record r on r.type = $1 and r.id = i.id
"""  # noqa: S608 - a constant of this file

_INSERT = """
with entered as (
  insert into record (type, id, properties)
  select $1, i.id, i.cells from incoming i
   where not exists (select from record r where r.type = $1 and r.id = i.id) order by i.id collate "C"
      on conflict do nothing
  returning id, properties
), kept as (
  insert into property_history (type, id, name, value, source)
  select $1, e.id, cell.key, cell.value, $2 from entered e, jsonb_each(e.properties) as cell
)
select count(*) from entered
"""

# A value that was there before any history was kept opens it, so that nothing that ever was is forgotten.
_UPDATE = f"""
with held as materialized (
  select r.id, r.properties as before, r.created_at, i.cells from record r join incoming i on i.id = r.id
   where r.type = $1 and {_DIFFERS} order by r.id collate "C" for no key update of r
), change as materialized (
  select h.id, h.created_at, v.key as name, v.value, h.before -> v.key as before
    from held h, jsonb_each(h.cells) v where h.before -> v.key is distinct from v.value
), edited as (
  update record r set properties = h.before || h.cells, archived_at = null, updated_at = clock_timestamp()
    from held h where r.type = $1 and r.id = h.id
), kept as (
  insert into property_history (type, id, name, value, at, source)
  select $1, c.id, c.name, c.before, c.created_at, '{{}}' from change c
   where c.before is not null and not exists (
           select from property_history h where h.type = $1 and h.id = c.id and h.name = c.name)
   union all
  select $1, c.id, c.name, c.value, clock_timestamp(), $2::jsonb from change c
), told as (
  insert into event (source, type, record_type, record_id, properties)
  select 'perdure', 'property_changed', $1, c.id,
         jsonb_build_object('name', c.name, 'value', c.value, 'before', c.before, 'by', $2::jsonb)
    from change c
)
select count(*) from held
"""  # noqa: S608 - a constant of this file


@dataclass
class Loaded:
    """What became of a file's rows; `stopped` where not all were looked at."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    bad: int = 0
    stopped: bool = False

    @property
    def good(self) -> int:
        """The rows whose record is now as the file says."""
        return self.inserted + self.updated + self.unchanged

    @property
    def rows(self) -> int:
        """All rows that were looked at."""
        return self.good + self.bad


class _Done(NamedTuple):
    """What became of a batch: the rows refused by their lines, all others are in."""

    new: int
    changed: int
    refused: dict[int, str]


def _nothing(_: object) -> None:
    """Do without."""


async def load(pool: asyncpg.Pool[Any], file: RowFile, wish: Wish, tell: Callable[[BadRow], None] = _nothing) -> Loaded:
    """Load a file as wished; see `plan` and `Load.run`, and what they raise."""
    return await Load(pool, file, await plan(pool, file, wish), tell).run()


@dataclass
class Load:
    """One run over a file. `tell` is handed every bad row, `moved` the state after each batch.

    A dry run writes nothing and counts what would become of the rows. `stop` ends the run after the batch under way.
    """

    pool: asyncpg.Pool[Any]
    file: RowFile
    plan: Plan
    tell: Callable[[BadRow], None] = _nothing
    moved: Callable[[Loaded], None] = _nothing
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    dry: bool = False
    loaded: Loaded = field(default_factory=Loaded)
    defined: bool = False

    async def run(self) -> Loaded:
        """Upsert every good row, 5,000 a transaction. A second run changes nothing.

        An empty cell leaves the record's value as it is. Where a record was there before, each changed value is an
        event `property_changed`, so that waits and goals see it.

        Raise CallerError when a property that is to be unique is not; then nothing was loaded. Raise EngineError, with
        how far it came, when the database fails for longer than a few attempts take.
        """
        for name in self.plan.unique:
            await check_unique(self.pool, self.plan.object, name)
            if not self.dry:
                await make_findable(self.pool, self.plan.object, name)
        rows = self._good()
        while not self.stop.is_set() and (batch := list(islice(rows, BATCH))):
            await self._through(batch)
            self.moved(self.loaded)
        if self.loaded.rows < self.plan.rows:
            self.loaded.stopped = True
        return self.loaded

    def _good(self) -> Iterator[Incoming]:
        seen: dict[tuple[str, str], int] = {}
        for row in self.file.rows():
            if isinstance(row, BadRow):
                self._refuse(row)
                continue
            found = self.plan.read(row, seen)
            if isinstance(found, Incoming):
                yield found
            else:
                self._refuse(found._replace(cells=self._cells(row)))

    def _refuse(self, row: BadRow) -> None:
        self.loaded.bad += 1
        self.tell(row)

    def _cells(self, row: Row) -> list[str]:
        return [written(row.cells.get(title, "")) for title in self.file.titles]

    async def _through(self, batch: Sequence[Incoming]) -> None:
        try:
            done = await patiently(lambda: self._written(batch))
        except PASSING as error:
            told = f"the database failed at the row of line {batch[0].row.line} ({str(error) or type(error).__name__})"
            raise EngineError(f"{told}: {self.loaded.good:,} rows before it are in. {AGAIN}") from error
        self.defined = not self.dry
        self.loaded.inserted += done.new
        self.loaded.updated += done.changed
        self.loaded.unchanged += len(batch) - len(done.refused) - done.new - done.changed
        for incoming in batch:
            if reason := done.refused.get(incoming.row.line):
                self._refuse(BadRow(incoming.row.line, reason, self._cells(incoming.row)))

    async def _written(self, batch: Sequence[Incoming]) -> _Done:
        """Write a batch in one transaction, or in a dry run only count."""
        rows = [(each.row.line, each.id, each.values) for each in batch]
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(_TABLE)
            await connection.copy_records_to_table("incoming", records=rows, columns=("line", "id", "cells"))
            refused = await self._settled(connection) if self.plan.unique else {}
            if self.dry:
                new, changed = await connection.fetchrow(_COUNT, self.plan.object, timeout=BATCH_TIMEOUT) or (0, 0)
                return _Done(new, changed, refused)
            await self._define(connection)
            what = self.plan.object, {"load": self.file.path.name}
            new = await connection.fetchval(_INSERT, *what, timeout=BATCH_TIMEOUT)
            is_all = new == len(batch) - len(refused)
            changed = 0 if is_all else await connection.fetchval(_UPDATE, *what, timeout=BATCH_TIMEOUT)
            return _Done(new, changed, refused)

    async def _define(self, connection: PoolConnectionProxy[Any]) -> None:
        """Define with the first rows what they need, so that a load that comes to nothing leaves nothing."""
        if self.defined:
            return
        if self.plan.defines_type:
            name = self.plan.object.replace("_", " ").capitalize()
            await connection.execute(_DEFINE_TYPE, self.plan.object, name)
        columns = [each for each in self.plan.columns.values() if each in self.plan.defines or each.is_unique]
        names, types = [each.name for each in columns], [each.type for each in columns]
        await connection.execute(_DEFINE, self.plan.object, names, types, [each.is_unique for each in columns])

    async def _settled(self, connection: PoolConnectionProxy[Any]) -> dict[int, str]:
        """Find whose the rows are, and refuse those with a value that is another's; give the reasons by the lines."""
        # Who looks whether a value is free waits for those who are about to take it.
        await connection.execute(LOAD_ALONE, self.plan.object)
        object_, refused = self.plan.object, dict[int, str]()
        if self.plan.by:
            await connection.execute(_by(_WHOSE, object_, self.plan.by), timeout=BATCH_TIMEOUT)
            await connection.execute(_NOBODYS)
            for row in await connection.fetch(_TWICE):
                refused[row["line"]] = f"is {object_}:{row['id']}, as is another row"
        for name in self.plan.unique:
            for row in await connection.fetch(_by(_TAKEN, object_, name), timeout=BATCH_TIMEOUT):
                refused[row["line"]] = (
                    f"{name} {row['value'][:80]!r} is unique, and {object_}:{row['id']} has it already"
                )
        return refused


def _by(statement: str, object_: str, name: str) -> str:
    """Write a statement that compares a unique property; both names have been matched with their patterns."""
    theirs, ours = unique_value(name, "r.properties"), unique_value(name, "i.cells")
    return statement.format(object=object_, name=name, theirs=theirs, ours=ours)
