"""A picture of a flow, before anybody knows in which format it will be written: boxes, and lines between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from starter.drawing.labels import Label, of_flow, of_node, of_trigger
from starter.drawing.text import clean
from workflows.model.flow import Flow
from workflows.model.nodes import FAILED, NEXT, AnyNode, GoTo, Split, edges_needed

Style = Literal["plain", "go_to", "failed"]

MOST_TRIGGERS = 6
"""Triggers with a box of their own; of more, the last box stands for the rest."""

MOST_NAMES = 6
"""Branches that the label of one line names; of more, it counts the rest."""

_FLOW = "flow"
_BY_HAND = Label("trigger", "hand", "Enrolled by hand", ("By the API or the command line",))


@dataclass(frozen=True)
class Box:
    """One box; `count` is how many records stand there now, and `came` how many ever came, as far as anybody asked."""

    id: str
    label: Label
    count: int = 0
    came: int = 0


@dataclass(frozen=True)
class Line:
    """One line from a box to a box, with the names of the edges that it stands for."""

    start: str
    end: str
    label: str = ""
    style: Style = "plain"


@dataclass(frozen=True)
class Picture:
    """All there is to draw, from the top."""

    title: str
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def picture(flow: Flow, counts: Mapping[str, int] | None = None, came: Mapping[str, int] | None = None) -> Picture:
    """Compose the picture of a flow; `counts` says how many stand in each step now, by its id, `came` how many came."""
    here, ever = counts or {}, came or {}
    boxes = [*_entrance(flow)]
    lines = [Line(box.id, _FLOW) for box in boxes[:-1]]
    stops: list[Box] = []
    lines.append(Line(_FLOW, _step(flow.start) if flow.start else _stop(stops)))
    for node in walked(flow):
        boxes.append(Box(_step(node.id), of_node(node), here.get(node.id, 0), ever.get(node.id, 0)))
        lines += _onward(node, stops)
    return Picture(clean(flow.name), (*boxes, *stops), tuple(lines))


def walked(flow: Flow) -> Iterator[AnyNode]:
    """Give the steps as a walk meets them, a branch's first arm first, for pictures are laid out in this order."""
    ahead, met = [flow.start] if flow.start else [], set[str]()
    while ahead:
        here = ahead.pop()
        if here in met:
            continue
        met.add(here)
        node = flow.nodes[here]
        yield node
        ahead += [target for edge in reversed(edges_needed(node)) if (target := node.edges[edge])]


def _entrance(flow: Flow) -> Iterator[Box]:
    labels = [of_trigger(match) for match in flow.enroll.on] or [_BY_HAND]
    if len(labels) > MOST_TRIGGERS:
        rest = labels[MOST_TRIGGERS - 1 :]
        tooltip = "\n".join(label.tooltip for label in rest)
        labels[MOST_TRIGGERS - 1 :] = [Label("trigger", "trigger", f"and {len(rest)} more triggers", (), tooltip)]
    for number, label in enumerate(labels):
        yield Box(f"trigger:{number}", label)
    yield Box(_FLOW, of_flow(flow))


def _onward(node: AnyNode, stops: list[Box]) -> Iterator[Line]:
    """Give the lines of a step, in the order of its branches; edges that lead to one place share a line."""
    shares = {share.name: share.percent for share in node.shares} if isinstance(node, Split) else {}
    ways: dict[tuple[str | None, Style], list[str]] = {}
    for edge in edges_needed(node):
        style: Style = "go_to" if isinstance(node, GoTo) else "failed" if edge == FAILED else "plain"
        name = "" if edge == NEXT else clean(edge)
        ways.setdefault((node.edges[edge], style), []).append(name + (f" ({shares[edge]:g} %)" if shares else ""))
    for (target, style), names in ways.items():
        yield Line(_step(node.id), _step(target) if target else _stop(stops), _listed(names), style)


def _listed(names: list[str]) -> str:
    shown = [name for name in names[:MOST_NAMES] if name]
    more = len(names) - MOST_NAMES
    return " · ".join(shown) + (f" · {more} more" if more > 0 else "")


def _step(id_: str) -> str:
    return f"step:{id_}"


def _stop(stops: list[Box]) -> str:
    """Draw one more place where the walk ends."""
    stops.append(Box(f"end:{len(stops)}", Label("stop", "stop", "", (), "the end")))
    return stops[-1].id
