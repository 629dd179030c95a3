"""How sequences stand: who is inside, and what made the others leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg

from activities.sequences import ENDS_ON, flow_of
from starter.patience import PATIENCE

# Why somebody left is in the log: the first event after entering, of those that end a sequence.
_STANDING = """
select substr(f.key, length($1) + 1) as key, r.body::jsonb ->> 'name' as name, r.number as revision, f.is_on,
       count(*) filter (where e.closed_at is null) as inside,
       count(*) filter (where e.ending = 'completed') as finished,
       count(*) filter (where e.ending = 'unenrolled' and why.type = $2) as replied,
       count(*) filter (where e.ending = 'unenrolled' and why.type = $3) as booked,
       count(*) filter (where e.closed_at is not null and e.ending <> 'completed'
                          and not (e.ending = 'unenrolled' and why.type is not null)) as left_otherwise
  from flow f
  join revision r on r.hash = f.current
  left join enrollment e on e.flow = f.key
  left join lateral (
    select type from event v
     where e.ending = 'unenrolled' and v.record_type = e.type and v.record_id = e.record and v.type in ($2, $3)
       and v.at between e.accepted_at and e.closed_at
     order by v.at, v.seq limit 1) as why on true
 where starts_with(f.key, $1)
 group by f.key, r.hash order by f.key
"""


@dataclass(frozen=True)
class SequenceStanding:
    """How a sequence stands: who is inside, finished it, replied, booked a meeting, or left for another reason."""

    key: str
    name: str
    revision: int
    is_on: bool
    inside: int
    finished: int
    replied: int
    booked: int
    left_otherwise: int


async def standing(pool: asyncpg.Pool[Any]) -> list[SequenceStanding]:
    """Give all sequences, by key."""
    rows = await pool.fetch(_STANDING, flow_of(""), *ENDS_ON, timeout=PATIENCE)
    return [SequenceStanding(**dict(row)) for row in rows]
