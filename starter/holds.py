"""Pausing and resuming flows and enrollments, and an operator's decision on what is held."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

import asyncpg

from activities.gate import PAUSED

ALL_HELD = 300.0
"""Seconds that telling everyone may take: a long pause of a large flow holds very many."""

# Sent anew until the sleeper has risen; a second order to the same visit finds it gone and does nothing.
_RESUME = """
insert into outbox (enrollment, kind, body)
select s.enrollment, 'resume', jsonb_build_object('visit', s.visit, 'how', 'retry')
  from sleep s
  join visit v on v.enrollment = s.enrollment and v.visit = s.visit and v.answer->>'line' = $1
  join enrollment e on e.id = s.enrollment and not e.paused and e.closed_at is null and e.leaving is null
  join flow f on f.key = e.flow and not f.paused
 where s.why = 'held'
   and ($2::text is null or e.flow = $2) and ($3::uuid is null or e.id = $3)
   and not exists (select from outbox o where o.enrollment = s.enrollment and o.kind = 'resume' and o.sent_at is null)
returning enrollment
"""

# Sent anew each time, for an execution that was reset has forgotten what it was told; noted once.
_RESOLVE = """
with noted as (
  update visit v set note = concat_ws('; ', nullif(v.note, ''), 'an operator decided: ' || $2),
                     ended_at = clock_timestamp()
    from sleep s where s.enrollment = $1 and s.why = 'held' and v.enrollment = s.enrollment and v.visit = s.visit
     and position('an operator decided: ' || $2 in v.note) = 0)
insert into outbox (enrollment, kind, body)
select s.enrollment, 'resume', jsonb_build_object('visit', s.visit, 'how', $2::text)
  from sleep s join enrollment e on e.id = s.enrollment and e.closed_at is null
 where s.enrollment = $1 and s.why = 'held'
returning enrollment
"""


async def set_paused(pool: asyncpg.Pool[Any], target: str | UUID, *, paused: bool) -> bool:
    """Pause or unpause a flow or an enrollment; give False when there is none, or the enrollment is closed."""
    statement = (
        "update enrollment set paused = $2 where id = $1 and closed_at is null returning 1"
        if isinstance(target, UUID)
        else "update flow set paused = $2 where key = $1 returning 1"
    )
    return await pool.fetchval(statement, target, paused) is not None


async def wake_unpaused(pool: asyncpg.Pool[Any], target: str | UUID | None = None) -> int:
    """Tell those whom a pause holds that it is over, of one flow or enrollment or of all; give how many.

    A record may fall into a hold just as its pause ends, so the reconciler asks for all from time to time.
    """
    flow = target if isinstance(target, str) else None
    enrollment = target if isinstance(target, UUID) else None
    return len(await pool.fetch(_RESUME, PAUSED, flow, enrollment, timeout=ALL_HELD))


async def resolve(pool: asyncpg.Pool[Any], enrollment: UUID, how: Literal["retry", "skip", "end"]) -> bool:
    """Tell a held enrollment how it goes on; give False when it is not held."""
    return bool(await pool.fetch(_RESOLVE, enrollment, how))
