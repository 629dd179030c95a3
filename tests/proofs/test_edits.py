"""A flow is edited while records are inside: where each sleeper goes on, and that none sleeps through the edit.

The rules are HubSpot's (`hubspot-semantics.md` 3.8), with a named edge where the drawing has changed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NoReturn

import pytest
from temporalio.client import WorkflowUpdateFailedError

from activities.effects import Mail
from activities.fakes import FakeMailer
from activities.gateways.postgres_ledger import PostgresLedger
from starter.publish import announce_left, publish
from tests.flows import branch, delay, flow, send_email, set_property, wait
from tests.until import until
from tests.world import World
from workflows.codec import FolderSource, Revisions
from workflows.contract import UPDATE_ADOPT, Adopt, Asleep, Delivery, State, Step
from workflows.model.errors import FlowError
from workflows.model.nodes import AnyNode, EventMatch
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

DAY = timedelta(days=1)


class PublisherDied(Exception):
    """The publisher is dead."""


class Dying(Revisions):
    """What a publisher reads through that dies when it is about to look for sleepers."""

    async def get(self, revision: str) -> NoReturn:
        """Die."""
        raise PublisherDied(revision)


@dataclass
class SlowMailer(FakeMailer):
    """A mail server that takes its time until it is told to go on."""

    sending: asyncio.Event = field(default_factory=asyncio.Event)
    may_send: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, mail: Mail, key: str) -> str:
        """Wait, then send."""
        self.sending.set()
        await self.may_send.wait()
        return await super().send(mail, key)


async def anna_of(world: World) -> RecordRef:
    """Put Anna in the CRM."""
    return await world.record("contact:1", firstname="Anna", email="anna@example.com", stage="new")


async def inside(world: World, *nodes: AnyNode, asleep: str) -> tuple[Revision, RecordRef, str, State]:
    """Publish a flow, enroll Anna and wait until she sleeps in a node."""
    revision = await world.publish(flow(world.key("edit"), *nodes))
    anna = await anna_of(world)
    enrollment = await world.enroll(revision, anna)
    return revision, anna, enrollment, await world.asleep(revision, anna, asleep)


async def sleeps_until(world: World, revision: Revision, record: RecordRef, wanted: datetime | None) -> None:
    """Wait until the execution sleeps to an instant, and the ledger knows the same."""

    async def look() -> bool:
        asleep = (await world.asleep(revision, record)).asleep
        return asleep is not None and asleep.until == wanted

    await until(look, what=f"a sleep until {wanted}")
    assert await world.pool.fetchval("select until from sleep union all select deadline from wait") == wanted


async def all_sent(world: World) -> bool:
    """Relay once; tell whether nothing is left."""
    await world.relay.relay_once()
    return bool(await world.pool.fetchval("select count(*) = 0 from outbox where sent_at is null"))


async def nodes_of(world: World, enrollment: str) -> list[str]:
    """Give the nodes visited, in order."""
    return [node for node, _ in await world.path(enrollment)]


@pytest.mark.parametrize("days", [90, 10])
async def test_a_delay_made_longer_or_shorter_is_counted_from_its_entry(world: World, days: int) -> None:
    """The new length less what has elapsed is waited more."""
    async with world.serving():
        old, anna, _, state = await inside(world, delay("d", "30 days"), asleep="d")
        assert state.entered is not None
        await world.publish(flow(old.flow.key, delay("d", f"{days} days")))
        await sleeps_until(world, old, anna, state.entered + days * DAY)


async def test_an_edit_taken_back_is_taken_back_for_the_sleeper(world: World) -> None:
    """Published, edited, and published again as it was: the sleeper is told each time."""
    async with world.serving():
        old, anna, _, state = await inside(world, delay("d", "30 days"), asleep="d")
        assert state.entered is not None
        await world.publish(flow(old.flow.key, delay("d", "90 days")))
        await sleeps_until(world, old, anna, state.entered + 90 * DAY)
        await world.publish(old)
        await sleeps_until(world, old, anna, state.entered + 30 * DAY)


async def test_an_edit_taken_back_before_it_was_told_expels_nobody(world: World) -> None:
    """The step slept in is deleted by mistake, and is there again before any letter goes out: the sleeper sleeps on."""
    nodes = wait("w", "opened"), set_property("p", "stage", "x")
    old = await world.publish(flow(world.key("edit"), *nodes))
    anna = await anna_of(world)
    async with world.worker():
        enrollment = await world.enroll(old, anna)
        await world.relay.relay_once()
        await world.asleep(old, anna, "w")
        await world.publish(flow(old.flow.key, nodes[1]))
        await world.publish(old)
        await until(lambda: all_sent(world), what="all letters")
        await world.asleep(old, anna, "w")
    assert (await nodes_of(world, enrollment), await world.ending(enrollment)) == (["w"], None)


async def test_a_delay_made_shorter_than_elapsed_ends_at_once(world: World) -> None:
    """The record goes on to the next step."""
    async with world.serving():
        old, _, enrollment, _ = await inside(world, delay("d", "30 days"), set_property("p", "stage", "x"), asleep="d")
        await world.publish(flow(old.flow.key, delay("d", "0.001 seconds"), set_property("p", "stage", "x")))
        assert await world.ended(enrollment) == "completed"
    assert await world.path(enrollment) == [("d", ""), ("p", "set stage")]


async def test_a_deleted_delay_is_left_at_once(world: World) -> None:
    """The record goes on with what follows it."""
    async with world.serving():
        old, _, enrollment, _ = await inside(world, delay("d", "30 days"), set_property("p", "stage", "x"), asleep="d")
        await world.publish(flow(old.flow.key, set_property("p", "stage", "x")))
        assert await world.ended(enrollment) == "completed"
    assert await world.path(enrollment) == [("d", ""), ("p", "set stage")]


async def test_a_step_behind_the_delay_is_met_without_waking_the_sleeper(world: World) -> None:
    """Only those whose own step was edited are told; the others adopt when they wake."""
    async with world.serving():
        old, _, enrollment, _ = await inside(
            world, delay("d", "1 second"), set_property("p", "stage", "old"), asleep="d"
        )
        await world.publish(flow(old.flow.key, delay("d", "1 second"), set_property("new", "stage", "new")))
        assert await world.ended(enrollment) == "completed"
    assert await nodes_of(world, enrollment) == ["d", "new"]
    assert await world.pool.fetchval("select count(*) from outbox where kind = 'adopt'") == 0


async def test_the_late_event_of_a_deleted_wait_does_nothing(world: World) -> None:
    """The record sleeps in the next wait; neither the event nor a letter that was under way ends that one."""
    async with world.serving():
        old, anna, enrollment, _ = await inside(world, wait("w", "opened"), wait("next", "replied"), asleep="w")
        await world.publish(flow(old.flow.key, wait("next", "replied")))
        state = await world.asleep(old, anna, "next")
        await world.handle(old, anna).signal("deliver", Delivery(enrollment=enrollment, visits=(1,)))
        await world.client.publish_event("opened", anna)
        await until(lambda: world.pool.fetchval("select count(*) from event where routed_at is not null"))
        assert await world.asleep(old, anna, "next") == state
        await world.client.publish_event("replied", anna)
        assert await world.ended(enrollment) == "completed"
    assert await world.path(enrollment) == [("w", ""), ("next", "happened")]


async def test_an_event_that_a_wait_now_looks_for_counts_since_the_wait_began(world: World) -> None:
    """The reply came while the wait looked only for an opening; the edited wait finds it in the log."""
    async with world.serving():
        old, anna, enrollment, _ = await inside(world, wait("w", "opened"), asleep="w")
        await world.client.publish_event("replied", anna)
        await world.publish(flow(old.flow.key, wait("w", "opened", "replied")))
        assert await world.ended(enrollment) == "completed"
    assert (await world.visits(enrollment))[0]["output"] == {"happened": True, "event": "replied"}


async def test_an_event_that_a_wait_no_longer_looks_for_does_not_end_it(world: World) -> None:
    """The wait looks for replies only, and a reply ends it."""
    async with world.serving():
        old, anna, enrollment, _ = await inside(world, wait("w", "opened"), asleep="w")
        await world.publish(flow(old.flow.key, wait("w", "replied", at_most="30 days")))
        await until(lambda: world.pool.fetchval("select deadline is not null from wait"))
        await world.client.publish_event("opened", anna)
        await world.client.publish_event("replied", anna)
        assert await world.ended(enrollment) == "completed"
    assert (await world.visits(enrollment))[0]["output"] == {"happened": True, "event": "replied"}


async def test_the_longest_time_of_a_wait_is_counted_from_its_arming(world: World) -> None:
    """An endless wait is given 30 days: from when it began, not from when it was edited."""
    async with world.serving():
        old, anna, _, _ = await inside(world, wait("w", "opened"), asleep="w")
        armed = await world.pool.fetchval("select armed_at from wait")
        await world.publish(flow(old.flow.key, wait("w", "opened", at_most="30 days")))
        await sleeps_until(world, old, anna, armed + 30 * DAY)


async def test_a_wait_made_shorter_than_elapsed_times_out_at_once(world: World) -> None:
    """The record goes on without the event."""
    async with world.serving():
        old, _, enrollment, _ = await inside(world, wait("w", "opened"), asleep="w")
        await world.publish(flow(old.flow.key, wait("w", "opened", at_most="0.001 seconds")))
        assert await world.ended(enrollment) == "completed"
    assert await world.path(enrollment) == [("w", "timed out")]


async def test_a_deleted_branch_is_decided_as_it_was_drawn(world: World) -> None:
    """The delay before it is gone too, so only its old verdict tells the way, to a step that is still there."""
    arms = (set_property("yes", "stage", "yes", edges={"next": None}), set_property("no", "stage", "no"))
    new = {"property": "stage", "is": "new"}
    async with world.serving():
        old, _, enrollment, _ = await inside(
            world, delay("d", "30 days"), branch("b", "no", New=(new, "yes")), *arms, asleep="d"
        )
        never = {"property": "stage", "is": "-"}
        await world.publish(flow(old.flow.key, branch("other", "no", Never=(never, "yes")), *arms))
        assert await world.ended(enrollment) == "completed"
    assert await world.path(enrollment) == [("d", ""), ("b", "took New"), ("yes", "set stage")]


async def test_a_record_whose_edge_is_gone_goes_where_it_led(world: World) -> None:
    """Its arm was deleted with the delay it slept in; the arm's old way leads on to a step that is still there."""
    arms = (set_property("yes", "stage", "yes", edges={"next": None}), set_property("no", "stage", "no"))
    new = {"property": "stage", "is": "new"}
    old_arm = branch("b", "no", New=(new, "d"))
    async with world.serving():
        old, _, enrollment, _ = await inside(world, old_arm, delay("d", "30 days", next="yes"), *arms, asleep="d")
        await world.publish(flow(old.flow.key, branch("b", "no", Other=(new, "yes")), *arms))
        assert await world.ended(enrollment) == "completed"
    assert await nodes_of(world, enrollment) == ["b", "d", "yes"]


