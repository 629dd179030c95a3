"""Lists in PostgreSQL: static ones are rows of members, active ones a condition that is asked of the records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from activities.action import Refused
from activities.gateways.condition_sql import where
from activities.gateways.postgres import storable
from workflows.model.conditions import Condition
from workflows.model.records import RecordRef

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    from activities.effects import Source

_CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)

# The row of the list is locked, so that it does not become an active one meanwhile.
_LIST = "select key, object, kind from list where key = $1 for share"

_TOLD = """
insert into event (source, type, record_type, record_id, properties)
select 'perdure', $4, $2, id, jsonb_build_object('list', $1::text, 'by', $5::jsonb) from changed
"""
_ADD = f"""
with changed as (insert into list_member (list, id) values ($1, $3) on conflict do nothing returning id)
{_TOLD} returning 1
"""
_REMOVE = f"""
with changed as (delete from list_member where list = $1 and id = $3 returning id)
{_TOLD} returning 1
"""

_ACTIVE = "select key, condition from list where kind = 'active' and key = any ($1)"


class PostgresLists:
    """The lists of one connection's transaction."""

    def __init__(self, connection: PoolConnectionProxy[Any]) -> None:
        """Read and write through `connection`."""
        self._connection = connection

    async def add(self, list_: str, record: RecordRef, source: Source) -> bool:
        """See Lists."""
        return await self._change(_ADD, list_, record, "list_joined", source)

    async def remove(self, list_: str, record: RecordRef, source: Source) -> bool:
        """See Lists."""
        return await self._change(_REMOVE, list_, record, "list_left", source)

    async def _change(self, change: str, list_: str, record: RecordRef, event: str, source: Source) -> bool:
        found = await self._connection.fetchrow(_LIST, storable(list_))
        check_list(list_, record, found)
        told = await self._connection.fetchval(change, list_, record.type, record.id, event, asdict(source))
        return told is not None


def check_list(list_: str, record: RecordRef, found: Mapping[str, Any] | None) -> None:
    """Raise Refused where a record cannot be put on a list, or taken off it, by hand."""
    if found is None:
        raise Refused("unknown_list", list_)
    if found["kind"] != "static":
        raise Refused("active_list", f"{list_} follows its condition; nobody is put on it or taken off it by hand")
    if found["object"] != record.type:
        raise Refused("wrong_object", f"{list_} holds records of the type {found['object']}, and {record} is none")


async def active_lists(
    connection: asyncpg.Pool[Any] | PoolConnectionProxy[Any], names: Iterable[str]
) -> dict[str, Condition]:
    """Give the conditions of those lists that are active."""
    rows = await connection.fetch(_ACTIVE, list(names))
    return {row["key"]: _CONDITION.validate_python(row["condition"]) for row in rows}


async def on_active_lists(
    connection: PoolConnectionProxy[Any], refs: Sequence[RecordRef], conditions: Mapping[str, Condition], now: datetime
) -> list[set[str]]:
    """Give the active lists that each record is on, in the order of the records; days begin in UTC."""
    found: list[set[str]] = [set() for _ in refs]
    for name, condition in conditions.items():
        chosen = where(condition, now, "UTC", first=4)
        rows = await connection.fetch(
            f"""
            select w.n from unnest($1::text[], $2::text[]) with ordinality as w (type, id, n)
              join record r on r.type = w.type and r.id = w.id
              join list l on l.key = $3 and l.object = r.type where {chosen.text}
            """,
            *([ref.type for ref in refs], [ref.id for ref in refs], name, *chosen.parameters),
        )
        for row in rows:
            found[row["n"] - 1].add(name)
    return found


async def count_active(pool: asyncpg.Pool[Any], name: str, condition: Condition, timeout: float) -> int:
    """Count the live records on an active list, by the clock of the database, within so many seconds."""
    chosen = where(condition, await pool.fetchval("select clock_timestamp()"), "UTC", first=2)
    counted = await pool.fetchval(
        f"""
        select count(*) from record r join list l on l.key = $1 and l.object = r.type
         where r.archived_at is null and {chosen.text}
        """,
        *(name, *chosen.parameters),
        timeout=timeout,
    )
    return int(counted)
