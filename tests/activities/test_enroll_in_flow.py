from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from activities.action import Refused
from activities.actions.enroll_in_flow import EnrollInFlow
from activities.catalogue import Catalogue, complete
from activities.fakes import FakeCrm, FakeStore
from activities.fakes.flows import FakeDoors, FakeEnrollment, FakeFlow
from activities.fakes.ledger import FakeLedger
from starter.simulate import Simulation
from tests.activities.doing import ANNA, NOW, anna, doing
from tests.flows import delay, flow
from workflows.model.journal import Ending
from workflows.model.nodes import Perform

ENTER = EnrollInFlow(flow="other")


def ledger(**flow: Any) -> FakeLedger:
    return FakeLedger(lambda: NOW, FakeStore(FakeCrm({ANNA: {}})), {"other": FakeFlow("r", **flow)})


def been_there(there: FakeLedger, ending: Ending | None) -> FakeLedger:
    there.enrollments["old"] = FakeEnrollment("other", ANNA, NOW, ending=ending)
    return there


async def test_the_record_is_in_the_other_flow() -> None:
    """The enrollment is the output, by which people and later steps find it."""
    there = ledger()
    done = await ENTER.perform(doing(anna(), doors=FakeDoors(there)))
    ((enrollment, row),) = there.enrollments.items()
    assert (done.line, done.output) == ("entered other", {"enrollment": enrollment})
    assert (row.flow, row.record) == ("other", ANNA)


async def test_a_flow_that_lets_them_return_does() -> None:
    """Its own rule decides, as for everyone who is enrolled by hand."""
    there = been_there(ledger(again="always"), "completed")
    assert (await ENTER.perform(doing(anna(), doors=FakeDoors(there)))).line == "entered other"


@pytest.mark.parametrize(
    ("there", "code"),
    [
        (been_there(ledger(), None), "inside"),
        (been_there(ledger(), "completed"), "before"),
        (been_there(ledger(again="on_trigger"), "completed"), "before"),
        (ledger(is_on=False), "flow_off"),
        (ledger(object="deal"), "wrong_object"),
        (FakeLedger(lambda: NOW), "no_flow"),
    ],
)
async def test_who_is_not_let_in_fails_with_the_reason(there: FakeLedger, code: str) -> None:
    """The code is for the history, the sentence for the note beside it."""
    before = len(there.enrollments)
    with pytest.raises(Refused, match=code) as caught:
        await ENTER.perform(doing(anna(), doors=FakeDoors(there)))
    assert caught.value.note
    assert len(there.enrollments) == before


async def test_a_simulated_walk_enters_the_other_flow(catalogue: Catalogue) -> None:
    """In memory as on the servers: entered once, refused the second time, and the walk goes on."""
    world = Simulation(catalogue)
    record = world.record("contact:1")
    world.publish(flow("other", delay("rest", "1 day")))
    steps = [
        Perform(id=node, name=node, edges={}, kind="enroll_in_flow", config={"flow": "other"}, place="store")
        for node in ("go", "again")
    ]
    first = flow("first", *steps)
    world.publish(first)
    enrollment, ending = await world.walk(first, record)
    lines = [row.visit.answer.line for (name, _), row in world.ledger.visits.items() if row.visit.answer]
    assert (ending, lines) == ("completed", ["entered other", "failed: inside"])
    assert [row.flow for name, row in world.ledger.enrollments.items() if name != enrollment] == ["other"]


@pytest.fixture
def catalogue() -> Catalogue:
    """The shipped actions."""
    return Catalogue.load()


@pytest.mark.parametrize("config", [{}, {"flow": ""}, {"flow": "Other flow"}, {"flow": "other", "record": "contact:2"}])
def test_wrong_settings_are_refused(config: dict[str, Any]) -> None:
    """At publish, not when a record is there."""
    with pytest.raises(ValidationError):
        complete(EnrollInFlow, config)
