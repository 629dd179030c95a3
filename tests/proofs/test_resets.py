"""An operator's hand in the Web UI: a run that is reset repeats its visits from the ledger, and is never stuck."""

from __future__ import annotations

import asyncio
import secrets

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError

from tests.flows import delay, flow, send_email, wait
from tests.until import until
from tests.world import World
from workflows.model.records import RecordRef
from workflows.model.revision import Revision


async def reset(world: World, revision: Revision, record: RecordRef) -> None:
    """Reset the latest run to its first workflow task, as the Web UI's button does."""
    handle = world.handle(revision, record)
    description = await handle.describe()
    await world.temporal.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=world.temporal.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=description.run_id or ""),
            reason="a test",
            workflow_task_finish_event_id=3,
            request_id=secrets.token_hex(8),
            reset_reapply_exclude_types=[
                ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
                ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_CANCEL_REQUEST,
            ],
        )
    )


async def over(world: World, revision: Revision, record: RecordRef) -> bool:
    """Tell whether the latest run has completed."""
    return (await world.handle(revision, record).describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_a_reset_of_a_record_that_left_a_wait_ends(world: World) -> None:
    """The wait was never answered; the reset run finds the enrollment closed, and does not stand there for ever."""
    revision = await world.publish(flow(world.key("left"), wait("w", "replied"), send_email("m")))
    anna = await world.record("contact:1", email="anna@example.com")
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        await world.asleep(revision, anna, "w")
        await world.client.unenroll(revision.flow.key, anna)
        assert await world.ended(enrollment) == "unenrolled"
        await until(lambda: over(world, revision, anna), what="the end of the first run")
        await reset(world, revision, anna)
        await until(lambda: over(world, revision, anna), what="the end of the reset run")
    assert world.mailer.sent == []


async def test_a_reset_of_a_record_that_was_cancelled_in_a_delay_sends_nothing(world: World) -> None:
    """Nothing but the closed row says that it has left: no order to leave was written, and the delay is over."""
    revision = await world.publish(flow(world.key("cut"), delay("d", "30 days"), send_email("m")))
    anna = await world.record("contact:1", firstname="Anna", email="anna@example.com")
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        await world.asleep(revision, anna, "d")
        await world.handle(revision, anna).cancel()
        assert await world.ended(enrollment) == "terminated"
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(world.handle(revision, anna).result(), 60)
        await reset(world, revision, anna)
        await until(lambda: over(world, revision, anna), what="the end of the reset run")
    assert await world.path(enrollment) == [("d", "")]
    assert (world.mailer.sent, await world.ending(enrollment)) == ([], "terminated")


async def test_a_reset_of_a_walk_that_went_on_sends_nothing_twice(world: World) -> None:
    """Mail, delay, mail: the reset run is answered by the ledger and sleeps no delay anew."""
    mails = send_email("first"), delay("d", "0.2 seconds"), send_email("second")
    revision = await world.publish(flow(world.key("again"), *mails, delay("month", "30 days")))
    anna = await world.record("contact:1", email="anna@example.com")
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        before = await world.asleep(revision, anna, "month")
        await reset(world, revision, anna)
        after = await world.asleep(revision, anna, "month")
        assert after.asleep == before.asleep
        await world.client.unenroll(revision.flow.key, anna)
        assert await world.ended(enrollment) == "unenrolled"
    assert len(world.mailer.sent) == 2
