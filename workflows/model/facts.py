"""What conditions and tokens are judged on, and what of it they need: read by the store, never by the model."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, JsonValue

from workflows.model.journal import Ending
from workflows.model.records import Event

_FROZEN = ConfigDict(frozen=True, extra="forbid")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Needs(BaseModel):
    """What is to be read beside the record's own properties and the outputs of earlier steps.

    `history` and `owners` name properties of the record, `associated` object types (`company`, or `company/LABEL`),
    `lists`, `flows` and `events` what conditions ask about; `cause` is the event that enrolled the record.
    """

    model_config = _FROZEN

    history: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    associated: dict[str, Needs] = {}
    lists: frozenset[str] = frozenset()
    flows: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    cause: bool = False

    @property
    def is_plain(self) -> bool:
        """Tell that the record and the outputs are enough, so that nothing more is read."""
        return self == NOTHING

    def __or__(self, other: Needs) -> Needs:
        if other is NOTHING or self is NOTHING:
            return self if other is NOTHING else other
        types = [*self.associated, *(name for name in other.associated if name not in self.associated)]
        return Needs(
            history=self.history | other.history,
            owners=self.owners | other.owners,
            associated={
                name: self.associated.get(name, NOTHING) | other.associated.get(name, NOTHING) for name in types
            },
            lists=self.lists | other.lists,
            flows=self.flows | other.flows,
            events=self.events | other.events,
            cause=self.cause or other.cause,
        )

    @classmethod
    def of_all(cls, each: Iterable[Needs]) -> Needs:
        """Give all that several need."""
        whole = NOTHING
        for needs in each:
            whole |= needs
        return whole


NOTHING = Needs()


class Past(BaseModel):
    """A value that a property had, from a moment on; None where it was cleared."""

    model_config = _FROZEN

    value: JsonValue = None
    at: datetime


class Facts(BaseModel):
    """What a condition is judged on and a text is filled from: the record, and what `Needs` named beside it.

    `now` is the store's clock and `zone` the zone in which days begin. `history` holds the values of a property from
    the oldest to the present one. `associated` holds the live associated records by the name `Needs` gave, the primary
    one first. `flows` holds for each flow which of `active`, `ever`, `completed` and `goal` is true of the record.
    """

    model_config = _FROZEN

    properties: dict[str, JsonValue] = {}
    outputs: dict[str, dict[str, JsonValue]] = {}
    now: datetime = EPOCH
    zone: str = "UTC"
    history: dict[str, tuple[Past, ...]] = {}
    owners: dict[str, dict[str, JsonValue]] = {}
    associated: dict[str, tuple[Facts, ...]] = {}
    lists: frozenset[str] = frozenset()
    flows: dict[str, frozenset[str]] = {}
    events: tuple[Event, ...] = ()
    cause: dict[str, JsonValue] = {}

    def with_zone(self, zone: str) -> Self:
        """Give the same facts, with days that begin in another zone."""
        if zone == self.zone:
            return self
        theirs = {name: tuple(each.with_zone(zone) for each in found) for name, found in self.associated.items()}
        return self.model_copy(update={"zone": zone, "associated": theirs})


def standings(enrollments: Iterable[tuple[str, Ending | None]]) -> dict[str, frozenset[str]]:
    """Give for each flow what is true of a record that has been in it, by flow and ending (None while inside)."""
    found: dict[str, set[str]] = {}
    for flow, ending in enrollments:
        found.setdefault(flow, {"ever"}).update({"active"} if ending is None else {ending} & {"completed", "goal"})
    return {flow: frozenset(states) for flow, states in found.items()}
