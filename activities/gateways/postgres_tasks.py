"""Tasks and the users they are given to, in PostgreSQL."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from activities.effects import User
from activities.gateways.postgres import storable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    from activities.effects import NewTask

_CREATE = """
with made as (
  insert into task (kind, subject, body, priority, assignee, queue, due_at, remind_at, source, effect)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
  on conflict (effect) do nothing returning id),
named as (
  insert into task_record (task, type, id)
  select made.id, r.type, r.id from made, unnest($11::text[], $12::text[]) as r (type, id) on conflict do nothing)
select id from made union all select id from task where effect = $10 limit 1
"""


async def create_task(connection: PoolConnectionProxy[Any], task: NewTask, key: str) -> str:
    """Make a task once for its key; give its id."""
    made = await connection.fetchval(
        _CREATE,
        *(task.kind, storable(task.subject), storable(task.body), task.priority, task.assignee, storable(task.queue)),
        *(task.due_at, task.remind_at, asdict(task.source), key),
        *([ref.type for ref in task.records], [ref.id for ref in task.records]),
    )
    return str(made)


async def read_user(connection: PoolConnectionProxy[Any], user: str) -> User | None:
    """Give a user by id, locked so that a task may name it; None where there is none."""
    row = await connection.fetchrow(
        "select id, email, name, active, seat, phone from crm_user where id = $1 for key share", storable(user)
    )
    return None if row is None else User(**dict(row))
