"""Lists that are published, and how they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from activities.effects import ListContent
from activities.gateways.postgres_lists import active_lists, count_active
from starter.patience import PATIENCE
from workflows.model.errors import FlowError

_OBJECT = "select object, kind from list where key = $1 for update"

# A static list that becomes active keeps no members: they would be there again when it becomes static.
_SAVE = """
insert into list as l (key, object, name, kind, condition) values ($1, $2, $3, $4, $5)
on conflict (key) do update set name = excluded.name, kind = excluded.kind, condition = excluded.condition
 where (l.name, l.kind, l.condition) is distinct from (excluded.name, excluded.kind, excluded.condition)
returning 1
"""
_EMPTY = "delete from list_member where list = $1"

_STANDING = """
select key, name, object, kind, (select count(*) from list_member m where m.list = l.key) as members
  from list l order by key
"""


@dataclass(frozen=True)
class ListStanding:
    """A list and how many records are on it now."""

    key: str
    name: str
    object: str
    kind: str
    members: int


async def save(connection: PoolConnectionProxy[Any], content: ListContent) -> bool:
    """Keep a list, in place of the earlier one of its key; tell whether that changed anything.

    Raise FlowError where its records would be of another type.
    """
    before = await connection.fetchrow(_OBJECT, content.key)
    if before and before["object"] != content.object:
        message = f"the list {content.key} holds records of the type {before['object']}; make another list for others"
        raise FlowError(message)
    kind = "static" if content.condition is None else "active"
    if before and before["kind"] == "static" and kind == "active":
        await connection.execute(_EMPTY, content.key)
    columns = content.key, content.object, content.name, kind, content.condition
    return await connection.fetchval(_SAVE, *columns) is not None


async def standing(pool: asyncpg.Pool[Any]) -> list[ListStanding]:
    """Give all lists, with how many records are on each."""
    rows = await pool.fetch(_STANDING, timeout=PATIENCE)
    active = await active_lists(pool, [row["key"] for row in rows])
    counted = {key: await count_active(pool, key, condition, PATIENCE) for key, condition in active.items()}
    return [ListStanding(**{**dict(row), "members": counted.get(row["key"], row["members"])}) for row in rows]
