"""A flow: its triggers, its settings and its graph, checked as a whole."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from workflows.model.conditions import Condition
from workflows.model.nodes import AnyNode, Delay, EventMatch, Node, NodeId, WaitForEvent, edges_needed, onward_edges

_FROZEN = ConfigDict(frozen=True, extra="forbid")

FlowKey = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,79}$")]
"""The slug of a flow; it never changes, for it is part of each enrollment's workflow id."""


class Enroll(BaseModel):
    """Who enters by itself, and whether a record may come again once it has left."""

    model_config = _FROZEN

    on: tuple[EventMatch, ...] = ()
    again: Literal["never", "on_trigger", "always"] = "never"


class Settings(BaseModel):
    """How the flow's enrollments behave: `follow` the newest revision (HubSpot's rule), or `pin` to their own."""

    model_config = _FROZEN

    revisions: Literal["follow", "pin"] = "follow"


class Flow(BaseModel):
    """What a person draws, compiled to a flat graph. Immutable once published."""

    model_config = _FROZEN

    semantics: Literal[1] = 1
    key: FlowKey
    name: str = Field(min_length=1, max_length=120)
    object: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    enroll: Enroll = Enroll()
    goal: Condition | None = None
    settings: Settings = Settings()
    start: NodeId | None = None
    nodes: dict[NodeId, AnyNode] = {}

    def node(self, node_id: str) -> AnyNode:
        """Give the node of this id; raise KeyError when the graph has none."""
        return self.nodes[node_id]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        mistakes = [*_misdrawn(self), *_dangling(self), *_unreachable(self), *_restless(self)]
        if mistakes:
            raise ValueError("; ".join(mistakes))
        return self


def _misdrawn(flow: Flow) -> list[str]:
    """Find what a walk would fall over: an id that is not the step's own, an edge that is not there."""
    mistakes = []
    for key, node in flow.nodes.items():
        needed = edges_needed(node)
        if node.id != key:
            mistakes.append(f"{key}: the step under this id calls itself {node.id!r}")
        mistakes += [f"{key}: it has no edge {edge!r}" for edge in needed if edge not in node.edges]
        mistakes += [f"{key}: two arms are called {edge!r}" for edge in sorted(set(needed)) if needed.count(edge) > 1]
    return mistakes


def _dangling(flow: Flow) -> list[str]:
    edges = [("flow", "start", flow.start)] if flow.start else []
    edges += [(node.id, name, target) for node in flow.nodes.values() for name, target in onward_edges(node)]
    return [
        f"{owner}: its edge '{name}' leads to {to!r}, which is no step"
        for owner, name, to in edges
        if to not in flow.nodes
    ]


def _unreachable(flow: Flow) -> list[str]:
    reached, ahead = set[str](), [flow.start] if flow.start else []
    while ahead:
        here = ahead.pop()
        if here in reached or here not in flow.nodes:
            continue
        reached.add(here)
        ahead += [target for _, target in onward_edges(flow.nodes[here])]
    return [f"{node_id}: no path from the start leads here" for node_id in flow.nodes if node_id not in reached]


def _restless(flow: Flow) -> list[str]:
    """Find cycles on which nothing sleeps: a record would go round such a one without end, all at once.

    Nodes that sleep are taken out, then nodes nothing awake leads to, again and again: what is left lies on a cycle
    or behind one. Linear, and without recursion.
    """
    awake = {key: node for key, node in flow.nodes.items() if not isinstance(node, Delay | WaitForEvent)}
    onward = {key: [to for _, to in onward_edges(node) if to in awake] for key, node in awake.items()}
    return [f"{key}: steps go round in a circle without a delay or a wait" for key in _on_cycles(onward)]


def _on_cycles(onward: dict[str, list[str]]) -> list[str]:
    left = dict(onward)
    backward: dict[str, list[str]] = {key: [] for key in onward}
    for key, targets in onward.items():
        for target in targets:
            backward[target].append(key)
    for towards, away in ((onward, backward), (backward, onward)):
        degree = {key: sum(to in left for to in towards[key]) for key in left}
        idle = [key for key, count in degree.items() if not count]
        while idle:
            gone = idle.pop()
            del left[gone]
            for key in away[gone]:
                if key in left:
                    degree[key] -= 1
                    if not degree[key]:
                        idle.append(key)
    return sorted(left)


def changed_kinds(old: Flow, new: Flow) -> list[str]:
    """Name the steps whose id stayed while their kind changed: an id means one thing for the life of a flow."""
    return [
        f"{key}: was {kind_of(old.nodes[key])!r} and cannot become {kind_of(node)!r}; give the new step its own id"
        for key, node in new.nodes.items()
        if key in old.nodes and kind_of(old.nodes[key]) != kind_of(node)
    ]


def kind_of(node: Node) -> str:
    """Give the kind of a node as a flow file names it: its control kind, or the kind of the action it performs."""
    return str(getattr(node, "kind", None) or getattr(node, "do", ""))
