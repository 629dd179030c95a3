"""From nested steps to nodes with edges. Where a step is wrong, a stand-in keeps the graph whole for further checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pydantic import JsonValue, TypeAdapter

from activities.catalogue import Catalogue
from starter.language import branching, control_steps
from starter.language.checks import lacking, validated
from starter.language.flow_file import Path, written
from starter.language.perform_steps import perform
from starter.language.sketch import UNNAMED, Data, Sketch, Step, stand_in
from starter.language.texts import check_text
from starter.language.wording import meant, nearest, said
from workflows.model.graph import MOST_NODES, Before, misdrawn
from workflows.model.nodes import AnyNode, End, GoTo, NodeId, Perform, WaitForEvent

DEEPEST = 64
"""Levels of branches in branches."""

CONTROL: Mapping[str, Callable[[Sketch, Step], AnyNode | None]] = {
    "delay": control_steps.delay,
    "delay_until": control_steps.delay_until,
    "wait_for_event": control_steps.wait_for_event,
    "branch": branching.branch,
    "branch_on_value": branching.branch_on_value,
    "split": branching.split,
    "go_to": control_steps.go_to,
    "end": control_steps.end,
    "placeholder": control_steps.placeholder,
}
"""The steps that are no actions."""

_SURE = 0.8
_ID = TypeAdapter(NodeId)


def every_step(data: JsonValue) -> Iterator[tuple[Path, Data]]:
    """Give all steps of a flow's data, in the order in which they stand in the file."""
    for path, step, _ in _levels(data.get("steps") if isinstance(data, dict) else None, ("steps",)):
        yield path, step


def _levels(data: JsonValue, path: Path) -> Iterator[tuple[Path, Data, int]]:
    """Give the steps of a row and of all rows inside, with their level; what is too deep is not gone into."""
    ahead: list[tuple[JsonValue, Path, int]] = [(data, path, 1)] if isinstance(data, list) else []
    while ahead:
        here, at, level = ahead.pop()
        inside: list[tuple[JsonValue, Path, int]] = []
        if isinstance(here, list):
            inside = [(step, (*at, number), level) for number, step in enumerate(here)]
        elif isinstance(here, dict):
            yield at, here, level
            branches = here.get("branches")
            for number, each in enumerate(branches if isinstance(branches, list) else ()):
                if isinstance(each, dict) and isinstance(each.get("steps"), list):
                    inside.append((each["steps"], (*at, "branches", number, "steps"), level + 1))
            if isinstance(here.get("otherwise"), list):
                inside.append((here["otherwise"], (*at, "otherwise"), level + 1))
        ahead += reversed(inside if isinstance(here, list) or level <= DEEPEST else [])


def compile_steps(sketch: Sketch, data: JsonValue) -> tuple[str | None, dict[str, AnyNode]]:
    """Compile all steps of a flow; give the id of the first, and the nodes in the order of the file."""
    if not _name(sketch, data, ("steps",)):
        return None, {}
    start = sketch.row(data, ("steps",), None)
    nodes = {id_: sketch.nodes[id_] for id_ in sketch.paths if id_ in sketch.nodes}
    for place, target in sketch.targets:
        if target not in sketch.paths:
            sketch.file.wrong(place, "unknown_step", _no_step(sketch, target))
    _check_graph(sketch, start, nodes)
    _check_names(sketch, nodes)
    return start, nodes


def _name(sketch: Sketch, data: JsonValue, path: Path) -> bool:
    """Give every step its id, in a pass of its own: a step must know what follows it. Tell whether there is an end."""
    for here, step, level in _levels(data, path):
        if level > DEEPEST:
            message = f"these steps stand in more than {DEEPEST} branches, one in the other"
            sketch.file.wrong(here, "too_deep", message)
            return False
        if len(sketch.paths) == MOST_NODES:
            message = f"the flow has more than {MOST_NODES} steps; divide it into several flows"
            sketch.file.wrong(here, "too_many_steps", message)
            return False
        sketch.ids[here] = id_ = _id(sketch, step, here)
        sketch.paths[id_] = here
    return True


