"""Tasks: those of a record, and completing one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from workflows.model.errors import CallerError
from workflows.model.records import RecordRef

_TASKS = """
select t.id, t.kind, t.subject, t.priority, t.assignee, t.queue, t.due_at, t.remind_at, t.created_at, t.completed_at
  from task_record r join task t on t.id = r.task
 where r.type = $1 and r.id = $2 order by t.completed_at is not null, t.created_at desc limit $3
"""

_COMPLETE = """
with done as (
  update task set completed_at = clock_timestamp() where id = $1 and completed_at is null returning *),
told as (
  insert into event (source, type, record_type, record_id, properties)
  select 'perdure', 'task_completed', r.type, r.id, jsonb_strip_nulls(jsonb_build_object(
         'task', done.id, 'kind', done.kind, 'subject', done.subject, 'assignee', done.assignee,
         'flow', done.source->'flow', 'step', done.source->'node', 'by', $2::text))
    from done join task_record r on r.task = done.id)
select exists (select from task where id = $1) as is_known, exists (select from done) as is_new
"""


@dataclass(frozen=True)
class Task:
    """A task of a record."""

    id: UUID
    kind: str
    subject: str
    priority: str
    assignee: str | None
    queue: str
    due_at: datetime | None
    remind_at: datetime | None
    created_at: datetime
    completed_at: datetime | None


async def tasks_of(pool: asyncpg.Pool[Any], record: RecordRef, limit: int) -> tuple[Task, ...]:
    """Give the tasks of a record: first those that are open, of each the newest first."""
    return tuple(Task(**dict(row)) for row in await pool.fetch(_TASKS, record.type, record.id, limit))


async def complete(pool: asyncpg.Pool[Any], task: UUID, who: str) -> bool:
    """Complete a task, and log the event `task_completed` for each of its records; give False when it was before.

    Raise CallerError when there is no such task.
    """
    row = await pool.fetchrow(_COMPLETE, task, who)
    if row is None or not row["is_known"]:
        raise CallerError(f"there is no task {task}")
    return bool(row["is_new"])
