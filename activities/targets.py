"""What an edit of an action is about: the enrolled record, or all that are associated with it; and what is copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from activities.action import Do, Done, NameOf, Refused
from activities.effects import Edit, Edited
from activities.properties import converted, may_copy
from activities.values import looking
from workflows.model.operators import is_empty
from workflows.model.records import Record, RecordRef

PROPERTY = r"^[a-z][a-z0-9_]{0,99}$"
"""How the internal name of a property is written."""

TYPE = r"^[a-z][a-z0-9_]{0,39}$"
"""How an object type is written."""

Label = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{0,80}$")]
"""What a record is to another, on one line."""

LABEL = "The label that the association has."

OUTPUT = r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_]+$"
"""How an output of an earlier step is written."""


class Associated(BaseModel):
    """The records of a type that are associated with the enrolled one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field(description="Their type.", pattern=r"^[a-z][a-z0-9_]{0,39}$")
    label: str = Field("", description="Only those that are associated under this label.", max_length=80)


Types = Annotated[str, NameOf("associated"), Field(pattern=r"^[a-z][a-z0-9_]{0,39}(/.{1,80})?$")]
"""An object type, or `company/LABEL` for the records of a label."""

On = Types | Associated | None

ON = "Which records: those of this type that are associated with the enrolled one, all of them; without it, itself."

OUTPUTS = {
    "value": "The value that it has now; where several records are edited, that of the first.",
    "before": "The value before, empty when there was none; where several records are edited, that of the first.",
    "changed": "How many records have another value now.",
}


MOST_RECORDS = 10_000
"""Records that one step edits at most: what a transaction does well within the time that it has."""


async def edit(do: Do, on: On, name: str, how: Edit, did: str) -> Done:
    """Edit a property of the records that a step is about; `did` begins the line of the history."""
    records = await _targets(do, on)
    done = await do.crm.edit([record.ref for record in records], {name: how}, do.source)
    changed = sum(bool(each.changed) for each in done)
    output: dict[str, JsonValue] = {"value": done[0].after[name], "before": done[0].before[name], "changed": changed}
    return Done(line=_line(did, name, on, done, changed), output=output)


async def about(do: Do, types: Sequence[str]) -> tuple[RecordRef, ...]:
    """Give the enrolled record, and those associated with it of some types; `company/LABEL` for those of a label."""
    found = [do.record.ref]
    for name in types:
        found += [record.ref for record in await do.crm.associated(do.record.ref, *_named(name))]
    return tuple(dict.fromkeys(found))


def _line(did: str, name: str, on: On, done: Sequence[Edited], changed: int) -> str:
    if on is None:
        return f"{did} {name}" if changed else f"{name} was so already"
    return f"{did} {name} on {changed} of {len(done)} records of the type {_named(on)[0]}"


async def _targets(do: Do, on: On) -> Sequence[Record]:
    if on is None:
        return [do.record]
    type_, label = _named(on)
    found = await do.crm.associated(do.record.ref, type_, label)
    if not found:
        raise Refused("no_associated_record", f"no {type_}" + (f" under the label {label!r}" if label else ""))
    if len(found) > MOST_RECORDS:
        raise Refused("too_many_records", f"{len(found)} records are associated; a step edits {MOST_RECORDS} at most")
    return found


def _named(on: str | Associated) -> tuple[str, str]:
    if isinstance(on, Associated):
        return on.type, on.label
    type_, _, label = on.partition("/")
    return type_, label


async def type_of(do: Do, on: On, name: str) -> str | None:
    """Give the type of a property of the records that a step is about; None where nothing is known of it."""
    object_type = do.record.ref.type if on is None else _named(on)[0]
    found = (await do.crm.definitions(object_type, [name])).get(name)
    return found.type if found else None


def found_at(do: Do, from_: str | None, output: str | None) -> JsonValue:
    """Give the value of a property of the enrolled record, or else of an output; None where there is none."""
    look = looking(do.record.properties, do.outputs)
    return look("output", output or "") if from_ is None else look("property", from_)


async def copied(do: Do, on: On, name: str, *, from_: str | None, output: str | None) -> JsonValue:
    """Give the value of a property of the enrolled record, or of an output, as the property `name` of `on` takes it.

    None where there is none. Raise Refused where one type is not copied into the other.
    """
    value = found_at(do, from_, output)
    wanted = await type_of(do, on, name)
    if from_ is not None and wanted is not None:
        given = await type_of(do, None, from_)
        if given is None:
            raise Refused("unknown_property", from_)
        if not may_copy(given, wanted):
            raise Refused("wrong_type", f"{from_} is a {given}, which is not copied into a {wanted}")
    return None if is_empty(value) else value if wanted is None else converted(value, wanted, do.zone)
