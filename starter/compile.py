"""From the text of a flow file to a flow: all mistakes of the file in one run, each with its place."""

from __future__ import annotations

from pydantic import JsonValue, TypeAdapter, ValidationError

from activities.catalogue import Catalogue
from starter.checks import CONDITION, event_matches, known, mapping, outputs, validated, worded
from starter.flow_file import FlowFile, FlowMistakes, Path, read
from starter.steps import Steps
from workflows.model.flow import Enroll, Flow, Settings

_TOP = ("flow", "name", "object", "enroll", "goal", "settings", "steps")
_REQUIRED = ("flow", "object", "steps")
_PLACES = {"key": "flow"}
_STAND_IN = {"key": "flow", "object": "object", "name": "Flow"}
"""Used where the file has none, so that the graph can be checked all the same."""

_ENROLL = TypeAdapter(Enroll)
_SETTINGS: TypeAdapter[Settings] = TypeAdapter(Settings)


def compile_flow(text: str, catalogue: Catalogue, file: str = "flow.yaml") -> Flow:
    """Compile the text of a flow file; raise FlowMistakes with everything that is wrong in it."""
    source = read(text, file)
    flow = None if source.mistakes else _flow(source, catalogue)
    if flow is None or source.mistakes:
        raise FlowMistakes(source.mistakes)
    return flow


def _flow(file: FlowFile, catalogue: Catalogue) -> Flow | None:
    data = mapping(file, file.data, (), "a flow")
    if data is None:
        return None
    known(file, data, (), _TOP, _REQUIRED)
    steps = Steps(file, catalogue, str(data.get("object", "")))
    start = steps.compile(data.get("steps", []), ("steps",))
    settings = _settings(file, data.get("settings", {}))
    fields: dict[str, object] = {
        "key": data.get("flow", _STAND_IN["key"]),
        "name": data.get("name", str(data.get("flow") or _STAND_IN["name"]).replace("-", " ").capitalize()),
        "object": data.get("object", _STAND_IN["object"]),
        "enroll": _enroll(file, data.get("enroll", {})) or Enroll(),
        "goal": _goal(file, data["goal"]) if "goal" in data else None,
        "settings": settings,
        "start": start,
        "nodes": steps.nodes,
    }
    return _whole(file, steps, fields)


def _whole(file: FlowFile, steps: Steps, fields: dict[str, object]) -> Flow | None:
    """Check the flow as a whole; where a field is wrong, once more without it, for the graph is checked last."""
    try:
        return Flow.model_validate(fields)
    except ValidationError as error:
        wrong = [each for each in error.errors(include_url=False) if each["loc"]]
        for each in wrong:
            field = str(each["loc"][0])
            file.wrong((_PLACES.get(field, field),), worded(each))
        if wrong:
            broken = {str(each["loc"][0]) for each in wrong} & _STAND_IN.keys()
            return _whole(file, steps, fields | {each: _STAND_IN[each] for each in broken}) if broken else None
        for each in error.errors(include_url=False):
            _not_whole(file, steps, each["msg"].removeprefix("Value error, "))
    return None


def _not_whole(file: FlowFile, steps: Steps, message: str) -> None:
    """Note what is wrong with the graph, at the step that each sentence names."""
    for sentence in message.split("; "):
        step, _, said = sentence.partition(": ")
        if not said.endswith("which is no step"):  # said already, at the value that names the step
            file.wrong(steps.paths.get(step, ("steps",)), said or sentence)


def _settings(file: FlowFile, data: JsonValue) -> Settings:
    found = mapping(file, data, ("settings",), "`settings`")
    if found is None:
        return Settings()
    known(file, found, ("settings",), Settings.model_fields)
    given = {key: value for key, value in found.items() if key in Settings.model_fields}
    return validated(file, _SETTINGS, given, ("settings",)) or Settings()


def _enroll(file: FlowFile, data: JsonValue) -> Enroll | None:
    path: Path = ("enroll",)
    found = mapping(file, data, path, "`enroll`")
    if found is None:
        return None
    known(file, found, path, ("on", "again"))
    on = event_matches(file, found["on"], (*path, "on")) if "on" in found else []
    again = {"again": found["again"]} if "again" in found else {}
    return validated(file, _ENROLL, {"on": on, **again}, path)


def _goal(file: FlowFile, data: JsonValue) -> object:
    for place, _ in outputs(data, ("goal",)):
        file.wrong(place, "a goal is met by the record alone; outputs of steps cannot stand in it")
    return validated(file, CONDITION, data, ("goal",))
