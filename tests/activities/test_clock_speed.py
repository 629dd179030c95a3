from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from activities.catalogue import Catalogue
from activities.fakes.flows import FakeEnrollment
from starter.settings import Settings
from starter.simulate import BEGIN, Simulation
from tests.flows import delay, delay_until, flow, wait
from workflows.contract import Step
from workflows.model.records import RecordRef

ANNA = RecordRef.parse("contact:1")
DRAWN = flow("f", delay("d", "2 days"), delay_until("u", at="11:00"), wait("w", "replied", at_most="7 days"))


@pytest.mark.parametrize(
    ("question", "node", "seconds"), [("delay", "d", 2.0), ("delay_until", "u", 2 / 24), ("arm_wait", "w", 7.0)]
)
async def test_a_day_may_take_a_second(question: str, node: str, seconds: float) -> None:
    """Delays, delays until and waits are registered so much shorter, each from the moment it was entered."""
    world = Simulation(Catalogue.load())
    world.publish(DRAWN)
    world.record(str(ANNA))
    world.ledger.enrollments["e"] = FakeEnrollment("f", ANNA, world.clock)
    hurried = replace(world.control, clock_speed=86_400)
    step = Step(enrollment="e", revision=DRAWN.hash, node=node, visit=1, entered=world.clock)
    answer = await getattr(hurried, question)(step)
    assert answer.asleep is not None
    assert answer.asleep.until == BEGIN + timedelta(seconds=seconds)


def test_nobody_is_hurried_who_does_not_ask_for_it() -> None:
    """The clock's own speed is that of the world."""
    assert Simulation(Catalogue.load()).control.clock_speed == Settings().clock_speed == 1
