"""What the database says of a flow's enrollments: who came by each step and who is there, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from starter.drawing.picture import walked
from starter.drawing.standing import came, counts
from starter.stats import endings
from workflows.model.flow import Flow
from workflows.model.nodes import Delay, DelayUntil, End, WaitForEvent

_INSIDE = """
select count(*) as entered, count(*) filter (where closed_at is null) as inside,
       coalesce((select count(*) from event where type = 'form_submitted' and routed_at is null), 0) as unrouted
  from enrollment where flow = $1
"""

_OUTSIDE = """
select exists (select from visit v join enrollment e on e.id = v.enrollment where e.flow = $1 and v.state = 'intent')
"""

_REPEATED = "select count(*) from visit v join enrollment e on e.id = v.enrollment where e.flow = $1 and v.repeated"

# One who was there long, and had most done to them.
_LONGEST = """
select e.id from enrollment e join visit v on v.enrollment = e.id
 where e.flow = $1 group by e.id order by count(*) desc, e.record limit 1
"""

_RESTING = (Delay, DelayUntil, WaitForEvent)


class Place(NamedTuple):
    """A step of the flow: how many came to it, and how many are there now."""

    node: str
    came: int = 0
    here: int = 0


class Inside(NamedTuple):
    """How many entered and are inside now, and how many events wait to be judged."""

    entered: int
    inside: int
    unrouted: int

    @property
    def left(self) -> str:
        """How many have left, in words."""
        number = self.entered - self.inside
        return f"{number} {'has' if number == 1 else 'have'} left"

    @property
    def over(self) -> bool:
        """Whether everybody has come to an end."""
        return self.entered > 0 and not self.inside and not self.unrouted


@dataclass(frozen=True)
class Counting:
    """Counts the enrollments of one flow."""

    pool: asyncpg.Pool[Any]
    flow: Flow

    @property
    def resting(self) -> frozenset[str]:
        """The steps in which people sleep or wait."""
        return frozenset(id_ for id_, node in self.flow.nodes.items() if isinstance(node, _RESTING))

    async def places(self) -> list[Place]:
        """Count, for each step that does something, who came to it and who is there now."""
        here = await counts(self.pool, self.flow.key)  # first, so that nobody is where he never came
        ever = await came(self.pool, self.flow.key)
        return [
            Place(node.id, ever.get(node.id, 0), here.get(node.id, 0))
            for node in walked(self.flow)
            if not isinstance(node, End)
        ]

    async def inside(self) -> Inside:
        """Count who entered."""
        return Inside(**dict(await self.pool.fetchrow(_INSIDE, self.flow.key) or {}))

    async def endings(self) -> dict[str, int]:
        """Count how they ended."""
        return await endings(self.pool, self.flow.key)

    async def is_outside(self) -> bool:
        """Tell whether something is under way outside at this moment, as an e-mail that is being sent."""
        return bool(await self.pool.fetchval(_OUTSIDE, self.flow.key))

    async def repeated(self) -> int:
        """Count the visits whose effect a crash left open, so that it was done again."""
        return int(await self.pool.fetchval(_REPEATED, self.flow.key))

    async def longest(self) -> UUID:
        """Give the enrollment with the longest path."""
        found: UUID = await self.pool.fetchval(_LONGEST, self.flow.key)
        return found
