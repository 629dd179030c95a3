"""Sleeps in PostgreSQL: delays and waits, what is over once they are, and the end of an enrollment, which ends them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from workflows.contract import Answer, Asleep, Step
from workflows.model.records import Event, RecordRef

if TYPE_CHECKING:
    import asyncpg

    from workflows.model.journal import Ending
    from workflows.model.nodes import EventMatch

# A sleeper's row once it is over keeps the answer that sent it to sleep, or none: a second execution goes the way that
# the first one went, whatever woke it.
_WOKEN = """
update visit set state = 'done', ended_at = least(coalesce(ended_at, clock_timestamp()), clock_timestamp())
 where enrollment = $1 and state = 'asleep'
"""

# What lies behind the visit is over: its sleepers have woken, whatever woke them.
BEHIND = f"""
with woken as ({_WOKEN} and visit < $2),
     risen as (delete from sleep where enrollment = $1 and visit < $2),
     disarmed as (delete from wait where enrollment = $1 and visit < $2)
"""

_LIE_DOWN = f"""{BEHIND}, lain as (
  insert into visit as v (enrollment, visit, node, kind, revision, state, answer, ended_at)
  values ($1, $2, $3, $4, $5, 'asleep', $6, $7)
  on conflict (enrollment, visit) do update
     set revision = excluded.revision, answer = excluded.answer, ended_at = excluded.ended_at
   where v.revision <> excluded.revision and v.state = 'asleep'
  returning ended_at),
registered as (
  insert into sleep (enrollment, visit, why, until) select $1, $2, 'delay', ended_at from lain
  on conflict (enrollment, visit) do update set until = excluded.until)
select ended_at from lain
union all select ended_at from visit where enrollment = $1 and visit = $2
limit 1
"""

# Nothing speaks against it: the visit is a fresh one, nobody has ordered to leave, and the flow is still the one asked.
_HERE = """
select e.id from enrollment e join flow f on f.key = e.flow
 where e.id = $1 and ($4 or f.current = $3) and not exists (select from visit where enrollment = $1 and visit = $2)
"""

_LIE_DOWN_AT_ONCE = f"""{BEHIND}, here as materialized ({_HERE} and e.closed_at is null and e.leaving is null),
lain as (
  insert into visit (enrollment, visit, node, kind, revision, state, answer, ended_at)
  select $1, $2, $5, $6, $3, 'asleep', $7, $8 from here on conflict do nothing returning ended_at),
registered as (
  insert into sleep (enrollment, visit, why, until) select $1, $2, 'delay', ended_at from lain on conflict do nothing)
select ended_at from lain
"""

_ENDED = "select ended_at from visit where enrollment = $1 and visit = $2"

_ARM = f"""{BEHIND}, lain as (
  insert into visit as v (enrollment, visit, node, kind, revision, state)
  values ($1, $2, $3, $4, $5, 'asleep')
  on conflict (enrollment, visit) do update set revision = excluded.revision
   where v.revision <> excluded.revision and v.state = 'asleep')
insert into wait as w (enrollment, visit, record_type, record_id, types, any_of, since, deadline, seen)
select e.id, $2, e.type, e.record, $6, $7,
       coalesce((select max(least(ended_at, clock_timestamp())) from visit where enrollment = $1 and visit < $2),
                e.accepted_at),
       clock_timestamp() + $8, pg_current_snapshot()
  from enrollment e
 where e.id = $1
   and not exists (select from visit where enrollment = $1 and visit = $2 and state = 'done')
on conflict (enrollment, visit) do update
   set types = excluded.types, any_of = excluded.any_of, deadline = w.armed_at + $8
returning deadline
"""

_COUNTING = """
select e.id, e.type, e.record_type, e.record_id, e.properties::text as properties, e.at, e.occurred_at
  from wait w join event e on e.record_type = w.record_type and e.record_id = w.record_id and counts(e, w)
 where w.enrollment = $1 and w.visit = $2
 order by e.at, e.seq
"""

_CLOSE = f"""
with disarmed as (delete from wait where enrollment = $1),
     risen as (delete from sleep where enrollment = $1),
     woken as ({_WOKEN})
