"""Who may enter a flow: the entry rules, applied in the transaction that writes the enrollment.

Two rows are written: the enrollment, and the outbox row from which the relay starts it. So an accepted enrollment
survives Temporal being down, and a refused one has left no trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid4

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from pydantic import JsonValue

from starter.goals import Runner, finished
from starter.leaving import order_to_leave
from workflows.codec import Revisions
from workflows.contract import workflow_id
from workflows.model.errors import CallerError
from workflows.model.flow import Flow
from workflows.model.records import RecordRef, is_name
from workflows.model.revision import Revision

MOST_NAME_BYTES = 600
"""Longest name of a record: a search attribute takes 2,048 bytes, and escaped a letter may take thrice its own."""

MOST_ID_BYTES = 1_000
"""Longest workflow id that Temporal takes."""

Code = Literal["bad_name", "flow_off", "no_record", "wrong_object", "inside", "before", "goal_met"]


class Entrant(NamedTuple):
    """A record that asks to enter, who or what sent it, the enrollment key where the flow sets one, and the event.

    `sent_on` counts the flows that have sent it on in a row; see `doors.py`.
    """

    record: RecordRef
    cause: str = ""
    key: str = ""
    event: UUID | None = None
    sent_on: int = 0


@dataclass(frozen=True)
class Admitted:
    """The record is inside; its execution starts when the relay gets to it."""

    enrollment: UUID
    flow: str
    record: RecordRef
    revision: str


@dataclass(frozen=True)
class Refusal:
    """The record did not enter; `code` is for programs, `sentence` for people."""

    flow: str
    record: RecordRef
    code: Code
    sentence: str


Admission = Admitted | Refusal

# The lock makes admissions of one record wait for each other: without it a record could enter, leave, and enter
# again between another's look for earlier enrollments and its insert. Sorted, so that two batches cannot deadlock.
_LOCK = """
select r.type, r.id, r.properties
  from record r join unnest($1::text[], $2::text[]) as w (type, id) using (type, id)
 where r.archived_at is null
 order by r.type collate "C", r.id collate "C" for no key update of r
"""

# A statement of its own: its snapshot must be taken after the locks are held.
_STANDING = """
select f.is_on, f.current, clock_timestamp() as now,
       exists (select from enrollment e where e.flow = f.key and e.type = w.type and e.record = w.id
                  and e.key = w.key and e.closed_at is null) as inside,
       exists (select from enrollment e where e.flow = f.key and e.type = w.type and e.record = w.id
                  and e.key = w.key) as before
  from flow f, unnest($2::text[], $3::text[], $4::text[]) with ordinality as w (type, id, key, n)
 where f.key = $1 order by w.n
"""

_INSERT = """
with entered as (
  insert into enrollment (id, flow, type, record, key, revision, cause, event, sent_on)
  select w.id, $1, w.type, w.record, w.key, $2, w.cause, w.event, w.sent_on
    from unnest($3::text[]::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]::uuid[],
                $9::text[]::smallint[])
      as w (id, type, record, key, cause, event, sent_on)
      on conflict (flow, type, record, key) where closed_at is null do nothing
  returning id),
told as (insert into outbox (enrollment, kind) select id, 'start' from entered)
select id from entered
"""

_INSIDE = """
select e.id, r.type, r.id as record, r.properties, clock_timestamp() as now
  from enrollment e join record r on r.type = e.type and r.id = e.record
 where e.id = any ($1::text[]::uuid[]) and e.closed_at is null and e.leaving is null
