"""The parts of visits in PostgreSQL: one short statement before a part is done, and one after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from activities.gateways.postgres import storable
from activities.ledger import PartRow, PartState

if TYPE_CHECKING:
    import asyncpg

    from workflows.contract import Step

_PARTS = "select part, state, attempt, repeated, note from visit_part where enrollment = $1 and visit = $2"

_INTEND_PART = """
with begun as (
  insert into visit_part as p (enrollment, visit, part, state, attempt, repeated)
  select $1, $2, $3, 'intent', $4, $6 from visit where enrollment = $1 and visit = $2 and state <> 'done'
  on conflict (enrollment, visit, part) do update
     set state = 'intent', attempt = excluded.attempt, repeated = p.repeated or excluded.repeated, note = '',
         at = clock_timestamp()
   where p.state not in ('done', 'failed', 'skipped') and p.attempt is not distinct from $5
  returning repeated),
flagged as (
  update visit set repeated = true
   where enrollment = $1 and visit = $2 and not repeated and exists (select from begun where repeated))
select exists (select from begun)
"""

_SETTLE_PART = """
update visit_part set state = $5, note = $6, at = clock_timestamp()
 where enrollment = $1 and visit = $2 and part = $3 and state not in ('done', 'failed', 'skipped')
   and (attempt = $4 or $5 in ('done', 'failed', 'skipped'))
"""


class PostgresParts:
    """What `activities.ledger` says of parts, on a pool."""

    pool: asyncpg.Pool[Any]

    async def parts(self, step: Step) -> dict[str, PartRow]:
        """See Ledger."""
        rows = await self.pool.fetch(_PARTS, step.enrollment, step.visit)
        kept = ("state", "attempt", "repeated", "note")
        return {row["part"]: PartRow.model_validate({name: row[name] for name in kept}) for row in rows}

    async def intend_part(
        self, step: Step, part: str, attempt: str, seen: str | None, *, repeated: bool = False
    ) -> bool:
        """See Ledger."""
        named = (step.enrollment, step.visit, part)
        return bool(await self.pool.fetchval(_INTEND_PART, *named, attempt, seen, repeated))

    async def settle_part(self, step: Step, part: str, attempt: str, state: PartState, note: str = "") -> None:
        """See Ledger."""
        named = (step.enrollment, step.visit, part)
        await self.pool.execute(_SETTLE_PART, *named, attempt, state, storable(note))
