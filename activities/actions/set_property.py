"""Set a property of the enrolled record."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field, JsonValue

from activities.action import Action, Do, Done, OwnProperty, Text


class SetProperty(Action):
    """Set a property of the enrolled record.

    The value is a plain one, or text with tokens. The edit and the visit are one transaction, so it is done exactly
    once. A property that is unknown or read-only, and a value that its type does not take, fail the step; the record
    moves on as the step's `on_failure` says. Setting the value that is there already changes nothing.
    """

    kind: ClassVar = "set_property"
    place: ClassVar = "store"
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = {"value": "The value that was set.", "before": "The value before, empty when there was none."}
    examples: ClassVar = (
        "{do: set_property, id: mark-lead, property: lifecycle_stage, value: lead}",
        '{do: set_property, id: greet, property: salutation, value: "Dear {{ contact.firstname }}"}',
    )

    property: Annotated[str, OwnProperty(edits=True)] = Field(
        description="The property to set, by its internal name.", pattern=r"^[a-z][a-z0-9_]{0,99}$"
    )
    value: Text | int | float | bool | list[str] = Field(description="The value to set; text may hold tokens.")

    async def perform(self, do: Do) -> Done:
        """Set it through the CRM."""
        value: JsonValue = [*self.value] if isinstance(self.value, list) else self.value
        changed = await do.crm.set_properties(do.record.ref, {self.property: value}, do.source)
        before = changed.get(self.property, do.record.properties.get(self.property))
        line = f"set {self.property}" if changed else f"{self.property} was so already"
        return Done(line=line, output={"value": value, "before": before})
