"""Checking the data of a flow file against models, so that each mistake is told at its place and in plain words."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeVar

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from starter.flow_file import FlowFile, Path
from workflows.model.conditions import Condition, Test
from workflows.model.nodes import EventMatch

T = TypeVar("T")

_TESTS = ("is", "is_not", "is_any_of", "is_known", "contains", "greater_than", "less_than")
_WORDS = ("all", "any", "not", "property", "output", *_TESTS, "event", "where")

_KINDS = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
}
_SPELT = {
    "^[a-z0-9][a-z0-9-]{0,79}$": "write small letters, digits and -, as demo-request",
    "^[a-z0-9][a-z0-9_-]{0,63}$": "write small letters, digits, - and _, as two-days",
    "^[a-z][a-z0-9_]{0,39}$": "write small letters, digits and _, as contact",
    "^[a-z][a-z0-9_.]{0,79}$": "write small letters, digits, _ and ., as form_submitted",
}
"""What people read where a name does not match; a pattern that is not here is shown as it is."""

CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)
_TEST = TypeAdapter(Test)
_EVENT_MATCH = TypeAdapter(EventMatch)


def mapping(file: FlowFile, data: JsonValue, path: Path, what: str) -> dict[str, JsonValue] | None:
    """Give data that must be a mapping, None with a mistake where it is not."""
    if isinstance(data, dict):
        return data
    file.wrong(path, f"{what} is written as keys and values, not as {_said(data)}")
    return None


def listed(file: FlowFile, data: JsonValue, path: Path, what: str) -> list[JsonValue]:
    """Give data that must be a list, an empty one with a mistake where it is not."""
    if isinstance(data, list):
        return data
    file.wrong(path, f"here stands a list of {what}, not {_said(data)}")
    return []


def known(
    file: FlowFile, data: Mapping[str, JsonValue], path: Path, keys: Collection[str], required: Collection[str] = ()
) -> None:
    """Note each key that is unknown, with the nearest that is not, and each that is missing."""
    for key in data:
        if key not in keys:
            file.wrong((*path, key), f"this key is not known here; {meant(key, keys)}", at_key=True)
    for key in required:
        if key not in data:
            file.wrong(path, f"`{key}` is missing")


def meant(word: str, words: Collection[str]) -> str:
    """Give the nearest word as a question, or else all words."""
    near = difflib.get_close_matches(word, words, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(words)}"


def validated(file: FlowFile, model: TypeAdapter[T], data: object, path: Path) -> T | None:
    """Read data as a model, None where it has mistakes, which are noted."""
    try:
        return model.validate_python(data)
    except ValidationError as error:
        refused(file, error, path)
    return None


def refused(file: FlowFile, error: ValidationError, path: Path) -> None:
    """Note what pydantic has found, each at the value or key it is about."""
    errors = error.errors(include_url=False)
    arms: dict[Path, list[ErrorDetails]] = {}
    for each in errors:
        if each["type"] == "too_short" and any(_is_in(other, each) for other in errors):
            continue  # it is too short only because what stands in it is wrong
        place = _found(file, path, each)
        if _kind(each):
            arms.setdefault(place, []).append(each)
        else:
            file.wrong(place, worded(each), at_key=each["type"] == "extra_forbidden")
    for place, wrong in arms.items():
        kinds = " or ".join(dict.fromkeys(map(_kind, wrong)))
        said = worded(wrong[0]) if len(wrong) == 1 else f"must be {kinds}, not {_said(wrong[0]['input'])}"
        file.wrong(place, said)


def _found(file: FlowFile, path: Path, error: ErrorDetails) -> Path:
    """Find the value or key that an error is about; parts of its place that the file lacks are tags of a union."""
    place = path
    for part in error["loc"]:
        place = (*place, part) if (*place, part) in file.values else place
    unknown = error["loc"][-1] if error["type"] == "extra_forbidden" else None
    beside = (*place[:-1], unknown) if unknown is not None else place
    # A tag may be called as a key is: `property` in `{property: stage, iz: lead}`.
    return beside if place[-1:] != (unknown,) and beside in file.values else place


def _kind(error: ErrorDetails) -> str:
    """Name the kind of value that an error wants; none for an error about something else."""
    return _KINDS.get(error["type"].removesuffix("_type").removesuffix("_parsing"), "")


def event_match(file: FlowFile, data: JsonValue, path: Path) -> EventMatch | None:
    """Read `{event: ..., where: {...}}`. Each test is read by itself: else a misspelt one passes for a plain value."""
    found = mapping(file, data, path, "an event")
    if found is None:
        return None
    known(file, found, path, ("event", "where"), required=("event",))
    if "event" not in found:
        return None
    where = mapping(file, found.get("where", {}), (*path, "where"), "`where`") or {}
    tests = {
        name: validated(file, _TEST, value, (*path, "where", name)) if isinstance(value, dict) else value
        for name, value in where.items()
    }
    return validated(file, _EVENT_MATCH, {"event": found["event"], "where": tests}, path)


def event_matches(file: FlowFile, data: JsonValue, path: Path) -> list[EventMatch]:
    """Read a list of events that are looked for."""
    each = (event_match(file, one, (*path, n)) for n, one in enumerate(listed(file, data, path, "events")))
    return [match for match in each if match is not None]


def outputs(data: JsonValue, path: Path) -> Iterator[tuple[Path, str]]:
    """Find each `output: STEP.key` in a condition."""
    if isinstance(data, dict):
        if isinstance(named := data.get("output"), str):
            yield (*path, "output"), named
        for key, value in data.items():
            yield from outputs(value, (*path, key))
    if isinstance(data, list):
        for number, value in enumerate(data):
            yield from outputs(value, (*path, number))


def worded(error: ErrorDetails) -> str:
    """Say in plain words what pydantic found."""
    key = str(error["loc"][-1]) if error["loc"] else ""
    context: Mapping[str, Any] = error.get("ctx") or {}
    match error["type"]:
        case "missing":
            return f"`{key}` is missing"
        case "extra_forbidden":
            return f"this key is not known here; {meant(key, _WORDS)}"
        case "string_pattern_mismatch":
            spelt = _SPELT.get(context["pattern"], f"it must match {context['pattern']}")
            return f"{error['input']!r} is not allowed; {spelt}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"is written as keys and values, not as {_said(error['input'])}"
        case "string_type":
            given = error["input"]
            return "must be text, and there is nothing" if given is None else f"must be text, not {_said(given)}"
        case "too_short":
            return f"needs at least {context['min_length']}"
        case _:
            said = error["msg"].removeprefix("Value error, ")
            return said.replace("Input should be", "must be", 1)


def _is_in(inner: ErrorDetails, outer: ErrorDetails) -> bool:
    depth = len(outer["loc"])
    return inner["loc"][:depth] == outer["loc"] and len(inner["loc"]) > depth


def _said(data: JsonValue) -> str:
    names = {dict: "keys and values", list: "a list", type(None): "nothing"}
    return names.get(type(data), repr(data))
