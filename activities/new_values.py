"""What a new record is to have: values as they are written, copied, counted from now, or of an earlier step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, Tag, model_validator

from activities.action import Do, Refused, Text
from activities.effects import Edit, PropertyDefinition, SetTo
from activities.properties import as_date, as_datetime, converted, may_copy
from activities.targets import OUTPUT, PROPERTY, found_at
from workflows.model.due_times import DueTime, Length
from workflows.model.operators import is_empty
from workflows.model.when import ClockTime, Weekday

DATES = ("date", "datetime")

MOMENT = {"now", "after", "at"}
"""The keys of a value that is counted from now."""


class Computed(BaseModel):
    """A value that is found when the step is done: give one of `from`, `from_output`, `now`, and `after` or `at`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    from_: Annotated[str, Field(pattern=PROPERTY)] | None = Field(
        None, alias="from", description="The property of the enrolled record that is copied."
    )
    from_output: Annotated[str, Field(pattern=OUTPUT)] | None = Field(
        None, description="The output of an earlier step that is copied, as `asked.answer`."
    )
    now: bool = Field(default=False, description="Whether it is the moment at which the step is done.")
    after: Length | None = Field(None, description="How long from now it is, as `3 days`.")
    at: ClockTime | None = Field(None, description="The time of day, in the flow's zone.")
    on: tuple[Weekday, ...] = Field((), description="The weekdays that are counted; none means every day.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        is_due = self.after is not None or self.at is not None
        if [self.from_ is not None, self.from_output is not None, self.now, is_due].count(True) != 1:
            message = "give one of `from`, `from_output`, `now`, and `after` or `at`"
            raise ValueError(message)
        if is_due or self.on:
            DueTime(after=self.after, at=self.at, on=self.on)
        return self

    @property
    def is_moment(self) -> bool:
        """Tell whether it is counted from now."""
        return self.from_ is None and self.from_output is None


def _kind(value: object) -> str:
    return "computed" if isinstance(value, dict | Computed) else "plain"


Value = Annotated[
    Annotated[Text | int | float | bool | list[str], Tag("plain")] | Annotated[Computed, Tag("computed")],
    Discriminator(_kind),
]
"""A plain value, a text with tokens, or one that is found when the step is done."""


async def edits_of(do: Do, object_type: str, values: Mapping[str, Value]) -> dict[str, Edit]:
    """Give what the properties of a new record are set to; one that comes to nothing is left out.

    Raise Refused for a property that nobody has defined, and where one type is not copied into the other.
    """
    wanted = await do.crm.definitions(object_type, list(values))
    named = [each.from_ for each in values.values() if isinstance(each, Computed) and each.from_]
    given = await do.crm.definitions(do.record.ref.type, named) if named else {}
    found: dict[str, Edit] = {}
    for name, value in values.items():
        made = _made(do, name, value, wanted.get(name), given)
        if not is_empty(made):
            found[name] = SetTo(made, written=isinstance(value, str))
    return found


def _made(
    do: Do, name: str, value: Value, wanted: PropertyDefinition | None, given: Mapping[str, PropertyDefinition]
) -> JsonValue:
    if not isinstance(value, Computed):
        return None if isinstance(value, str) and not value.strip() else value  # type: ignore[return-value]
    if value.is_moment:
        moment = do.now if value.now else DueTime(after=value.after, at=value.at, on=value.on).moment(do.now, do.zone)
        if wanted is not None and wanted.type not in DATES:
            raise Refused("wrong_type", f"{name} is a {wanted.type}, which takes no moment")
        return as_date(moment, do.zone) if wanted and wanted.type == "date" else as_datetime(moment)
    copied = found_at(do, value.from_, value.from_output)
    if value.from_ and wanted is not None:
        _may_copy(name, value.from_, wanted, given)
    return copied if is_empty(copied) or wanted is None else converted(copied, wanted.type, do.zone)


def _may_copy(name: str, from_: str, wanted: PropertyDefinition, given: Mapping[str, PropertyDefinition]) -> None:
    if from_ not in given:
        raise Refused("unknown_property", from_)
    if not may_copy(given[from_].type, wanted.type):
        raise Refused("wrong_type", f"{from_} is a {given[from_].type}, which is not copied into {name}")
