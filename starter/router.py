"""The router: from an event in the log to the waits it ends, the goals it meets and the flows it starts.

Everything an event leads to is written in the transaction that marks it as routed. A shard of records is held by one
router at a time, so the events of one record are taken in their order however many routers there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from pydantic import JsonValue, TypeAdapter
from pydantic_core import from_json

from starter.admission import Admission, Entrant, admit_many, lock, look_again
from starter.goals import Runner, finished
from starter.leaving import order_to_leave
from starter.rounds import Rounds, log
from workflows.codec import Revisions
from workflows.model.flow import Flow
from workflows.model.nodes import EventMatch, happened
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

SHARDS_AT_ONCE = 4
"""Shards that one transaction holds: enough to fill a batch, few enough to leave some to other routers."""

BATCH = 200
"""Events of one transaction: the round trips are shared by many, and what a crash repeats is short."""

_MATCHES = TypeAdapter(tuple[EventMatch, ...])

_HOLD = """
with busy as materialized (
  select shard from generate_series(0, 15) as every (shard)
   where exists (select from event e where e.shard = every.shard and e.routed_at is null)
   order by random())
select shard from busy where pg_try_advisory_xact_lock(1, shard) limit $1
"""

# A statement of its own: its snapshot must be taken after the shards are held. Here as in all that a worker asks, a
# list goes over as texts: of any other type each new connection first asks PostgreSQL what it is, a slow question.
_TAKE = """
select e.id, e.seq, e.type, e.record_type, e.record_id, e.properties::text as properties, e.at
  from unnest($1::text[]::int[]) as held (shard)
 cross join lateral (select * from event where event.shard = held.shard::smallint and routed_at is null
                      order by seq limit $2) as e
 order by e.seq limit $2
"""

_WAITS = """
select e.id as event, w.enrollment, w.visit, w.any_of
  from event e
  join wait w on w.record_type = e.record_type and w.record_id = e.record_id and counts(e, w)
 where e.id = any ($1::text[]::uuid[]) order by e.seq
"""

_SETTLE = """
with ended as (
  select * from jsonb_to_recordset($1) as ended (enrollment uuid, visit integer, output jsonb, at timestamptz)),
won as (
  update visit v set state = 'done', answer = '{"happened": true, "line": "happened"}', output = ended.output,
                     ended_at = ended.at
    from ended where v.enrollment = ended.enrollment and v.visit = ended.visit and v.state = 'asleep'
  returning v.enrollment, v.visit),
disarmed as (
  delete from wait w using ended where w.enrollment = ended.enrollment and w.visit = ended.visit)
insert into outbox (enrollment, kind, body)
select enrollment, 'deliver', jsonb_build_object('visits', jsonb_agg(visit order by visit)) from won group by enrollment
"""

_INSIDE = """
select e.id, e.revision, e.accepted_at, f.current, r.type, r.id as record, r.properties, clock_timestamp() as now
  from unnest($1::text[], $2::text[]) as w (type, id)
  join enrollment e on e.type = w.type and e.record = w.id and e.closed_at is null and e.leaving is null
  join flow f on f.key = e.flow
  join record r on r.type = e.type and r.id = e.record
"""

_REFUSE = """
with refused as (update event set routed_at = clock_timestamp() where id = $1 returning to_jsonb(event) as raw)
insert into event_refused (raw, reason) select raw, $2 from refused
"""


DELETED = "record_deleted"
"""The event of a record that was deleted."""

_OF_DELETED = """
select e.id from unnest($1::text[], $2::text[]) as gone (type, id)
  join enrollment e on e.type = gone.type and e.record = gone.id and e.closed_at is null
 where not exists (
         select from record r where r.type = gone.type and r.id = gone.id and r.archived_at is null)