async def test_a_step_done_while_the_flow_was_edited_leads_on_by_its_edge_in_the_new_drawing(world: World) -> None:
    """The e-mail is under way while what follows it is replaced: the new step is done, the old is not."""
    mailer = world.mailer = SlowMailer()
    revision = flow(world.key("edit"), send_email("mail"), set_property("old", "stage", "old"))
    anna = await anna_of(world)
    await world.publish(revision)
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        await mailer.sending.wait()
        await world.publish(flow(revision.flow.key, send_email("mail"), set_property("new", "stage", "new")))
        mailer.may_send.set()
        assert await world.ended(enrollment) == "completed"
    assert await nodes_of(world, enrollment) == ["mail", "new"]


async def test_a_held_step_that_was_edited_is_done_as_edited(world: World) -> None:
    """Paused before the e-mail, edited, resumed: the new subject goes out, once."""
    revision = await world.publish(flow(world.key("edit"), send_email("mail", "Old")))
    anna = await anna_of(world)
    await world.client.pause(revision.flow.key)
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        before = await world.asleep(revision, anna)
        await world.publish(flow(revision.flow.key, send_email("mail", "New")))

        async def again() -> bool:
            return (await world.asleep(revision, anna)).visit > before.visit

        await until(again)
        await world.client.resume(revision.flow.key)
        assert await world.ended(enrollment) == "completed"
    assert [mail.subject for _, mail in world.mailer.sent] == ["New"]


