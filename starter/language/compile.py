"""From the text of a flow file to a flow: all mistakes of the file in one run, each with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter

from activities.catalogue import Catalogue
from activities.sequences import is_sequence
from starter.contents import Content
from starter.language.checks import condition, event_matches, known, mapping, required, validated
from starter.language.definitions import Definitions
from starter.language.flow_file import MOST_MISTAKES, FlowFile, FlowMistakes, Mistake, Path, read
from starter.language.references import Names, references
from starter.language.sketch import Sketch, called
from starter.language.steps import compile_step, compile_steps
from workflows.model.flow import Enroll, Flow, FlowKey, FlowName, Leave, ObjectType, Settings, Timezone

_TOP = ("flow", "name", "object", "enroll", "leave", "goal", "settings", "steps")
_REQUIRED = ("flow", "object", "steps")
_RECORD_ZONE = "timezone"
"""The property that `timezone: record` means."""
_OF_EVENT = "event."
"""Begins the name of a property of the event that enrolled the record, which nobody defines."""


class Head(BaseModel):
    """What a flow file says of the flow itself."""

    model_config = ConfigDict(frozen=True)

    flow: FlowKey
    name: FlowName
    object: ObjectType


@dataclass(frozen=True)
class Checked:
    """What came of a file: the flow, unless there are mistakes or, in a draft, parts of it are still missing."""

    flow: Flow | None
    key: str
    name: str
    mistakes: tuple[Mistake, ...]
    warnings: tuple[Mistake, ...]
    missing: tuple[Mistake, ...]
    content: Content | None = None
    """What a file that is no flow came to, as an e-mail; `key` is the content's then."""


_HEAD = TypeAdapter(Head)
_ENROLL = TypeAdapter(Enroll)
_SETTINGS: TypeAdapter[Settings] = TypeAdapter(Settings)
_TIMEZONE: TypeAdapter[Timezone] = TypeAdapter(Timezone)


def compile_flow(
    text: str, catalogue: Catalogue, file: str = "flow.yaml", *, definitions: Definitions | None = None
) -> Flow:
    """Compile the text of a flow file; raise FlowMistakes with everything that is wrong in it."""
    checked = check_flow(text, catalogue, file, definitions=definitions)
    if checked.flow is None:
        raise FlowMistakes(checked.mistakes)
    return checked.flow


def check_flow(
    text: str,
    catalogue: Catalogue,
    file: str = "flow.yaml",
    *,
    definitions: Definitions | None = None,
    draft: bool = False,
) -> Checked:
    """Check the text of a flow file, against what is defined where that is given.

    A draft may hold placeholders, and steps of a known kind whose fields are still missing; it is no flow until then.
    """
    return check_source(read(text, file), catalogue, definitions=definitions, draft=draft)


def check_source(
    source: FlowFile, catalogue: Catalogue, *, definitions: Definitions | None = None, draft: bool = False
) -> Checked:
    """Check a flow file that is read already; see `check_flow`."""
    if source.whole and isinstance(source.data, dict) and is_sequence(str(source.data.get("flow", ""))):
        message = "keys that begin so are those of sequences, which are files of their own; give the flow another key"
        source.wrong(("flow",), "reserved_key", message)
    return checked_flow(source, catalogue, definitions=definitions, draft=draft)


def checked_flow(
    source: FlowFile, catalogue: Catalogue, *, definitions: Definitions | None = None, draft: bool = False
) -> Checked:
    """Check a file whose data is that of a flow, whatever it is called."""
    flow = _flow(source, catalogue, Names(source, definitions), draft=draft) if source.whole else None
    head = source.data if isinstance(source.data, dict) else {}
    key, name = head.get("flow"), head.get("name")
    return Checked(
        flow=None if source.mistakes or source.missing else flow,
        key=key if isinstance(key, str) else "",
        name=name if isinstance(name, str) else called(str(key or "")),
        mistakes=ordered(source, source.mistakes),
        warnings=ordered(source, source.warnings),
        missing=ordered(source, source.missing),
    )


def checked_content(file: FlowFile, kind: str, content: Content | None) -> Checked:
    """Give what came of a file that is no flow, whose top key is `kind`; with mistakes there is no content."""
    head = file.data if isinstance(file.data, dict) else {}
    return Checked(
        flow=None,
        key=str(head.get(kind, "")),
        name=str(head.get("name") or called(str(head.get(kind) or ""))),
        mistakes=ordered(file, file.mistakes),
        warnings=ordered(file, file.warnings),
        missing=(),
        content=None if file.mistakes else content,
    )


