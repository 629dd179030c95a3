"""What changed between two drawings of a flow, in words: what `diff` prints, and `publish` tells of a new revision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from starter.language import words
from starter.language.rewiring import START, Edge, Rewiring
from workflows.model.conditions import Condition
from workflows.model.flow import Enroll, Flow, kind_of
from workflows.model.nodes import FAILED, NEXT, AnyNode, Branch, BranchOnValue, DelayUntil, GoTo, Perform, Split

T = TypeVar("T")

Change = Literal["new", "removed", "moved", "changed"]


@dataclass(frozen=True)
class Difference:
    """One difference: what happened, to what (`steps.two-days.for`, `goal`), and the sentence that says it."""

    change: Change
    path: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def difference(old: Flow, new: Flow) -> list[Difference]:
    """Say how `new` differs from `old`: the flow itself first, then its steps, then where they lead."""
    rewiring = Rewiring(old, new)
    found = [*_of_flow(old, new), *_of_steps(rewiring), *_of_edges(rewiring)]
    if not found and list(old.nodes) != list(new.nodes):
        found = [Difference("moved", "steps", "the steps are written in another order, and the walk is the same")]
    return found


def _of_flow(old: Flow, new: Flow) -> Iterator[Difference]:
    if old.name != new.name:
        yield Difference("changed", "name", f"the flow is now called {words.pair(old.name, new.name)}")
    yield from _of_enroll(old.enroll, new.enroll)
    yield from _says("leave.on", "a record", "leaves on", *(words.leaving(flow.leave) for flow in (old, new)))
    yield from _of_goal(old.goal, new.goal)
    zones = words.zone(old.settings.timezone), words.zone(new.settings.timezone)
    yield from _says("settings.timezone", "the day", "begins in", *zones)
    yield from _of_fields("settings", "the setting", old.settings, new.settings, but={"timezone"})
    told = {"name", "enroll", "leave", "goal", "settings", "start", "nodes"}
    yield from _of_fields("", "the flow's", old, new, but=told)


def _of_goal(old: Condition | None, new: Condition | None) -> Iterator[Difference]:
    if old is None and new is not None:
        yield Difference("new", "goal", f"the goal is new: {words.condition(new)}")
    elif old is not None and new is None:
        yield Difference("removed", "goal", f"the goal is gone; it was: {words.condition(old)}")
    elif old is not None and new is not None and old != new:
        before, after = words.conditions(old, new)
        yield Difference("changed", "goal", f"the goal is now: {after}; it was: {before}")


_AGAIN = {"never": "once ever", "on_trigger": "again at each trigger", "always": "again at any time"}


def _of_enroll(old: Enroll, new: Enroll) -> Iterator[Difference]:
    for each in (each for each in new.on if each not in old.on):
        yield Difference("new", "enroll.on", f"new trigger {_trigger(each)}")
    for each in (each for each in old.on if each not in new.on):
        yield Difference("removed", "enroll.on", f"removed trigger {_trigger(each)}")
    if old.on != new.on and all(each in old.on for each in new.on) and all(each in new.on for each in old.on):
        yield Difference("moved", "enroll.on", "the triggers are written in another order")
    yield from _says("enroll.again", "a record", "enters", _AGAIN[old.again], _AGAIN[new.again])
    yield from _of_fields("enroll", "of enrolling,", old, new, but={"on", "again"})


def _trigger(match: Any) -> str:  # noqa: ANN401 - triggers are told apart by their own words
    return words.event(match) if hasattr(match, "event") else words.condition(match)


def _of_steps(rewiring: Rewiring) -> Iterator[Difference]:
    old, new = rewiring.old.nodes, rewiring.new.nodes
    for key in rewiring.removed:
        yield Difference("removed", f"steps.{key}", f"removed step '{key}', which {words.does(old[key])}")
    for key in rewiring.added:
        place = _standing(rewiring.come_from(key))
        yield Difference("new", f"steps.{key}", f"new step '{key}' {place}: {words.does(new[key])}")
    for key in rewiring.moved:
        place, before = _standing(rewiring.come_from(key)), _standing(rewiring.came_from(key))
        yield Difference("moved", f"steps.{key}", f"step '{key}' moved: it now stands {place} instead of {before}")
    for key, node in new.items():
        if key in old:
            yield from _of_step(old[key], node)


def _standing(edges: list[Edge]) -> str:
    """Say where a step stands by what leads to it."""
    if not edges or any(owner == START for owner, _ in edges):
        return "at the beginning"
    after = [owner for owner, name in edges if name == NEXT]
    told = [f"after {words.quoted(after[:3])}"] if after else []
    told += [words.way(*edge) for edge in edges[:3] if edge[1] != NEXT]
    return words.joined(told[:2])


def _of_step(old: AnyNode, new: AnyNode) -> Iterator[Difference]:
    path, step = f"steps.{new.id}", f"step '{new.id}'"
    if kind_of(old) != kind_of(new):
        yield Difference("changed", path, f"{step} was a '{kind_of(old)}' and is now a '{kind_of(new)}'")
        return
    if old.name != new.name:
        yield Difference("changed", f"{path}.name", f"{step} is now called {words.pair(old.name, new.name)}")
    match old, new:
        case DelayUntil(), DelayUntil():
            yield from _of_moment(path, step, old, new)
        case Branch(), Branch():
            before, after = ({arm.name: arm.when for arm in node.arms} for node in (old, new))
            yield from _of_ways(path, step, before, after, words.conditions)
        case BranchOnValue(), BranchOnValue():
            yield from _says(path, step, "looks at", old.property or old.output, new.property or new.output)
            was, now = ({way.name: way.values for way in node.ways} for node in (old, new))
            yield from _of_ways(path, step, was, now, _values)
        case Split(), Split():
            had, has = ({share.name: share.percent for share in node.shares} for node in (old, new))
            yield from _of_ways(path, step, had, has, _shares)
        case Perform(), Perform():
            yield from _of_action(path, step, old, new)
        case _:
            yield from _of_fields(path, step, old, new, but={"id", "name", "edges", "do"})


def _of_moment(path: str, step: str, old: DelayUntil, new: DelayUntil) -> Iterator[Difference]:
    yield from _says(path, step, "waits until", words.moment(old), words.moment(new))
    yield from _of_fields(
        path, step, old, new, but={"id", "name", "edges", "do", "on", "at", "date", "property", "days"}
    )


def _of_action(path: str, step: str, old: Perform, new: Perform) -> Iterator[Difference]:
    for name in dict.fromkeys((*new.config, *old.config)):
        yield from _field(f"{path}.{name}", f"{step}: `{name}`", old.config.get(name), new.config.get(name))
    if old.on_failure != new.on_failure:
        said = f"{step}: where it fails, {words.failure(new)}; before, {words.failure(old)}"
        yield Difference("changed", f"{path}.on_failure", said)
    yield from _of_fields(path, f"{step}:", old, new, but={"id", "name", "edges", "do", "kind", "config", "on_failure"})


def _of_ways(
    path: str, step: str, old: Mapping[str, T], new: Mapping[str, T], said: Callable[[T, T], tuple[str, str]]
) -> Iterator[Difference]:
    """Compare the ways out of a branch or split, each with what takes it."""
    for name, taken in new.items():
        at = f"{path}.branches.{name}"
        if name not in old:
            yield Difference("new", at, f"{step} has the new branch '{name}': {said(taken, taken)[1]}")
        elif taken != old[name]:
            before, after = said(old[name], taken)
            yield Difference("changed", at, f"branch '{name}' of {step} is now: {after}; it was: {before}")
    for name in (name for name in old if name not in new):
        yield Difference("removed", f"{path}.branches.{name}", f"{step} has lost the branch '{name}'")
    shared = [name for name in old if name in new]
    if (order := [name for name in new if name in old]) != shared:
        in_order = f"{step} now looks at its branches in the order {words.quoted(order)}"
        yield Difference("moved", f"{path}.branches", in_order)


def _shares(old: float, new: float) -> tuple[str, str]:
    return f"{old:.12g} %", f"{new:.12g} %"


def _values(old: Sequence[object], new: Sequence[object]) -> tuple[str, str]:
    return words.joined(map(words.value, old), "or"), words.joined(map(words.value, new), "or")


def _of_edges(rewiring: Rewiring) -> Iterator[Difference]:
    for each in rewiring.edges:
        owner, name = each.edge
        if owner == START:
            said, path = "the flow now begins with", "steps"
        elif name == FAILED:
            said, path = f"where '{owner}' fails, the walk now goes to", f"steps.{owner}.on_failure"
        elif isinstance(rewiring.new.nodes[owner], GoTo):
            said, path = f"step '{owner}' now goes to", f"steps.{owner}.to"
        elif name == NEXT:
            said, path = f"after '{owner}' the walk now goes on to", f"steps.{owner}"
        else:
            said, path = f"branch '{name}' of step '{owner}' now leads to", f"steps.{owner}.branches.{name}"
        yield Difference("changed", path, f"{said} {words.target(each.after)} instead of {words.target(each.before)}")


_SAID: dict[str, tuple[str, Callable[[Any], str]]] = {
    "for_": ("waits", words.length),
    "any_of": ("waits for", words.events),
    "at_most": ("waits at most", lambda span: words.length(span) if span else "as long as it takes"),
    "if_past": ("does, where the moment is past,", words.value),
    "if_empty": ("does, where the property is empty,", words.value),
}
"""What a step is said to do by a field of it, and how the field is written."""


def _of_fields(
    path: str, what: str, old: BaseModel, new: BaseModel, but: set[str] | frozenset[str] = frozenset()
) -> Iterator[Difference]:
    """Compare all fields of a model, and those of models in it."""
    for name in type(new).model_fields:
        before, after = getattr(old, name, None), getattr(new, name)
        if name in but or before == after:
            continue
        at = f"{path}.{name.rstrip('_')}".lstrip(".")
        if name in _SAID:
            said, written = _SAID[name]
            yield from _says(at, what, said, written(before), written(after))
        elif isinstance(before, BaseModel) and isinstance(after, BaseModel) and type(before) is type(after):
            yield from _of_fields(at, what, before, after)
        else:
            yield from _field(at, f"{what} `{_own(at)}`", before, after)


def _own(path: str) -> str:
    """Name a field as its file does, without the section that the sentence names already."""
    head, _, rest = path.partition(".")
    return path.split(".", 2)[2] if head == "steps" else rest or head


def _says(path: str, what: str, said: str, old: str | None, new: str | None) -> Iterator[Difference]:
    if old != new:
        yield Difference("changed", path, f"{what} now {said} {new} instead of {old}")


def _field(path: str, what: str, old: object, new: object) -> Iterator[Difference]:
    if old == new and isinstance(old, bool) == isinstance(new, bool):
        return
    if old is None:
        yield Difference("new", path, f"{what} is now {words.value(new)}")
    elif new is None:
        yield Difference("removed", path, f"{what} is given no more; it was {words.value(old)}")
    else:
        yield Difference("changed", path, f"{what} is now {words.pair(old, new)}")
