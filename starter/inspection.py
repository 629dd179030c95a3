"""Looking at enrollments: where each stands, and the path it travelled, from the visit ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any, Literal, cast
from uuid import UUID

import asyncpg
from pydantic import JsonValue

from starter.patience import PATIENCE
from workflows.contract import workflow_id
from workflows.model.errors import CallerError, NotThere
from workflows.model.journal import Outcome
from workflows.model.records import RecordRef

Standing = Literal["accepted", "active", "asleep", "waiting", "held", "leaving", "ended"]
"""`accepted`: its execution has not started yet; `held`: paused, or parked for an operator."""

# The first that is true tells.
_IS: Mapping[Standing, str] = {
    "ended": "e.closed_at is not null",
    "leaving": "e.leaving is not null",
    "accepted": "e.started_at is null",
    "held": "exists (select from sleep s where s.enrollment = e.id and s.why = 'held')",
    "waiting": "exists (select from wait w where w.enrollment = e.id)",
    "asleep": "exists (select from sleep s where s.enrollment = e.id and s.why <> 'held')",
    "active": "true",
}
_RESTS = "exists (select from sleep s where s.enrollment = e.id)"
_STANDING = "case " + " ".join(f"when {condition} then '{name}'" for name, condition in _IS.items()) + " end"

STATES = (*_IS, "open")
"""What a list may be narrowed down to."""

NOT_OVER = "(v.state <> 'done') is true"
"""The condition of a visit `v` that is not over, as its indexes have it."""

# Of those at a step, who came last: a visit that is not over, or one that left its record parked, paused or deferred.
_AT = """
(select e.id, v.began_at as at from visit v join enrollment e on e.id = v.enrollment
  where {not_over} and v.node = {node} and e.closed_at is null and {asked}
  order by v.began_at desc limit $1)
union all
(select e.id, v.began_at from sleep s
   join visit v on v.enrollment = s.enrollment and v.visit = s.visit and v.state = 'done' and v.node = {node}
   join enrollment e on e.id = s.enrollment
  where s.why <> 'delay' and {asked}
  order by v.began_at desc limit $1)
"""

_FROM = """
  from enrollment e
  join flow f on f.key = e.flow
  left join lateral (
    select node, revision, began_at from visit where enrollment = e.id and kind <> 'moved'
     order by visit desc limit 1) as v on true
  join revision r on r.hash = coalesce(v.revision, e.revision)
  join revision entered on entered.hash = e.revision
"""

_SELECT = f"""
select e.id, e.flow, e.type, e.record, e.key, e.revision, r.number, e.cause, e.accepted_at, e.closed_at, e.ending,
       e.leaving, e.paused or f.paused as paused, e.paused as own_pause, v.node, v.began_at as since,
       entered.number as entered_revision,
       coalesce((select s.until from sleep s where s.enrollment = e.id order by s.visit desc limit 1),
                (select w.deadline from wait w where w.enrollment = e.id order by w.visit desc limit 1)) as until,
       {_STANDING} as standing
{_FROM}
"""  # noqa: S608 - the pieces are constants of this file

_OF_RECORD = (
    f"{_SELECT} where e.flow = $1 and e.type = $2 and e.record = $3 and e.key = $4 order by e.accepted_at desc limit 1"
)

_OF_ANY_FLOW = f"{_SELECT} where e.type = $1 and e.record = $2 order by e.accepted_at desc limit $3"

# A sleep that nothing but its end has ended was waited through; one whose end lies later, or that had none, was not.
LINE = """
       case when v.answer->>'line' <> '' then v.answer->>'line'
            when v.state <> 'done' then ''
            when v.ended_at >= (v.answer->'asleep'->>'until')::timestamptz then 'waited'
            else 'left early' end
