"""Publishing: a checked flow becomes an immutable, numbered revision, and sleepers in edited steps are told.

Two transactions on purpose. A sleeper registers, commits, and then looks at the flow's current revision; so the
revision is current first, and only then are the registered looked up. Whoever falls asleep in between sees it himself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from workflows.codec import Revisions
from workflows.model.errors import FlowError
from workflows.model.flow import Flow, kind_of
from workflows.model.revision import Revision, canonical

ALL_SLEEPERS = 300.0
"""Seconds that a statement over all sleepers of a flow may take: there may be a million."""

# Publishers of one flow go one after the other, so that numbers and kinds are compared with what is really there.
_LOCK = "select pg_advisory_xact_lock(3, hashtext($1))"

_STANDING = """
select f.current, now_current.body::jsonb->>'object' as object, same.number
  from (select $1::text as key) as wanted
  left join flow f on f.key = wanted.key
  left join revision now_current on now_current.hash = f.current
  left join revision same on same.hash = $2
"""

_KINDS = """
select distinct on (node.key) node.key as id, coalesce(node.value->>'kind', node.value->>'do') as kind
  from revision r, jsonb_each(r.body::jsonb->'nodes') as node
 where r.flow = $1 order by node.key, r.number desc
"""

_STORE = """
insert into revision (hash, flow, number, body)
select $1, $2, coalesce(max(number), 0) + 1, $3 from revision where flow = $2
on conflict (hash) do update set announced_at = null returning number
"""

_MAKE_CURRENT = """
insert into flow (key, current) values ($1, $2) on conflict (key) do update set current = excluded.current
"""

_CLAIM = """
select r.hash, r.flow, f.current = r.hash as is_current
  from revision r join flow f on f.key = r.flow
 where r.hash = $1 and r.announced_at is null for no key update of r
"""

_SLEEPERS = """
select distinct v.node, v.revision
  from enrollment e
  join (select enrollment, visit from sleep union all select enrollment, visit from wait) as asleep
    on asleep.enrollment = e.id
  join visit v on v.enrollment = asleep.enrollment and v.visit = asleep.visit
 where e.flow = $1 and e.closed_at is null
"""

_TELL = """
insert into outbox (enrollment, kind, body)
select distinct e.id, 'adopt', jsonb_build_object('revision', $2::text, 'visit', v.visit)
  from enrollment e
  join (select enrollment, visit from sleep union all select enrollment, visit from wait) as asleep
    on asleep.enrollment = e.id
  join visit v on v.enrollment = asleep.enrollment and v.visit = asleep.visit
  join unnest($3::text[], $4::text[]) as edited (node, revision)
    on edited.node = v.node and edited.revision = v.revision
 where e.flow = $1 and e.closed_at is null
"""


@dataclass(frozen=True)
class Published:
    """The revision that is current now. `new` is False when it was already; `told` counts the sleepers told."""

    flow: str
    number: int
    hash: str
    new: bool
    told: int = 0


async def publish(pool: asyncpg.Pool[Any], flow: Flow, revisions: Revisions) -> Published:
    """Make a flow's content its current revision; the same content again changes nothing. A new flow is off.

    Raise FlowError when a step changed its kind under one id, or the flow its object type.
    """
    revision = Revision.of(flow)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_LOCK, flow.key)
        standing = await connection.fetchrow(_STANDING, flow.key, revision.hash)
        if standing is not None and standing["current"] == revision.hash:
            return Published(flow.key, standing["number"], revision.hash, new=False)
        if standing is not None and standing["current"] is not None:
            kinds = {row["id"]: row["kind"] for row in await connection.fetch(_KINDS, flow.key)}
            _refuse_changes(flow, standing["object"], kinds)
        number = await connection.fetchval(_STORE, revision.hash, flow.key, canonical(flow))
        await connection.execute(_MAKE_CURRENT, flow.key, revision.hash)
    return Published(flow.key, number, revision.hash, new=True, told=await announce(pool, revisions, revision.hash))


async def announce(pool: asyncpg.Pool[Any], revisions: Revisions, hash_: str) -> int:
    """Tell the sleepers whose own step a revision changed or deleted, once; give how many."""
    async with pool.acquire() as connection, connection.transaction():
        claim = await connection.fetchrow(_CLAIM, hash_)
        if claim is None:
            return 0
        told = await _tell(connection, revisions, claim["flow"], hash_) if claim["is_current"] else 0
        await connection.execute("update revision set announced_at = clock_timestamp() where hash = $1", hash_)
    return told


async def announce_left(pool: asyncpg.Pool[Any], revisions: Revisions) -> int:
    """Announce what a publisher left unannounced when it died; give how many revisions that were."""
    left = await pool.fetch("select hash from revision where announced_at is null order by published_at")
    for row in left:
        await announce(pool, revisions, row["hash"])
    return len(left)


async def _tell(connection: PoolConnectionProxy[Any], revisions: Revisions, flow: str, hash_: str) -> int:
    new = await revisions.get(hash_)
    edited = [
        (row["node"], row["revision"])
        for row in await connection.fetch(_SLEEPERS, flow, timeout=ALL_SLEEPERS)
        if _touches(await revisions.get(row["revision"]), new, row["node"])
    ]
    if not edited:
        return 0
    nodes, under = [node for node, _ in edited], [revision for _, revision in edited]
    told = await connection.execute(_TELL, flow, hash_, nodes, under, timeout=ALL_SLEEPERS)
    return int(told.rpartition(" ")[2])


def _touches(old: Revision, new: Revision, node: str) -> bool:
    """Tell whether a sleeper in a node of an older revision must know: the step is gone, or is not what it was."""
    if old.flow.settings.revisions == "pin" or old.hash == new.hash:
        return False
    before, after = old.flow.nodes.get(node), new.flow.nodes.get(node)
    return before is None or after is None or not (before.same_kind(after) and before.same_but_edges(after))


def _refuse_changes(flow: Flow, object_: str, kinds: Mapping[str, str]) -> None:
    mistakes = [
        f"{id_}: was {kinds[id_]!r} and cannot become {kind_of(node)!r}; give the new step an id of its own"
        for id_, node in flow.nodes.items()
        if id_ in kinds and kinds[id_] != kind_of(node)
    ]
    if object_ != flow.object:
        mistakes.append(f"object: was {object_!r} and cannot become {flow.object!r}; make it a flow of its own")
    if mistakes:
        raise FlowError(f"{flow.key} cannot be published: " + "; ".join(mistakes))