async def test_a_kind_that_changed_under_one_id_is_refused(world: World) -> None:
    """Publishing says which step, and nothing is published."""
    old = await world.publish(flow(world.key("edit"), delay("d", "30 days")))
    with pytest.raises(FlowError, match="d: was 'delay' and cannot become 'set_property'"):
        await world.publish(flow(old.flow.key, set_property("d", "stage", "x")))
    assert await world.pool.fetchval("select current from flow") == old.hash


async def test_a_pinned_enrollment_walks_its_own_revision_to_the_end(world: World) -> None:
    """`revisions: pin`: neither the delay that it sleeps in nor the step behind it changes for it."""
    pin = {"settings": {"revisions": "pin"}}
    old = flow(world.key("edit"), delay("d", "1 second"), set_property("p", "stage", "old"), **pin)
    anna = await anna_of(world)
    await world.publish(old)
    async with world.serving():
        enrollment = await world.enroll(old, anna)
        await world.asleep(old, anna)
        await world.publish(flow(old.flow.key, delay("d", "30 days"), set_property("new", "stage", "new"), **pin))
        assert await world.ended(enrollment) == "completed"
    assert await nodes_of(world, enrollment) == ["d", "p"]


@pytest.mark.parametrize(
    ("node", "edited"),
    [
        (delay("n", "30 days"), delay("n", "0.001 seconds")),
        (wait("n", "opened"), wait("n", "opened", at_most="0.001 seconds")),
    ],
    ids=["delay", "wait"],
)
async def test_who_falls_asleep_while_the_flow_is_published_adopts_it_himself(
    world: World, node: AnyNode, edited: AnyNode
) -> None:
    """Published between registration and look, by a publisher that tells nobody: the look finds the new revision."""
    key = world.key("edit")

    class Racing(PostgresLedger):
        """A ledger at which the flow is published as soon as a sleep is registered."""

        async def lie_down_at_once(self, step: Step, kind: str, asleep: Asleep, *, pinned: bool) -> Asleep | None:
            """Register, then let the publisher through."""
            registered = await super().lie_down_at_once(step, kind, asleep, pinned=pinned)
            await self._publish()
            return registered

        async def arm(
            self, step: Step, kind: str, any_of: tuple[EventMatch, ...], at_most: float | None
        ) -> Asleep | None:
            """Arm, then let the publisher through."""
            armed = await super().arm(step, kind, any_of, at_most)
            await self._publish()
            return armed

        async def _publish(self) -> None:
            if await self.pool.fetchval("select count(*) from revision") == 1:
                with pytest.raises(PublisherDied):
                    await publish(self.pool, flow(key, edited).flow, Dying(FolderSource(world.folder)))

    world.ledger = Racing
    old = await world.publish(flow(key, node))
    anna = await anna_of(world)
    async with world.serving():
        enrollment = await world.enroll(old, anna)
        assert await world.ended(enrollment) == "completed"
    assert await world.pool.fetchval("select count(*) from outbox where kind = 'adopt'") == 0


