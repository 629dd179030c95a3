"""The JSON Schema of the flow language, so that an editor completes flow files and marks what is wrong in them.

It is made of the models that read the files and of the catalogue; an action is in it with its manual. What only the
whole file tells, as that an id is taken, `perdure check` looks for.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import TypeAdapter

from activities.action import Action
from activities.catalogue import Catalogue
from starter.language.perform_steps import RetryGiven
from workflows.model.conditions import Condition, OnOutput, OnProperty, Test
from workflows.model.durations import Duration
from workflows.model.flow import Enroll, Flow, Leave, Settings
from workflows.model.nodes import (
    Branch,
    BranchOnValue,
    Delay,
    DelayUntil,
    End,
    GoTo,
    Node,
    NodeId,
    Share,
    Split,
    Value,
    WaitForEvent,
)
from workflows.model.phrases import phrase
from workflows.model.policy import OnFailure, Repeat
from workflows.model.when import ZoneName

Schema = dict[str, Any]

DIALECT = "http://json-schema.org/draft-07/schema#"

PLACEHOLDER = "placeholder"

_REF = "#/$defs/{model}"
_ADAPTERS: dict[str, TypeAdapter[Any]] = {
    **{each.__name__: TypeAdapter(each) for each in (Delay, DelayUntil, WaitForEvent, BranchOnValue, Share, Value)},
    **{each.__name__: TypeAdapter(each) for each in (Flow, Enroll, Leave, Settings, RetryGiven)},
    "id": TypeAdapter(NodeId),
    "condition": TypeAdapter(Condition),
    "duration": TypeAdapter(Duration),
    "repeat": TypeAdapter(Repeat),
    "zone": TypeAdapter(ZoneName),
}
_DRAWN = frozenset({"id", "name", "edges", "do", "ways"})
"""Fields of a node that a file writes in another way, or that all steps have."""

_SAID = {
    "for": "How long to sleep, counted from the moment the record came here.",
    "on": "The weekdays; without a time, the day's beginning.",
    "at": "The time of day, in the flow's zone.",
    "date": "A day of the calendar.",
    "property": "A property of the record, by its internal name.",
    "output": "An output of an earlier step, as `opened.happened`.",
    "days": "So many days after the date, before it if negative; without a date, so many of the weekdays from now.",
    "if_past": "What a moment that is past leads to: the record goes on at once, or leaves the flow.",
    "if_empty": "What an empty property leads to: the record goes on at once, or leaves the flow.",
    "any_of": "The events, any of which ends the wait.",
    "at_most": "How long to wait at most; without it, as long as it takes.",
    "flow": "The flow's key. It never changes.",
    "name": "What people call it.",
    "object": "The type of the records that walk this flow.",
    "enroll": "Who enters by itself, and whether a record may come again.",
    "leave": "What makes a record leave.",
    "goal": "The condition on which a record leaves at once, having reached the goal.",
    "settings": "How the flow's enrollments behave.",
    "steps": "The steps, one after the other.",
}

_MANUAL = "A flow of Perdure: who enters, how it behaves, and the steps that each record walks."

_SAID_OF_ENROLL = {
    "on": "Events, each of which lets the record in to which it happens.",
    "again": "Whether a record that has left may enter again: never, when an event lets it in, or always.",
}

_SAID_OF_LEAVE = {"on": "Events of the record, each of which makes it leave at once, wherever it stands."}

_SHORT: dict[str, Schema] = {
    "TimePoint": {"type": "string", "description": "A point of time in words, as `today - 3 days`."},
    "Stretch": {"type": "string", "description": "A stretch of the calendar in words, as `last 2 months`."},
    "TimeRange": {"type": "array", "items": {"$ref": "#/$defs/TimePoint"}, "minItems": 2, "maxItems": 2},
    "Test": {"type": ["string", "number", "boolean", "null"], "description": "A value to be equal to."},
}
"""What a file may write for a model, beside its keys and values."""


def flow_schema(catalogue: Catalogue) -> Schema:
    """Give the schema of flow files that use the actions of a catalogue."""
    parts, shared = _parts(catalogue)
    steps = {**_control(parts), **{kind: _action(action, parts[kind]) for kind, action in catalogue.items()}}
    defs = {
        **shared,
        **{name: parts[name] for name in ("id", "condition", "duration", "repeat")},
        "on_failure": _on_failure(),
        "retry": _plain(parts["RetryGiven"], {}),
        "settings": _settings(parts),
        "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}},
        "step": {"anyOf": [_ref(f"do_{kind}") for kind in steps]},
        **{f"do_{kind}": step for kind, step in steps.items()},
    }
    top = _top(parts)
    return {"$schema": DIALECT, **top, "$defs": {name: defs[name] for name in sorted(_reached(top, defs))}}


def printed(schema: Schema) -> str:
    """Write a schema as its file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _parts(catalogue: Catalogue) -> tuple[dict[str, Schema], dict[str, Schema]]:
    """Give the schema of each model by its name, and the definitions that they share."""
    adapters = {**_ADAPTERS, **{kind: TypeAdapter(action) for kind, action in catalogue.items()}}
    refs, shared = TypeAdapter.json_schemas(
        [(name, "validation", adapter) for name, adapter in adapters.items()], ref_template=_REF
    )
    condition = refs["condition", "validation"]
    duration = refs["duration", "validation"]
    defs = {name: _clean(schema, condition, duration) for name, schema in shared.get("$defs", {}).items()}
    for model in (Test, OnProperty, OnOutput):
        _describe_operators(model, defs[model.__name__]["properties"])
    defs |= {name: {"anyOf": [short, defs[name]]} for name, short in _SHORT.items() if name in defs}
    parts = {name: _clean(schema, None, None) for (name, _), schema in refs.items()}
    parts["duration"] = {**parts["duration"], "type": "string", "description": "A number and a unit, as `2 days`."}
    return {name: defs[_named(part)] if "$ref" in part else part for name, part in parts.items()}, defs


