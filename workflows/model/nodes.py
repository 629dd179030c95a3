"""The nodes of a flow's graph: a closed union of control nodes, and Perform, which does an action.

A node names where the walk can go on from it by *edges*: `next` for most, one by branch name for a branch, and
`failed` for a perform node that goes elsewhere on failure. An edge to None ends the walk.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from workflows.model.conditions import Condition, Plain, Test
from workflows.model.policy import OnFailure, Repeat, Retry
from workflows.model.when import Duration

NEXT = "next"
OTHERWISE = "otherwise"
FAILED = "failed"

NodeId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class Node(BaseModel):
    """What all nodes have: an id, unique for the life of the flow; a name for people; edges to other nodes."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    id: NodeId
    name: str = Field(min_length=1, max_length=120)
    edges: dict[str, NodeId | None]

    def same_kind(self, other: Node | None) -> bool:
        """Tell whether the other is the same step in another revision: same id, same kind."""
        return isinstance(other, type(self)) and other.id == self.id

    def same_but_edges(self, other: Node) -> bool:
        """Tell whether the two differ in nothing but their names and where they lead."""
        plain = {"edges", "name"}
        return self.model_dump(exclude=plain) == other.model_dump(exclude=plain)


class Delay(Node):
    """Sleep for a length of time, counted from the moment the record entered the node."""

    do: Literal["delay"] = "delay"
    for_: Duration = Field(alias="for")


class EventMatch(BaseModel):
    """An event that a wait or a trigger looks for: its type, and tests of its properties."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    event: str = Field(pattern=r"^[a-z][a-z0-9_.]{0,79}$")
    where: dict[str, Test | Plain] = {}


class WaitForEvent(Node):
    """Sleep until one of several events happens to the record, at most for a length of time.

    Outputs: `happened`, and when it did `event`, and the event's own properties.
    """

    do: Literal["wait_for_event"] = "wait_for_event"
    any_of: tuple[EventMatch, ...] = Field(min_length=1, max_length=20)
    at_most: Duration | None = None


class Arm(BaseModel):
    """One arm of a branch; its name is the name of the edge it takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    when: Condition


class Branch(Node):
    """Take the first arm whose condition is met, else the `otherwise` edge."""

    do: Literal["branch"] = "branch"
    arms: tuple[Arm, ...] = Field(min_length=1, max_length=20)


class GoTo(Node):
    """Go on at another node of the flow."""

    do: Literal["go_to"] = "go_to"


class End(Node):
    """End the walk here."""

    do: Literal["end"] = "end"


class Perform(Node):
    """Do an action. What its class decided at publish is frozen here, so that no later release moves it."""

    do: Literal["perform"] = "perform"
    kind: str
    config: dict[str, JsonValue]
    place: Literal["outside", "store"]
    timeout: Duration = timedelta(seconds=60)
    retry: Retry = Retry()
    repeat: Repeat = "at_least_once"
    on_failure: OnFailure = "continue"


AnyNode = Annotated[Delay | WaitForEvent | Branch | GoTo | End | Perform, Field(discriminator="do")]


def edges_needed(node: AnyNode) -> list[str]:
    """Name the edges by which a walk may go on from a node: each must be drawn, be it to the end."""
    match node:
        case End():
            return []
        case Branch():
            return [*(arm.name for arm in node.arms), OTHERWISE]
        case Perform(on_failure="go_to"):
            return [NEXT, FAILED]
        case _:
            return [NEXT]


def onward_edges(node: Node) -> Iterator[tuple[str, str]]:
    """Give the edges of a node that lead to another node."""
    for name, target in node.edges.items():
        if target is not None:
            yield name, target
