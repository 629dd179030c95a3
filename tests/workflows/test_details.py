"""What the Temporal Web UI tells of an enrollment under way."""

from __future__ import annotations

from datetime import UTC, datetime

from temporalio.api.sdk.v1 import WorkflowMetadata

from activities.action import Refused
from tests.flows import delay, flow, send_email, set_property, wait
from tests.world import World
from workflows.contract import Asleep, State
from workflows.enrollment import details
from workflows.model.records import RecordRef


async def test_the_current_details_tell_where_a_record_is_and_what_it_took(world: World) -> None:
    """In Markdown: the step it sleeps in, since and until when, and the path behind it; none of it is in history."""
    revision = flow(world.key("details"), set_property("p", "stage", "lead"), delay("d", "30 days"))
    anna = await world.record("contact:1", stage="new")
    await world.publish(revision)
    async with world.serving():
        await world.enroll(revision, anna)
        state = await world.asleep(revision, anna, "d")
        handle = world.handle(revision, anna)
        told = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    assert state.entered
    assert state.asleep
    assert state.asleep.until
    assert told.current_details.splitlines() == [
        "at **D** (`d`), visit 2  ",
        f"since {state.entered:%Y-%m-%d %H:%M:%S} UTC  ",
        f"asleep until {state.asleep.until:%Y-%m-%d %H:%M:%S} UTC",
        "",
        "- `p`: set stage",
    ]
    assert b"asleep until" not in b"".join([e.SerializeToString() for e in (await handle.fetch_history()).events])


def test_the_details_of_a_wait_name_what_it_waits_for() -> None:
    """The events, and until when at the latest."""
    revision = flow("f", wait("w", "email_opened", "replied", at_most="7 days"))
    asleep = Asleep(why="wait", until=datetime(2026, 1, 8, 9, tzinfo=UTC))
    state = State(
        enrollment="e",
        flow="f",
        revision=revision,
        record=RecordRef.parse("contact:1"),
        node="w",
        visit=1,
        asleep=asleep,
    )
    assert "waiting for `email_opened` or `replied` until 2026-01-08 09:00:00 UTC" in details(state)


async def test_the_details_of_a_parked_record_say_why_and_what_to_do(world: World) -> None:
    """The reason stands on the path, and the command that decides beside it."""
    revision = await world.publish(flow(world.key("parked"), send_email("m", on_failure="park")))
    anna = await world.record("contact:1", email="anna@example.com")
    world.mailer.answers = [Refused("mailbox_unknown", "550 <anna@example.com>")]
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        told = details(await world.asleep(revision, anna, "m"))
    assert f"held for an operator: `perdure resolve retry|skip|end {enrollment}`" in told
    assert told.endswith("- `m`: failed: mailbox_unknown")
