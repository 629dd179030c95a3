"""The gate: what every perform node asks, in its own transaction, before it acts.

A check is a function of the situation and the flow; the first that answers decides. A further rule (suppression,
consent, caps, allowed hours) is a further function in `GATE`.
"""

from __future__ import annotations

from collections.abc import Callable

from activities.ledger import Situation
from workflows.contract import Answer, Asleep, Step
from workflows.model.decisions import goal_met
from workflows.model.flow import Flow

PAUSED = "paused"
"""The line of a visit held for a pause, by which a resume knows it from one parked after a failure."""

Check = Callable[[Situation, Flow, Step], Answer | None]


def still_inside(situation: Situation, _flow: Flow, _step: Step) -> Answer | None:
    """Leave when the enrollment's row is closed, or it was ordered to leave."""
    if situation.closed:
        return Answer(leave="closed", line="already closed")
    if situation.leaving:
        return Answer(leave=situation.leaving, line=f"left: {situation.leaving}")
    return None


def record_exists(situation: Situation, _flow: Flow, _step: Step) -> Answer | None:
    """Leave when the record was deleted."""
    if situation.record is None or situation.record.archived:
        return Answer(leave="record_gone", line="the record is gone")
    return None


def goal_not_met(situation: Situation, flow: Flow, _step: Step) -> Answer | None:
    """Leave when the record has reached the flow's goal."""
    return Answer(leave="goal", line="goal met") if goal_met(flow, situation.facts) else None


def not_paused(situation: Situation, _flow: Flow, _step: Step) -> Answer | None:
    """Hold the record while the enrollment or its flow is paused."""
    return Answer(asleep=Asleep(why="held"), line=PAUSED) if situation.paused else None


def flow_is_on(situation: Situation, _flow: Flow, _step: Step) -> Answer | None:
    """Skip the action when the flow is off: the record walks on, as in HubSpot."""
    return None if situation.is_on else Answer(outcome="skipped", line="skipped: the flow is off")


LEAVING: list[Check] = [still_inside, record_exists, goal_not_met]
"""What can end an enrollment; asked at every sleep and wait registered, too."""

GATE: list[Check] = [*LEAVING, not_paused, flow_is_on]


def ask(checks: list[Check], situation: Situation, flow: Flow, step: Step) -> Answer | None:
    """Ask the checks in order; give the first answer, None when all let the record pass."""
    return next((answer for check in checks if (answer := check(situation, flow, step))), None)
