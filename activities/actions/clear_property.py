"""Clear a property of the enrolled record, or of all records associated with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from activities.action import Action, Do, Done, OwnProperty
from activities.effects import Clear
from activities.targets import ON, OUTPUTS, PROPERTY, On, edit


class ClearProperty(Action):
    """Clear a property of the enrolled record, or of all records associated with it.

    The property has no value then, as if it had never been set; its history stays. With `on: company`, or
    `on: {type: company, label: employer}`, it is cleared on all records that are so associated, or on none.

    Edit and visit are one transaction, so it is done exactly once; what is empty already changes nothing. It fails
    where the property is unknown (`unknown_property`) or read-only (`read_only_property`), where no record is
    associated (`no_associated_record`), and for a conversation's own properties (`own_read_only`).
    """

    kind: ClassVar = "clear_property"
    place: ClassVar = "store"
    in_crm: ClassVar = True
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = OUTPUTS
    examples: ClassVar = (
        "{do: clear_property, id: forget-plan, property: trial_plan}",
        "{do: clear_property, id: no-risk, property: churn_risk, on: company}",
    )

    property: Annotated[str, OwnProperty(edits=True, of="on")] = Field(
        description="The property to clear, by its internal name.", pattern=PROPERTY
    )
    on: On = Field(None, description=ON)

    async def perform(self, do: Do) -> Done:
        """Clear it through the CRM."""
        return await edit(do, self.on, self.property, Clear(), "cleared")
