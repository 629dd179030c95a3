"""A branch and an edit of the branched property run as local activities, and run again: one path, one edit.

The edit makes the branch's other arm the true one, so whoever judges a second time walks both; and its value is made
of the present one, so whoever edits a second time is seen to.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activities.gateways.postgres_ledger import PostgresLedger, PostgresTurn
from activities.ledger import Output
from deploy.local.addresses import Addresses
from tests.flows import branch, flow, set_property
from tests.worker_processes import KILLED, own_temporal, worker_process
from tests.world import World
from workflows.contract import Answer, Step
from workflows.model.facts import NOTHING, Needs
from workflows.model.revision import Revision

if TYPE_CHECKING:
    from temporalio.client import WorkflowHandle

    from workflows.model.journal import Ending


PLUS = "{{ contact.stage }}+"


def two_paths(world: World) -> Revision:
    """Build the flow: the stage of a new record gets a plus, that of any other one a minus."""
    return flow(
        world.key("paths"),
        branch("new", "lose", New=({"property": "stage", "is": "new"}, "win")),
        set_property("win", "stage", PLUS, edges={"next": None}),
        set_property("lose", "stage", "{{ contact.stage }}-", edges={"next": None}),
    )


async def edits(world: World) -> list[Any]:
    """Read every edit of a stage that the log knows."""
    rows = await world.pool.fetch("select properties from event where type = 'property_changed' order by seq")
    return [(row["properties"]["before"], row["properties"]["value"]) for row in rows]


class Interrupted(PostgresLedger):
    """Lets a signal land after the branch's decision and before the edit, the first time.

    The end of that walk is not written: the second one finds the enrollment open, and only its visits say what is done.
    """

    execution: WorkflowHandle[Any, Any]
    seen: Counter[str]

    async def decide(self, step: Step, kind: str, answer: Answer, output: Output | None = None) -> Answer:
        decided = await super().decide(step, kind, answer, output)
        await self.execution.signal("event", {"type": "nudged", "id": "1"})
        return decided

    async def close_at_once(self, step: Step, ending: Ending, *, pinned: bool) -> bool:
        self.seen["close"] += 1
        return self.seen["close"] == 1 or await super().close_at_once(step, ending, pinned=pinned)

    async def look(self, step: Step, needs: Needs = NOTHING) -> Any:
        self.seen[step.node] += 1
        return await super().look(step, needs)

    @asynccontextmanager
    async def turn(self, step: Step, needs: Needs = NOTHING) -> AsyncIterator[PostgresTurn]:
        self.seen[step.node] += 1
        async with super().turn(step, needs) as turn:
            yield turn


async def test_a_signal_while_they_run(world: World) -> None:
    """The rejected workflow task runs both again; the ledger answers the second time, and the signal is not lost."""
    revision = two_paths(world)
    anna = await world.record("contact:1", stage="new")
    seen: Counter[str] = Counter()
    world.ledger = type("Here", (Interrupted,), {"execution": world.handle(revision, anna), "seen": seen})
    await world.publish(revision)
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        assert await world.ended(enrollment) == "completed"
        await asyncio.wait_for(world.handle(revision, anna).result(), 60)
    assert seen["new"] > 1
    assert seen["win"] > 1
    assert await world.path(enrollment) == [("new", "took New"), ("win", "set stage")]
    assert await edits(world) == [("new", "new+")]
    assert await world.pool.fetchval("select count(*) from event where type = 'nudged'") == 1


class Edited(PostgresLedger):
    """Publishes an edit before the first visit is judged; takes it back and rejects the task when the walk is over."""

    execution: WorkflowHandle[Any, Any]
    edit: Callable[[], Awaitable[Any]]
    take_back: Callable[[], Awaitable[Any]]
    seen: Counter[str]

    @asynccontextmanager
    async def turn(self, step: Step, needs: Needs = NOTHING) -> AsyncIterator[PostgresTurn]:
        self.seen[f"visit {step.visit}"] += 1
        if step.visit == 1 and self.seen["visit 1"] == 1:
            await self.edit()
        async with super().turn(step, needs) as turn:
            yield turn

    async def close_at_once(self, step: Step, ending: Ending, *, pinned: bool) -> bool:
        self.seen["close"] += 1
        closed = await super().close_at_once(step, ending, pinned=pinned)
        if self.seen["close"] == 1:
            await self.take_back()
            await self.execution.signal("event", {"type": "nudged", "id": "1"})
        return closed


async def test_a_flow_edited_and_edited_back_while_they_run(world: World) -> None:
    """The rejected task runs again under the first drawing, and goes where it went in the second: nobody is stuck."""
    edit = set_property("p", "stage", PLUS)
    then = branch("b", None, Never=({"property": "stage", "is": "-"}, None))
    first = flow(world.key("back"), edit, then)
    second = flow(first.flow.key, set_property("q", "other", "q"), edit, then)
    anna = await world.record("contact:1", stage="new", other="-")
    seen: Counter[str] = Counter()
    told = {"execution": world.handle(first, anna), "seen": seen}
    publishing = {
        "edit": staticmethod(lambda: world.publish(second)),
        "take_back": staticmethod(lambda: world.publish(first)),
    }
    world.ledger = type("Here", (Edited,), {**told, **publishing})
    await world.publish(first)
    async with world.serving():
        enrollment = await world.enroll(first, anna)
        assert await world.ended(enrollment) == "completed"
        await asyncio.wait_for(world.handle(first, anna).result(), 60)
    assert seen["visit 1"] > 1, "no workflow task was rejected"
    assert [node for node, _ in await world.path(enrollment)] == ["q", "p", "b"]
    assert [each for each in await edits(world) if each[0] == "new"] == [("new", "new+")]
    assert (await world.properties(anna))["stage"] == "new+"


async def test_a_worker_killed_before_and_after_the_edit(stack: Addresses, tmp_path: Path) -> None:
    """Killed -9 before the edit, the next just after its commit; the third worker finishes the one path."""
    async with own_temporal(stack, tmp_path) as addresses, World.open(addresses, tmp_path) as world:
        revision = two_paths(world)
        anna = await world.record("contact:1", stage="new")
        await world.publish(revision)
        enrollment = await world.enroll(revision, anna)
        async with worker_process(world, "before_edit") as first:
            assert await first.ended() == KILLED
        assert await edits(world) == []
        await world.pool.execute("""update record set properties = '{"stage": "old"}'""")
        async with worker_process(world, "after_commit") as second:
            assert await second.ended() == KILLED
        async with worker_process(world):
            assert await world.ended(enrollment) == "completed"
        assert await world.path(enrollment) == [("new", "took New"), ("win", "set stage")]
        assert await edits(world) == [("old", "old+")]