def _id(sketch: Sketch, step: Data, here: Path) -> str:
    stand_in_id = f"{UNNAMED}{len(sketch.paths)}"
    if "id" not in step:
        message = (
            "`id` is missing; a step keeps its id for the life of the flow, as `id: welcome` (`perdure fmt` adds it)"
        )
        sketch.file.wrong(here, "missing_id", message)
        return stand_in_id
    id_ = validated(sketch.file, _ID, step["id"], (*here, "id"))
    if id_ is not None and id_ in sketch.paths:
        message = f"the id {id_!r} is taken by {written(sketch.paths[id_])}; each step needs one of its own"
        sketch.file.wrong((*here, "id"), "duplicate_id", message)
        return stand_in_id
    return id_ or stand_in_id


def compile_step(sketch: Sketch, step: Step) -> AnyNode:
    """Compile one step; one of an unknown kind as that which was surely meant, so that all of its mistakes are told."""
    kind = step.data.get("do")
    if "do" not in step.data:
        lacking(sketch.file, step.path, "do", "; it says what the step does, as `do: send_email`")
    elif not isinstance(kind, str):
        sketch.file.wrong((*step.path, "do"), "wrong_type", "must be the name of what the step does, as send_email")
    kinds = [*CONTROL, *sketch.catalogue]
    if isinstance(kind, str) and kind not in kinds:
        control_steps.unknown(sketch, step, kind, [each for each in kinds if each != "placeholder"])
        kind = nearest(kind, kinds, _SURE)
    if not isinstance(kind, str):
        return stand_in(step, step.onward)
    control = CONTROL.get(kind)
    node = control(sketch, step) if control else perform(sketch, step, sketch.catalogue[kind])
    return node or stand_in(step, step.onward)


def _check_graph(sketch: Sketch, start: str | None, nodes: Mapping[str, AnyNode]) -> None:
    """Tell what is wrong with the graph at the steps; what leads nowhere is told where it is written."""
    for node, code, message in misdrawn(start, nodes):
        path = sketch.paths.get(node, ("steps",))
        why = _why_unreachable(sketch, path, nodes) if code == "unreachable_step" else ""
        if code != "unknown_step":
            sketch.file.wrong(path, code, f"{message}{why}")


def _why_unreachable(sketch: Sketch, path: Path, nodes: Mapping[str, AnyNode]) -> str:
    """Say what the step before has to do with it that no path leads to a step."""
    last = path[-1]
    before = sketch.ids.get((*path[:-1], last - 1)) if isinstance(last, int) else None
    match nodes.get(before or ""):
        case End():
            return f"; {before!r} before it ends the walk"
        case GoTo():
            return f"; {before!r} before it leads elsewhere"
        case _:
            return ""


def _check_names(sketch: Sketch, nodes: Mapping[str, AnyNode]) -> None:
    """Check the outputs that conditions and texts name: there are such, and their steps come before."""
    before = Before(nodes)
    outputs = {id_: _outputs(sketch.catalogue, node) for id_, node in nodes.items()}

    def mistake(step: str, key: str, reader: str) -> tuple[str, str] | None:
        there = outputs.get(step)
        if step not in sketch.paths:
            return "unknown_step", _no_step(sketch, step)
        if there is not None and key not in there:
            return "unknown_output", f"{said(step)} has no output {said(key)}; {meant(key, there)}"
        if step in nodes and reader in nodes and not before.may_precede(step, reader):
            return "output_too_late", f"{said(step)} cannot have come before this step, so its outputs are never there"
        return None

    for path, named, reader in sketch.outputs:
        step, dot, key = named.partition(".")
        if dot and (found := mistake(step, key, reader)):
            sketch.file.wrong(path, *found)
    for text in sketch.texts:
        check_text(sketch, text, mistake)


def _no_step(sketch: Sketch, name: str) -> str:
    return "" if sketch.file.is_full else f"there is no step {said(name)}; {meant(name, sketch.known_ids)}"


def _outputs(catalogue: Catalogue, node: AnyNode) -> list[str] | None:
    """Name what a step puts out; None where that is not known."""
    match node:
        case Perform(kind=kind, config=config):
            return list(catalogue[kind].outputs_of(config)) if kind in catalogue else None
        case WaitForEvent():
            return None  # the event's own properties
        case _:
            return []
