"""Checking the data of a flow file against models, so that each mistake is told at its place and in plain words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from starter.language.flow_file import FlowFile, Path
from starter.language.wording import SPAN_KEYS, code_of, kind_wanted, meant, nearest, said, worded
from workflows.model.conditions import Condition, Test
from workflows.model.nodes import EventMatch

T = TypeVar("T")

_SURE = 0.6
DEEPEST_VALUE = 60
"""Levels of what is no step: a condition may have twenty, each of which takes two."""

CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)
_TEST: TypeAdapter[Any] = TypeAdapter(Test)
_EVENT_MATCH = TypeAdapter(EventMatch)


def mapping(
    file: FlowFile, data: JsonValue, path: Path, what: str, form: str = "keys and values"
) -> dict[str, JsonValue] | None:
    """Give data that must be a mapping, None with a mistake where it is not."""
    if isinstance(data, dict):
        return data
    file.wrong(path, "wrong_type", f"{what} is written as {form}, not as {said(data)}")
    return None


def listed(file: FlowFile, data: JsonValue, path: Path, what: str) -> list[JsonValue]:
    """Give data that must be a list, an empty one with a mistake where it is not."""
    if isinstance(data, list):
        return data
    there = "and there is nothing" if data is None else f"not {said(data)}"
    file.wrong(path, "wrong_type", f"must be a list of {what}, {there}")
    return []


def known(file: FlowFile, data: Mapping[str, JsonValue], path: Path, keys: Collection[str]) -> None:
    """Note each key that is unknown, with the nearest that is not."""
    for key in data:
        if key not in keys:
            message = "" if file.is_full else f"this key is not known here; {meant(key, keys)}"
            file.wrong((*path, key), "unknown_key", message, at_key=True)
            file.misspelt.add((path, key if file.is_full else nearest(key, keys) or key))


def required(file: FlowFile, data: Mapping[str, JsonValue], path: Path, keys: Collection[str]) -> bool:
    """Note each key that is missing; tell whether there are all."""
    missing = [key for key in keys if key not in data]
    for key in missing:
        lacking(file, path, key)
    return not missing


def lacking(file: FlowFile, path: Path, key: str, why: str = "") -> None:
    """Note that a key is missing, unless it is there in a wrong spelling, which is told."""
    if (path, key) not in file.misspelt:
        file.wrong(path, "missing_key", f"`{key}` is missing{why}")


def validated(file: FlowFile, model: TypeAdapter[T], data: object, path: Path) -> T | None:
    """Read data as a model, None where it has mistakes, which are noted."""
    if not shallow(file, data, path):
        return None
    try:
        return model.validate_python(data)
    except ValidationError as error:
        refused(file, error, path)
    return None


def shallow(file: FlowFile, data: object, path: Path) -> bool:
    """Tell whether data is nested no deeper than a model can read and write, with a mistake where it is."""
    level = [data]
    for _ in range(DEEPEST_VALUE):
        containers = [each for each in level if isinstance(each, dict | list)]
        level = [inner for each in containers for inner in (each.values() if isinstance(each, dict) else each)]
        if not level:
            return True
    file.wrong(path, "too_deep", f"this is nested more than {DEEPEST_VALUE} levels deep")
    return False


def refused(file: FlowFile, error: ValidationError, path: Path) -> None:
    """Note what pydantic has found, each at the value or key it is about."""
    errors = error.errors(include_url=False)
    arms: dict[Path, list[ErrorDetails]] = {}
    for each in errors:
        if _follows(each, errors) or (not each["loc"] and any(at == path for at, _ in file.misspelt)):
            continue  # of what a misspelt key leaves undone, the key is told
        place = _found(file, path, each)
        if each["type"] == "missing":
            lacking(file, place, str(each["loc"][-1]))
        elif kind_wanted(each):
            arms.setdefault(place, []).append(each)
        else:
            file.wrong(place, code_of(each), _said(each), at_key=each["type"] == "extra_forbidden")
    for place, wrong in arms.items():
        kinds = " or ".join(dict.fromkeys(map(kind_wanted, wrong)))
        message = worded(wrong[0]) if len(wrong) == 1 else f"must be {kinds}, not {said(wrong[0]['input'])}"
        file.wrong(place, "wrong_type", message)


def _said(error: ErrorDetails) -> str:
    if error["type"] != "extra_forbidden":
        return worded(error)
    unknown, tags = str(error["loc"][-1]), [tag for tag in error["loc"][:-1] if isinstance(tag, str)]
    near = next((words for tag in reversed(tags) if (words := _words_beside(tag))), ())
    words = near if nearest(unknown, near, _SURE) or not nearest(unknown, condition_words()) else condition_words()
    return f"this key is not known here; {meant(unknown, words)}"


def _found(file: FlowFile, path: Path, error: ErrorDetails) -> Path:
    """Find the value or key that an error is about; parts of its place that the file lacks are tags of a union.

    A tag may be called as a key is, `property` in `{property: stage, iz: lead}`, so each part is tried as both.
    """
    ways = last = {path}
    for part in error["loc"]:
        last = {(*way, part) for way in ways if file.spot((*way, part))}
        ways = ways | last
    place = max(last or ways, key=len)
    spot = file.spot(place)
    is_tag = isinstance(error["input"], dict) and spot is not None and spot.parts is None and len(place) > len(path)
    return place[:-1] if is_tag and error["type"] != "extra_forbidden" else place


def _follows(error: ErrorDetails, errors: list[ErrorDetails]) -> bool:
    """Tell whether an error follows from others: a list is too short without what is wrong in it, a key is misspelt."""
    if error["type"] == "too_short":
        return any(_is_in(other, error) for other in errors)
    is_lacking = error["type"] == "missing"
    return is_lacking and any(
        other["type"] == "extra_forbidden" and other["loc"][:-1] == error["loc"][:-1] for other in errors
    )


def _is_in(inner: ErrorDetails, outer: ErrorDetails) -> bool:
    depth = len(outer["loc"])
    return inner["loc"][:depth] == outer["loc"] and len(inner["loc"]) > depth


@cache
def _condition_models() -> list[dict[str, Any]]:
    schemas = [CONDITION.json_schema(), _EVENT_MATCH.json_schema()]
    return [model for schema in schemas for model in (schema, *schema.get("$defs", {}).values())]


@cache
def condition_words() -> tuple[str, ...]:
    """Give all keys that stand in conditions and tests of events, as the models have them."""
    return tuple(dict.fromkeys(key for model in _condition_models() for key in model.get("properties", {})))


@cache
def _words_beside(key: str) -> tuple[str, ...]:
    """Give the keys that may stand beside one that tells a kind of condition, none where it tells no kind."""
    models = (model for model in _condition_models() if key in model.get("required", ()))
    return tuple(dict.fromkeys(word for model in models for word in model["properties"]))


def no_flags(file: FlowFile, model: type[BaseModel], data: Mapping[str, JsonValue], path: Path) -> None:
    """Refuse true and false where a number is wanted, which pydantic reads as 1 and 0."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        if isinstance(data.get(key), bool) and field.annotation in (int, float, int | None, float | None):
            file.wrong((*path, key), "wrong_type", f"must be a number, not {said(data[key])}")


