"""Lists as files: who is on one, by hand and by flows, or by a condition.

A file whose top key is `list`, the key of the list, has `object`, the type of its records, and may have a `name` and a
`condition`. With a condition the list is active: whoever meets it is on it, and days begin in UTC. Without one it is
static.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter

from activities.effects import ListContent
from starter.language.checks import condition, known, mapping, required, validated
from starter.language.compile import Checked, checked_content
from starter.language.definitions import Definitions
from starter.language.flow_file import FlowFile
from starter.language.references import Names, references
from starter.language.sketch import called
from workflows.model.flow import FlowKey, FlowName, ObjectType


class ListFile(BaseModel):
    """What a file says of a list, beside its condition."""

    model_config = ConfigDict(frozen=True)

    list: FlowKey
    name: FlowName
    object: ObjectType


_LIST = TypeAdapter(ListFile)
_CONDITION = "condition"
_REQUIRED = ("object",)


def kind_of_list(data: dict[str, JsonValue]) -> Literal["static", "active"]:
    """Tell which kind of list a file is about."""
    return "active" if _CONDITION in data else "static"


def check_list_file(file: FlowFile, definitions: Definitions | None = None) -> Checked:
    """Check a file of a list, against what is defined where that is given."""
    content = _content(file, definitions) if file.whole else None
    return checked_content(file, "list", content)


def _content(file: FlowFile, definitions: Definitions | None) -> ListContent | None:
    data = mapping(file, file.data, (), "a list")
    if data is None:
        return None
    known(file, data, (), (*ListFile.model_fields, _CONDITION))
    if not required(file, data, (), _REQUIRED):
        return None
    whole = {"name": called(str(data["list"] or "List"))[:120], **data}
    found = validated(file, _LIST, {name: whole[name] for name in ListFile.model_fields}, ())
    if found is None:
        return None
    Names(file, definitions).object(("object",), found.object)
    if _CONDITION in data:
        _check_condition(file, data[_CONDITION], found.object, definitions)
    return ListContent(found.list, found.name, found.object, data.get(_CONDITION))


def _check_condition(file: FlowFile, data: JsonValue, object_: str, definitions: Definitions | None) -> None:
    names = Names(file, definitions)
    for each in references(data, (_CONDITION,), object_):
        if each.kind == "output":
            file.wrong(each.path, "no_output", "a list belongs to no flow, and has no outputs of steps")
        elif each.kind == "list" and definitions and each.name in definitions.active:
            message = f"{each.name} is an active list itself; write its condition here, or make it static"
            file.wrong(each.path, "active_list", message)
        else:
            names.check(each)
    condition(file, data, (_CONDITION,))
