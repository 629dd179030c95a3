"""A start is sent at least once, and an enrollment walks once: whatever the relay, and the record, do in between."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from activities.ledger import effect_key
from starter.letters import take
from starter.relay import Errand, Relay
from tests.flows import delay, flow, send_email, set_property
from tests.until import until
from tests.world import World, running
from workflows.model.nodes import Delay
from workflows.model.records import RecordRef
from workflows.model.revision import Revision


class Crash(Exception):
    """The relay's death, between a call and its mark."""


def dying(*starts: int) -> Callable[[str], None]:
    """Die after these starts, counted from 1."""
    seen = Counter[str]()

    def fault(point: str) -> None:
        seen[point] += 1
        if point == "after_start" and seen[point] in starts:
            raise Crash

    return fault


def relay(world: World, faults: Callable[[str], None] = lambda _point: None) -> Relay:
    """Make a relay that may be made to die."""
    return Relay(world.pool, world.temporal, world.revisions, task_queue=world.queue, faults=faults)


async def mailing(world: World, *after: Delay) -> tuple[Revision, RecordRef]:
    """Publish a flow that sends a mail and edits the record, and lets it return always."""
    mail, edit = send_email("mail"), set_property("p", "stage", "mailed")
    revision = await world.publish(flow(world.key("one"), mail, *after, edit, enroll={"again": "always"}))
    return revision, await world.record("contact:1", email="anna@example.com", stage="new")


async def unmarked(world: World, revision: Revision, record: RecordRef) -> str:
    """Enroll a record; its execution is started by a relay that dies before it writes that down."""
    enrollment = await world.enroll(revision, record)
    with pytest.raises(Crash):
        await relay(world, dying(1)).relay_once()
    assert await column(world, enrollment, "started_at") is None
    return enrollment


async def slow(world: World, connection: Any, enrollment: str) -> Errand:
    """Give the errand of a relay that has read the outbox, and stands still before its call."""
    shard = await world.pool.fetchval("select shard from outbox where enrollment = $1 and kind = 'start'", enrollment)
    (errand,) = [Errand(relay(world), *each) for each in await take(connection, shard, 10)]
    return errand


async def column(world: World, enrollment: str, name: str) -> Any:
    """Read a column of an enrollment."""
    return await world.pool.fetchval(f"select {name} from enrollment where id = $1", UUID(enrollment))


async def run_id(world: World, revision: Revision, record: RecordRef) -> str:
    """Name the latest run of a record in a flow."""
    return str((await world.handle(revision, record).describe()).run_id)


async def effects(world: World) -> tuple[list[str], int]:
    """Give the keys of the mails sent, and how often the record was edited."""
    edits = await world.pool.fetchval("select count(*) from event where type = 'property_changed'")
    return [key for key, _ in world.mailer.sent], edits


async def test_a_start_that_was_not_written_down_is_known_again(world: World) -> None:
    """The second relay repeats the start of a running execution: no other run begins, and it walks on to its end."""
    revision, anna = await mailing(world)
    enrollment = await unmarked(world, revision, anna)
    first = await run_id(world, revision, anna)
    assert await world.relay.relay_once() == 1
    assert await column(world, enrollment, "started_at") is not None
    async with world.worker():
        assert await world.ended(enrollment) == "completed"
    assert await run_id(world, revision, anna) == first
    assert await effects(world) == ([effect_key(enrollment, 1)], 1)


async def test_a_start_is_not_repeated_once_the_execution_has_finished(world: World) -> None:
    """Temporal would let a second run begin by then; the closed row says that there is nothing left to start."""
    revision, anna = await mailing(world)
    enrollment = await unmarked(world, revision, anna)
    first = await run_id(world, revision, anna)
    async with world.worker():
        assert await world.handle(revision, anna).result() == "completed"
        assert await world.relay.relay_once() == 1
        assert await run_id(world, revision, anna) == first
    assert await effects(world) == ([effect_key(enrollment, 1)], 1)


async def held_once(world: World, revision: Revision) -> None:
    """Let the walk be held by a pause at its first step, and resumed."""
    asleep = "select count(*) from sleep where why = 'held'"
    await until(lambda: world.pool.fetchval(asleep), what="the hold")
    await world.client.resume(revision.flow.key)
    await until(world.relay.relay_once, what="the resume")