def spans_have_units(file: FlowFile, data: Mapping[str, JsonValue], path: Path, keys: Collection[str]) -> None:
    """Refuse a bare number, which a stored revision means in seconds and a person in anything."""
    for key in keys:
        given = data.get(key)
        if key not in data or isinstance(given, str):
            continue
        message = f"must be a length of time, as '2 days', not {said(given)}"
        if isinstance(given, int | float) and not isinstance(given, bool):
            example = f"{given:g} days" if given > 0 else "2 days"
            message = f"{given} of what? Write a number and a unit, as '{example}' or '2 hours'"
        file.refuse((*path, key), SPAN_KEYS[key], message)


def condition(file: FlowFile, data: JsonValue, path: Path) -> Condition | None:
    """Read a condition."""
    found = mapping(file, data, path, "a condition", "`{property: country, is: FI}`")
    return None if found is None else validated(file, CONDITION, found, path)


def event_match(file: FlowFile, data: JsonValue, path: Path) -> EventMatch | None:
    """Read `{event: ..., where: {...}}`. Each test is read by itself: else a misspelt one passes for a plain value."""
    found = mapping(file, data, path, "an event", "`{event: form_submitted}`")
    if found is None:
        return None
    known(file, found, path, tuple(EventMatch.model_fields))
    if not required(file, found, path, ("event",)) or not shallow(file, found, path):
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
