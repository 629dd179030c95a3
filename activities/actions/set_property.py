"""Set a property of the enrolled record, or of all records associated with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from activities.action import Action, Do, Done, OutputName, OwnProperty, Refused, Skipped, Text, ValueOf, Wants
from activities.effects import Append, Edit, Remove, SetTo
from activities.properties import as_date, as_datetime, read
from activities.targets import ON, OUTPUT, OUTPUTS, PROPERTY, On, copied, edit, type_of


class SetProperty(Action):
    """Set a property of the enrolled record, or of all records associated with it.

    Give one of: `value`, a plain value or a text with tokens, which is read as the property's type; `now: true`, the
    moment for a datetime and the day in the flow's zone for a date; `from`, another property of the enrolled record;
    `from_output`, an output of an earlier step. Of a property with several options, `how: append` adds some and
    `how: remove` takes some away. With `on: company`, or `on: {type: company, label: employer}`, all records that are
    so associated are set, or none.

    Edit and visit are one transaction, so it is done exactly once; what is there already changes nothing. It fails
    where the property is unknown (`unknown_property`) or read-only (`read_only_property`), where it does not take the
    value (`bad_value`, `unknown_option`, `wrong_type`), where no record is associated (`no_associated_record`), and for
    a conversation's own properties (`own_read_only`). It is skipped where what is copied is empty (`empty_source`).
    """

    kind: ClassVar = "set_property"
    place: ClassVar = "store"
    in_crm: ClassVar = True
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = OUTPUTS
    examples: ClassVar = (
        "{do: set_property, id: mark-lead, property: lifecycle_stage, value: lead}",
        '{do: set_property, id: greet, property: salutation, value: "Dear {{ contact.firstname }}"}',
        "{do: set_property, id: called, property: last_called_at, now: true}",
        "{do: set_property, id: tag, property: topics, value: [webinar], how: append, on: company}",
    )

    property: Annotated[str, OwnProperty(edits=True, of="on")] = Field(
        description="The property to set, by its internal name.", pattern=PROPERTY
    )
    value: Annotated[Text | int | float | bool | list[str] | None, ValueOf("property")] = Field(
        None, description="The value to set; text may hold tokens."
    )
    now: Annotated[bool, Wants("property", ("date", "datetime"))] = Field(
        default=False, description="Whether to set it to the moment at which the step is done."
    )
    from_: Annotated[str, OwnProperty(into="property"), Field(pattern=PROPERTY)] | None = Field(
        None, alias="from", description="The property of the enrolled record whose value to set."
    )
    from_output: Annotated[str, OutputName(), Field(pattern=OUTPUT)] | None = Field(
        None, description="The output of an earlier step to set, as `opened.happened`."
    )
    how: Annotated[Literal["replace", "append", "remove"], Wants("property", ("options",))] = Field(
        "replace", description="Whether the value replaces what is there, or some options are added or taken away."
    )
    on: On = Field(None, description=ON)

    @model_validator(mode="after")
    def _one_value(self) -> Self:
        given = [self.value is not None, self.now, self.from_ is not None, self.from_output is not None]
        if given.count(True) != 1:
            message = "give one of `value`, `now`, `from` and `from_output`"
            raise ValueError(message)
        if self.now and self.how != "replace":
            message = f"`now` is no option to {self.how}"
            raise ValueError(message)
        return self

    async def perform(self, do: Do) -> Done:
        """Set it through the CRM."""
        return await edit(do, self.on, self.property, self._edit(await self._value(do)), _DID[self.how])

    async def _value(self, do: Do) -> JsonValue:
        if self.value is not None:
            return [*self.value] if isinstance(self.value, list) else self.value
        if not self.now:
            value = await copied(do, self.on, self.property, from_=self.from_, output=self.from_output)
            if value is None:
                raise Skipped("empty_source", f"{self.from_ or self.from_output} is empty")
            return value
        match await type_of(do, self.on, self.property):
            case "date":
                return as_date(do.now, do.zone)
            case "datetime" | None:
                return as_datetime(do.now)
            case other:
                raise Refused("wrong_type", f"{self.property} is a {other}, which takes no moment")

    def _edit(self, value: JsonValue) -> Edit:
        if self.how == "replace":
            return SetTo(value, written=self.value is not None)
        some = read(value, "options")
        options = tuple(map(str, some)) if isinstance(some, list) else (str(some),)
        return Append(options) if self.how == "append" else Remove(options)


_DID = {"replace": "set", "append": "added to", "remove": "took from"}