@pytest.mark.parametrize("way", ["straight", "delayed", "held"])
async def test_a_run_of_a_closed_enrollment_ends_at_once_without_effects(world: World, way: str) -> None:
    """A slow relay starts an enrollment anew that has finished meanwhile: the run ends by itself and does nothing."""
    revision, anna = await mailing(world, *([delay("d", "0.1 seconds")] if way == "delayed" else []))
    if way == "held":
        await world.client.pause(revision.flow.key)
    enrollment = await unmarked(world, revision, anna)
    async with world.pool.acquire() as connection, world.worker():
        errand = await slow(world, connection, enrollment)
        if way == "held":
            await world.relay.relay_once()
            await held_once(world, revision)
        assert await world.handle(revision, anna).result() == "completed"
        before = await effects(world), await world.path(enrollment), await column(world, enrollment, "closed_at")
        first = await run_id(world, revision, anna)
        await errand.run()
        assert await run_id(world, revision, anna) != first
        await asyncio.wait_for(world.handle(revision, anna).result(), 60)
    assert (await effects(world), await world.path(enrollment), await column(world, enrollment, "closed_at")) == before
    assert len(before[0][0]) == before[0][1] == 1


async def test_a_late_start_does_not_touch_the_next_enrollment(world: World) -> None:
    """A slow relay starts a finished enrollment while the record's next one runs: it waits, then finds it needless."""
    revision, anna = await mailing(world, delay("month", "30 days"))
    key = revision.flow.key
    earlier = await unmarked(world, revision, anna)
    async with world.pool.acquire() as connection, world.serving():
        errand = await slow(world, connection, earlier)
        await world.at(earlier, "month", "asleep")
        await world.client.unenroll(key, anna)
        assert await world.ended(earlier) == "unenrolled"
        later = await world.enroll(revision, anna)
        await world.at(later, "month", "asleep")
        running_now = await run_id(world, revision, anna)
        await errand.run()
        assert [report.note for report in errand.reports] == ["an earlier enrollment of the record is still ending"]
        assert await run_id(world, revision, anna) == running_now
        assert await world.ending(later) is None
        await world.client.unenroll(key, anna)
        assert await world.ended(later) == "unenrolled"
    assert await effects(world) == ([effect_key(earlier, 1), effect_key(later, 1)], 0)


async def true_runs(world: World, revision: Revision, expected: int) -> Counter[str]:
    """Count the runs of each enrollment, but for those that found its row closed when they began."""
    rows = await world.pool.fetch("select id, closed_at from enrollment where flow = $1", revision.flow.key)
    closed: dict[str, datetime | None] = {str(row["id"]): row["closed_at"] for row in rows}

    async def runs() -> Counter[str]:
        began = Counter[str]()
        async for run in world.temporal.list_workflows(f"PerdureFlow = '{revision.flow.key}'"):
            enrollment, end = (await run.memo())["enrollment"], closed[(await run.memo())["enrollment"]]
            began[enrollment] += end is None or run.start_time < end
        return began

    async def listed() -> Counter[str]:
        found = await runs()
        return found if len(found) >= expected else Counter()

    return await until(listed, what="the list of runs")


async def test_finish_and_return_in_close_order_with_dying_relays(world: World) -> None:
    """Records that return the moment they have left, started by two relays that die now and then: once each, all."""
    revision = await world.publish(flow(world.key("back"), send_email("mail"), enroll={"again": "always"}))
    records = [await world.record(f"contact:{n}", email=f"{n}@example.com") for n in range(4)]
    enrollments: list[str] = []

    async def come_and_go(record: RecordRef) -> None:
        for _ in range(3):
            enrollments.append(await world.enroll(revision, record))
            assert await world.ended(enrollments[-1], within=30) == "completed"

    relays = relay(world, dying(2, 5)), relay(world, dying(1, 4))
    async with world.worker(), running(*(each.run for each in relays)):
        await asyncio.gather(*(come_and_go(record) for record in records))
    assert await true_runs(world, revision, 12) == dict.fromkeys(enrollments, 1)
    assert sorted(key for key, _ in world.mailer.sent) == sorted(effect_key(each, 1) for each in enrollments)