def _describe_operators(model: type[Test], properties: dict[str, Schema]) -> None:
    for name, field in model.model_fields.items():
        if name not in model.beside:
            key = field.alias or name
            properties[key] = _described(properties[key], f"The value {phrase(name, 'X')}.")


def _clean(schema: Any, condition: Schema | None, duration: Schema | None) -> Any:  # noqa: ANN401 - JSON
    """Leave out what pydantic adds for programs, and write conditions and lengths of time once for all."""
    if isinstance(schema, list):
        return [_clean(each, condition, duration) for each in schema]
    if not isinstance(schema, dict):
        return schema
    for shared, name in ((condition, "condition"), (duration, "duration")):
        if shared and shared.items() <= schema.items():
            return _ref(name)
    found: Schema = {}
    for key, value in _without_null(schema).items():
        if key in {"properties", "$defs"}:
            found[key] = {name: _clean(each, condition, duration) for name, each in value.items()}
        elif key not in {"title", "discriminator"} and not (key == "default" and value is None):
            found[key] = value if key in {"enum", "const", "default"} else _clean(value, condition, duration)
    return found


def _without_null(schema: Schema) -> Schema:
    """Let what is not given be left out: to write null is possible in Python, and no way of writing a file."""
    arms = [arm for arm in schema.get("anyOf", ()) if arm != {"type": "null"}]
    if schema.get("default", ...) is not None or len(arms) == len(schema.get("anyOf", ())):
        return schema
    rest = {key: value for key, value in schema.items() if key not in {"anyOf", "default"}}
    return {**rest, **(arms[0] if len(arms) == 1 else {"anyOf": arms})}


def _ref(name: str) -> Schema:
    return {"$ref": _REF.format(model=name)}


def _named(schema: Schema) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _plain(schema: Schema, said: Mapping[str, str]) -> Schema:
    """Give the schema of a mapping, each of its fields described."""
    return _mapping(schema["properties"], schema.get("required", ()), schema.get("description", ""), said)


def _mapping(
    properties: Mapping[str, Schema],
    required: Iterable[str] = (),
    description: str = "",
    said: Mapping[str, str] = _SAID,
) -> Schema:
    described = {name: _described(each, said.get(name, "")) for name, each in properties.items()}
    return {
        **({"description": description} if description else {}),
        "type": "object",
        "properties": described,
        **({"required": sorted(required)} if required else {}),
        "additionalProperties": False,
    }


def _described(schema: Schema, said: str) -> Schema:
    if not said or "description" in schema:
        return schema
    # Beside a reference nothing else is read in this dialect.
    return {"description": said, **({"allOf": [schema]} if "$ref" in schema else schema)}


def _step(kind: str, manual: str, properties: Mapping[str, Schema], required: Iterable[str] = ()) -> Schema:
    do = {"const": kind, "description": manual}
    common = {"do": do, "id": _ref("id"), "name": {"type": "string", "maxLength": 120}}
    return _mapping({**common, **properties}, {"do", "id", *required}, manual)


