"""What sleepers cost: how fast they are let in, how soon an event wakes one, and the memory of many."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from starter.admission import Admitted
from tests.bench import graphs, machine
from tests.bench.bursts import WITHIN, at_once, people, percentile
from tests.bench.stage import DEPLOYED, DRAWN, Stage, Way, ended, key, polls, started
from tests.until import until
from workflows.model.records import RecordRef

CHUNK = 1_000
GAP = 0.2
"""Seconds from one event to the next: so far apart that none waits for another, unless the machine is overloaded."""

SETTLED = 15.0
"""Seconds that the tasks of a stopped worker take to be anybody's."""

Figures = dict[str, float]

_PARKED = "select count(*) from wait"
_STARTED = """
select count(*) / nullif(extract(epoch from max(started_at) - min(accepted_at)), 0)
  from enrollment where flow = $1 and record = any ($2)
"""
_WOKEN = """
select extract(epoch from v.began_at - e.at) * 1000 as resumed, extract(epoch from n.closed_at - e.at) * 1000 as closed
  from enrollment n
  join event e on e.record_type = n.type and e.record_id = n.record and e.type = 'replied'
  join visit v on v.enrollment = n.id and v.node = 'note'
 where n.record = any ($1) and n.closed_at is not null
"""


async def starts(up: Stage, n: int) -> Figures:
    """Let n contacts in, each by a call of its own, through the outbox and the relay, and wait until all sleep."""
    way = up.ways[DRAWN]
    contacts, parked = await people(way, n), await way.pool.fetchval(_PARKED)
    flow, before, began = key(DRAWN, graphs.SLEEPERS), up.cost(way), time.time()

    async def enroll(contact: str) -> None:
        admission = await way.client.enroll(flow, RecordRef(type="contact", id=contact))
        assert isinstance(admission, Admitted), admission

    await at_once(contacts, enroll)
    accepted = time.time()
    await _all_parked(way, parked + n)
    over, after = time.time(), up.cost(way)
    return {
        "n": n,
        "accepted_per_s": n / (accepted - began),
        "started_per_s": float(await way.pool.fetchval(_STARTED, flow, contacts)),
        "parked_per_s": n / (over - began),
        **{f"{side}_ms": 1e3 * (after[side] - before[side]) / n for side in before},
    }


async def events(up: Stage, n: int) -> Figures:
    """Publish an event for each of n sleepers, one after another; give how soon the next step was done."""
    way = up.ways[DRAWN]
    rows = await way.pool.fetch("select record_id from wait order by random() limit $1", n)
    contacts = [str(row["record_id"]) for row in rows]
    for contact in contacts:
        due = time.time() + GAP
        await way.client.publish_event("replied", RecordRef(type="contact", id=contact))
        await _moment(due)

    async def woken() -> list[Any]:
        found = await way.pool.fetch(_WOKEN, contacts)
        return found if len(found) == len(contacts) else []

    found = await until(woken, within=WITHIN, what="the waking of all")
    resumed, closed = ([float(row[name]) for row in found] for name in ("resumed", "closed"))
    return {
        "n": len(contacts),
        "resumed_p50_ms": percentile(resumed, 0.5),
        "resumed_p99_ms": percentile(resumed, 0.99),
        "closed_p50_ms": percentile(closed, 0.5),
        "closed_p99_ms": percentile(closed, 0.99),
    }


async def memory(up: Stage, n: int, say: Callable[[str], None]) -> dict[str, Figures]:
    """Have n sleepers, first all in the worker's memory, then in none's: a fresh worker as it is in production."""
    way = up.ways[DRAWN]
    found = {"before": _memories(up, way)}
    say(f"sleepers: none: {_told(found['before'])}")
    began = time.time()
    for first in range(0, n, CHUNK):
        contacts = await people(way, min(CHUNK, n - first))
        await way.client.enroll(key(DRAWN, graphs.SLEEPERS), [f"contact:{each}" for each in contacts])
        await _all_parked(way, first + len(contacts))
    found["cached"] = {**_memories(up, way), "parked_per_s": n / (time.time() - began)}
    say(f"sleepers: {n} in memory: {_told(found['cached'])}; {found['cached']['parked_per_s']:.0f} let in a second")
    found["events_cached"] = await events(up, min(100, n // 3))
    say(told_of_events("in memory", found["events_cached"]))
    await ended(way.worker)
    await _moment(time.time() + SETTLED)
    way.worker = await started(up.parts, DEPLOYED, way.environment, way.log)
    await polls(up, DRAWN)
    await _moment(time.time() + 3)
    found["evicted"] = _memories(up, way)
    say(f"sleepers: {n} evicted, a fresh worker: {_told(found['evicted'])}")
    found["events_evicted"] = await events(up, min(100, n // 3))
    say(told_of_events("evicted", found["events_evicted"]))
    return found


def told_of_starts(found: Figures) -> str:
    """Say how fast records are let in."""
    return (
        f"starts: {found['n']:.0f} contacts, each by a call: {found['accepted_per_s']:.0f} accepted, "
        f"{found['started_per_s']:.0f} started and {found['parked_per_s']:.0f} asleep a second; per start worker "
        f"{found['worker_ms']:.1f}, server {found['server_ms']:.1f}, PostgreSQL {found['postgres_ms']:.1f}, client "
        f"{found['client_ms']:.1f} ms"
    )


def told_of_events(what: str, found: Figures) -> str:
    """Say how soon events woke sleepers."""
    return (
        f"events: {found['n']:.0f} sleepers {what}: to the next step done p50 {found['resumed_p50_ms']:.0f}, p99 "
        f"{found['resumed_p99_ms']:.0f} ms; to the end p50 {found['closed_p50_ms']:.0f}, p99 "
        f"{found['closed_p99_ms']:.0f} ms"
    )


def _memories(up: Stage, way: Way) -> Figures:
    return {"worker_mb": machine.memory(way.worker.pid), "server_mb": machine.memory(up.server)}


def _told(found: Figures) -> str:
    return f"worker {found['worker_mb']:.0f} MB, server {found['server_mb']:.0f} MB"


async def _all_parked(way: Way, n: int) -> None:
    async def parked() -> bool:
        return bool(await way.pool.fetchval(_PARKED) >= n)

    await until(parked, within=WITHIN, what=f"{n} asleep")


async def _moment(at: float) -> None:
    async def has_come() -> bool:
        return time.time() >= at

    await until(has_come, within=60)
