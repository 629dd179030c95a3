"""What the picture of a published flow counts: how many records stand in each of its steps, and how many ever came."""

from __future__ import annotations

from typing import Any

import asyncpg

from starter.patience import PATIENCE

_CAME = """
select v.node, count(distinct v.enrollment) as came
  from enrollment e join visit v on v.enrollment = e.id where e.flow = $1 and v.kind <> 'moved' group by v.node
"""

_COUNTS = """
select v.node, count(*) as here
  from enrollment e
 cross join lateral (
   select node from visit where enrollment = e.id and kind <> 'moved' order by visit desc limit 1) as v
 where e.flow = $1 and e.closed_at is null
 group by v.node
"""


async def counts(pool: asyncpg.Pool[Any], key: str) -> dict[str, int]:
    """Count the records inside a flow by the step that each came to last."""
    return {row["node"]: row["here"] for row in await pool.fetch(_COUNTS, key, timeout=PATIENCE)}


async def came(pool: asyncpg.Pool[Any], key: str) -> dict[str, int]:
    """Count the records that ever came to each step of a flow."""
    return {row["node"]: row["came"] for row in await pool.fetch(_CAME, key, timeout=PATIENCE)}