"""


async def admit(
    pool: asyncpg.Pool[Any], revisions: Revisions, flow: str, entrants: Sequence[Entrant], *, triggered: bool = False
) -> list[Admission]:
    """Let records into a flow, in a transaction of their own; answer each, in the order given.

    Raise CallerError when there is no such flow.
    """
    async with pool.acquire() as connection, connection.transaction():
        admissions = await admit_many(connection, revisions, flow, entrants, triggered=triggered)
    await look_again(pool, revisions, admissions)
    return admissions


async def lock(
    connection: PoolConnectionProxy[Any], records: Sequence[RecordRef]
) -> dict[RecordRef, dict[str, JsonValue]]:
    """Lock the records that exist until the transaction ends, and give their properties as they are then.

    Whoever admits to several flows in one transaction locks the records of all beforehand, for the order's sake.
    """
    rows = await connection.fetch(_LOCK, [each.type for each in records], [each.id for each in records])
    return {RecordRef.model_construct(type=row["type"], id=row["id"]): row["properties"] for row in rows}


async def admit_many(
    connection: PoolConnectionProxy[Any],
    revisions: Revisions,
    flow: str,
    entrants: Sequence[Entrant],
    *,
    triggered: bool = False,
) -> list[Admission]:
    """Let records in within the caller's transaction, who calls `look_again` once it is committed.

    A record that asks twice is let in once. `triggered`: an event sent them, so `again: on_trigger` lets them return.
    Raise CallerError when there is no such flow.
    """
    current, refused = await _judged(connection, revisions, flow, entrants, triggered=triggered)
    accepted = [entrant for entrant, answer in zip(entrants, refused, strict=True) if answer is None]
    entered = await _insert(connection, flow, current.hash, accepted) if current and accepted else iter(())
    return [answer or next(entered) for answer in refused]


async def refusals(
    pool: asyncpg.Pool[Any], revisions: Revisions, flow: str, entrants: Sequence[Entrant]
) -> list[Refusal | None]:
    """Say of each record why it would not enter now, None where it would; nobody enters.

    Raise CallerError when there is no such flow.
    """
    async with pool.acquire() as connection, connection.transaction():
        return (await _judged(connection, revisions, flow, entrants, triggered=False))[1]


async def _judged(
    connection: PoolConnectionProxy[Any],
    revisions: Revisions,
    flow: str,
    entrants: Sequence[Entrant],
    *,
    triggered: bool,
) -> tuple[Revision | None, list[Refusal | None]]:
    """Lock the records, and apply the entry rules to each; there is a revision wherever anybody asks."""
    locked = await lock(connection, [each.record for each in entrants])
    columns = [e.record.type for e in entrants], [e.record.id for e in entrants], [e.key for e in entrants]
    standings = await connection.fetch(_STANDING, flow, *columns)
    if entrants and not standings:
        raise CallerError(f"there is no flow {flow!r}; publish it first")
    current = (await revisions.get(standings[0]["current"])) if standings else None
    there = set(await finished(connection, _at_the_door(current, entrants, standings, locked)))
    answers: list[Refusal | None] = []
    asked = set[tuple[RecordRef, str]]()
    for entrant, standing in zip(entrants, standings, strict=True):
        asks_twice = (entrant.record, entrant.key) in asked
        asked.add((entrant.record, entrant.key))
        assert current is not None  # noqa: S101 - there is a standing, so there is a flow
        rules = _refusals(current.flow, entrant, standing, is_there=entrant.record in locked, triggered=triggered)
        late: Code | None = "goal_met" if entrant.record in there else "inside" if asks_twice else None
        refused = next(rules, None) or late
        answers.append(refusal(flow, entrant.record, refused) if refused else None)
    return current, answers


def _at_the_door(
    current: Revision | None,
    entrants: Sequence[Entrant],
    standings: Sequence[Mapping[str, Any]],
    locked: Mapping[RecordRef, dict[str, JsonValue]],
) -> Iterator[tuple[RecordRef, Runner]]:
    for entrant, standing in zip(entrants, standings, strict=True):
        if current is not None and entrant.record in locked:
            runner = Runner(current.flow, entrant.record, locked[entrant.record], standing["now"])
            yield entrant.record, runner


def _refusals(
    flow: Flow,
    entrant: Entrant,
    standing: Mapping[str, Any],
    *,
    is_there: bool,
    triggered: bool,
) -> Iterator[Code]:
    """Give what keeps a record out, in the order in which HubSpot asks."""
    if not _is_nameable(flow, entrant):
        yield "bad_name"
    if not standing["is_on"]:
        yield "flow_off"
    if entrant.record.type != flow.object:
        yield "wrong_object"
    if not is_there:
        yield "no_record"
    if standing["inside"]:
        yield "inside"
    again = flow.enroll.again
    if standing["before"] and not (again == "always" or (again == "on_trigger" and triggered)):
        yield "before"


def _is_nameable(flow: Flow, entrant: Entrant) -> bool:
    """Tell whether an execution can bear the names, which the CRM may have written into our tables unchecked."""
    name, id_ = str(entrant.record), workflow_id(flow.key, entrant.record, entrant.key)
    return is_name(name) and len(name.encode()) <= MOST_NAME_BYTES and len(id_.encode()) <= MOST_ID_BYTES


def refusal(flow: str, record: RecordRef, code: Code) -> Refusal:
    """Word a refusal."""
    sentence = {
        "bad_name": f"{str(record)[:80]!r} and its key cannot stand in a workflow id: spaces, a slash, or too long",
        "flow_off": f"{flow} is off and lets nobody in; turn it on first",
        "no_record": f"there is no record {record}, or it was deleted",
        "wrong_object": f"{flow} is not for records of the type {record.type}",
        "inside": f"{record} is in {flow} already",
        "before": f"{record} has been in {flow} before, and the flow's `enroll.again` does not let it return this way",
        "goal_met": f"{record} has reached the goal of {flow} already",
    }[code]
    return Refusal(flow, record, code, sentence)


async def _insert(
    connection: PoolConnectionProxy[Any], flow: str, revision: str, entrants: Sequence[Entrant]
) -> Iterator[Admission]:
    ids = [uuid4() for _ in entrants]
    rows = await connection.fetch(
        _INSERT,
        flow,
        revision,
        [str(each) for each in ids],
        [each.record.type for each in entrants],
        [each.record.id for each in entrants],
        [each.key for each in entrants],
        [each.cause for each in entrants],
        [each.event and str(each.event) for each in entrants],
        [str(each.sent_on) for each in entrants],
    )
    entered = {row["id"] for row in rows}
    return iter(
        [
            Admitted(id_, flow, each.record, revision) if id_ in entered else refusal(flow, each.record, "inside")
            for id_, each in zip(ids, entrants, strict=True)
        ]
    )


async def look_again(pool: asyncpg.Pool[Any], revisions: Revisions, admissions: Sequence[Admission]) -> list[UUID]:
    """Insert, commit, then look: order out those whose goal was reached while they were let in."""
    admitted = [each for each in admissions if isinstance(each, Admitted)]
    flows = {each.enrollment: (await revisions.get(each.revision)).flow for each in admitted}
    with_goal = [enrollment for enrollment, flow in flows.items() if flow.goal is not None]
    if not with_goal:
        return []
    async with pool.acquire() as connection:
        runners = [
            (row["id"], Runner(flows[row["id"]], _ref(row), row["properties"], row["now"]))
            for row in await connection.fetch(_INSIDE, [str(each) for each in with_goal])
        ]
        return await order_to_leave(connection, await finished(connection, runners), "goal")


def _ref(row: Mapping[str, Any]) -> RecordRef:
    return RecordRef.model_construct(type=row["type"], id=row["record"])
