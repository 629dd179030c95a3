"""An event signalled straight to an enrollment is dealt with once, when the workflow task that took it runs again."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from activities.gateways.postgres_ledger import PostgresLedger
from tests.flows import flow, wait
from tests.until import until
from tests.world import World
from workflows.contract import FINISH, SIGNAL_EVENT, Asleep, Step

if TYPE_CHECKING:
    from temporalio.client import WorkflowHandle

    from workflows.model.journal import Ending
    from workflows.model.nodes import EventMatch

AWAITED = {"type": "replied", "properties": {"text": "Yes"}}
THEN = {"type": "knocked"}


class Interrupted(PostgresLedger):
    """Lets signals arrive while the wait is armed, for one workflow task, and while the walk finishes, to reject it."""

    execution: WorkflowHandle[Any, Any]
    seen: Counter[str]

    async def arm(self, step: Step, kind: str, any_of: tuple[EventMatch, ...], at_most: float | None) -> Asleep | None:
        asleep = await super().arm(step, kind, any_of, at_most)
        for name, event in (("evnt", THEN), (SIGNAL_EVENT, THEN), (SIGNAL_EVENT, THEN), (SIGNAL_EVENT, AWAITED)):
            await self.execution.signal(name, event)
        return asleep

    async def close_at_once(self, step: Step, ending: Ending, *, pinned: bool) -> bool:
        closed = await super().close_at_once(step, ending, pinned=pinned)
        self.seen[FINISH] += 1
        if self.seen[FINISH] == 1:
            await self.execution.signal(SIGNAL_EVENT, THEN)
        return closed


async def test_its_second_judgement_is_the_first(world: World) -> None:
    """The event that ended the wait ends it again; equal events without an id stay two; what is none is kept once."""
    revision = await world.publish(flow(world.key("raw"), wait("w", "replied")))
    anna = await world.record("contact:1")
    seen: Counter[str] = Counter()
    handle = world.handle(revision, anna)
    world.ledger = type("Here", (Interrupted,), {"execution": handle, "seen": seen})
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        assert await world.ended(enrollment) == "completed"
        await asyncio.wait_for(handle.result(), 60)
    assert seen[FINISH] > 1, "no workflow task was rejected"
    events = await world.pool.fetch("select type from event order by seq")
    assert [row["type"] for row in events] == ["knocked", "knocked", "replied", "knocked"]
    assert await world.path(enrollment) == [("w", "happened")]
    assert await world.pool.fetchval("select count(*) from event_refused") == 1


async def test_strangers_who_both_count_from_one_are_both_heard(world: World) -> None:
    """Two signals with the same id, which name no source, end the waits of the two records that they were sent to."""
    revision = await world.publish(flow(world.key("raw"), wait("w", "replied")))
    records = await world.record("contact:1"), await world.record("contact:2")
    async with world.serving():
        for record in records:
            enrollment = await world.enroll(revision, record)
            await world.asleep(revision, record, "w")
            await world.handle(revision, record).signal(SIGNAL_EVENT, {**AWAITED, "id": "1"})
            assert await world.ended(enrollment) == "completed"
    assert await world.pool.fetchval("select count(*) from event where type = 'replied'") == 2


async def test_an_event_under_a_name_that_is_taken_is_kept(world: World) -> None:
    """Its source gives two records' events one id: the second is not taken for the first, and is not lost."""
    revision = await world.publish(flow(world.key("raw"), wait("w", "replied")))
    anna, bert = await world.record("contact:1"), await world.record("contact:2")
    named = {**AWAITED, "source": "shop", "id": "1"}
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        await world.enroll(revision, bert)
        await world.asleep(revision, anna, "w")
        await world.asleep(revision, bert, "w")
        await world.handle(revision, anna).signal(SIGNAL_EVENT, named)
        assert await world.ended(enrollment) == "completed"
        await world.handle(revision, bert).signal(SIGNAL_EVENT, named)
        await until(lambda: world.pool.fetchval("select count(*) from event_refused"), what="the refused event")
        await world.asleep(revision, bert, "w")
    assert await world.pool.fetchval("select reason from event_refused") == "another event has its source and id"
