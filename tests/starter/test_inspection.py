"""The path that is shown, from the visits as the ledger has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.flows import delay, flow, wait
from tests.world import World

if TYPE_CHECKING:
    from starter.admission import Admitted
    from starter.inspection import Standing
    from tests.starter.conftest import Office

REST, SEEN = delay("rest", "1 day"), wait("seen", "email_opened")


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


async def test_why_a_record_was_ordered_out_is_told(world: World) -> None:
    """The reason that was given stays with the order, also when that was delivered."""
    revision = await world.publish(flow(world.key("a"), delay("long", "30 days")))
    anna = await world.record("contact:1")
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        await world.asleep(revision, anna, "long")
        await world.client.unenroll(revision.flow.key, anna, "asked us by telephone")
        await world.ended(enrollment)
    assert (await world.client.describe(enrollment)).reason == "asked us by telephone"


async def test_a_decision_that_is_said_twice_is_noted_once(office: Office) -> None:
    """The order is sent anew, and the path does not say that somebody decided twice."""
    key = await office.on(flow(office.world.key("a"), REST, SEEN))
    admitted = await office.inside(key, await office.world.record("contact:1"))
    await stand(office, admitted, "held")
    for _ in range(2):
        await office.client.resolve(admitted.enrollment, "skip")
    (visit,) = (await office.client.describe(admitted.enrollment)).path
    assert visit.note == "an operator decided: skip"
    assert len(await office.outbox("resume")) == 2


async def test_those_at_a_step_are_listed_who_came_last_first(office: Office) -> None:
    """Asleep, waiting and held there; not who has gone on, and not who is in another flow where one is asked."""
    keys = [await office.on(flow(office.world.key(name), REST, SEEN)) for name in ("a", "b")]
    here: list[Admitted] = []
    for number, (key, standing) in enumerate(
        (key, each) for key in keys for each in ("asleep", "held", "ended", "waiting")
    ):
        admitted = await office.inside(key, await office.world.record(f"contact:{number}"))
        await stand(office, admitted, standing)
        here += [admitted] if standing in ("asleep", "held") else []
    expected = [each.enrollment for each in reversed(here)]
    assert [each.enrollment for each in await office.client.list(node="rest")] == expected
    assert [each.enrollment for each in await office.client.list(keys[0], node="rest")] == expected[2:]
    assert [each.enrollment for each in await office.client.list(node="rest", state="held")] == expected[::2]
    pages = [(await office.client.list(node="rest", limit=1, after=after))[0].enrollment for after in expected[:3]]
    assert pages == expected[1:]


async def stand(office: Office, admitted: Admitted, standing: str) -> None:
    """Bring an enrollment that has just been let in into a state."""
    if standing != "accepted":
        started = "update enrollment set started_at = clock_timestamp() where id = $1"
        await office.world.pool.execute(started, admitted.enrollment)
    if standing in ("asleep", "held", "leaving"):
        await office.asleep(admitted, "rest")
    if standing == "held":
        await office.world.pool.execute("update sleep set why = 'held' where enrollment = $1", admitted.enrollment)
    if standing == "waiting":
        await office.waiting(admitted, SEEN)
    if standing == "leaving":
        await office.client.unenroll(admitted.flow, f"contact:{admitted.record.id}")
    if standing == "ended":
        await office.close(admitted.enrollment)


async def test_a_list_of_one_state_gives_the_newest_of_it(office: Office) -> None:
    """However many of other states are newer: as many as are asked for, newest first, each said to be in that state."""
    states: tuple[Standing, ...] = ("accepted", "active", "asleep", "waiting", "held", "leaving", "ended")
    keys = [await office.on(flow(office.world.key(name), REST, SEEN)) for name in ("a", "b")]
    inside: dict[tuple[str, str], list[Admitted]] = {}
    for number, (standing, key) in enumerate((each, key) for each in states for key in keys * 2):
        admitted = await office.inside(key, await office.world.record(f"contact:{number}"))
        await stand(office, admitted, standing)
        inside.setdefault((standing, key), []).append(admitted)
    for standing in states:
        for key in keys:
            found = await office.client.list(flow=key, state=standing)
            newest = [each.enrollment for each in reversed(inside[standing, key])]
            assert [(each.enrollment, each.standing) for each in found] == [(each, standing) for each in newest]
        (found_one,) = await office.client.list(state=standing, limit=1)
        assert found_one.enrollment == inside[standing, keys[-1]][-1].enrollment
    everyone = [each.enrollment for each in await office.client.list(limit=1_000)]
    assert everyone[0] == inside["ended", keys[-1]][-1].enrollment
    assert len(everyone) == len(states) * 4