def ordered(file: FlowFile, mistakes: Iterable[Mistake]) -> tuple[Mistake, ...]:
    """Sort mistakes by their place, with a last one for those that are not told."""
    each = sorted({*mistakes})
    if file.untold and len(each) >= MOST_MISTAKES:
        last = f"there are {file.untold} more mistakes, which are not told"
        each.append(Mistake(file.name, each[-1].line, each[-1].column, "", "more_mistakes", last))
    return tuple(each)


def _flow(file: FlowFile, catalogue: Catalogue, names: Names, *, draft: bool) -> Flow | None:
    data = mapping(file, file.data, (), "a flow")
    if data is None:
        return None
    known(file, data, (), _TOP)
    required(file, data, (), _REQUIRED)
    head = _head(file, data)
    object_ = data["object"] if isinstance(data.get("object"), str) else ""
    if head and object_:
        names.object(("object",), str(object_))
    sketch = Sketch(file, catalogue, str(object_), names, draft, compile_step)
    start, nodes = compile_steps(sketch, data.get("steps", []))
    enroll = _enroll(file, data.get("enroll", {}))
    leave = _leave(file, data.get("leave", {}))
    goal = _goal(file, names, data["goal"], str(object_)) if "goal" in data else None
    settings = _settings(file, names, data.get("settings", {}), str(object_))
    if file.mistakes or file.missing or not head:
        return None
    return Flow.model_validate(
        {
            "key": head.flow,
            "name": head.name,
            "object": head.object,
            "enroll": enroll,
            "leave": leave,
            "goal": goal,
            "settings": settings,
            "start": start,
            "nodes": nodes,
        }
    )


def _head(file: FlowFile, data: dict[str, JsonValue]) -> Head | None:
    """Read key, name and object type; of those that are missing the file has been told already."""
    stand_ins = {"flow": "flow", "object": "object"}
    given = {key: data.get(key, stand_in) for key, stand_in in stand_ins.items()}
    return validated(file, _HEAD, {**given, "name": data.get("name", called(str(given["flow"] or "Flow"))[:120])}, ())


def _settings(file: FlowFile, names: Names, data: JsonValue, object_: str) -> Settings:
    path: Path = ("settings",)
    found = mapping(file, data, path, "`settings`")
    if found is None:
        return Settings()
    known(file, found, path, Settings.model_fields)
    given: dict[str, object] = {key: value for key, value in found.items() if key in Settings.model_fields}
    if "timezone" in given:
        given["timezone"] = _timezone(file, names, found["timezone"], object_)
    return validated(file, _SETTINGS, given, path) or Settings()


def _timezone(file: FlowFile, names: Names, data: JsonValue, object_: str) -> Timezone:
    """Read `Europe/Helsinki`, `record`, or `{property: time_zone, otherwise: Europe/Helsinki}`."""
    path: Path = ("settings", "timezone")
    if data == "record":
        names.property(path, _RECORD_ZONE, object_)
        return Timezone(property=_RECORD_ZONE)
    if not isinstance(data, dict):
        return validated(file, _TIMEZONE, {"zone": data}, path) or Timezone()
    known(file, data, path, ("property", "otherwise"))
    if not required(file, data, path, ("property",)):
        return Timezone()
    if isinstance(name := data["property"], str) and not name.startswith(_OF_EVENT):
        names.property((*path, "property"), name, object_)
    named = validated(file, _TIMEZONE, {"property": data["property"]}, path)
    zone = validated(file, _TIMEZONE, {"zone": data.get("otherwise", "UTC")}, (*path, "otherwise"))
    return Timezone(zone=zone.zone, property=named.property) if zone and named else Timezone()


def _enroll(file: FlowFile, data: JsonValue) -> Enroll | None:
    path: Path = ("enroll",)
    found = mapping(file, data, path, "`enroll`")
    if found is None:
        return None
    known(file, found, path, ("on", "again"))
    on = event_matches(file, found["on"], (*path, "on")) if "on" in found else []
    again = {"again": found["again"]} if "again" in found else {}
    return validated(file, _ENROLL, {"on": on, **again}, path)


def _leave(file: FlowFile, data: JsonValue) -> Leave:
    path: Path = ("leave",)
    found = mapping(file, data, path, "`leave`") or {}
    known(file, found, path, Leave.model_fields)
    return Leave(on=tuple(event_matches(file, found["on"], (*path, "on"))) if "on" in found else ())


def _goal(file: FlowFile, names: Names, data: JsonValue, object_: str) -> object:
    for each in references(data, ("goal",), object_):
        if each.kind == "output":
            message = "a goal is met by the record alone; outputs of steps cannot stand in it"
            file.wrong(each.path, "output_in_goal", message)
        names.check(each)
    return condition(file, data, ("goal",))
