"""Any number of routers and relays share the work: they keep each record's order, and lose nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from asyncpg.pool import PoolConnectionProxy
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from starter.letters import Addressee
from starter.relay import Relay
from starter.rounds import Rounds
from starter.router import Arrival, Router
from tests.flows import flow, wait
from tests.until import until
from tests.world import World, running
from workflows.model.errors import CallerError
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

RECORDS, FLOWS = 10, 8

DEEP = "'{\"amount\": ' || repeat('[', 220) || repeat(']', 220) || '}'"
HUGE = "'{\"amount\": 1' || repeat('0', 400) || '}'"
LONG = "'{\"amount\": 1' || repeat('0', 5000) || '}'"

_RAW = "insert into event (type, record_type, record_id, properties) values ('replied', 'contact', '1', ({})::jsonb)"


async def unrouted(world: World) -> int:
    """Count the events that nobody has routed."""
    return int(await world.pool.fetchval("select count(*) from event where routed_at is null"))


async def is_routed(world: World) -> bool:
    """Tell whether everything was routed."""
    return not await unrouted(world)


async def several(world: World) -> list[Revision]:
    """Publish flows, each entered by an event that names its number, each waiting for the same event then."""
    made = []
    for number in range(FLOWS):
        trigger = {"on": [{"event": "entered", "where": {"number": number}}]}
        # Named backwards, so that the order of the flows is not that of the events.
        revision = flow(world.key(f"flow-{FLOWS - number}"), wait("w", "go"), enroll=trigger)
        made.append(await world.publish(revision))
    return made


@pytest.mark.parametrize("path", ["notify", "poll"])
async def test_two_routers_and_two_relays_keep_order_and_lose_nothing(world: World, path: str) -> None:
    """Each record enters eight flows in the order of its events; one more event ends all its waits, and all walks."""
    if path == "poll":
        await world.pool.execute("alter table event disable trigger event_arrived")
        await world.pool.execute("alter table outbox disable trigger outbox_filled")
    await several(world)
    records = [await world.record(f"contact:{number}") for number in range(RECORDS)]

    async def enter(record: RecordRef) -> None:
        for number in range(FLOWS):
            for type_ in ("entered", "seen", "seen"):
                await world.client.publish_event(type_, record, {"number": number})

    routers = [Rounds("a router", _few(world), pool=world.pool, table="event").run for _ in range(2)]
    async with world.worker(), running(*routers, *(world.relay.run for _ in range(2))):
        await asyncio.gather(*(enter(record) for record in records))
        armed = "select count(*) = $1 from wait"
        await until(lambda: world.pool.fetchval(armed, RECORDS * FLOWS), what="all to wait", within=30)
        await asyncio.gather(*(world.client.publish_event("go", record) for record in records))
        over = "select count(*) = $1 from enrollment where ending = 'completed'"
        await until(lambda: world.pool.fetchval(over, RECORDS * FLOWS), what="all to end", within=30)
    entered = await world.pool.fetch("select record, flow from enrollment order by record, accepted_at")
    in_order = [world.key(f"flow-{FLOWS - number}") for number in range(FLOWS)]
    assert [row["flow"] for row in entered] == in_order * RECORDS
    assert await unrouted(world) == 0
    assert await world.pool.fetchval("select count(*) from outbox where sent_at is null") == 0


def _few(world: World) -> Any:
    """Route few events at a time, so that the routers take turns."""
    router = world.router
    router.batch = 1
    return router.route_once


async def test_a_record_whose_events_one_router_holds_is_left_alone_by_another(world: World) -> None:
    """A router stands still in the middle of a round: the record's next event waits until that one is through."""
    await world.record("contact:1")
    held, go = asyncio.Event(), asyncio.Event()

    class Slow(Router):
        async def _end_waits(self, connection: PoolConnectionProxy[Any], arrivals: Sequence[Arrival]) -> None:
            held.set()
            await go.wait()
            await super()._end_waits(connection, arrivals)

    await world.client.publish_event("seen", "contact:1")
    slow = asyncio.ensure_future(Slow(world.pool, world.revisions).route_once())
    await held.wait()
    await world.client.publish_event("seen", "contact:1")
    try:
        assert await world.router.route_once() == 0
    finally:
        go.set()
    assert await slow == 1
    assert await world.router.route_once() == 1


