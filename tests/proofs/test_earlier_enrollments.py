"""A late delivery, order to leave or event of an earlier enrollment does not touch the next one of the same record.

Both have the same workflow id; only the enrollment's uuid tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from tests.flows import flow, set_property, wait
from tests.until import until
from tests.world import World
from workflows.contract import (
    SIGNAL_DELIVER,
    SIGNAL_LEAVE,
    SIGNAL_RESUME,
    UPDATE_ADOPT,
    Adopt,
    Delivery,
    Leave,
    Resume,
)
from workflows.model.nodes import AnyNode
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

WAIT = wait("w", "replied")
SAID = set_property("p", "said", "{{ outputs.w.text }}")


@dataclass
class Twice:
    """A record that is in a flow for the second time."""

    revision: Revision
    record: RecordRef
    earlier: str
    later: str


async def in_again(world: World, *nodes: AnyNode, at: str) -> Twice:
    """Enroll a record, end that, and enroll it again up to a sleep; a worker must be serving."""
    revision = await world.publish(flow(world.key("again"), *nodes, enroll={"again": "always"}))
    anna = await world.record("contact:1", said="")
    earlier = await world.enroll(revision, anna)
    await world.asleep(revision, anna, at)
    await world.client.unenroll(revision.flow.key, anna)
    assert await world.ended(earlier) == "unenrolled"
    later = await world.enroll(revision, anna)
    await world.at(later, at, "asleep")
    await world.asleep(revision, anna, at)
    return Twice(revision, anna, earlier, later)


async def replied(world: World, twice: Twice) -> dict[str, Any]:
    """Let the awaited event happen; give the path and properties that the later enrollment came to."""
    await world.client.publish_event("replied", twice.record, {"text": "mine"})
    assert await world.ended(twice.later) == "completed"
    return {"path": await world.path(twice.later), **await world.properties(twice.record)}


AWAITED = {"path": [("w", "happened"), ("p", "set said")], "said": "mine"}


async def test_its_letters_are_dropped(world: World) -> None:
    """Signals that reach the later execution with the earlier uuid, of every kind, change nothing."""
    async with world.serving():
        twice = await in_again(world, WAIT, SAID, at="w")
        handle = world.handle(twice.revision, twice.record)
        await handle.signal(SIGNAL_DELIVER, Delivery(enrollment=twice.earlier, visits=(1, 2)))
        await handle.signal(SIGNAL_LEAVE, Leave(enrollment=twice.earlier, ending="unenrolled"))
        await handle.signal(SIGNAL_RESUME, Resume(enrollment=twice.earlier, visit=1, how="end"))
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update(UPDATE_ADOPT, Adopt(enrollment=twice.earlier, visit=1, revision=twice.revision))
        assert await replied(world, twice) == AWAITED


async def test_its_outbox_rows_are_needless(world: World) -> None:
    """Rows of every kind, left over or written late, are marked as needless and never sent."""
    bodies = {
        "start": {},
        "deliver": {"visits": [1]},
        "leave": {"ending": "unenrolled"},
        "resume": {"visit": 1, "how": "end"},
    }
    async with world.serving():
        twice = await in_again(world, WAIT, SAID, at="w")
        rows = [
            (twice.earlier, kind, body) for kind, body in {**bodies, "adopt": {"revision": twice.revision.hash}}.items()
        ]
        await world.pool.execute("delete from outbox")
        await world.pool.executemany("insert into outbox (enrollment, kind, body) values ($1, $2, $3)", rows)

        async def told() -> bool:
            return bool(await world.pool.fetchval("select bool_and(sent_at is not null) from outbox"))

        await until(told)
        notes = await world.pool.fetch("select distinct note from outbox")
        assert [row["note"] for row in notes] == ["needless: the enrollment is closed"]
        assert await replied(world, twice) == AWAITED


async def test_its_events_do_not_end_the_next_wait(world: World) -> None:
    """An event of the earlier enrollment's time, not routed before the later one waits, is passed over."""
    revision = await world.publish(flow(world.key("late"), WAIT, SAID, enroll={"again": "always"}))
    anna = await world.record("contact:1", said="")
    earlier = await world.enroll(revision, anna)
    await world.client.publish_event("replied", anna, {"text": "not mine"})  # nobody routes yet
    await world.client.unenroll(revision.flow.key, anna)
    await world.relay.relay_once()
    async with world.worker():
        assert await world.ended(earlier) == "unenrolled"
    later = await world.enroll(revision, anna)
    async with world.serving():
        assert await replied(world, Twice(revision, anna, earlier, later)) == AWAITED
