"""What the Temporal Web UI tells of an enrollment under way."""

from __future__ import annotations

from temporalio.api.sdk.v1 import WorkflowMetadata

from tests.flows import delay, flow, set_property
from tests.world import World


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
        f"asleep (delay) until {state.asleep.until:%Y-%m-%d %H:%M:%S} UTC",
        "",
        "- `p`: set stage",
    ]
    assert b"asleep (delay)" not in b"".join([e.SerializeToString() for e in (await handle.fetch_history()).events])
