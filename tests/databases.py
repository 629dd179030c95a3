"""Fresh databases for tests, migrated and under a name that was never used.

To make one takes half a second of file operations, to empty one a tenth of that. So a database that a test only put
rows in is emptied and renamed for a later test, and every other one is dropped.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from starter.migrate import migrate

_CATALOGS = (
    *("pg_class", "pg_attrdef", "pg_constraint", "pg_trigger", "pg_proc", "pg_type", "pg_namespace", "pg_rewrite"),
    *("pg_extension", "pg_event_trigger"),
)
_FIRST_OF_OURS = 16384
"""PostgreSQL numbers what it made itself below this."""

_MARKS = " union all ".join(
    [
        *(f"select '{name} ' || oid || ' ' || xmin from {name} where oid >= {_FIRST_OF_OURS}" for name in _CATALOGS),
        f"select concat_ws(' ', attrelid, attnum, xmin) from pg_attribute where attrelid >= {_FIRST_OF_OURS}",
        f"select concat_ws(' ', oid, relpages, reltuples) from pg_class where oid >= {_FIRST_OF_OURS}",
        "select setconfig::text from pg_db_role_setting s, pg_database d where setdatabase = d.oid and datname = $1",
    ]
)
_SHAPE = f"select sum(hashtextextended(mark, 0)) from ({_MARKS}) marks (mark)"
"""What a change of the schema, of the database's settings or of the planner's statistics leaves a trace in."""

_TABLES = "select format('%I', tablename) from pg_tables where schemaname = 'public'"
_SEQUENCES = """
select format('select setval(%L, %s, false)', format('%I.%I', schemaname, sequencename), start_value) from pg_sequences
"""
_SESSIONS = "select pg_stat_get_db_numbackends(oid) from pg_database where datname = $1"


@dataclass
class Shelf:
    """The databases of one server: the template, and those that tests have given back, the oldest first."""

    server: str
    template: str = ""
    shape: Decimal = Decimal()
    emptying: str = ""
    seeds: dict[str, bytes] = field(default_factory=dict)
    returned: deque[str] = field(default_factory=deque)
    preparing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take(self) -> str:
        """Give a database that is as migrated; the first test of the run makes the template."""
        async with self.preparing:
            if not self.template:
                await self._prepare()
        # The sessions of the one that was given back just now may still be on their way out.
        while len(self.returned) > 1:
            if dsn := await self._again(self.returned.popleft()):
                return dsn
        return await self._create(f" template {_name(self.template)} strategy file_copy")

    def give_back(self, dsn: str) -> None:
        """Take a database back, whatever was done to it."""
        self.returned.append(dsn)

    async def _prepare(self) -> None:
        template = await self._create("")
        await migrate(template)
        async with _session(template) as session:
            self.shape = await session.fetchval(_SHAPE, _name(template))
            tables = [row[0] for row in await session.fetch(_TABLES)]
            resets = [row[0] for row in await session.fetch(_SEQUENCES)]
            self.emptying = ";".join([*(f"delete from {table}" for table in tables), *resets])
            for table in tables:
                if await session.fetchval(f"select exists (select from {table})"):
                    await session.copy_from_table(table, output=(rows := BytesIO()), format="binary")
                    self.seeds[table] = rows.getvalue()
        self.template = template

    async def _again(self, dsn: str) -> str | None:
        """Make a used database fresh under a new name; drop it where that cannot be done."""
        fresh = _named(self.server)
        async with _session(self.server) as session:
            if not await session.fetchval(_SESSIONS, _name(dsn)):
                await session.execute(f"alter database {_name(dsn)} rename to {_name(fresh)}")
                if await self._emptied(fresh):
                    return fresh
                dsn = fresh
            await session.execute(f"drop database {_name(dsn)} with (force)")
        return None

    async def _emptied(self, dsn: str) -> bool:
        async with _session(dsn) as session:
            if await session.fetchval(_SHAPE, _name(dsn)) != self.shape:
                return False
            await session.execute(self.emptying)
            for table, rows in self.seeds.items():
                await session.copy_to_table(table, source=BytesIO(rows), format="binary")
        return True

    async def _create(self, source: str) -> str:
        dsn = _named(self.server)
        async with _session(self.server) as session:
            await session.execute(f"create database {_name(dsn)}{source}")
        return dsn


_shelves: dict[str, Shelf] = {}


@asynccontextmanager
async def fresh_database(server: str) -> AsyncIterator[str]:
    """Give the URL of a database that is as migrated and that no test has seen under this name."""
    shelf = _shelves.setdefault(server, Shelf(server))
    dsn = await shelf.take()
    try:
        yield dsn
    finally:
        shelf.give_back(dsn)


def _named(server: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/test_{secrets.token_hex(6)}"))


def _name(dsn: str) -> str:
    return urlsplit(dsn).path[1:]


@asynccontextmanager
async def _session(dsn: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    # No trigger acts on what is put away and put back here, and no order of the tables matters to it.
    session = await asyncpg.connect(dsn, server_settings={"session_replication_role": "replica"})
    try:
        yield session
    finally:
        await session.close()
