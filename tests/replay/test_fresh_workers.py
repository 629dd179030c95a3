"""A sleeper belongs to no worker: whoever is there when it wakes reads its history and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client as Temporal
from temporalio.client import WorkflowHistory

from activities.gateways.postgres import PostgresSource
from tests.flows import branch, delay, flow, send_email, set_property, wait
from tests.until import until
from tests.world import World
from workflows.codec import Revisions, RevisionSource
from workflows.model.records import RecordRef
from workflows.model.revision import Revision
from workflows.plugin import PerdurePlugin

FAILED = (EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED, EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT)


class AwaySource:
    """A source of revisions that is away until it is told to be back."""

    def __init__(self, source: RevisionSource) -> None:
        """Stand before `source`."""
        self.source, self.is_away, self.asked = source, True, 0

    async def read(self, revision: str) -> str | None:
        """See RevisionSource."""
        self.asked += 1
        if self.is_away:
            raise OSError
        return await self.source.read(revision)


async def on_another_machine(world: World, source: RevisionSource, patience: float = 5.0) -> World:
    """Give the same world as a process sees it that has just started; `patience` is for its source."""
    revisions = Revisions(source, timeout=patience)
    temporal = await Temporal.connect(world.addresses.temporal, plugins=[PerdurePlugin(revisions)])
    return replace(world, temporal=temporal, revisions=revisions)


async def sleeping(world: World) -> tuple[Revision, RecordRef, str]:
    """Let a first worker walk Anna to a wait, and end."""
    revision = flow(world.key("sleeper"), send_email("mail"), wait("w", "replied"), set_property("p", "stage", "lead"))
    anna = await world.record("contact:1", firstname="Anna", email="anna@example.com", stage="new")
    await world.publish(revision)
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        await world.asleep(revision, anna)
    return revision, anna, enrollment


def troubles(history: WorkflowHistory) -> Iterator[int]:
    """Give the bytes of each event of a workflow task that came to nothing."""
    return (event.ByteSize() for event in history.events if event.event_type in FAILED)


async def test_a_fresh_worker_with_an_empty_cache_continues_a_sleeper(world: World) -> None:
    """It replays the history, loading the revision that the history names."""
    revision, anna, enrollment = await sleeping(world)
    other = await on_another_machine(world, PostgresSource(world.pool))
    async with other.worker():
        assert other.revisions.known == {}
        await other.handle(revision, anna).signal("event", {"type": "replied"})
        assert await other.ended(enrollment) == "completed"
    assert set(other.revisions.known) == {revision.hash}
    assert await world.path(enrollment) == [("mail", "sent"), ("w", "happened"), ("p", "set stage")]
    assert len(world.mailer.sent) == 1


async def test_a_worker_that_keeps_nothing_in_memory_walks_the_same(world: World) -> None:
    """Every task replays the whole history, in the sandbox: each step once, and in order."""
    revision = flow(
        world.key("uncached"),
        send_email("mail"),
        delay("d", "1 second"),
        wait("w", "replied", at_most="1 second"),
        branch("b", "p", Came=({"output": "w.happened", "is": True}, None)),
        set_property("p", "stage", "lead"),
    )
    anna = await world.record("contact:1", firstname="Anna", email="anna@example.com", stage="new")
    await world.publish(revision)
    async with world.serving(max_cached_workflows=0):
        enrollment = await world.enroll(revision, anna)
        assert await world.ended(enrollment) == "completed"
    assert [node for node, _ in await world.path(enrollment)] == ["mail", "d", "w", "b", "p"]
    assert len(world.mailer.sent) == 1


async def test_a_revision_that_cannot_be_read_for_a_while_only_delays_its_sleepers(world: World) -> None:
    """The task comes to nothing, in one event of a few bytes, and the run goes on when the database is back."""
    revision, anna, enrollment = await sleeping(world)
    source = AwaySource(PostgresSource(world.pool))
    other = await on_another_machine(world, source, patience=0.5)

    async def has_failed() -> bool:
        return any(troubles(await world.history(revision, anna)))

    async with other.worker():
        await other.handle(revision, anna).signal("event", {"type": "replied"})
        await until(has_failed)
        source.is_away = False
        assert await other.ended(enrollment) == "completed"
    assert [size < 300 for size in troubles(await world.history(revision, anna))] == [True]
