"""Enroll the record in another flow."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from activities.action import Action, Do, Done, NameOf, Refused
from workflows.model.flow import FlowKey


class EnrollInFlow(Action):
    """Enroll the record in another flow.

    The other flow must be on and for the same type of record. The record enters it as by hand: no trigger need match,
    but the flow's `enroll.again` and its goal are asked. This flow goes on at once, and does not wait for the other.

    Enrollment and visit are one transaction, so the record is let in once, however often the step is tried. A record
    that is not let in fails the step, and moves on as the step's `on_failure` says: it is in the other flow already
    (`inside`), was there before and may not return (`before`), or has reached its goal (`goal_met`); the flow is off
    (`flow_off`), for another type (`wrong_object`), or was never published (`no_flow`).

    Flows that enroll into each other are stopped: where five have sent the record on in a row, each within an hour of
    entering it, the next is not entered (`too_many_in_a_row`). With delays in between they may go on for years.
    """

    kind: ClassVar = "enroll_in_flow"
    place: ClassVar = "store"
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = {"enrollment": "The id of the enrollment in the other flow."}
    examples: ClassVar = (
        "{do: enroll_in_flow, id: onboard, flow: onboarding}",
        "{do: enroll_in_flow, id: nurture, flow: newsletter}",
    )

    flow: Annotated[FlowKey, NameOf("flow")] = Field(description="The key of the flow to enter.")

    async def perform(self, do: Do) -> Done:
        """Ask at the door of the flow."""
        let = await do.store.doors.enroll(self.flow, do.record.ref, do.source)
        if let.enrollment is None:
            raise Refused(let.code, let.sentence)
        return Done(line=f"entered {self.flow}", output={"enrollment": let.enrollment})
