"""A cancellation from the Web UI, whatever the enrollment is doing when it comes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from temporalio.client import WorkflowFailureError

from activities.gateways.postgres_ledger import PostgresLedger
from activities.ledger import Situation
from tests.flows import branch, delay, flow
from tests.world import World
from workflows.contract import Step
from workflows.model.facts import NOTHING, Needs


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
            await asyncio.wait_for(world.handle(revision, anna).result(), 30)
        may_answer.set()
    assert await world.ending(enrollment) == "terminated"
