"""The visit ledger in PostgreSQL: one statement a question."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import JsonValue

from activities.gateways.postgres import storable
from activities.gateways.postgres_facts import all_informed, informed
from activities.gateways.postgres_parts import PostgresParts
from activities.gateways.postgres_sleeps import BEHIND, PostgresSleeps, as_json, row_of
from activities.gateways.postgres_store import PostgresStore
from activities.ledger import MOVED, Output, Situation, Visit, VisitTaken
from activities.no_doors import NoDoors
from activities.store_settings import DEFAULTS, StoreSettings
from workflows.contract import Answer, Step
from workflows.model.errors import EngineError
from workflows.model.facts import NOTHING, Facts, Needs
from workflows.model.records import Event, Record, RecordRef

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    from activities.effects import Store
    from activities.gateways.postgres_store import Opens

_LOOK = """
select e.flow, f.current, f.is_on, e.paused or f.paused as paused, e.closed_at is not null as closed, e.leaving,
       e.type, e.record, r.properties, r.archived_at, v.node, v.state, v.revision, v.attempt, v.answer, v.content,
       (select jsonb_object_agg(node, output) from (
          select distinct on (node) node, output from visit
           where enrollment = e.id and output is not null order by node, visit desc) as o) as outputs,
       clock_timestamp() as now, case when $3 then (select properties from event where id = e.event) end as cause
  from enrollment e
  join flow f on f.key = e.flow
  left join record r on r.type = e.type and r.id = e.record
  left join visit v on v.enrollment = e.id and v.visit = $2
 where e.id = $1
"""

_DECIDE = f"""{BEHIND}
insert into visit (enrollment, visit, node, kind, revision, state, answer, output, ended_at)
values ($1, $2, $3, $4, $5, 'done', $6, $7, clock_timestamp())
on conflict do nothing returning answer
"""

_SETTLE = f"""{BEHIND}, registered as (
  insert into sleep (enrollment, visit, why, until)
  select $1, $2, $9, $10 where $9::text is not null on conflict do nothing)
insert into visit as v (enrollment, visit, node, kind, revision, state, answer, output, note, ended_at)
values ($1, $2, $3, $4, $5, 'done', $6, $7, $8, clock_timestamp())
on conflict (enrollment, visit) do update
   set state = 'done', answer = excluded.answer, output = excluded.output, note = excluded.note,
       ended_at = excluded.ended_at
 where v.state <> 'done'
returning answer
"""

_INTEND = f"""{BEHIND}
insert into visit as v (enrollment, visit, node, kind, revision, state, attempt, content, repeated)
values ($1, $2, $3, $4, $5, 'intent', $6, $7, $8)
on conflict (enrollment, visit) do update
   set state = 'intent', attempt = excluded.attempt, repeated = v.repeated or excluded.repeated
 where v.state <> 'done' and v.attempt is not distinct from $9
returning 1
"""

# A wait ends when its event happened, or when its time was out, however late that is noticed: what came since counts
# for the next one.
_WAKE = """
with won as (
  update visit set state = 'done', answer = $3, output = $4, ended_at = coalesce($5, least(
           (select deadline from wait where enrollment = $1 and visit = $2), clock_timestamp()))
   where enrollment = $1 and visit = $2 and state = 'asleep' returning answer),
disarmed as (delete from wait where enrollment = $1 and visit = $2)
select answer from won
union all select coalesce(answer, $3) from visit where enrollment = $1 and visit = $2 and state = 'done'
limit 1
"""

_RECORD_EVENT = """
with taken as (
  insert into event (source, source_id, type, record_type, record_id, properties, occurred_at)
  select $2, $3, $4, type, record, $5, $6::text::timestamptz from enrollment where id = $1
  on conflict (source, source_id) do nothing returning 1)
select exists (select from taken) or exists (
         select from event o join enrollment e on e.type = o.record_type and e.record = o.record_id
          where e.id = $1 and o.source = $2 and o.source_id = $3 and o.type = $4 and o.properties = $5)
