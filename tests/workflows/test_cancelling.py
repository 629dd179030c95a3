"""A cancellation from the Web UI, whatever the enrollment is doing when it comes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError

from activities.action import Retryable
from activities.gateways.postgres_ledger import PostgresLedger
from activities.ledger import Situation
from tests.flows import branch, delay, flow, send_email
from tests.world import World
from workflows.contract import SIGNAL_EVENT, Step
from workflows.model.facts import NOTHING, Needs
from workflows.model.policy import Retry


async def test_a_cancellation_in_a_question_that_hangs_ends_the_enrollment(world: World) -> None:
    """It comes while a branch hangs in its local activity: the walk does not go on as if nothing had been said."""
    asked, may_answer = asyncio.Event(), asyncio.Event()

    class Hanging(PostgresLedger):
        async def look(self, step: Step, needs: Needs = NOTHING) -> Situation:
            if step.node == "b":
                asked.set()
                await may_answer.wait()
            return await super().look(step, needs)

    revision = flow(
        world.key("cancel"), branch("b", "d", Lead=({"property": "x", "is": "y"}, "d")), delay("d", "30 days")
    )
    anna = await world.record("contact:1")
    await world.publish(revision)
    async with replace(world, ledger=Hanging).serving():
        enrollment = await world.enroll(revision, anna)
        await asked.wait()
        await world.handle(revision, anna).cancel()
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(world.handle(revision, anna).result(), 60)
        may_answer.set()
    assert await world.ending(enrollment) == "terminated"


async def test_an_event_that_came_before_the_cancellation_is_kept(world: World) -> None:
    """It was taken while an e-mail was in back-off, where nobody looks at events: it is in the log all the same."""
    world.mailer.answers = [Retryable("away")] * 3
    mail = send_email("m", retry=Retry(first=timedelta(minutes=5)))
    revision = await world.publish(flow(world.key("cancel"), mail))
    anna = await world.record("contact:1", firstname="Anna", email="anna@example.com")
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        await world.at(enrollment, "m", "retrying")
        await world.handle(revision, anna).signal(SIGNAL_EVENT, {"type": "replied", "id": "77"})
        await world.handle(revision, anna).cancel()
        assert await world.ended(enrollment) == "terminated"
    assert await world.pool.fetchval("select count(*) from event where type = 'replied'") == 1
