"""The nodes of a flow's graph: a closed union of control nodes, and Perform, which does an action.

A node names where the walk can go on from it by *edges*: `next` for most, one by branch name for a branch, and
`failed` for a perform node that goes elsewhere on failure. An edge to None ends the walk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from workflows.model.conditions import Condition, Plain, Test, matches
from workflows.model.durations import Duration
from workflows.model.policy import OnFailure, Repeat, Retry
from workflows.model.when import CalendarDate, ClockTime, Weekday

NEXT = "next"
OTHERWISE = "otherwise"
FAILED = "failed"

MOST_VALUES = 250
"""Values that one branch by value tells apart (HubSpot's limit)."""

_ROUNDING = 0.001
"""How far percentages, such as three times 33.333, may be from a hundred."""

Absent = Literal["go_on", "end"]
"""What a date that is past or empty leads to: the record goes on at once (HubSpot's rule), or leaves the flow."""

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


class DelayUntil(Node):
    """Sleep until the next of some weekdays and a time of day, a calendar date, or a date property of the record.

    Weekdays and time: the first such moment strictly after the record entered; weekdays alone: the day's beginning, at
    once on such a day; with `days`: so many of these days later, and without a time at that of now. A date: `days`
    after it (before, if negative) `at` a time, in the flow's zone; a property that holds an instant, without `at` and
    `days`: that instant.
    """

    do: Literal["delay_until"] = "delay_until"
    on: tuple[Weekday, ...] = ()
    at: ClockTime | None = None
    date: CalendarDate | None = None
    property: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]{0,99}$")
    days: int = Field(0, ge=-3660, le=3660)
    if_past: Absent = "go_on"
    if_empty: Absent = "go_on"

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [
            bool(self.on or (self.at and not self.date and not self.property)),
            bool(self.date),
            bool(self.property),
        ]
        if kinds.count(True) != 1:
            message = "give one of: weekdays (`on`) and/or a time (`at`); a `date`; a date `property`"
            raise ValueError(message)
        if self.on and len({*self.on}) != len(self.on):
            message = "`on` names a weekday twice"
            raise ValueError(message)
        if self.days < 0 and kinds[0]:
            message = "`days` without a date are counted from now, so 1 or more"
            raise ValueError(message)
        return self


class EventMatch(BaseModel):
    """An event that a wait or a trigger looks for: its type, and tests of its properties."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    event: str = Field(pattern=r"^[a-z][a-z0-9_.]{0,79}$")
    where: dict[str, Test | Plain] = {}

    def takes(self, event: str, properties: Mapping[str, JsonValue]) -> bool:
        """Tell whether an event is the one looked for."""
        return self.event == event and matches(self.where, properties)


def happened(event: str, properties: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Give the output of a wait that an event has ended: the event's properties, none of which hides its name."""
    return {**properties, "happened": True, "event": event}


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


class Value(BaseModel):
    """One way of a branch by value: the values that take it; its name is the name of the edge."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(min_length=1, max_length=80)
    values: tuple[Plain, ...] = Field(min_length=1, max_length=250)


class BranchOnValue(Node):
    """Take the way of the value that a property or an output has, else the `otherwise` edge.

    Values compare as `is` does. A property with several options is equal to none of them.
    """

    do: Literal["branch_on_value"] = "branch_on_value"
    property: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]{0,99}$")
    output: str | None = Field(None, pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_]+$")
    ways: tuple[Value, ...] = Field(min_length=1, max_length=250)

    @model_validator(mode="after")
    def _one_value(self) -> Self:
        if (self.property is None) == (self.output is None):
            message = "give a `property` or an `output`, not both"
            raise ValueError(message)
        if sum(len(way.values) for way in self.ways) > MOST_VALUES:
            message = f"at most {MOST_VALUES} values are told apart"
            raise ValueError(message)
        return self


class Share(BaseModel):
    """One way of a split, and how many of a hundred take it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(min_length=1, max_length=80)
    percent: float = Field(gt=0, le=100)


class Split(Node):
    """Send records down several ways by shares, always the same record the same way: by a hash, not by dice."""

    do: Literal["split"] = "split"
    shares: tuple[Share, ...] = Field(min_length=2, max_length=20)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if abs(sum(share.percent for share in self.shares) - 100) > _ROUNDING:
            message = f"the shares make {sum(share.percent for share in self.shares):g} percent, not 100"
            raise ValueError(message)
        return self


Deciding = Branch | BranchOnValue | Split
"""The nodes from which several ways lead on."""


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


AnyNode = Annotated[
    Delay | DelayUntil | WaitForEvent | Branch | BranchOnValue | Split | GoTo | End | Perform,
    Field(discriminator="do"),
]


def edges_needed(node: AnyNode) -> list[str]:
    """Name the edges by which a walk may go on from a node: each must be drawn, be it to the end."""
    match node:
        case End():
            return []
        case Branch():
            return [*(arm.name for arm in node.arms), OTHERWISE]
        case BranchOnValue():
            return [*(way.name for way in node.ways), OTHERWISE]
        case Split():
            return [share.name for share in node.shares]
        case Perform(on_failure="go_to"):
            return [NEXT, FAILED]
        case _:
            return [NEXT]


def onward_edges(node: Node) -> Iterator[tuple[str, str]]:
    """Give the edges of a node that lead to another node."""
    for name, target in node.edges.items():
        if target is not None:
            yield name, target