"""
"""What came of a visit `v`, in SQL: as it was told, or else how a sleep ended."""

_PATH = f"""
select v.visit, v.node, v.kind, v.revision, r.number, v.state, coalesce(v.answer->>'outcome', 'done') as outcome,
       {LINE} as line, v.output, v.note, v.repeated, v.began_at, v.ended_at, v.answer->'asleep'->>'why' as lay,
       case when w.visit is not null then 'wait' else s.why end as rests, coalesce(w.deadline, s.until) as until,
       coalesce(w.types, '{{}}') as waits_for
  from visit v
  left join revision r on r.hash = v.revision
  left join sleep s on s.enrollment = v.enrollment and s.visit = v.visit
  left join wait w on w.enrollment = v.enrollment and w.visit = v.visit
 where v.enrollment = $1 and v.kind <> 'moved' order by v.visit
"""  # noqa: S608 - as above

# The outbox forgets after some days; until then it knows what was said when a record was ordered out.
_REASON = "select note from outbox where enrollment = $1 and kind = 'leave' order by id limit 1"


@dataclass(frozen=True)
class Summary:
    """One enrollment in a list. `node` is where it stands, `until` when it wakes at the latest, if it sleeps.

    `since` is when it came there. It is `paused` itself, by `own_pause`, or with its flow.
    """

    enrollment: UUID
    flow: str
    record: RecordRef
    key: str
    revision: int
    standing: Standing
    paused: bool
    node: str | None
    until: datetime | None
    accepted_at: datetime
    closed_at: datetime | None
    ending: str | None
    cause: str
    own_pause: bool = False
    entered_revision: int | None = None
    since: datetime | None = None

    @property
    def workflow_id(self) -> str:
        """The id of its execution in Temporal."""
        return workflow_id(self.flow, self.record, self.key)


@dataclass(frozen=True)
class Visited:
    """One visit on the path: what was decided or done there. `note` is for people, and may quote a provider.

    `lay` is why the record was put to rest there, if it was; `rests`, while it still does, with `until` and the types
    of events that it waits for. `number` is the revision's.
    """

    visit: int
    node: str
    kind: str
    revision: str
    number: int | None
    state: str
    outcome: Outcome
    line: str
    output: dict[str, JsonValue] | None
    note: str
    repeated: bool
    began_at: datetime
    ended_at: datetime | None
    lay: str | None
    rests: str | None
    until: datetime | None
    waits_for: tuple[str, ...]


@dataclass(frozen=True)
class Description:
    """An enrollment and the path it travelled. `execution` is its status in Temporal, where that was asked:
    `running`, `completed` and the like, or `unreachable`. `reason` is what was said when it was ordered out.
    """

    summary: Summary
    path: tuple[Visited, ...]
    execution: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Wanted:
    """Which enrollments a list is to have; nothing named means all. `open` are all that have not ended.

    `node`: those that this step is not done with, for they rest or act there; who came there last is the first then.
    `after`: those that come after this one on the list.
    """

    flow: str | None = None
    state: Standing | Literal["open"] | None = None
    node: str | None = None
    record: RecordRef | None = None
    after: UUID | None = None


async def enrollments(pool: asyncpg.Pool[Any], wanted: Wanted, limit: int) -> tuple[Summary, ...]:
    """Give the newest enrollments that are wanted."""
    if wanted.state is not None and wanted.state not in STATES:
        raise CallerError(f"{wanted.state!r} is no state of an enrollment; there are {', '.join(STATES)}")
    statement, values = _newest(wanted, limit)
    return tuple(_summary(row) for row in await pool.fetch(statement, *values, timeout=PATIENCE))


def _newest(wanted: Wanted, limit: int) -> tuple[str, list[object]]:
    """Write the statement with only the conditions that are asked for: the planner knows then which index serves it.

    A state is asked for as what it is and is not, for a `case` over a million rows has to be computed for each.
    """
    values: list[object] = [limit]

    def given(value: object) -> str:
        values.append(value)
        return f"${len(values)}"

    asked, order = _in_state(wanted.state), "e.accepted_at"
    if wanted.flow is not None:
        asked.append(f"e.flow = {given(wanted.flow)}")
    if wanted.record is not None:
        asked.append(f"e.type = {given(wanted.record.type)} and e.record = {given(wanted.record.id)}")
    if wanted.node is not None:
        order = "v.began_at"
    if wanted.after is not None:
        asked.append(f"({order}, e.id) < (select {order}, e.id {_FROM} where e.id = {given(wanted.after)})")
    conditions = " and ".join(asked) or "true"
    found = f"select e.id, e.accepted_at as at from enrollment e where {conditions}"  # noqa: S608 - as above
    if wanted.node is not None:
        found = _AT.format(node=given(wanted.node), asked=conditions, not_over=NOT_OVER)
    statement = f"""
    with asked as {"not materialized" if wanted.record is None else "materialized"} ({found})
    {_SELECT}
     where e.id = any (array(select id from asked order by at desc, id desc limit $1))
     order by {order} desc, e.id desc
    """  # noqa: S608 - as above
    return statement, values


def _in_state(state: str | None) -> list[str]:
    """Give the conditions of a state: it holds, and none that tells before it does."""
    match state:
        case None:
            return []
        case "open":
            return ["e.closed_at is null"]
        case "active":
            return [*(f"not {_IS[name]}" for name in ("ended", "leaving", "accepted", "waiting")), f"not {_RESTS}"]
        case _:
            earlier = takewhile(lambda name: name != state, _IS)
            return [*(f"not {_IS[name]}" for name in earlier), _IS[cast("Standing", state)]]


async def by_id(pool: asyncpg.Pool[Any], enrollment: UUID) -> Summary:
    """Give one enrollment; raise CallerError when there is none of this id."""
    row = await pool.fetchrow(f"{_SELECT} where e.id = $1", enrollment)
    if row is None:
        raise NotThere(f"there is no enrollment {enrollment}")
    return _summary(row)


async def of_record(pool: asyncpg.Pool[Any], flow: str, record: RecordRef, key: str) -> Summary:
    """Give a record's newest enrollment in a flow; raise CallerError when it has never been in it."""
    row = await pool.fetchrow(_OF_RECORD, flow, record.type, record.id, key)
    if row is None:
        raise NotThere(f"{record} has never been in {flow}")
    return _summary(row)


