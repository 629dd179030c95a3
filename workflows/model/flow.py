"""A flow: its triggers, its settings and its graph, checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from workflows.model.conditions import Condition
from workflows.model.graph import MOST_NODES, misdrawn
from workflows.model.nodes import AnyNode, EventMatch, Node, NodeId
from workflows.model.when import ZoneName

_FROZEN = ConfigDict(frozen=True, extra="forbid")

FlowKey = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,79}$")]
"""The slug of a flow; it never changes, for it is part of each enrollment's workflow id."""

FlowName = Annotated[str, Field(min_length=1, max_length=120)]
ObjectType = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Enroll(BaseModel):
    """Who enters by itself, and whether a record may come again once it has left."""

    model_config = _FROZEN

    on: tuple[EventMatch, ...] = ()
    again: Literal["never", "on_trigger", "always"] = "never"


class Leave(BaseModel):
    """What makes a record leave that is inside: any of some events, once it has entered."""

    model_config = _FROZEN

    on: tuple[EventMatch, ...] = ()


class Timezone(BaseModel):
    """Where the flow's days begin: in one zone, or in that which a property of the record names, where it names one.

    `event.NAME` is a property of the event that enrolled the record.
    """

    model_config = _FROZEN

    zone: ZoneName = "UTC"
    property: str | None = Field(None, pattern=r"^(event\.)?[a-z][a-z0-9_]{0,99}$")


class Settings(BaseModel):
    """How the flow's enrollments behave: `follow` the newest revision (HubSpot's rule), or `pin` to their own."""

    model_config = _FROZEN

    revisions: Literal["follow", "pin"] = "follow"
    timezone: Timezone = Timezone()


def _not_too_many(nodes: object) -> object:
    """Refuse a graph that is too large before each of its nodes is looked at."""
    if isinstance(nodes, Mapping) and len(nodes) > MOST_NODES:
        raise ValueError(f"the flow has {len(nodes)} steps, and at most {MOST_NODES} are possible")
    return nodes


class Flow(BaseModel):
    """What a person draws, compiled to a flat graph. Immutable once published."""

    model_config = _FROZEN

    semantics: Literal[1] = 1
    key: FlowKey
    name: FlowName
    object: ObjectType
    enroll: Enroll = Enroll()
    # Not written where there is nothing in it: revisions of before there was any keep their hashes.
    leave: Leave = Field(Leave(), exclude_if=lambda leave: not leave.on)
    goal: Condition | None = None
    settings: Settings = Settings()
    start: NodeId | None = None
    nodes: Annotated[dict[NodeId, AnyNode], BeforeValidator(_not_too_many)] = {}

    def node(self, node_id: str) -> AnyNode:
        """Give the node of this id; raise KeyError when the graph has none."""
        return self.nodes[node_id]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if mistakes := misdrawn(self.start, self.nodes):
            raise ValueError("; ".join(map(str, mistakes)))
        return self


def kind_of(node: Node) -> str:
    """Give the kind of a node as a flow file names it: its control kind, or the kind of the action it performs."""
    return str(getattr(node, "kind", None) or getattr(node, "do", ""))
