"""An event in time beats the time-out, whoever was down; and what counts as in time is the same for all who ask."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from activities.control import Control
from activities.gateways.postgres_ledger import PostgresLedger
from starter.admission import Admitted
from tests.flows import delay, flow, set_property, wait
from tests.until import until
from tests.world import World, running
from workflows.contract import Answer, Asleep, Step
from workflows.model.errors import EngineError
from workflows.model.nodes import EventMatch
from workflows.model.records import Event, RecordRef
from workflows.model.revision import Revision

PAIRS = 3_000
AT_ONCE = 30
APART = 0.01

_EVENT = "insert into event (type, record_type, record_id) values ('replied', 'contact', '1')"


def control(world: World) -> Control:
    """Give those who answer an enrollment's questions."""
    return Control(PostgresLedger(world.pool), world.revisions)


def step_of(revision: Revision, enrollment: str) -> Step:
    """Give the first visit of an enrollment, to the wait that its flow begins with."""
    return Step(enrollment=enrollment, revision=revision.hash, node="w", visit=1)


async def inside(world: World, at_most: str | None = None) -> tuple[Revision, RecordRef, Step]:
    """Put a record into a flow that waits for a reply; nobody walks it, so a test says when the wait is armed."""
    revision = await world.publish(flow(world.key("reply"), wait("w", "replied", at_most=at_most)))
    anna = await world.record("contact:1")
    return revision, anna, step_of(revision, await world.enroll(revision, anna))


async def visit(world: World, step: Step) -> tuple[str, dict[str, Any] | None]:
    """Read the state and the output of a visit."""
    query = "select state, output from visit where enrollment = $1 and visit = $2"
    (row,) = await world.pool.fetch(query, step.enrollment, step.visit)
    return row["state"], row["output"]


async def passed(world: World, moment: str, enrollment: str) -> None:
    """Wait until the database's clock is past a moment of the enrollment's wait or sleep."""
    query = f"select clock_timestamp() > {moment} from wait where enrollment = $1"
    await until(lambda: world.pool.fetchval(query, enrollment), what=moment)


async def route(world: World) -> None:
    """Route all that is there."""
    while await world.router.route_once():
        pass


@pytest.mark.parametrize("down", ["router", "relay"])
async def test_an_event_whose_delivery_is_late_beats_the_time_out(world: World, down: str) -> None:
    """No router, or no relay, hears of the event before the timer fires: the time-out finds it, and it wins."""
    revision = await world.publish(flow(world.key("late"), wait("w", "replied", at_most="2 seconds")))
    anna = await world.record("contact:1")
    async with world.worker(), running(*([world.router.run] if down == "relay" else [])):
        enrollment = await world.enroll(revision, anna)
        await world.relay.relay_once()
        await world.at(enrollment, "w", "asleep")
        await world.client.publish_event("replied", anna, {"text": "Yes"})
        assert await world.ended(enrollment) == "completed"
    state, output = await visit(world, step_of(revision, enrollment))
    assert (state, output) == ("done", {"happened": True, "event": "replied", "text": "Yes"})
    unsent = "select count(*) from outbox where kind = 'deliver' and sent_at is null"
    assert await world.pool.fetchval(unsent) == (down == "relay")


@pytest.mark.parametrize(("in_time", "happened"), [(True, True), (False, False)])
async def test_only_the_deadline_tells_what_is_in_time_when_the_worker_comes_back(
    world: World, in_time: bool, happened: bool
) -> None:
    """The timer is seen long after the deadline: an event from before it has won, one from between has not."""
    revision = await world.publish(flow(world.key("down"), wait("w", "replied", at_most="0.5 seconds")))
    anna = await world.record("contact:1")
    async with world.worker():
        enrollment = await world.enroll(revision, anna)
        await world.relay.relay_once()
        await world.at(enrollment, "w", "asleep")
    if not in_time:
        await passed(world, "deadline", enrollment)
    await world.client.publish_event("replied", anna)
    await passed(world, "deadline", enrollment)
    async with world.serving():
        assert await world.ended(enrollment) == "completed"
    _, output = await visit(world, step_of(revision, enrollment))
    assert output is not None
    assert output["happened"] is happened


async def test_a_wait_armed_late_counts_from_the_planned_end_of_the_delay(world: World) -> None:
    """The worker is down when the delay ends: only what came since then ends the wait."""
    nodes = (
        delay("d", "2 seconds"),
        wait("w", "replied", at_most="5 seconds"),
        set_property("p", "said", "{{ outputs.w.n }}"),
    )
    revision = await world.publish(flow(world.key("armed-late"), *nodes))
    anna = await world.record("contact:1", said="")
    async with world.worker():
        enrollment = await world.enroll(revision, anna)
        await world.relay.relay_once()
        await world.at(enrollment, "d", "asleep")
        await world.client.publish_event("replied", anna, {"n": "early"})
    over = "select clock_timestamp() > until from sleep where enrollment = $1"
    await until(lambda: world.pool.fetchval(over, enrollment), what="the end of the delay")
    await world.client.publish_event("replied", anna, {"n": "late"})
    await route(world)
    async with world.serving():
        assert await world.ended(enrollment) == "completed"
    assert (await world.properties(anna))["said"] == "late"


