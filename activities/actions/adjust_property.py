"""Increase or decrease a number of the enrolled record."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from activities.action import Action, Do, Done, OwnProperty, Wants
from activities.effects import AddTo
from activities.targets import OUTPUTS, PROPERTY, edit


class AdjustProperty(Action):
    """Increase or decrease a number of the enrolled record.

    What is added is a fixed number; a negative one is taken away. An empty property counts as 0. The sum is made under
    the record's lock, so that of any number of flows that count at the same moment none is lost.

    Edit and visit are one transaction, so it is added exactly once, however often the step is tried. It fails where
    the property is unknown (`unknown_property`), read-only (`read_only_property`, `own_read_only`) or no number
    (`wrong_type`), and where its value is none that can be added to (`bad_value`).
    """

    kind: ClassVar = "adjust_property"
    place: ClassVar = "store"
    in_crm: ClassVar = True
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = OUTPUTS
    examples: ClassVar = (
        "{do: adjust_property, id: score, property: lead_score, by: 5}",
        "{do: adjust_property, id: one-less, property: credits_left, by: -1}",
    )

    property: Annotated[str, OwnProperty(edits=True)] = Field(
        description="The property to adjust, by its internal name.", pattern=PROPERTY
    )
    by: Annotated[float, Wants("property", ("number",))] = Field(
        description="The number to add; a negative one is taken away."
    )

    async def perform(self, do: Do) -> Done:
        """Add it through the CRM."""
        return await edit(do, None, self.property, AddTo(self.by), "increased" if self.by > 0 else "decreased")
