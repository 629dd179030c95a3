"""The report of a flow: who entered and what became of them, what each step came to, e-mails, and the goal.

The goal rate is HubSpot's: of all that ever entered, those who reached the goal after the flow had sent them a
marketing e-mail. It counts whoever left by the goal, and whoever walked to the end and meets the goal by now; who was
taken out by hand, or deleted, does not count. `met` counts without regard to e-mails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from starter.drawing.picture import walked
from starter.overview import current
from starter.patience import PATIENCE
from starter.selecting import selection
from workflows.codec import Revisions
from workflows.model.flow import Flow

_ENTERED = """
select count(*) as entered, count(distinct record) as records, count(*) filter (where closed_at is null) as active
  from enrollment where flow = $1
"""
_ENDINGS = """
select ending, count(*) as records from enrollment where flow = $1 and ending is not null group by 1 order by 2 desc, 1
"""
_STEPS = """
with walked as materialized (
  select v.enrollment, v.visit, v.node, v.kind, v.state, v.answer, e.closed_at is null as inside
    from enrollment e join visit v on v.enrollment = e.id where e.flow = $1 and v.kind <> 'moved'),
last as (select enrollment, max(visit) as visit from walked where inside group by 1)
select node, max(w.kind) as kind, count(distinct w.enrollment) as came, count(l.visit) as here,
       count(*) filter (where state = 'done' and (answer->>'asleep' is null or kind in ('delay', 'delay_until'))
                          and coalesce(answer->>'outcome', 'done') = 'done') as done,
       count(*) filter (where state = 'done' and answer->>'outcome' = 'skipped') as skipped,
       count(*) filter (where state = 'done' and answer->>'outcome' = 'failed') as failed,
       count(*) filter (where state = 'unknown' or answer->>'outcome' = 'unknown') as unknown
  from walked w left join last l on l.enrollment = w.enrollment and l.visit = w.visit group by node
"""
_WAYS = """
select node, case when v.kind <> 'wait_for_event' then coalesce(answer->>'edge', 'next')
                  when (answer->>'happened')::boolean then 'happened' else 'timed out' end as way, count(*) as took
  from enrollment e join visit v on v.enrollment = e.id
 where e.flow = $1 and v.kind = any ('{branch,branch_on_value,split,wait_for_event}') and v.state = 'done' group by 1, 2
"""
# An e-mail was opened by who has the event since it went out, whatever else they have opened.
_EMAILS = """
select s.node, s.email, count(*) as sent,
       count(*) filter (where opened) as opened, count(*) filter (where clicked) as clicked
  from email_out s
 cross join lateral (
   select coalesce(bool_or(ev.type = 'email_opened'), false) as opened,
          coalesce(bool_or(ev.type = 'email_clicked'), false) as clicked
     from event ev
    where ev.record_type = 'contact' and ev.record_id = s.contact and ev.type in ('email_opened', 'email_clicked')
      and ev.at >= s.at and ev.properties->>'email' in (s.email, s.node)) as told
 where s.flow = $1 group by 1, 2 order by 1, 2
"""
_GOAL = """
with reached as (
  select e.id from enrollment e join record r on r.type = e.type and r.id = e.record
   where e.flow = $1 and (e.ending = 'goal' or e.ending = 'completed' and r.archived_at is null and {met}))
select count(*) as met,
       count(*) filter (where exists (
         select from email_out s where s.enrollment = reached.id and s.marketing)) as converted
  from reached
"""


@dataclass(frozen=True)
class StepReport:
    """What a step came to: how many records came by and are there now, and its visits by their outcome."""

    node: str
    name: str
    kind: str
    came: int
    here: int
    done: int
    skipped: int
    failed: int
    unknown: int
    ways: Mapping[str, int]
    """Of a branch, how many took each way; of a wait, for how many it happened or timed out."""


@dataclass(frozen=True)
class EmailReport:
    """An e-mail that a step sent: to how many, and how many of them opened it or clicked."""

    node: str
    email: str
    sent: int
    opened: int
    clicked: int


@dataclass(frozen=True)
class GoalReport:
    """How many reached the goal, how many of those after a marketing e-mail of the flow, and the rate of the latter."""

    met: int
    converted: int
    rate: float


@dataclass(frozen=True)
class Report:
    """The report of a flow, its steps in the order of a walk."""

    flow: str
    name: str
    entered: int
    records: int
    active: int
    endings: Mapping[str, int]
    steps: tuple[StepReport, ...]
    emails: tuple[EmailReport, ...]
    goal: GoalReport | None


async def report(pool: asyncpg.Pool[Any], revisions: Revisions, key: str) -> Report:
    """Report on a flow as its current revision draws it; steps deleted since stand last. Raise as `current` does."""
    flow = await current(pool, revisions, key)
    entered = await _one(pool, _ENTERED, key)
    return Report(
        flow=key,
        name=flow.name,
        **entered,
        endings=await endings(pool, key),
        steps=await _steps(pool, flow),
        emails=tuple(EmailReport(**dict(row)) for row in await pool.fetch(_EMAILS, key, timeout=PATIENCE)),
        goal=await _goal(pool, flow, entered["entered"]),
    )


async def endings(pool: asyncpg.Pool[Any], key: str) -> dict[str, int]:
    """Count the records that left a flow by how they ended, the most frequent ending first."""
    return {row["ending"]: row["records"] for row in await pool.fetch(_ENDINGS, key, timeout=PATIENCE)}


async def _one(pool: asyncpg.Pool[Any], query: str, *values: object) -> dict[str, int]:
    row = await pool.fetchrow(query, *values, timeout=PATIENCE)
    return dict(row) if row else {}


async def _steps(pool: asyncpg.Pool[Any], flow: Flow) -> tuple[StepReport, ...]:
    ways: dict[str, dict[str, int]] = {}
    for row in await pool.fetch(_WAYS, flow.key, timeout=PATIENCE):
        ways.setdefault(row["node"], {})[row["way"]] = row["took"]
    rows = {row["node"]: dict(row) for row in await pool.fetch(_STEPS, flow.key, timeout=PATIENCE)}
    order = [*(node.id for node in walked(flow)), *(node for node in sorted(rows) if node not in flow.nodes)]
    names = {id_: node.name for id_, node in flow.nodes.items()}
    return tuple(
        StepReport(**rows[node], name=names.get(node, f"{node} (deleted)"), ways=ways.get(node, {}))
        for node in order
        if node in rows
    )


async def _goal(pool: asyncpg.Pool[Any], flow: Flow, entered: int) -> GoalReport | None:
    if flow.goal is None:
        return None
    zone = flow.settings.timezone.zone
    chosen = await selection(flow.goal, await pool.fetchval("select clock_timestamp()"), zone, first=2, pool=pool)
    found = await _one(pool, _GOAL.format(met=f"coalesce({chosen.text}, false)"), flow.key, *chosen.parameters)
    return GoalReport(**found, rate=found["converted"] / entered if entered else 0.0)