"""


class Arrival(NamedTuple):
    """An event as the router takes it from the log."""

    id: UUID
    type: str
    record: RecordRef
    properties: dict[str, JsonValue]
    at: datetime


class Poison(Exception):
    """An event that cannot be judged; alone in its batch, it is put aside for a person to look at."""

    def __init__(self, events: Sequence[UUID]) -> None:
        """Name the events of the batch."""
        super().__init__(f"{len(events)} events cannot be judged")
        self.events = events


class Router:
    """Routes what stands unrouted in the log. Any number of routers may run, in any number of processes."""

    def __init__(self, pool: asyncpg.Pool[Any], revisions: Revisions, *, batch: int = BATCH) -> None:
        """Work through `pool`, judging by the flows in `revisions`."""
        self.pool, self.revisions, self.batch = pool, revisions, batch

    async def run(self, stop: asyncio.Event) -> None:
        """Route until `stop` is set, woken by each event that is written."""
        await Rounds("the router", self.route_once, pool=self.pool, table="event").run(stop)

    async def route_once(self) -> int:
        """Route one batch; return how many events it had, 0 when there is nothing that another router does not hold."""
        try:
            return await self._route(self.batch)
        except Poison:
            pass
        try:
            return await self._route(1)
        except Poison as poison:
            log.error("event %s cannot be judged and is put aside: %s", poison.events[0], poison.__cause__)
            await self.pool.execute(_REFUSE, poison.events[0], repr(poison.__cause__)[:1000])
            return 1

    async def _route(self, limit: int) -> int:
        async with self.pool.acquire() as connection, connection.transaction():
            held = [str(row["shard"]) for row in await connection.fetch(_HOLD, SHARDS_AT_ONCE)]
            rows = await connection.fetch(_TAKE, held, limit) if held else []
            if not rows:
                return 0
            events = [row["id"] for row in rows]
            try:
                arrivals = [_arrival(row) for row in rows]
                # Enrollments before their visits, as a turn locks them: the other way round they deadlock.
                await _expel_deleted(connection, arrivals)
                await self._let_go(connection, arrivals)
                await self._end_waits(connection, arrivals)
                admissions = await self._enroll(connection, arrivals)
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                raise Poison(events) from error
            await connection.execute(
                "update event set routed_at = (select clock_timestamp()) where id = any ($1::text[]::uuid[])",
                [str(event) for event in events],
            )
        await look_again(self.pool, self.revisions, admissions)
        return len(events)

    async def _end_waits(self, connection: PoolConnectionProxy[Any], arrivals: Sequence[Arrival]) -> None:
        """End each wait with the first event that it looks for."""
        by_id = {each.id: each for each in arrivals}
        ended: dict[tuple[UUID, int], Arrival] = {}
        for row in await connection.fetch(_WAITS, [str(event) for event in by_id]):
            wait, arrival = (row["enrollment"], row["visit"]), by_id[row["event"]]
            if wait not in ended and _looked_for(_MATCHES.validate_python(row["any_of"]), arrival):
                ended[wait] = arrival
        if ended:
            await connection.execute(_SETTLE, [_ended(*wait, event) for wait, event in sorted(ended.items())])

    async def _let_go(self, connection: PoolConnectionProxy[Any], arrivals: Sequence[Arrival]) -> None:
        """Order out whoever has reached the goal, by the record as it is now, and whom an event makes leave."""
        records = sorted({(each.record.type, each.record.id) for each in arrivals})
        rows = await connection.fetch(_INSIDE, [type_ for type_, _ in records], [id_ for _, id_ in records])
        runners = [
            (row["id"], Runner(await self._followed(row), _ref(row), row["properties"], row["now"])) for row in rows
        ]
        await order_to_leave(connection, await finished(connection, runners), "goal")
        entered = {row["id"]: row["accepted_at"] for row in rows}
        gone = [id_ for id_, runner in runners if _is_to_leave(runner, entered[id_], arrivals)]
        await order_to_leave(connection, gone, "unenrolled")

    async def _followed(self, row: Mapping[str, Any]) -> Flow:
        own = (await self.revisions.get(row["revision"])).flow
        return own if own.settings.revisions == "pin" else (await self.revisions.get(row["current"])).flow

    async def _enroll(self, connection: PoolConnectionProxy[Any], arrivals: Sequence[Arrival]) -> list[Admission]:
        """Let the records in whose events start a flow. Last, for it locks records, as everyone does last."""
        flows = await connection.fetch("select key, current from flow where is_on order by key")
        sent = {row["key"]: _entrants(await self.revisions.get(row["current"]), arrivals) for row in flows}
        records = {each.record for entrants in sent.values() for each in entrants}
        if not records:
            return []
        await lock(connection, list(records))
        admissions: list[Admission] = []
        for flow, entrants in sent.items():
            if entrants:
                admissions += await admit_many(connection, self.revisions, flow, entrants, triggered=True)
        return admissions


async def _expel_deleted(connection: PoolConnectionProxy[Any], arrivals: Sequence[Arrival]) -> None:
    """Order out of all flows the records that were deleted, whoever wrote the event; one that is there again stays."""
    deleted = sorted({(each.record.type, each.record.id) for each in arrivals if each.type == DELETED})
    if deleted:
        rows = await connection.fetch(_OF_DELETED, [type_ for type_, _ in deleted], [id_ for _, id_ in deleted])
        await order_to_leave(connection, [row["id"] for row in rows], "record_gone")


def _ref(row: Mapping[str, Any]) -> RecordRef:
    return RecordRef.model_construct(type=row["type"], id=row["record"])


def _arrival(row: Mapping[str, Any]) -> Arrival:
    record = RecordRef.model_construct(type=row["record_type"], id=row["record_id"])
    # Read here, not by the connection: what PostgreSQL takes for JSON may be too deep for us, and is poison then.
    return Arrival(row["id"], row["type"], record, from_json(row["properties"]), row["at"])


def _looked_for(any_of: tuple[EventMatch, ...], arrival: Arrival) -> bool:
    return any(match.takes(arrival.type, arrival.properties) for match in any_of)


def _ended(enrollment: UUID, visit: int, by: Arrival) -> dict[str, JsonValue | datetime]:
    """Give a wait that an event has ended, as a row of `_SETTLE`."""
    return {"enrollment": str(enrollment), "visit": visit, "output": happened(by.type, by.properties), "at": by.at}


def _is_to_leave(runner: Runner, entered: datetime, arrivals: Sequence[Arrival]) -> bool:
    """Tell whether an event makes a record leave, which has happened since it entered."""
    on = runner.flow.leave.on
    return bool(on) and any(
        each.record == runner.record and each.at >= entered and _looked_for(on, each) for each in arrivals
    )


def _entrants(revision: Revision, arrivals: Sequence[Arrival]) -> list[Entrant]:
    flow, first = revision.flow, dict[RecordRef, Entrant]()
    for each in arrivals if flow.enroll.on else ():
        if each.record.type == flow.object and _looked_for(flow.enroll.on, each):
            first.setdefault(each.record, Entrant(each.record, f"event {each.type} {each.id}", event=each.id))
    return list(first.values())
