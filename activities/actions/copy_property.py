"""Copy a property, or an output of an earlier step, into a property."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from activities.action import Action, Do, Done, OutputName, OwnProperty, Skipped, Wants
from activities.effects import Append, Clear, SetTo
from activities.targets import ON, OUTPUT, OUTPUTS, PROPERTY, On, copied, edit


class CopyProperty(Action):
    """Copy a property, or an output of an earlier step, into a property.

    The source is a property of the enrolled record (`from`) or an output (`from_output`), the target a property of the
    same record, or of all records of a type that are associated with it. A text takes texts and numbers; a number
    numbers; dates and datetimes each other, and any other type its own. A date becomes midnight UTC, which in western
    zones shows as the day before; a datetime loses its time, its day being that in the flow's zone. An output is copied
    to a date or datetime as Unix milliseconds, or as a date is written. Between properties with several options,
    `how: append` keeps those that are there.

    An empty source leaves the target as it is and the step is skipped (`empty_source`); with `if_empty: clear` the
    target is cleared. Edit and visit are one transaction, so it is done exactly once. It fails where the types do not
    go together (`wrong_type`), the target does not take the value (`bad_value`, `unknown_option`), a property is
    unknown (`unknown_property`), the target is read-only (`read_only_property`, `own_read_only`), and where no record
    is associated (`no_associated_record`).
    """

    kind: ClassVar = "copy_property"
    place: ClassVar = "store"
    in_crm: ClassVar = True
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = OUTPUTS
    examples: ClassVar = (
        "{do: copy_property, id: keep-plan, from: plan, to: previous_plan}",
        "{do: copy_property, id: to-company, from: renewal_date, to: next_renewal, on: company, if_empty: clear}",
        "{do: copy_property, id: bill-to, from: topics, to: topics, how: append, on: {type: company, label: employer}}",
    )

    from_: Annotated[str, OwnProperty(into="to"), Field(pattern=PROPERTY)] | None = Field(
        None, alias="from", description="The property to copy, of the enrolled record."
    )
    from_output: Annotated[str, OutputName(), Field(pattern=OUTPUT)] | None = Field(
        None, description="The output of an earlier step to copy, as `asked.answer`."
    )
    to: Annotated[str, OwnProperty(edits=True, of="on")] = Field(
        description="The property to copy into, by its internal name.", pattern=PROPERTY
    )
    on: On = Field(None, description=ON)
    how: Annotated[Literal["replace", "append"], Wants("to", ("options",))] = Field(
        "replace", description="Whether the options that are there are replaced, or added to."
    )
    if_empty: Literal["keep", "clear"] = Field(
        "keep", description="What an empty source leads to: the target is left as it is, or cleared."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.from_ is None) == (self.from_output is None):
            message = "give one of `from` and `from_output`"
            raise ValueError(message)
        return self

    async def perform(self, do: Do) -> Done:
        """Copy it through the CRM."""
        value = await copied(do, self.on, self.to, from_=self.from_, output=self.from_output)
        if value is None and self.if_empty == "clear":
            return await edit(do, self.on, self.to, Clear(), "cleared")
        if value is None:
            raise Skipped("empty_source", f"{self.from_ or self.from_output} is empty")
        if self.how == "replace":
            return await edit(do, self.on, self.to, SetTo(value), "copied to")
        options = tuple(map(str, value)) if isinstance(value, list) else (str(value),)
        return await edit(do, self.on, self.to, Append(options), "added to")