async def of_any_flow(pool: asyncpg.Pool[Any], record: RecordRef, limit: int) -> tuple[Summary, ...]:
    """Give the newest enrollments of a record, in whatever flows."""
    rows = await pool.fetch(_OF_ANY_FLOW, record.type, record.id, limit)
    return tuple(_summary(row) for row in rows)


async def path(pool: asyncpg.Pool[Any], enrollment: UUID) -> tuple[Visited, ...]:
    """Give the visits of an enrollment, in order."""
    rows = await pool.fetch(_PATH, enrollment)
    return tuple(Visited(**{**row, "waits_for": tuple(row["waits_for"])}) for row in rows)


async def reason(pool: asyncpg.Pool[Any], enrollment: UUID) -> str:
    """Give what was said when an enrollment was ordered out; nothing where that is unknown or forgotten."""
    return await pool.fetchval(_REASON, enrollment) or ""


def _summary(row: Mapping[str, Any]) -> Summary:
    return Summary(
        enrollment=row["id"],
        flow=row["flow"],
        record=RecordRef.model_construct(type=row["type"], id=row["record"]),
        key=row["key"],
        revision=row["number"],
        standing=cast("Standing", row["standing"]),
        paused=row["paused"],
        node=row["node"],
        until=row["until"],
        accepted_at=row["accepted_at"],
        closed_at=row["closed_at"],
        ending=row["ending"],
        cause=row["cause"],
        own_pause=row["own_pause"],
        entered_revision=row["entered_revision"],
        since=row["since"],
    )