async def test_what_comes_right_behind_an_event_counts_for_the_next_wait(world: World) -> None:
    """Opened and clicked, both before the router looks: the one ends the first wait, and the other the second."""
    revision = await world.publish(flow(world.key("two"), wait("o", "opened"), wait("c", "clicked")))
    anna = await world.record("contact:1")
    async with world.worker(), running(world.relay.run):
        enrollment = await world.enroll(revision, anna)
        await world.asleep(revision, anna, "o")
        await world.client.publish_event("opened", anna)
        await world.client.publish_event("clicked", anna)
        await route(world)
        assert await world.ended(enrollment) == "completed"
    assert await world.path(enrollment) == [("o", "happened"), ("c", "happened")]


async def test_what_comes_behind_a_deadline_counts_for_the_next_wait(world: World) -> None:
    """The worker is down over the deadline of the first wait, and sees it late."""
    nodes = wait("o", "opened", at_most="0.4 seconds"), wait("c", "clicked")
    revision = await world.publish(flow(world.key("two"), *nodes))
    anna = await world.record("contact:1")
    async with world.worker():
        enrollment = await world.enroll(revision, anna)
        await world.relay.relay_once()
        await world.at(enrollment, "o", "asleep")
    await passed(world, "deadline", enrollment)
    await world.client.publish_event("clicked", anna)
    await route(world)
    async with world.serving():
        assert await world.ended(enrollment) == "completed"
    assert await world.path(enrollment) == [("o", "timed out"), ("c", "happened")]


async def test_an_event_begun_before_arming_and_committed_after_it_counts(world: World) -> None:
    """A long transaction of the CRM writes its event before the record even enters: it commits later, and counts."""
    async with world.transaction() as (crm, transaction):
        await crm.execute(_EVENT)
        _, _, step = await inside(world)
        assert (await control(world).arm_wait(step)).asleep is not None
        await route(world)
        assert (await visit(world, step))[0] == "asleep"
        await transaction.commit()
    await route(world)
    assert await visit(world, step) == ("done", {"happened": True, "event": "replied"})


async def test_an_event_committed_between_arming_and_the_look_counts(world: World) -> None:
    """The same long transaction commits when the wait is armed and the log not yet searched: the search finds it."""
    async with world.transaction() as (crm, transaction):
        await crm.execute(_EVENT)
        _, _, step = await inside(world)

        class Committing(PostgresLedger):
            async def arm(
                self, step: Step, kind: str, any_of: tuple[EventMatch, ...], at_most: float | None
            ) -> Asleep | None:
                armed = await super().arm(step, kind, any_of, at_most)
                await transaction.commit()
                return armed

        answer = await Control(Committing(world.pool), world.revisions).arm_wait(step)
    assert answer.happened


async def test_an_event_from_before_does_not_count_because_it_is_routed_after_arming(world: World) -> None:
    """Committed before the record entered, routed once it waits: neither the router nor the time-out takes it."""
    await world.record("contact:0")
    await world.pool.execute(_EVENT)
    _, _, step = await inside(world, at_most="0.05 seconds")
    assert (await control(world).arm_wait(step)).asleep is not None
    await route(world)
    assert (await visit(world, step))[0] == "asleep"
    await passed(world, "deadline", step.enrollment)
    assert not (await control(world).disarm_wait(step)).happened


async def test_an_event_that_its_source_dates_before_the_wait_does_not_count(world: World) -> None:
    """It is taken while the wait is armed, and says that it happened a minute before the record entered."""
    _, anna, step = await inside(world, at_most="0.05 seconds")
    await control(world).arm_wait(step)
    entered = await world.pool.fetchval("select accepted_at from enrollment")
    await world.client.publish_event("replied", anna, occurred_at=entered - timedelta(minutes=1))
    await route(world)
    assert (await visit(world, step))[0] == "asleep"
    await passed(world, "deadline", step.enrollment)
    assert not (await control(world).disarm_wait(step)).happened


async def test_a_time_out_is_not_taken_before_the_databases_clock_has_come_to_it(world: World) -> None:
    """Where Temporal's clock is ahead, the time-out asks again: an event in the moments between still wins."""
    _, anna, step = await inside(world, at_most="7 days")
    await control(world).arm_wait(step)
    with pytest.raises(EngineError):
        await control(world).disarm_wait(step)
    await world.client.publish_event("replied", anna)
    await route(world)
    assert (await visit(world, step))[0] == "done"


async def test_an_event_after_the_deadline_does_not_count_while_the_wait_is_still_armed(world: World) -> None:
    """The time-out is late: an event that comes before it, and after the deadline, is passed over by all."""
    _, anna, step = await inside(world, at_most="0.05 seconds")
    await control(world).arm_wait(step)
    await passed(world, "deadline", step.enrollment)
    await world.client.publish_event("replied", anna)
    await route(world)
    assert (await visit(world, step))[0] == "asleep"
    answer = await control(world).disarm_wait(step)
    assert (answer.happened, answer.line) == (False, "timed out")


