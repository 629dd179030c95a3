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

from workflows.contract import workflow_id
from workflows.model.errors import CallerError
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
_STANDING = "case " + " ".join(f"when {condition} then '{name}'" for name, condition in _IS.items()) + " end"

_SELECT = f"""
select e.id, e.flow, e.type, e.record, e.key, e.revision, r.number, e.cause, e.accepted_at, e.closed_at, e.ending,
       e.leaving, e.paused or f.paused as paused, v.node,
       coalesce((select s.until from sleep s where s.enrollment = e.id order by s.visit desc limit 1),
                (select w.deadline from wait w where w.enrollment = e.id order by w.visit desc limit 1)) as until,
       {_STANDING} as standing
  from enrollment e
  join flow f on f.key = e.flow
  left join lateral (
    select node, revision from visit where enrollment = e.id and kind <> 'moved'
     order by visit desc limit 1) as v on true
  join revision r on r.hash = coalesce(v.revision, e.revision)
"""  # noqa: S608 - the pieces are constants of this file

_OF_RECORD = (
    f"{_SELECT} where e.flow = $1 and e.type = $2 and e.record = $3 and e.key = $4 order by e.accepted_at desc limit 1"
)

_OF_ANY_FLOW = f"{_SELECT} where e.type = $1 and e.record = $2 order by e.accepted_at desc limit $3"

# A sleep that nothing but its end has ended was waited through; one whose end lies later, or that had none, was not.
_PATH = """
select visit, node, kind, revision, state, output, note, repeated, began_at, ended_at,
       case when answer->>'line' <> '' then answer->>'line'
            when state <> 'done' then ''
            when ended_at >= (answer->'asleep'->>'until')::timestamptz then 'waited'
            else 'left early' end as line
  from visit where enrollment = $1 and kind <> 'moved' order by visit
"""


@dataclass(frozen=True)
class Summary:
    """One enrollment in a list. `node` is where it stands, `until` when it wakes at the latest, if it sleeps."""

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

    @property
    def workflow_id(self) -> str:
        """The id of its execution in Temporal."""
        return workflow_id(self.flow, self.record, self.key)


@dataclass(frozen=True)
class Visited:
    """One visit on the path: what was decided or done there. `note` is for people, and may quote a provider."""

    visit: int
    node: str
    kind: str
    revision: str
    state: str
    line: str
    output: dict[str, JsonValue] | None
    note: str
    repeated: bool
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Description:
    """An enrollment and the path it travelled. `execution` is its status in Temporal, where that was asked:
    `running`, `completed` and the like, or `unreachable`.
    """

    summary: Summary
    path: tuple[Visited, ...]
    execution: str | None = None


async def enrollments(
    pool: asyncpg.Pool[Any], flow: str | None, standing: str | None, limit: int
) -> tuple[Summary, ...]:
    """Give the newest enrollments, of one flow or of one standing where asked."""
    if standing is not None and standing not in _IS:
        raise CallerError(f"{standing!r} is no state of an enrollment; there are {', '.join(_IS)}")
    given = () if flow is None else (flow,)
    return tuple(_summary(row) for row in await pool.fetch(_newest(flow, standing), limit, *given))


def _newest(flow: str | None, standing: str | None) -> str:
    """Write the statement with only the conditions that are asked for: the planner knows then which index serves it.

    A state is asked for as what it is and is not, for a `case` over a million rows has to be computed for each. Who is
    active is what is left when all sleepers are taken away at once, not one after the other.
    """
    earlier = list(takewhile(lambda name: name != standing, _IS)) if standing else []
    asked = [*([] if flow is None else ["e.flow = $2"]), *(f"not {_IS[name]}" for name in earlier)]
    asked += [_IS[name] for name in _IS if name == standing]
    return f"""
    with asked as {"materialized" if standing == "active" else "not materialized"} (
      select e.id, e.accepted_at from enrollment e where {" and ".join(asked) or "true"})
    {_SELECT}
     where e.id = any (array(select id from asked order by accepted_at desc limit $1))
     order by e.accepted_at desc
    """  # noqa: S608 - as above


async def by_id(pool: asyncpg.Pool[Any], enrollment: UUID) -> Summary:
    """Give one enrollment; raise CallerError when there is none of this id."""
    row = await pool.fetchrow(f"{_SELECT} where e.id = $1", enrollment)
    if row is None:
        raise CallerError(f"there is no enrollment {enrollment}")
    return _summary(row)


async def of_record(pool: asyncpg.Pool[Any], flow: str, record: RecordRef, key: str) -> Summary:
    """Give a record's newest enrollment in a flow; raise CallerError when it has never been in it."""
    row = await pool.fetchrow(_OF_RECORD, flow, record.type, record.id, key)
    if row is None:
        raise CallerError(f"{record} has never been in {flow}")
    return _summary(row)


async def of_any_flow(pool: asyncpg.Pool[Any], record: RecordRef, limit: int) -> tuple[Summary, ...]:
    """Give the newest enrollments of a record, in whatever flows."""
    rows = await pool.fetch(_OF_ANY_FLOW, record.type, record.id, limit)
    return tuple(_summary(row) for row in rows)


async def path(pool: asyncpg.Pool[Any], enrollment: UUID) -> tuple[Visited, ...]:
    """Give the visits of an enrollment, in order."""
    return tuple(Visited(**dict(row)) for row in await pool.fetch(_PATH, enrollment))


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
    )