update enrollment set ending = $2, closed_at = clock_timestamp() where id = $1 and closed_at is null
"""

_CLOSE_AT_ONCE = f"""
with here as materialized ({_HERE}),
     disarmed as (delete from wait where enrollment = $1 and exists (select from here)),
     risen as (delete from sleep where enrollment = $1 and exists (select from here)),
     woken as ({_WOKEN} and exists (select from here)),
     closed as (
       update enrollment set ending = $5, closed_at = clock_timestamp()
        where id = $1 and closed_at is null and exists (select from here))
select exists (select from here)
"""


class PostgresSleeps:
    """What `activities.ledger` says of sleeps and of the end, on a pool."""

    pool: asyncpg.Pool[Any]

    async def lie_down(self, step: Step, kind: str, asleep: Asleep) -> Asleep:
        """See Ledger."""
        answer = as_json(Answer(asleep=asleep))
        until = await self.pool.fetchval(_LIE_DOWN, *row_of(step, kind), answer, asleep.until)
        # A first execution that committed after this statement began is not seen by it; a second look sees it.
        return Asleep(why="delay", until=until or await self.pool.fetchval(_ENDED, step.enrollment, step.visit))

    async def lie_down_at_once(self, step: Step, kind: str, asleep: Asleep, *, pinned: bool) -> Asleep | None:
        """See Ledger."""
        answer = as_json(Answer(asleep=asleep))
        row = (step.node, kind, answer, asleep.until)
        until = await self.pool.fetchval(_LIE_DOWN_AT_ONCE, *_asked(step, pinned=pinned), *row)
        return None if until is None else Asleep(why="delay", until=until)

    async def arm(self, step: Step, kind: str, any_of: tuple[EventMatch, ...], at_most: float | None) -> Asleep | None:
        """See Ledger."""
        types = sorted({match.event for match in any_of})
        matches = [match.model_dump(mode="json") for match in any_of]
        limit = None if at_most is None else timedelta(seconds=at_most)
        row = await self.pool.fetchrow(_ARM, *row_of(step, kind), types, matches, limit)
        return None if row is None else Asleep(why="wait", until=row["deadline"])

    async def counting(self, step: Step) -> list[Event]:
        """See Ledger."""
        rows = await self.pool.fetch(_COUNTING, step.enrollment, step.visit)
        return [event for row in rows if (event := _event(row)) is not None]

    async def is_due(self, step: Step) -> bool:
        """See Ledger."""
        early = "select from wait where enrollment = $1 and visit = $2 and (deadline > clock_timestamp()) is not false"
        return not await self.pool.fetchval(f"select exists ({early})", step.enrollment, step.visit)

    async def close(self, step: Step, ending: Ending) -> None:
        """See Ledger."""
        await self.pool.execute(_CLOSE, step.enrollment, ending)

    async def close_at_once(self, step: Step, ending: Ending, *, pinned: bool) -> bool:
        """See Ledger."""
        return bool(await self.pool.fetchval(_CLOSE_AT_ONCE, *_asked(step, pinned=pinned), ending))


def _event(row: Mapping[str, Any]) -> Event | None:
    """Read an event; None when its properties are JSON to PostgreSQL but not to us: the router puts it aside."""
    try:
        properties = from_json(row["properties"])
    except ValueError:
        return None
    return Event(
        id=str(row["id"]),
        type=row["type"],
        record=RecordRef(type=row["record_type"], id=row["record_id"]),
        properties=properties,
        at=row["at"],
        occurred_at=row["occurred_at"],
    )


def _asked(step: Step, *, pinned: bool) -> tuple[object, ...]:
    return step.enrollment, step.visit, step.revision, pinned


def row_of(step: Step, kind: str) -> tuple[object, ...]:
    """Give the first columns of a visit's row."""
    return step.enrollment, step.visit, step.node, kind, step.revision


def as_json(answer: Answer) -> dict[str, Any]:
    """Give an answer as its row keeps it."""
    return answer.model_dump(mode="json", exclude_defaults=True, exclude={"revision"})
