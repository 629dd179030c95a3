"""The path that is shown, from the visits as the ledger has them."""

from __future__ import annotations

from tests.flows import delay, flow, wait
from tests.world import World


async def test_a_sleep_waited_through_is_told_from_one_left_early(world: World) -> None:
    """What woke a sleeper writes no answer on its visit; its planned end and its real one tell."""
    revision = await world.publish(flow(world.key("a"), delay("short", "0.01 seconds"), delay("long", "30 days")))
    anna = await world.record("contact:1")
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        await world.asleep(revision, anna, "long")
        await world.client.unenroll(revision.flow.key, anna)
        await world.ended(enrollment)
    path = (await world.client.describe(enrollment)).path
    assert [(each.node, each.line) for each in path] == [("short", "waited"), ("long", "left early")]


async def test_a_wait_that_was_left_is_told_so(world: World) -> None:
    """It had no end of its own, and nothing that it looked for has happened."""
    revision = await world.publish(flow(world.key("a"), wait("w", "replied")))
    anna = await world.record("contact:1")
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        await world.asleep(revision, anna, "w")
        await world.client.unenroll(revision.flow.key, anna)
        await world.ended(enrollment)
    path = (await world.client.describe(enrollment)).path
    assert [(each.node, each.line) for each in path] == [("w", "left early")]
