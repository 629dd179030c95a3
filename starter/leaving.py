"""The order to leave: written on the enrollment and told to its execution, in one statement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

# Rows are locked in the order of their ids, so that two such orders never wait for each other.
_LEAVE = """
with asked as (
  select id from enrollment where id = any ($1) and closed_at is null and leaving is null
   order by id for no key update),
ordered as (update enrollment e set leaving = $2 from asked where e.id = asked.id returning e.id)
insert into outbox (enrollment, kind, body, note)
select id, 'leave', jsonb_build_object('ending', $2::text), $3 from ordered
returning enrollment
"""


async def order_to_leave(
    connection: PoolConnectionProxy[Any] | asyncpg.Pool[Any],
    enrollments: Iterable[UUID],
    ending: Literal["goal", "unenrolled", "record_gone"],
    note: str = "",
) -> list[UUID]:
    """Order enrollments to leave with an ending; give those that were inside and not leaving yet."""
    wanted = list(enrollments)
    if not wanted:
        return []
    return [row["enrollment"] for row in await connection.fetch(_LEAVE, wanted, ending, note)]
