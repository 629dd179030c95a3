"""Steps that the walk leaves by several ways: a branch, a branch by value, a split."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue, TypeAdapter

from starter.language.checks import condition, known, listed, mapping, validated
from starter.language.flow_file import Path
from starter.language.sketch import Edges, Sketch, Step, stand_in
from starter.language.wording import said
from workflows.model.nodes import (
    FAILED,
    MOST_VALUES,
    NEXT,
    OTHERWISE,
    AnyNode,
    Arm,
    Branch,
    BranchOnValue,
    Share,
    Split,
    Value,
)
from workflows.model.operators import Scalar, wanted_keys

MOST_BRANCHES = 20
"""Branches of one step, as HubSpot has it; by value they are as many as the values."""

_TAKEN = (OTHERWISE, NEXT, FAILED)
_ROUNDING = 0.001
_LONGEST_NAME = 80
_ARM, _VALUE, _SHARE = TypeAdapter(Arm), TypeAdapter(Value), TypeAdapter(Share)


@dataclass(frozen=True)
class Way:
    """One of the branches of a step: where it stands, what is written, and its own name, None where it is wrong."""

    path: Path
    data: dict[str, JsonValue]
    name: str | None


@dataclass(frozen=True)
class Form:
    """What the branches of one kind of step are like: an example, their keys, how many, and how they are called."""

    example: str
    keys: tuple[str, ...]
    most: int = MOST_BRANCHES
    name_of: Callable[[dict[str, JsonValue]], JsonValue] = lambda data: data.get("name")


def branch(sketch: Sketch, step: Step) -> AnyNode:
    """Compile a branch by conditions."""
    sketch.keys(step, "branches", "otherwise")
    edges: Edges = {}
    arms: list[Arm] = []
    for way in _ways(sketch, step, _BY_CONDITION, edges):
        sketch.has(way.path, way.data, "name", "when")
        if "when" in way.data:
            sketch.check_names(step, (*way.path, "when"), way.data["when"])
            when = condition(sketch.file, way.data["when"], (*way.path, "when"))
            arm = (
                validated(sketch.file, _ARM, {"name": way.name, "when": when}, way.path) if when and way.name else None
            )
            arms += [arm] if arm else []
    _otherwise(sketch, step, edges)
    return _whole(sketch, step, edges, Branch, {"arms": arms})


def branch_on_value(sketch: Sketch, step: Step) -> AnyNode:
    """Compile a branch by the value of a property or an output."""
    sketch.keys(step, "property", "output", "branches", "otherwise")
    source = _source(sketch, step)
    edges: Edges = {}
    values: list[Value] = []
    taken: dict[str, Path] = {}
    for way in _ways(sketch, step, _BY_VALUE, edges):
        found = _values(sketch, way, taken, source.get("property"))
        if found and way.name:
            value = validated(sketch.file, _VALUE, {"name": way.name, "values": found}, way.path)
            values += [value] if value else []
    if sum(len(value.values) for value in values) > MOST_VALUES:
        message = f"these are more than {MOST_VALUES} values; at most so many are told apart"
        sketch.file.wrong((*step.path, "branches"), "too_many_values", message)
        values = []
    _otherwise(sketch, step, edges)
    return _whole(sketch, step, edges, BranchOnValue, {"ways": values if source else [], **source})


def split(sketch: Sketch, step: Step) -> AnyNode:
    """Compile a split by shares."""
    sketch.keys(step, "branches")
    edges: Edges = {}
    ways = [*_ways(sketch, step, _BY_SHARE, edges)]
    for way in ways:
        sketch.has(way.path, way.data, "name")
    shares = _shares(sketch, step, ways)
    if len(edges) == 1:
        message = "a split needs at least two branches; with one, all records go the same way"
        sketch.file.wrong((*step.path, "branches"), "too_few", message)
        shares = []
    return _whole(sketch, step, edges, Split, {"shares": shares})


def _ways(sketch: Sketch, step: Step, form: Form, edges: Edges) -> Iterator[Way]:
    """Compile the branches of a step, each with its edge."""
    path = (*step.path, "branches")
    if not sketch.has(step.path, step.data, "branches"):
        return
    branches = listed(sketch.file, step.data["branches"], path, "branches")
    if len(branches) > form.most:
        message = f"here are {len(branches)} branches; at most {form.most} are possible"
        sketch.file.wrong(path, "too_many_branches", message)
    elif step.data["branches"] == []:
        sketch.file.wrong(path, "too_few", f"at least one branch is needed, as `{form.example}`")
    for number, each in enumerate(branches[: form.most]):
        here = (*path, number)
        if (data := mapping(sketch.file, each, here, "a branch", f"`{form.example}`")) is None:
            edges[f"? {number}"] = step.following
            continue
        known(sketch.file, data, here, (*form.keys, "steps"))
        name = _name(sketch, here, data, form.name_of(data), edges)
        edges[name or f"? {number}"] = sketch.row(data.get("steps", []), (*here, "steps"), step.following)
        yield Way(here, data, name)


def _name(sketch: Sketch, path: Path, data: dict[str, JsonValue], name: JsonValue, edges: Edges) -> str | None:
    """Read the name of a branch, None with a mistake where it has none of its own."""
    if name is None and "name" not in data:
        return None  # what is missing is told with the rest
    if not isinstance(name, str) or not name:
        shown = "" if name is None or name == "" else f"; write it in quotes, as '{said(name)}'"
        sketch.file.wrong((*path, "name"), "wrong_type", f"must be text{shown}")
        return None
    if name in edges or name in _TAKEN:
        message = f"the name {said(name)} is taken; each branch needs one of its own"
        sketch.file.wrong((*path, "name"), "duplicate_name", message)
        return None
    return name


def _otherwise(sketch: Sketch, step: Step, edges: Edges) -> None:
    edges[OTHERWISE] = sketch.row(step.data.get("otherwise", []), (*step.path, "otherwise"), step.following)
    is_told = "otherwise" in step.data or (step.path, "otherwise") in sketch.file.misspelt
    if edges[OTHERWISE] is None and not is_told:
        message = (
            "records that take none of these branches leave the flow here unseen;"
            " say what becomes of them under `otherwise`, or write `otherwise: []` if they shall"
        )
        sketch.file.doubt(step.path, "silent_end", message)


def _whole(sketch: Sketch, step: Step, edges: Edges, model: type[Any], fields: dict[str, object]) -> AnyNode:
    """Give the node where each of its branches is right, else a stand-in with the same edges."""
    right = max(len(each) for each in fields.values() if isinstance(each, list))
    is_whole = right and right == len(edges.keys() - {OTHERWISE})
    node = sketch.node(model, step, edges, fields) if is_whole else None
    return node or stand_in(step, edges, rests=False)


def _source(sketch: Sketch, step: Step) -> dict[str, object]:
    """Read whose value is looked at; nothing with a mistake where that is not clear."""
    given = [key for key in ("property", "output") if key in step.data]
    if len(given) > 1:
        message = "give a `property` or an `output`, not both"
        sketch.file.wrong((*step.path, "output"), "unclear_value", message, at_key=True)
        return {}
    if not given:
        message = "whose value? Give a `property`, as `property: country`, or an `output`"
        sketch.incomplete(step, message, "property", "output")
        return {}
    sketch.check_names(step, step.path, {given[0]: step.data[given[0]]})
    return {given[0]: step.data[given[0]]}


def _value_name(data: dict[str, JsonValue]) -> JsonValue:
    """Give the name of a branch by value: its own, or its values as they are written."""
    if "name" in data:
        return data["name"]
    values = data.get("is_any_of", data.get("is"))
    words = [str(each).lower() if isinstance(each, bool) else str(each) for each in _each(values) if each is not None]
    return ", ".join(words)[:_LONGEST_NAME] or None


def _each(values: JsonValue) -> list[JsonValue]:
    return values if isinstance(values, list) else [values]


def _values(sketch: Sketch, way: Way, taken: dict[str, Path], name: object) -> list[Scalar]:
    """Read the values of a branch, none with a mistake where one is wrong or another branch has it."""
    given = [key for key in ("is", "is_any_of") if key in way.data]
    if len(given) > 1:
        message = "give `is` or `is_any_of`, not both"
        sketch.file.wrong((*way.path, "is_any_of"), "unclear_value", message, at_key=True)
        return []
    if not given:
        sketch.has(way.path, way.data, "is")
        return []
    at = (*way.path, given[0])
    data = way.data[given[0]]
    places = [(at, data)]
    if given[0] == "is_any_of":
        places = [((*at, number), each) for number, each in enumerate(listed(sketch.file, data, at, "values"))]
        if data == []:
            sketch.file.wrong(at, "too_few", "must not be empty")
    found = [_value(sketch, path, each, taken) for path, each in places]
    for path, each in places:
        sketch.names.option(path, str(name), sketch.object, each)
    return [] if None in found else [each for each in found if each is not None]


def _value(sketch: Sketch, path: Path, value: JsonValue, taken: dict[str, Path]) -> Scalar | None:
    if value is None or isinstance(value, dict | list):
        message = "must be one value, a text or a number; records without a value go to `otherwise`"
        sketch.file.wrong(path, "wrong_type", message)
        return None
    keys = wanted_keys([value])
    if (other := next((taken[key] for key in sorted(keys) if key in taken), None)) is not None:
        line = sketch.file.place(other)[0]
        sketch.file.wrong(path, "duplicate_value", f"the value {said(value)} is taken by the branch in line {line}")
        return None
    taken.update(dict.fromkeys(keys, path))
    return value


def _shares(sketch: Sketch, step: Step, ways: list[Way]) -> list[Share]:
    """Read the shares of a split: all with percentages that make a hundred, or all without and even."""
    given = [way for way in ways if "percent" in way.data]
    if given and len(given) < len(ways):
        bare = next(way for way in ways if "percent" not in way.data)
        message = "`percent` is missing; give it to every branch, or to none for even shares"
        sketch.file.wrong(bare.path, "missing_key", message)
        return []
    shares: list[Share] = []
    for way in ways:
        percent = way.data.get("percent", 100 / len(ways))
        if isinstance(percent, bool | str):
            sketch.file.wrong((*way.path, "percent"), "wrong_type", f"{said(percent)} is not a number; write it as 50")
            continue
        share = validated(sketch.file, _SHARE, {"name": way.name or "?", "percent": percent}, way.path)
        shares += [share] if share and way.name else []
    total = sum(share.percent for share in shares)
    if len(shares) == len(ways) > 1 and abs(total - 100) > _ROUNDING:
        message = f"the percentages of these branches make {total:g}, not 100"
        sketch.file.wrong((*step.path, "branches"), "bad_percentages", message)
        return []
    return shares


_BY_CONDITION = Form("{name: ..., when: ..., steps: [...]}", ("name", "when"))
_BY_VALUE = Form("{is: ..., steps: [...]}", ("name", "is", "is_any_of"), MOST_VALUES, _value_name)
_BY_SHARE = Form("{name: ..., percent: 50, steps: [...]}", ("name", "percent"))
