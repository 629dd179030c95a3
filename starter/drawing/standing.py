"""What is drawn of a published flow: its current revision, and how many records stand in each of its steps."""

from __future__ import annotations

from typing import Any

import asyncpg

from starter.drafts import refuse_draft
from starter.overview import revisions_of
from workflows.codec import Revisions
from workflows.model.errors import CallerError
from workflows.model.flow import Flow

_ALL_INSIDE = 120.0
"""Seconds that counting may take: there may be a million inside."""

_COUNTS = """
select v.node, count(*) as here
  from enrollment e
 cross join lateral (
   select node from visit where enrollment = e.id and kind <> 'moved' order by visit desc limit 1) as v
 where e.flow = $1 and e.closed_at is null
 group by v.node
"""


async def current(pool: asyncpg.Pool[Any], revisions: Revisions, key: str) -> Flow:
    """Give the current revision of a flow; raise CallerError when it is not published."""
    for each in await revisions_of(pool, key):
        if each.is_current:
            return (await revisions.get(each.hash)).flow
    await refuse_draft(pool, key)
    raise CallerError(f"no flow is called {key!r}; `perdure flows` lists them, and a file is drawn by its name")


async def counts(pool: asyncpg.Pool[Any], key: str) -> dict[str, int]:
    """Count the records inside a flow by the step that each came to last."""
    return {row["node"]: row["here"] for row in await pool.fetch(_COUNTS, key, timeout=_ALL_INSIDE)}
