from __future__ import annotations

from datetime import timedelta

import pytest

from activities.catalogue import Catalogue
from starter.simulate import BEGIN, Simulation
from tests.flows import delay, flow, send_email, wait
from workflows.model.errors import FlowError
from workflows.model.records import RecordRef

ANNA = RecordRef.parse("contact:1")


@pytest.fixture
def world() -> Simulation:
    """An empty world."""
    return Simulation(Catalogue.load())


async def test_a_year_passes_at_once(world: Simulation) -> None:
    """The clock moves from sleep to sleep, and stands where the walk ended."""
    revision = flow("f", delay("a", "300 days"), delay("b", "65 days"), send_email("mail"))
    world.publish(revision)
    _, ending = await world.walk(revision, world.record(str(ANNA), email="anna@example.com"))
    assert (ending, world.clock - BEGIN, len(world.mailer.sent)) == ("completed", timedelta(days=365), 1)


async def test_what_is_planned_happens_in_its_order(world: Simulation) -> None:
    """Plans come by their time, those of one moment in the order planned, and not before."""
    seen: list[tuple[str, timedelta]] = []
    for name, after in (("late", 3), ("early", 1), ("early too", 1)):
        world.plan(timedelta(days=after), lambda name=name: seen.append((name, world.clock - BEGIN)))  # type: ignore[misc]
    revision = flow("f", delay("a", "2 days"))
    world.publish(revision)
    await world.walk(revision, world.record(str(ANNA)))
    assert seen == [("early", timedelta(days=1)), ("early too", timedelta(days=1))]


async def test_a_walk_that_would_wait_for_ever_is_told(world: Simulation) -> None:
    """A dry run does not hang on a wait whose event nobody planned."""
    revision = flow("f", wait("w", "replied"))
    world.publish(revision)
    with pytest.raises(FlowError, match="waits for an event that is not planned"):
        await world.walk(revision, world.record(str(ANNA)))


async def test_two_walks_do_not_meet(world: Simulation) -> None:
    """Each enrollment has its own visits, and an event of one record does not end the wait of another."""
    revision = flow("f", wait("w", "replied", at_most="1 day"))
    world.publish(revision)
    other = world.record("contact:2")
    world.plan(timedelta(hours=1), lambda: world.happens("replied", other))
    first, _ = await world.walk(revision, world.record(str(ANNA)))
    assert world.ledger.visits[first, 1].output == {"happened": False}
    second, _ = await world.walk(revision, other)
    assert world.ledger.visits[second, 1].output == {"happened": False}
