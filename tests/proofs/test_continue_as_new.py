"""Continue-as-new inside a sleep with signals in flight: nothing is lost, and the order is kept."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from activities.gateways.postgres_ledger import PostgresLedger
from deploy.local.addresses import Addresses
from starter.relay import Relay
from tests.flows import delay, flow, wait
from tests.until import until
from tests.worker_processes import own_temporal, worker_process
from tests.world import World
from workflows.contract import MOST_SIGNALS, SIGNAL_DELIVER, SIGNAL_EVENT, Delivery, Step
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

SHORT = 20
SUGGEST = {"limit.historyCount.suggestContinueAsNew": SHORT}
MANY = 40
FEW = 12


@pytest.fixture(scope="module")
async def hasty(stack: Addresses, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Addresses]:
    """A Temporal server that suggests to continue as new after 20 events."""
    async with own_temporal(stack, tmp_path_factory.mktemp("hasty"), SUGGEST) as addresses:
        yield addresses


@pytest.fixture
async def brief(hasty: Addresses, tmp_path: Path) -> AsyncIterator[World]:
    """A world on that server."""
    async with World.open(hasty, tmp_path) as world:
        yield world


def event(number: int, **more: Any) -> dict[str, Any]:
    """Build a raw event as a stranger sends it."""
    return {"type": "knocked", "properties": {"number": number}, **more}


async def knocks(world: World) -> list[int]:
    """Read what the log has of the raw events, in its order."""
    rows = await world.pool.fetch("select properties from event where type = 'knocked' order by seq")
    return [row["properties"]["number"] for row in rows]


async def all_knocked(world: World, last: int) -> bool:
    """Tell whether the log has as many raw events."""
    return len(await knocks(world)) > last


async def runs(world: World, revision: Revision, record: RecordRef) -> int:
    """Count the runs that continued as new, following the chain by its histories."""
    handle, count = world.handle(revision, record), 0
    current = (await handle.describe()).run_id
    while current:
        history = await world.temporal.get_workflow_handle(handle.id, run_id=current).fetch_history()
        current = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
        count += bool(current)
    return count


def answered(then: Callable[[int], Awaitable[None]], written: Counter[int]) -> type[PostgresLedger]:
    """Make a ledger that does something after it wrote a raw event the first time, within its workflow task."""

    class Answered(PostgresLedger):
        async def record_event(self, step: Step, event: Mapping[str, Any]) -> bool:
            taken = await super().record_event(step, event)
            number = event["properties"]["number"]
            written[number] += 1
            if written[number] == 1:
                # The server takes no signal while a run's end is pending; the task must end for it to be taken.
                await asyncio.wait([asyncio.ensure_future(then(number))], timeout=0.3)
            return taken

    return Answered


async def test_a_wait_keeps_every_event_and_its_deadline(brief: World) -> None:
    """Each event arrives while the one before is dealt with; all are logged once, in order; the wait goes on."""
    revision = await brief.publish(flow(brief.key("wait"), wait("w", "replied", at_most="1 day")))
    anna = await brief.record("contact:1")
    written: Counter[int] = Counter()

    async def knock_again(number: int) -> None:
        if number < FEW:
            await brief.handle(revision, anna).signal(SIGNAL_EVENT, event(number + 1))

    brief.ledger = answered(knock_again, written)
    async with brief.serving():
        enrollment = await brief.enroll(revision, anna)
        before = await brief.asleep(revision, anna, "w")
        await knock_again(-1)

        async def all_in() -> bool:
            return len(await knocks(brief)) > FEW

        await until(all_in)
        after = await brief.asleep(revision, anna, "w")
        assert await runs(brief, revision, anna) > 0
        # A first task that was rejected has answered for its own moment; the next one began a little later.
        assert (after.asleep, after.visit) == (before.asleep, before.visit)
        assert after.entered
        assert before.entered
        assert abs(after.entered - before.entered) < timedelta(minutes=1)
        assert await brief.pool.fetchval("select deadline from wait") == (before.asleep and before.asleep.until)
        await brief.client.publish_event("replied", anna, {"text": "Yes"})
        assert await brief.ended(enrollment) == "completed"
    assert written.total() > FEW + 1, "no workflow task was rejected"
    assert await knocks(brief) == list(range(FEW + 1))
    assert await brief.path(enrollment) == [("w", "happened")]


async def test_an_event_is_one_however_its_visit_changes(brief: World) -> None:
    """A delivery overtakes a raw event whose task was rejected; another visit writes it again, and it stays one."""
    revision = await brief.publish(flow(brief.key("visit"), wait("w", "replied"), wait("on", "called")))
    anna = await brief.record("contact:1")
    written: Counter[int] = Counter()
    told: dict[str, int] = {}

    async def written_down(number: int) -> bool:
        return number in await knocks(brief)

    async def deliver(number: int) -> None:
        if "deliver" not in told and (await brief.handle(revision, anna).describe()).history_length > SHORT:
            told["deliver"] = number
            await brief.client.publish_event("replied", anna)
            await until(lambda: brief.pool.fetchval("select sent_at from outbox where kind = 'deliver'"))

    brief.ledger = answered(deliver, written)
    async with brief.serving():
        enrollment = await brief.enroll(revision, anna)
        await brief.asleep(revision, anna, "w")
        for number in range(MANY):
            await brief.handle(revision, anna).signal(SIGNAL_EVENT, event(number))
            await until(partial(written_down, number))
            if told:  # or one later: the event is in the log before what follows it has run
                break
        await brief.asleep(revision, anna, "on")
        await brief.client.publish_event("called", anna)
        assert await brief.ended(enrollment) == "completed"
    assert written[told["deliver"]] > 1, "no workflow task was rejected"
    assert await knocks(brief) == list(range(number + 1))


async def test_a_delivery_among_them_ends_the_wait(brief: World) -> None:
    """The awaited event comes by the router in the middle of the stream, whichever run takes its letter."""
    revision = await brief.publish(flow(brief.key("mid"), wait("w", "replied"), wait("on", "knocked_off")))
    anna = await brief.record("contact:1")
    async with brief.serving():
        enrollment = await brief.enroll(revision, anna)
        await brief.asleep(revision, anna, "w")
        for number in range(MANY):
            await brief.handle(revision, anna).signal(SIGNAL_EVENT, event(number, id=str(number)))
            if number == MANY // 2:
                await brief.client.publish_event("replied", anna, {"text": "Yes"})
        await brief.asleep(revision, anna, "on")
        await brief.handle(revision, anna).signal(SIGNAL_EVENT, event(MANY))  # a burst may have been one task
        await until(partial(runs, brief, revision, anna), what="a run continued as new")
        await brief.client.publish_event("knocked_off", anna)
        assert await brief.ended(enrollment) == "completed"
        await until(
            partial(all_knocked, brief, MANY), what="what came at the end, which is kept after the row is closed"
        )
    assert await knocks(brief) == list(range(MANY + 1))
    assert (await brief.visits(enrollment))[0]["output"] == {"happened": True, "event": "replied", "text": "Yes"}


async def test_a_delay_keeps_its_end(brief: World) -> None:
    """The next run sleeps for what is left, not once more from the start."""
    revision = await brief.publish(flow(brief.key("delay"), delay("d", "1 day")))
    anna = await brief.record("contact:1")
    async with brief.serving():
        enrollment = await brief.enroll(revision, anna)
        before = await brief.asleep(revision, anna, "d")
        for number in range(MANY):
            await brief.handle(revision, anna).signal(SIGNAL_EVENT, event(number))

        async def all_in() -> bool:
            return len(await knocks(brief)) >= MANY

        await until(all_in)
        await brief.handle(revision, anna).signal(SIGNAL_EVENT, event(MANY))  # a burst may have been one task
        await until(partial(runs, brief, revision, anna), what="a run continued as new")
        after = await brief.asleep(revision, anna, "d")
        assert after.asleep == before.asleep
        assert after.asleep
        assert after.asleep.until == (await brief.visits(enrollment))[0]["ended_at"]

        async def timers() -> list[timedelta]:
            events = (await brief.history(revision, anna)).events
            starts = [each.timer_started_event_attributes for each in events]
            return [each.start_to_fire_timeout.ToTimedelta() for each in starts if each.timer_id]

        assert max(await until(timers)) < timedelta(days=1)
        await brief.client.unenroll(revision.flow.key, anna)
        assert await brief.ended(enrollment) == "unenrolled"


async def flooded(world: World) -> tuple[Revision, RecordRef, str]:
    """Start an enrollment that nobody walks, and send it as many signals as a run takes, a hundredth of them events."""
    revision = await world.publish(flow(world.key("flood"), wait("w", "replied")))
    anna = await world.record("contact:1")
    enrollment = await world.enroll(revision, anna)
    assert await Relay(world.pool, world.temporal, world.revisions).relay_once() == 1
    handle, stale = world.handle(revision, anna), Delivery(enrollment="earlier", visits=(1,))
    for first in range(0, MOST_SIGNALS, 100):
        await handle.signal(SIGNAL_EVENT, event(first))
        await asyncio.gather(*(handle.signal(SIGNAL_DELIVER, stale) for _ in range(99)))
    return revision, anna, enrollment


async def test_two_thousand_signals_while_no_worker_runs(stack: Addresses, tmp_path: Path) -> None:
    """Signals alone make an enrollment continue as new, once, before the server ends it; the events are kept.

    The worker is a process, which is killed in the end: a walk that turned round without an end would never return.
    """
    async with own_temporal(stack, tmp_path) as addresses, World.open(addresses, tmp_path) as world:
        revision, anna, enrollment = await flooded(world)
        async with worker_process(world):
            await until(partial(runs, world, revision, anna), what="a run continued as new")
            assert (await world.handle(revision, anna).describe()).status is WorkflowExecutionStatus.RUNNING
            await world.client.publish_event("replied", anna)
            assert await world.ended(enrollment) == "completed"
        assert await runs(world, revision, anna) == 1
        assert await knocks(world) == list(range(0, MOST_SIGNALS, 100))
