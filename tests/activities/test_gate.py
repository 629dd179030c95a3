from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.gate import GATE, LEAVING, ask
from activities.ledger import Situation
from tests.flows import flow
from workflows.contract import Answer, Step
from workflows.model.facts import Facts
from workflows.model.records import Record, RecordRef

ANNA = Record(ref=RecordRef.parse("contact:1"), properties={"stage": "lead"})
PLAIN = flow("f").flow
WITH_GOAL = flow("f", goal={"property": "stage", "is": "customer"}).flow
STEP = Step(enrollment="e", revision="r", node="n", visit=1)
CUSTOMER = ANNA.model_copy(update={"properties": {"stage": "Customer"}})


def situation(**fields: Any) -> Situation:
    plain = {"flow": "f", "current": "r", "is_on": True, "paused": False, "closed": False, "leaving": None}
    record = fields.get("record", ANNA)
    facts = Facts(properties=record.properties if record else {}, now=datetime(2026, 1, 2, tzinfo=UTC))
    return Situation.model_validate({**plain, "ref": ANNA.ref, "record": ANNA, "facts": facts, **fields})


def told(**fields: Any) -> tuple[str, str | None, str | None]:
    answer = ask(GATE, situation(**fields), WITH_GOAL, STEP)
    assert answer is not None
    return answer.outcome, answer.leave, answer.asleep.why if answer.asleep else None


@pytest.mark.parametrize("flow_", [PLAIN, WITH_GOAL])
def test_nothing_in_the_way_lets_pass(flow_: Any) -> None:
    """A record that is inside, of a flow that is on, is let through."""
    assert ask(GATE, situation(), flow_, STEP) is None


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"closed": True}, ("done", "closed", None)),
        ({"leaving": "unenrolled"}, ("done", "unenrolled", None)),
        ({"record": None}, ("done", "record_gone", None)),
        ({"record": ANNA.model_copy(update={"archived": True})}, ("done", "record_gone", None)),
        ({"record": CUSTOMER}, ("done", "goal", None)),
        ({"paused": True}, ("done", None, "held")),
        ({"is_on": False}, ("skipped", None, None)),
    ],
    ids=["closed", "ordered to leave", "deleted", "archived", "goal met", "paused", "off"],
)
def test_each_check_stops_in_its_own_way(fields: dict[str, Any], answer: tuple[str, str | None, str | None]) -> None:
    """Leave, be held, or skip: each alone."""
    assert told(**fields) == answer


ORDER: list[tuple[dict[str, Any], tuple[str | None, str | None, str]]] = [
    ({"closed": True}, ("closed", None, "done")),
    ({"leaving": "unenrolled"}, ("unenrolled", None, "done")),
    ({"record": None}, ("record_gone", None, "done")),
    ({"record": CUSTOMER}, ("goal", None, "done")),
    ({"paused": True}, (None, "held", "done")),
    ({"is_on": False}, (None, None, "skipped")),
]


@given(st.sets(st.integers(0, len(ORDER) - 1), min_size=1))
def test_of_several_the_weightiest_decides(chosen: set[int]) -> None:
    """Closed, an order to leave, a record that is gone, the goal, then the pause, then the flow that is off."""
    fields: dict[str, Any] = {}
    for number in sorted(chosen, reverse=True):
        fields |= ORDER[number][0]
    leave, asleep, outcome = ORDER[min(chosen)][1]
    assert told(**fields) == (outcome, leave, asleep)


def test_a_sleeper_asks_only_what_ends_it() -> None:
    """A pause or a flow turned off does not keep a delay from elapsing."""
    assert ask(LEAVING, situation(paused=True, is_on=False), PLAIN, STEP) is None
    assert ask(LEAVING, situation(leaving="goal"), PLAIN, STEP) == Answer(leave="goal", line="left: goal")