"""

# It has no end of its own: what comes after the visit before it counts for the visit after it.
_MOVE = """
with moved as (
  insert into visit (enrollment, visit, node, kind, revision, state, answer)
  values ($1, $2, $3, $4, $5, 'done', jsonb_build_object('moved_to', $6::text))
  on conflict do nothing returning answer)
select answer->>'moved_to' from moved
union all select answer->>'moved_to' from visit where enrollment = $1 and visit = $2
limit 1
"""


# Each time a node is put off, the next visit is one to it again.
_SINCE = "select min(began_at) from visit where enrollment = $1 and visit >= $2 and visit < $3 and node = $4"


class PostgresLedger(PostgresParts, PostgresSleeps):
    """The ledger of `activities.ledger`, on a pool."""

    def __init__(self, pool: asyncpg.Pool[Any], doors: Opens = NoDoors, settings: StoreSettings = DEFAULTS) -> None:
        """Read and write through `pool`; `doors` opens the doors of flows in the transaction of a visit."""
        self.pool, self.doors, self.settings = pool, doors, settings

    async def look(self, step: Step, needs: Needs = NOTHING) -> Situation:
        """See Ledger."""
        async with self.pool.acquire() as connection:
            return await _situation(connection, _LOOK, step, needs)

    @asynccontextmanager
    async def turn(self, step: Step, needs: Needs = NOTHING) -> AsyncIterator[PostgresTurn]:
        """See Ledger."""
        async with self.pool.acquire() as connection, connection.transaction():
            situation = await _situation(connection, _LOOK + "for share of e", step, needs)
            yield PostgresTurn(connection, situation, PostgresStore(connection, self.doors, self.settings))

    async def move(self, step: Step, revision: str) -> str:
        """See Ledger."""
        return await _move(self.pool, step, revision)

    async def decide(self, step: Step, kind: str, answer: Answer, output: Output | None = None) -> Answer:
        """See Ledger."""
        kept = await self.pool.fetchval(_DECIDE, *row_of(step, kind), as_json(answer), output)
        return answer if kept is not None else await self._settled(step)

    async def wake(self, step: Step, answer: Answer, output: Output, event: Event | None = None) -> Answer:
        """See Ledger."""
        at = event.at if event else None
        kept = await self.pool.fetchval(_WAKE, step.enrollment, step.visit, as_json(answer), output, at)
        # Whoever was first may have committed after this statement began, which does not see the answer then.
        return await self._settled(step) if kept is None else Answer.model_validate(kept)

    async def settle(
        self, step: Step, kind: str, answer: Answer, output: Output | None = None, note: str = ""
    ) -> Answer:
        """See Ledger."""
        kept = await self.pool.fetchval(_SETTLE, *_settling(step, kind, answer, output, note))
        return answer if kept is not None else await self._settled(step)

    async def note_attempt(self, step: Step, attempt: str, state: Literal["retrying", "unknown"], note: str) -> None:
        """See Ledger."""
        await self.pool.execute(
            "update visit set state = $4, note = $5"
            " where enrollment = $1 and visit = $2 and attempt = $3 and state = 'intent'",
            *(step.enrollment, step.visit, attempt, state, storable(note)),
        )

    async def record_event(self, step: Step, event: Mapping[str, JsonValue]) -> bool:
        """See Ledger."""
        told = (event[name] for name in ("source", "id", "type", "properties", "occurred_at"))
        return bool(await self.pool.fetchval(_RECORD_EVENT, step.enrollment, *told))

    async def refuse_event(self, step: Step, raw: JsonValue, reason: str) -> None:
        """See Ledger."""
        await self.pool.execute(
            "insert into event_refused (enrollment, raw, reason) values ($1, $2, $3) on conflict do nothing",
            *(step.enrollment, raw, storable(reason)),
        )

    async def _settled(self, step: Step) -> Answer:
        situation = await self.look(step)
        if situation.visit is None or situation.visit.answer is None:
            message = f"visit {step.visit} of {step.enrollment} vanished"
            raise EngineError(message)
        return situation.visit.answer


class PostgresTurn:
    """The transaction of one visit."""

    def __init__(self, connection: PoolConnectionProxy[Any], situation: Situation, store: Store) -> None:
        """Write through `connection`, whose transaction is open."""
        self.connection, self.situation, self.store = connection, situation, store

    async def since(self, step: Step) -> datetime:
        """See Turn."""
        if not step.deferrals:
            return self.situation.now
        visits = step.visit - step.deferrals, step.visit
        first = await self.connection.fetchval(_SINCE, step.enrollment, *visits, step.node)
        return first or self.situation.now

    async def move(self, step: Step, revision: str) -> str:
        """See Turn."""
        return await _move(self.connection, step, revision)

    async def informed(self, records: Sequence[Record], needs: Needs) -> list[Facts]:
        """See Turn."""
        plain = [Facts(properties=record.properties, now=self.situation.now) for record in records]
        return await all_informed(self.connection, [record.ref for record in records], plain, needs)

    async def intend(self, step: Step, kind: str, attempt: str, content: Output, *, repeated: bool) -> None:
        """See Turn."""
        seen = self.situation.visit.attempt if self.situation.visit else None
        if await self.connection.fetchval(_INTEND, *row_of(step, kind), attempt, content, repeated, seen) is None:
            raise VisitTaken

    async def settle(self, step: Step, kind: str, answer: Answer, output: Output | None = None, note: str = "") -> None:
        """See Turn."""
        if await self.connection.fetchval(_SETTLE, *_settling(step, kind, answer, output, note)) is None:
            raise VisitTaken


async def _move(connection: asyncpg.Pool[Any] | PoolConnectionProxy[Any], step: Step, revision: str) -> str:
    kept = await connection.fetchval(_MOVE, *row_of(step, MOVED), revision)
    if kept is None:
        message = f"visit {step.visit} of {step.enrollment} has begun meanwhile"
        raise EngineError(message)
    return str(kept)


def _seen(step: Step, row: Mapping[str, Any]) -> Visit:
    if step.node and row["node"] != step.node:
        message = f"visit {step.visit} of {step.enrollment} was one to {row['node']}, not to {step.node}"
        raise EngineError(message)
    answer = dict(row["answer"]) if row["answer"] is not None else None
    moved = answer.pop("moved_to", None) if answer else None
    return Visit(
        state=row["state"],
        revision=row["revision"],
        attempt=row["attempt"],
        content=row["content"],
        answer=None if moved or answer is None else Answer.model_validate(answer),
        moved=moved,
    )


def _settling(step: Step, kind: str, answer: Answer, output: Output | None, note: str) -> tuple[object, ...]:
    asleep = answer.asleep
    rest = (asleep.why, asleep.until) if asleep else (None, None)
    return *row_of(step, kind), as_json(answer), output, storable(note), *rest


async def _situation(connection: PoolConnectionProxy[Any], look: str, step: Step, needs: Needs) -> Situation:
    row = await connection.fetchrow(look, step.enrollment, step.visit, needs.cause)
    if row is None:
        message = f"there is no enrollment {step.enrollment}"
        raise EngineError(message)
    ref = RecordRef(type=row["type"], id=row["record"])
    known = row["properties"] is not None
    facts = Facts(
        properties=row["properties"] or {}, outputs=row["outputs"] or {}, now=row["now"], cause=row["cause"] or {}
    )
    return Situation(
        flow=row["flow"],
        current=row["current"],
        is_on=row["is_on"],
        paused=row["paused"],
        closed=row["closed"],
        leaving=row["leaving"],
        ref=ref,
        record=Record(ref=ref, properties=row["properties"], archived=row["archived_at"] is not None)
        if known
        else None,
        facts=await informed(connection, ref, facts, needs),
        visit=_seen(step, row) if row["state"] else None,
    )