async def test_an_event_and_the_time_out_at_the_same_moment_agree(world: World) -> None:
    """The router ends the wait while the time-out is asking: the time-out is answered that it happened, at once."""
    _, anna, step = await inside(world, at_most="1 second")
    await control(world).arm_wait(step)
    async with world.transaction() as (holder, transaction):
        await holder.execute("select from visit for update")
        await world.client.publish_event("replied", anna)
        router = asyncio.ensure_future(world.router.route_once())
        await until(world.blocked, what="the router at the visit")
        await passed(world, "deadline", step.enrollment)
        time_out = asyncio.ensure_future(control(world).disarm_wait(step))
        await until(lambda: world.blocked(2), what="the time-out at the visit")
        await transaction.commit()
    await router
    assert (await time_out).happened


async def crowd(world: World, size: int) -> tuple[Revision, list[str]]:
    """Put many records into one waiting flow; give their enrollments, contact n's at n."""
    revision = await world.publish(flow(world.key("crowd"), wait("w", "replied")))
    await world.pool.execute(
        "insert into record (type, id) select 'contact', n::text from generate_series(0, $1 - 1) n", size
    )
    admissions = await world.client.enroll(revision.flow.key, [f"contact:{n}" for n in range(size)])
    return revision, [str(each.enrollment) for each in admissions if isinstance(each, Admitted)]


@asynccontextmanager
async def routing(world: World) -> AsyncIterator[None]:
    """Route beside the test without a pause, until nothing is left."""
    router, stop = world.router, False

    async def loop() -> None:
        while await router.route_once() or not stop:
            await asyncio.sleep(0)

    task = asyncio.ensure_future(loop())
    try:
        yield
    finally:
        stop = True
        await task


class Dawdling(PostgresLedger):
    """A ledger slow enough, at random, for a router to do a whole round between any two of its statements."""

    def __init__(self, world: World, dice: random.Random) -> None:
        """Dawdle as the dice say."""
        super().__init__(world.pool)
        self.dice = dice

    async def arm(self, step: Step, kind: str, any_of: tuple[EventMatch, ...], at_most: float | None) -> Asleep | None:
        """Arm a little later."""
        await asyncio.sleep(self.dice.random() * APART)
        return await super().arm(step, kind, any_of, at_most)

    async def counting(self, step: Step) -> list[Event]:
        """Search a little later."""
        await asyncio.sleep(self.dice.random() * APART)
        return await super().counting(step)


async def race(
    world: World, ask: Callable[[Step], Any], revision: Revision, enrollments: list[str], dice: random.Random
) -> list[Answer]:
    """Let each wait be armed while its event is written, both at a random moment; give the answers to arming."""
    emit = "insert into event (type, record_type, record_id) values ('replied', 'contact', $1)"

    async def arming(number: int, moment: float) -> Answer:
        await asyncio.sleep(moment)
        answer: Answer = await ask(step_of(revision, enrollments[number]))
        return answer

    async def emitting(number: int, moment: float) -> None:
        await asyncio.sleep(moment)
        await world.pool.execute(emit, str(number))

    answers: list[Answer] = []
    clock, spread = asyncio.get_running_loop().time, 3 * APART
    for first in range(0, len(enrollments), AT_ONCE):
        pairs = range(first, min(first + AT_ONCE, len(enrollments)))
        arm = [arming(number, dice.random() * APART) for number in pairs]
        emits = [emitting(number, dice.random() * spread) for number in pairs]
        began = clock()
        both = await asyncio.gather(*arm, *emits)
        # However busy the machine is, about half of the next events come before the look, and half after it.
        spread = 3 * APART + (clock() - began) / 2
        answers += [each for each in both if each is not None]
    return answers


async def test_of_3000_random_events_and_waits_none_is_lost(world: World) -> None:
    """Every wait is ended by its event: by the look at arming, or by the router, which then tells the sleeper."""
    revision, enrollments = await crowd(world, PAIRS)
    dice = random.Random(7)
    ask = Control(Dawdling(world, dice), world.revisions).arm_wait
    async with routing(world):
        answers = await race(world, ask, revision, enrollments, dice)
    deliveries = await world.pool.fetch("select enrollment from outbox where kind = 'deliver'")
    told = {str(row["enrollment"]) for row in deliveries}
    found = {enrollment for enrollment, answer in zip(enrollments, answers, strict=True) if answer.happened}
    ended = "select count(*) from visit where state = 'done' and (output->>'happened')::boolean"
    assert found | told == set(enrollments)
    assert await world.pool.fetchval(ended) == PAIRS
    assert await world.pool.fetchval("select count(*) from wait") == 0
    assert min(len(found), len(told)) > PAIRS // 20
    await world.pool.execute(
        "update enrollment set closed_at = clock_timestamp()"
    )  # else each is terminated, one by one