async def test_an_enrollment_whose_letters_one_relay_holds_is_left_alone_by_another(world: World) -> None:
    """A relay stands still before its call: what else the enrollment is told waits until that one is through."""
    revision = await world.publish(flow(world.key("held"), wait("w", "go")))
    anna = await world.record("contact:1")
    held, go = asyncio.Event(), asyncio.Event()

    class Slow(Relay):
        async def start(self, to: Addressee) -> None:
            held.set()
            await go.wait()
            await super().start(to)

    await world.enroll(revision, anna)
    slow = asyncio.ensure_future(Slow(world.pool, world.temporal, world.revisions, task_queue=world.queue).relay_once())
    await held.wait()
    await world.client.unenroll(revision.flow.key, anna)
    try:
        assert await world.relay.relay_once() == 0
    finally:
        go.set()
    assert await slow == 1
    assert await world.relay.relay_once() == 1


async def test_a_notify_wakes_the_router_long_before_its_poll(world: World) -> None:
    """Eight events, one after the other, are routed in far less than one poll a second each would take."""
    await world.record("contact:1")
    clock = asyncio.get_running_loop()
    async with running(world.router.run):
        await world.client.publish_event("seen", "contact:1")
        await until(lambda: is_routed(world), what="the first event to be routed")
        began = clock.time()
        for _ in range(8):
            await world.client.publish_event("seen", "contact:1")
            await until(lambda: is_routed(world), what="the event to be routed")
    assert clock.time() - began < 4.0


async def poisoned(world: World, properties: str) -> str:
    """Put a record into a flow that waits for a low reply, and an event in the log that nobody can read or judge."""
    match = {"event": "replied", "where": {"amount": {"less_than": 3}}}
    revision = await world.publish(flow(world.key("poison"), wait("w", match, at_most="1 second")))
    enrollment = await world.enroll(revision, await world.record("contact:1"))
    await world.pool.execute(_RAW.format(properties))
    return enrollment


@pytest.mark.parametrize("properties", [DEEP, HUGE, LONG], ids=["deep", "huge", "long"])
async def test_an_event_that_cannot_be_read_blocks_nobody(world: World, properties: str) -> None:
    """JSON that PostgreSQL takes: the events behind it are routed, and the wait's own search passes it over."""
    enrollment = await poisoned(world, properties)
    await world.client.publish_event("seen", "contact:1")
    async with world.serving():
        await until(lambda: is_routed(world), what="the events behind the poison", within=5)
        assert await world.ended(enrollment, within=5) == "completed"
    (visit,) = await world.visits(enrollment)
    assert visit["output"] == {"happened": False}


async def test_an_event_that_cannot_be_read_is_kept_for_a_person(world: World) -> None:
    """The router puts it aside, whole."""
    await poisoned(world, DEEP)
    await until(world.router.route_once, what="the round")
    kept = "select raw->>'type' from event_refused where length(raw->>'properties') > 400"
    assert await world.pool.fetchval(kept) == "replied"


async def test_an_event_too_deep_to_be_read_is_refused_at_the_door(world: World) -> None:
    """The client says so to whoever publishes it, and nothing is written."""
    await world.record("contact:1")
    deep: Any = []
    for _ in range(220):
        deep = [deep]
    with pytest.raises(CallerError, match="not JSON"):
        await world.client.publish_event("replied", "contact:1", {"text": deep})
    assert await world.pool.fetchval("select count(*) from event") == 0


STRANGE = [
    "[" * 220 + "]" * 220,
    "[" * 100_000,
    '{"type": "replied", "properties": {"text": "\\u0000"}}',
    '{"type": "replied", "properties": {"text": "\\ud800"}}',
    '{"type": "replied", "id": "\\u0000"}',
    '{"type": "replied", "occurred_at": "soon"}',
    '{"type": "replied", "occurred_at": "2026-01-31T09:00:00"}',
    "\0\1",
]


@pytest.mark.parametrize("text", STRANGE, ids=range(len(STRANGE)))
async def test_a_strange_signal_does_not_hold_up_the_walk(world: World, text: str) -> None:
    """An event signalled straight that cannot be read or kept is set aside, and the good one behind it is judged."""
    revision = await world.publish(flow(world.key("raw"), wait("w", {"event": "replied", "where": {"n": 1}})))
    anna = await world.record("contact:1")
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        await world.at(enrollment, "w", "asleep")
        handle = world.handle(revision, anna)
        await handle.signal("event", RawValue(Payload(metadata={"encoding": b"json/plain"}, data=text.encode())))
        await handle.signal("event", {"type": "replied", "id": "1", "properties": {"n": 1}})
        assert await world.ended(enrollment, within=5) == "completed"
    kept = "select (select count(*) from event) + (select count(*) from event_refused)"
    assert await world.pool.fetchval(kept) == 2
