"""What stands on a box: the name of its step, what a person needs to recognise it, and the rest as its tooltip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from pydantic import JsonValue

from activities.plain_text import as_text
from starter.drawing.looks import icon_of
from starter.drawing.text import MOST_READ, clean, without_braces
from starter.language import words
from workflows.model.conditions import Plain, Test
from workflows.model.flow import Flow, Timezone
from workflows.model.nodes import (
    AnyNode,
    Branch,
    BranchOnValue,
    Delay,
    DelayUntil,
    End,
    EventMatch,
    GoTo,
    Perform,
    Split,
    WaitForEvent,
)

_TELLING = (
    *("subject", "email", "title", "note", "text", "message", "body", "url", "list", "flow", "sequence"),
    *("subscription", "status", "name", "to", "to_output", "type", "formula", "format"),
)
"""Fields of an action that tell one step from another, the most telling first."""

_HTML = "body"
"""The one of them that is HTML: what it says counts, not its tags."""

_INITIALS = {"sms", "url", "http"}

_AGAIN = {
    "never": "once ever",
    "on_trigger": "again at each trigger",
    "always": "again at any time",
}


@dataclass(frozen=True)
class Label:
    """The look and the icon of a box by name, its title, the lines under it, and its tooltip."""

    look: str
    icon: str
    title: str
    details: tuple[str, ...] = ()
    tooltip: str = ""


def of_flow(flow: Flow) -> Label:
    """Label the box that stands for the flow itself: who enters, when they leave, whose clock counts."""
    details = [f"Each {flow.object}, {_AGAIN[flow.enroll.again]}"]
    if flow.goal:
        details.append(f"Goal: {clean(words.condition(flow.goal))}")
    if flow.leave.on:
        details.append(f"Leaves on {clean(words.events(flow.leave.on))}")
    if flow.settings.timezone != Timezone():
        details.append(f"Clock: {_zone(flow.settings.timezone)}")
    if flow.settings.revisions == "pin":
        details.append("Records stay on the revision that they entered")
    return Label("flow", "flow", clean(flow.name), tuple(details), f"flow {flow.key}")


def _zone(timezone: Timezone) -> str:
    if timezone.property is None:
        return timezone.zone
    root, _, name = timezone.property.rpartition(".")
    return f"the {root or 'record'}'s {name}, else {timezone.zone}"


def of_trigger(match: EventMatch) -> Label:
    """Label the box of one trigger."""
    tests = tuple(clean(f"{name}{_test(test)}") for name, test in match.where.items())
    title = match.event.replace("_", " ").replace(".", " ").capitalize()
    return Label("trigger", "trigger", title, tests, f"trigger: {clean(words.event(match))}")


def _test(test: Test | Plain) -> str:
    return f" {words.condition(test)}" if isinstance(test, Test) else f": {test}"


def of_node(node: AnyNode) -> Label:
    """Label the box of a step."""
    look, icon, *details = _seen(node)
    told = [clean(line) for line in (*details, *_more(node)) if line]
    kind = node.kind if isinstance(node, Perform) else node.do
    return Label(
        look,
        icon,
        clean(node.name),
        tuple(clean(line) for line in details if line),
        "\n".join([clean(node.name), f"{kind} {node.id}", *told]),
    )


def _seen(node: AnyNode) -> tuple[str, ...]:
    """Give the look, the icon and the lines of a step."""
    match node:
        case Delay():
            return "sleep", "clock", words.length(node.for_)
        case DelayUntil():
            absent = [word for word, then in (("past", node.if_past), ("empty", node.if_empty)) if then == "end"]
            ends = f"If {' or '.join(absent)}, the record leaves" if absent else ""
            return "sleep", "calendar", f"Until {words.moment(node).replace('`', '')}", ends
        case WaitForEvent():
            most = f"At most {words.length(node.at_most)}" if node.at_most else "However long it takes"
            return "sleep", "bell", f"For {words.events(node.any_of)}", most
        case Branch():
            return "decision", "fork"
        case BranchOnValue():
            return "decision", "fork", f"By {node.property or node.output}"
        case Split():
            return "decision", "split"
        case GoTo():
            return "go_to", "arrow"
        case End():
            return "exit", "stop"
        case Perform():
            fails = f"If it fails, {words.failure(node)}" if node.on_failure in {"stop", "park"} else ""
            return node.place, icon_of(node.kind), _does(node), fails
        case _:
            assert_never(node)


def _does(node: Perform) -> str:
    kind = " ".join(word.upper() if word in _INITIALS else word for word in node.kind.split("_"))
    told = _told(node.config)
    return f"{kind[:1].upper()}{kind[1:]}" + (f": {told}" if told else "")


def _told(config: dict[str, JsonValue]) -> str:
    """Give the value that tells a step from others of its kind."""
    if config.get("property") is not None:
        value = config.get("value")
        is_set = "value" in config and value is not None
        return f"{config['property']}" + (f" = {_value(value)}" if is_set else "")
    for key in _TELLING:
        if isinstance(told := config.get(key), str) and told:
            return _value(as_text(told[:MOST_READ]) if key == _HTML else told)
    return ""


def _value(value: JsonValue) -> str:
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return clean(without_braces(value)) if isinstance(value, str) else str(value).lower()


def _more(node: AnyNode) -> Iterator[str]:
    """Give what only the tooltip tells: the conditions of the arms, the values of the ways."""
    match node:
        case Branch():
            yield from (f"{arm.name}: {words.condition(arm.when)}" for arm in node.arms)
        case BranchOnValue():
            yield from (f"{way.name}: {', '.join(map(str, way.values))}" for way in node.ways)
        case _:
            pass
