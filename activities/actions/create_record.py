"""Create a record, associated with the enrolled one."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from activities.action import Action, Do, Done, NameOf, PropertiesOf, Refused, Skipped, Tokens
from activities.effects import Link, NewRecord
from activities.new_values import Value, edits_of
from activities.targets import LABEL, PROPERTY, TYPE, Label, Types
from workflows.model.records import RecordRef

MOST_COPIED = 1_000
"""Associations that a new record is given at most."""


class Itself(BaseModel):
    """How the enrolled record is associated with the new one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Label = Field("", description=LABEL)
    primary: bool = Field(default=False, description="Whether it is the first of its type for the new record.")


class Copied(Itself):
    """Records with which the new one is associated as the enrolled one is."""

    type: str = Field(description="Their type.", pattern=TYPE)
    of: Label = Field("", description="Only those that the enrolled record has under this label.")


class CreateRecord(Action):
    """Create a record, associated with the enrolled one.

    `properties` are plain values and texts with tokens, which are read as the property's type; `{from: PROPERTY}`
    copies one of the enrolled record's, `{from_output: STEP.KEY}` an output of an earlier step, as `copy_property`
    does; `{now: true}` is the moment, and `{after: 3 days, on: [mon, fri], at: "09:00"}` counts from it, in the flow's
    zone. What comes to nothing is left out. Unless `itself` is false, the new record is associated with the enrolled
    one; with `associate`, also with the records of further types that the enrolled one has.

    Record and visit are one transaction, so there is one record, however often the step is tried. It has the event
    `record_created`, by which flows may be entered. An enrolled record that this very flow has created is skipped
    (`created_by_this_flow`), for else there would be no end. The step fails where a unique property has a value that
    another record has, which the note of the visit names (`duplicate_value`); where the type is unknown
    (`unknown_object_type`) or not for flows to create (`own_read_only`); where a property is unknown
    (`unknown_property`), read-only (`read_only_property`), or does not take the value (`bad_value`, `unknown_option`,
    `wrong_type`); and where more records are to be associated than 1,000 (`too_many_records`).
    """

    kind: ClassVar = "create_record"
    place: ClassVar = "store"
    in_crm: ClassVar = True
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = {
        "record": "The record, as `deal:42`; `associate_records` takes it.",
        "id": "Its id.",
        "associated": "How many records it is associated with.",
    }
    examples: ClassVar = (
        '{do: create_record, id: open-deal, type: deal, properties: {name: "{{ contact.company }}", stage: new}}',
        """\
do: create_record
id: renewal
type: deal
properties:
  name: "Renewal of {{ contact.lastname | default('somebody') }}"
  amount: 1200
  owner: {from: owner}
  close_date: {after: 30 days}
itself: {label: buyer}
associate: [company, {type: contact, of: colleague, label: influencer}]
""",
    )

    type: Annotated[str, NameOf("associated")] = Field(description="The type of the new record.", pattern=TYPE)
    properties: Annotated[dict[Annotated[str, Field(pattern=PROPERTY)], Value], Tokens(), PropertiesOf("type")] = Field(
        {}, description="Its properties, each with its value or how that is found."
    )
    itself: bool | Itself = Field(
        default=True, description="Whether it is associated with the enrolled record; `{label: buyer}` says how."
    )
    associate: Annotated[tuple[Types | Copied, ...], NameOf("associated")] = Field(
        (), description="Types whose records, that the enrolled one has, it is associated with as well."
    )

    async def perform(self, do: Do) -> Done:
        """Create it through the CRM."""
        if await do.crm.flow_that_made(do.record.ref) == do.source.flow:
            raise Skipped("created_by_this_flow", "the enrolled record was created by this flow: there would be no end")
        properties = await edits_of(do, self.type, self.properties)
        new = NewRecord(self.type, properties, do.source, await self._links(do))
        made = await do.crm.create(new, do.key)
        output: dict[str, JsonValue] = {"record": str(made), "id": made.id, "associated": len(new.links)}
        return Done(line=f"created a {self.type}", output=output)

    async def _links(self, do: Do) -> tuple[Link, ...]:
        """Give what it is associated with: the enrolled record first."""
        own = self.itself if isinstance(self.itself, Itself) else Itself()
        found = [Link(do.record.ref, own.label, own.primary)] if self.itself else []
        for each in self.associate:
            found += await self._copied(do, each)
        links: dict[tuple[RecordRef, str], Link] = {}
        for link in found:
            links.setdefault((link.record, link.label), link)
        if len(links) > MOST_COPIED:
            raise Refused("too_many_records", f"{len(links)} records, of {MOST_COPIED} at most")
        return tuple(links.values())

    async def _copied(self, do: Do, each: str | Copied) -> list[Link]:
        if isinstance(each, str):
            type_, _, label = each.partition("/")
            each = Copied(type=type_, of=label, label=label)
        found = await do.crm.associated(do.record.ref, each.type, each.of)
        return [Link(record.ref, each.label, each.primary and not n) for n, record in enumerate(found)]
