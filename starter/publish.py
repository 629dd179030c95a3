"""Publishing: a checked flow becomes an immutable, numbered revision, and sleepers in edited steps are told.

Two transactions on purpose. A sleeper registers, commits, and then looks at the flow's current revision; so the
revision is current first, and only then are the registered looked up. Whoever falls asleep in between sees it himself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from activities.sequences import is_sequence
from starter.contents import Content, PublishedContent, save
from workflows.codec import Revisions
from workflows.model.errors import FlowError
from workflows.model.flow import Flow, kind_of
from workflows.model.revision import Revision, canonical

ALL_SLEEPERS = 300.0
"""Seconds that a statement over all sleepers of a flow may take: there may be a million."""

# Publishers of one flow go one after the other, so that numbers and kinds are compared with what is really there. Those
# of several lock them in one order, so that no two wait for each other.
_LOCK = """
select pg_advisory_xact_lock(3, lock)
  from (select distinct hashtext(key) as lock from unnest($1::text[]) as key order by lock) as locks
"""

_STANDING = """
select f.current, same.number from flow f left join revision same on same.hash = $2 where f.key = $1
"""

_OBJECT = """
select r.body::jsonb->>'object' from flow f join revision r on r.hash = f.current where f.key = $1
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
insert into flow (key, current, is_on) values ($1, $2, $3) on conflict (key) do update set current = excluded.current
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
    """The revision that is current now. `new` is False when it was already; `told` counts the sleepers told.

    `before` is the hash of the revision that was current until now, None for a new flow.
    """

    flow: str
    number: int
    hash: str
    new: bool
    told: int = 0
    before: str | None = None


@dataclass(frozen=True)
class Refusal:
    """What about a flow cannot follow its earlier revisions: a step, by its id, or None for the object type."""

    flow: str
    step: str | None
    message: str

    def __str__(self) -> str:
        return f"{self.step or 'object'}: {self.message}"


class CannotFollow(FlowError):
    """Flows whose new content cannot follow what was published of them; nothing was published."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        """Hold the refusals; the message has a line for each flow."""
        self.refusals = tuple(refusals)
        by_flow = dict.fromkeys(each.flow for each in refusals)
        lines = (
            f"{flow} cannot be published: {'; '.join(str(r) for r in refusals if r.flow == flow)}" for flow in by_flow
        )
        super().__init__("\n".join(lines))


async def publish(pool: asyncpg.Pool[Any], flow: Flow, revisions: Revisions) -> Published:
    """Make a flow's content its current revision, as `publish_all` does for many."""
    (published,) = await publish_all(pool, [flow], revisions)
    return published


async def publish_all(pool: asyncpg.Pool[Any], flows: Sequence[Flow], revisions: Revisions) -> list[Published]:
    """Make the content of flows their current revisions, of all or of none; the same content changes nothing.

    A new flow is off, a new sequence on. Drafts of the flows are gone. Raise CannotFollow when a step changed its kind
    under one id, or a flow its object type.
    """
    published, _ = await publish_together(pool, flows, (), revisions)
    return published


async def publish_together(
    pool: asyncpg.Pool[Any], flows: Sequence[Flow], contents: Sequence[Content], revisions: Revisions
) -> tuple[list[Published], list[PublishedContent]]:
    """Publish flows as `publish_all` does, and what they name, as e-mails, with them."""
    async with pool.acquire() as connection, connection.transaction():
        keys = [flow.key for flow in flows]
        await connection.execute(_LOCK, keys)
        refusals = [each for flow in flows for each in await _refusals(connection, flow)]
        if refusals:
            raise CannotFollow(refusals)
        published = [await _make_current(connection, flow) for flow in flows]
        await connection.execute("delete from flow_draft where key = any($1)", keys)
        saved = await save(connection, contents)
    new = [replace(each, told=await announce(pool, revisions, each.hash)) if each.new else each for each in published]
    return new, saved


async def _make_current(connection: PoolConnectionProxy[Any], flow: Flow) -> Published:
    revision = Revision.of(flow)
    standing = await connection.fetchrow(_STANDING, flow.key, revision.hash)
    before = standing["current"] if standing else None
    if standing and before == revision.hash:
        return Published(flow.key, standing["number"], revision.hash, new=False, before=before)
    number = await connection.fetchval(_STORE, revision.hash, flow.key, canonical(flow))
    # A sequence has no triggers: nobody enters it but by name, so there is nothing to turn it on for.
    await connection.execute(_MAKE_CURRENT, flow.key, revision.hash, is_sequence(flow.key))
    return Published(flow.key, number, revision.hash, new=True, before=before)


async def _refusals(connection: PoolConnectionProxy[Any], flow: Flow) -> Iterator[Refusal]:
    kinds = {row["id"]: row["kind"] for row in await connection.fetch(_KINDS, flow.key)}
    object_ = await connection.fetchval(_OBJECT, flow.key)
    return _cannot_follow(flow, object_ or flow.object, kinds)


def _cannot_follow(flow: Flow, object_: str, kinds: Mapping[str, str]) -> Iterator[Refusal]:
    for id_, node in flow.nodes.items():
        if id_ in kinds and kinds[id_] != kind_of(node):
            said = f"was {kinds[id_]!r} and cannot become {kind_of(node)!r}; give the new step an id of its own"
            yield Refusal(flow.key, id_, said)
    if object_ != flow.object:
        yield Refusal(flow.key, None, f"was {object_!r} and cannot become {flow.object!r}; make it a flow of its own")


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