async def test_sleepers_are_told_although_the_publisher_died_before_it_could(world: World) -> None:
    """Dead between its two transactions; the next round of the announcer tells the sleeper, once."""
    async with world.serving():
        old, anna, _, state = await inside(world, delay("d", "30 days"), asleep="d")
        assert state.entered is not None
        with pytest.raises(PublisherDied):
            await publish(world.pool, flow(old.flow.key, delay("d", "90 days")).flow, Dying(FolderSource(world.folder)))
        assert await announce_left(world.pool, world.revisions) == 1
        await sleeps_until(world, old, anna, state.entered + 90 * DAY)
        assert await announce_left(world.pool, world.revisions) == 0


async def test_an_edit_for_another_enrollment_is_refused_and_leaves_no_trace(world: World) -> None:
    """The validator turns it down before anything is written to history."""
    async with world.serving():
        old, anna, _, _ = await inside(world, delay("d", "30 days"), asleep="d")
        before = len((await world.history(old, anna)).events)
        letter = Adopt(enrollment="of somebody else", visit=1, revision=old)
        with pytest.raises(WorkflowUpdateFailedError):
            await world.handle(old, anna).execute_update(UPDATE_ADOPT, letter)
        assert len((await world.history(old, anna)).events) == before


async def test_a_letter_that_comes_late_does_not_take_the_record_back(world: World) -> None:
    """Told of the second revision when it sleeps in the third already, in a delay that the second has not."""
    first, then = wait("w", "opened"), set_property("p", "stage", "x")
    second = wait("w", "opened", at_most="30 days")
    old = await world.publish(flow(world.key("edit"), first, then))
    anna = await anna_of(world)
    async with world.worker():
        enrollment = await world.enroll(old, anna)
        await world.relay.relay_once()
        await world.asleep(old, anna, "w")
        await world.publish(flow(old.flow.key, second, then))
        await world.publish(flow(old.flow.key, second, delay("d", "30 days"), then))
        await world.handle(old, anna).signal("event", {"type": "opened"})
        await world.asleep(old, anna, "d")
        assert await world.relay.relay_once() == 2
        await world.asleep(old, anna, "d")
    assert await nodes_of(world, enrollment) == ["w", "d"]