def _control(parts: Mapping[str, Schema]) -> dict[str, Schema]:
    """Give the control steps. How those with branches are written stands here alone; the rest is their models'."""
    steps = {"steps": _ref("steps")}
    name = {"name": {"type": "string", "maxLength": 80, "description": "What people call the branch."}}
    arm = _mapping({**name, "when": _ref("condition"), **steps}, ("name", "when"))
    value = parts["Value"]["properties"]["values"]
    way = _mapping({**name, "is": value["items"], "is_any_of": value, **steps})
    share = _mapping({**name, "percent": parts["Share"]["properties"]["percent"], **steps}, ("name",))
    models: dict[type[Node], tuple[Mapping[str, Schema], tuple[str, ...]]] = {
        **{model: _own(parts[model.__name__]) for model in (Delay, DelayUntil, WaitForEvent)},
        Branch: ({"branches": _list(arm, 20), "otherwise": _ref("steps")}, ("branches",)),
        BranchOnValue: (
            {**_own(parts["BranchOnValue"])[0], "branches": _list(way, 250), "otherwise": _ref("steps")},
            ("branches",),
        ),
        Split: ({"branches": _list(share, 20)}, ("branches",)),
        GoTo: ({"to": _ref("id")}, ("to",)),
        End: ({}, ()),
    }
    drawn = {_kind(model): _step(_kind(model), _manual(model), *own) for model, own in models.items()}
    note = {"note": {"type": "string", "description": "What shall stand here."}}
    return {**drawn, PLACEHOLDER: _step(PLACEHOLDER, "Hold a place in a draft for a step that is still to come.", note)}


def _kind(model: type[Node]) -> str:
    return str(model.model_fields["do"].default)


def _manual(model: type[Any]) -> str:
    return inspect.getdoc(model) or ""


def _own(schema: Schema) -> tuple[dict[str, Schema], tuple[str, ...]]:
    """Give the fields of a node that its file writes as they are, and those that must be there."""
    own = {name: each for name, each in schema["properties"].items() if name not in _DRAWN}
    return own, tuple(name for name in schema.get("required", ()) if name in own)


def _list(items: Schema, most: int) -> Schema:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


def _action(action: type[Action], schema: Schema) -> Schema:
    policy = {name: _ref(name) for name in ("on_failure", "retry", "repeat")}
    fields = {**schema["properties"], **policy, "timeout": _ref("duration")}
    step = _step(action.kind, _manual(action), fields, schema.get("required", ()))
    return {**step, "examples": [*action.examples]}


def _on_failure() -> Schema:
    words = [word for word in get_args(OnFailure) if word != "go_to"]
    said = "What a failure leads to: the record goes on, leaves the flow, is held for an operator, or goes to a step."
    return {"description": said, "anyOf": [{"enum": words}, _mapping({"go_to": _ref("id")}, ("go_to",))]}


def _settings(parts: Mapping[str, Schema]) -> Schema:
    """Give the settings. Where days begin is a zone, `record`, or the property that names the record's zone."""
    properties = parts["Settings"]["properties"]
    of_record = _mapping({"property": {"type": "string"}, "otherwise": parts["zone"]}, ("property",))
    said = "Where days begin: a zone, as `Europe/Helsinki`, or `record` for that in the record's property `timezone`."
    zone = {"description": said, "anyOf": [parts["zone"], of_record]}
    return _mapping({**properties, "timezone": zone}, (), parts["Settings"].get("description", ""))


def _top(parts: Mapping[str, Schema]) -> Schema:
    flow = parts["Flow"]["properties"]
    properties = {"flow": flow["key"], "name": flow["name"], "object": flow["object"]}
    properties |= {
        "enroll": _plain(parts["Enroll"], _SAID_OF_ENROLL),
        "leave": _plain(parts["Leave"], _SAID_OF_LEAVE),
        "goal": _ref("condition"),
        "settings": _ref("settings"),
    }
    return _mapping({**properties, "steps": _ref("steps")}, ("flow", "object", "steps"), _MANUAL)


def _reached(schema: Any, defs: Mapping[str, Schema]) -> set[str]:  # noqa: ANN401 - JSON
    """Name the definitions that a schema needs."""
    reached, ahead = set[str](), [schema]
    while ahead:
        here = ahead.pop()
        if isinstance(here, list):
            ahead += here
        elif isinstance(here, dict):
            ahead += [each for key, each in here.items() if key not in {"const", "enum", "default"}]
            if isinstance(here.get("$ref"), str) and (name := _named(here)) not in reached:
                reached.add(name)
                ahead.append(defs[name])
    return reached
