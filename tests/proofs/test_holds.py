"""Records that are held: parked after a failure until an operator decides, or paused while their flow is edited."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from activities.action import Refused
from activities.gateways.postgres_ledger import PostgresLedger, PostgresTurn
from starter.publish import publish
from tests.flows import flow, send_email, set_property, wait
from tests.until import until
from tests.world import World
from workflows.contract import Step
from workflows.model.facts import NOTHING, Needs


async def test_only_what_comes_after_a_skip_counts_for_the_next_wait(world: World) -> None:
    """A reply from the days in the hold does not end the wait behind it; the next one does; the decision is kept."""
    world.mailer.answers = [Refused("bad_address", "550 no such user")]
    revision = await world.publish(flow(world.key("park"), send_email("m", on_failure="park"), wait("w", "replied")))
    anna = await world.record("contact:1", firstname="Anna", email="anna@example.com")
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        await world.asleep(revision, anna, "m")
        await world.client.publish_event("replied", anna, {"text": "early"})
        await until(lambda: world.pool.fetchval("select routed_at from event"), what="the routed event")
        await world.client.resolve(enrollment, "skip")
        await world.asleep(revision, anna, "w")
        await world.client.publish_event("replied", anna, {"text": "late"})
        assert await world.ended(enrollment) == "completed"
    mail, waited = await world.visits(enrollment)
    assert (mail["answer"]["line"], mail["note"]) == (
        "failed: bad_address",
        "550 no such user; an operator decided: skip",
    )
    assert waited["output"] == {"happened": True, "event": "replied", "text": "late"}


async def test_who_falls_into_a_hold_while_the_flow_is_published_adopts_it_himself(world: World) -> None:
    """Published and announced between the gate and the commit of a pause's hold: the deleted step is left at once."""
    behind = set_property("p", "stage", "x")
    old = flow(world.key("held"), send_email("mail"), behind)

    class Racing(PostgresLedger):
        """A ledger at which the flow is published while a hold is not yet committed."""

        @asynccontextmanager
        async def turn(self, step: Step, needs: Needs = NOTHING) -> AsyncIterator[PostgresTurn]:
            """Let the publisher through before the commit."""
            async with super().turn(step, needs) as turn:
                yield turn
                if step.visit == 1:
                    await publish(self.pool, flow(old.flow.key, behind).flow, world.revisions)

    world.ledger = Racing
    await world.publish(old)
    await world.client.pause(old.flow.key)
    anna = await world.record("contact:1", firstname="Anna", email="anna@example.com", stage="new")
    async with world.serving():
        enrollment = await world.enroll(old, anna)
        await world.asleep(old, anna, "p")
    assert await world.path(enrollment) == [("mail", "paused"), ("p", "paused")]
    assert await world.pool.fetchval("select count(*) from outbox where kind = 'adopt'") == 0
