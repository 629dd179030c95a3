"""The visit ledger: each decision and each effect once.

Every visit is one row, inserted once. A second execution of the same visit, after a worker's death or a rejected
workflow task, finds the row and returns what it says. That is what makes local activities safe: without it both arms
of a branch run when the record changes in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from hashlib import sha256
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, JsonValue

from activities.effects import Store
from workflows.contract import Answer, Asleep, Step
from workflows.model.errors import EngineError
from workflows.model.facts import NOTHING, Facts, Needs
from workflows.model.journal import Ending
from workflows.model.nodes import EventMatch
from workflows.model.records import Event, Record, RecordRef

KEY_LENGTH = 20

MOVED = "moved"
"""The kind of a visit that was led into a newer revision before it began."""

Output = Mapping[str, JsonValue]
PartState = Literal["intent", "retrying", "unknown", "done", "failed", "skipped"]
OVER: frozenset[PartState] = frozenset({"done", "failed", "skipped"})
"""States of a part of which nothing more is done. `unknown` is over only where the node forbids a repetition."""


class Visit(BaseModel):
    """A row of the ledger."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: Literal["asleep", "intent", "retrying", "unknown", "done"]
    revision: str
    attempt: str | None = None
    answer: Answer | None = None
    content: dict[str, JsonValue] | None = None
    moved: str | None = None
    """The revision that the record went on in, without having begun here."""

    @property
    def settled(self) -> Answer | None:
        """Give the answer of a visit that is over, None while it is not."""
        return self.answer if self.state == "done" else None


class Situation(BaseModel):
    """All that a visit is judged on, read in one statement."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    flow: str
    current: str
    is_on: bool
    paused: bool
    closed: bool
    leaving: Ending | None
    ref: RecordRef
    record: Record | None
    facts: Facts
    visit: Visit | None = None

    @property
    def now(self) -> datetime:
        """Give the ledger's own clock."""
        return self.facts.now


class PartRow(BaseModel):
    """A part's row of the ledger."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: PartState
    attempt: str
    repeated: bool = False
    note: str = ""


class VisitTaken(EngineError):
    """Another execution of this visit has settled it meanwhile; its transaction stands and this one is rolled back."""


class Turn(Protocol):
    """One visit's transaction, the enrollment locked: an effect in it precedes an order to leave, or is refused."""

    situation: Situation

    @property
    def store(self) -> Store:
        """Our database, inside this transaction."""

    async def since(self, step: Step) -> datetime:
        """Give when the node was first to be done, before this visit and others were put off."""

    async def move(self, step: Step, revision: str) -> str:
        """See Ledger."""

    async def informed(self, records: Sequence[Record], needs: Needs) -> list[Facts]:
        """Give the facts of other records, in their order, with what `needs` names beside each."""

    async def intend(self, step: Step, kind: str, attempt: str, content: Output, *, repeated: bool) -> None:
        """Write down what is about to be done outside, frozen; or who tries it again."""

    async def settle(self, step: Step, kind: str, answer: Answer, output: Output | None = None, note: str = "") -> None:
        """Write down what the visit came to; raise VisitTaken when another execution was first."""


class Ledger(Protocol):
    """The ledger and what it is read with."""

    async def look(self, step: Step, needs: Needs = NOTHING) -> Situation:
        """Read the situation of a visit, as committed now, with the facts that `needs` names.

        Raise EngineError when the enrollment is unknown.
        """

    def turn(self, step: Step, needs: Needs = NOTHING) -> AbstractAsyncContextManager[Turn]:
        """Open the transaction of a visit; it commits when the block ends, and rolls back when it raises."""

    async def move(self, step: Step, revision: str) -> str:
        """Write down that the record goes on in another revision; return it, or the one that was there before."""

    async def decide(self, step: Step, kind: str, answer: Answer, output: Output | None = None) -> Answer:
        """Insert a decision; return it, or the one that was there before."""

    async def lie_down(self, step: Step, kind: str, asleep: Asleep) -> Asleep:
        """Register a delay, or register it again under an edited revision; return the one that holds."""

    async def lie_down_at_once(self, step: Step, kind: str, asleep: Asleep, *, pinned: bool) -> Asleep | None:
        """Register a delay without a look before it; a `pinned` enrollment does not mind that the flow was edited.

        Give None, and register nothing, where only a look can tell what is to be done: the visit has begun before, the
        record leaves, or the flow is another one.
        """

    async def arm(self, step: Step, kind: str, any_of: tuple[EventMatch, ...], at_most: float | None) -> Asleep | None:
        """Register a wait and commit it; return its sleep, None when an event has ended it already."""

    async def counting(self, step: Step) -> list[Event]:
        """Give the events in the log that count for an armed wait, oldest first."""

    async def is_due(self, step: Step) -> bool:
        """Tell whether a wait's deadline has come by the ledger's own clock; a wait without one is never due."""

    async def wake(self, step: Step, answer: Answer, output: Output, event: Event | None = None) -> Answer:
        """End an armed wait by an event, or by its time-out; return this answer, or that of whoever ended it first."""

    async def settle(
        self, step: Step, kind: str, answer: Answer, output: Output | None = None, note: str = ""
    ) -> Answer:
        """Write down what an effect outside came to; return this answer, or the one that was there before."""

    async def note_attempt(self, step: Step, attempt: str, state: Literal["retrying", "unknown"], note: str) -> None:
        """Write down how an attempt outside failed: surely not done, or nobody knows."""

    async def parts(self, step: Step) -> dict[str, PartRow]:
        """Give the parts of a visit's effect that have begun."""

    async def intend_part(
        self, step: Step, part: str, attempt: str, seen: str | None, *, repeated: bool = False
    ) -> bool:
        """Write down that a part is about to be done, or done again, which flags part and visit as `repeated`.

        Give False where it or the visit is over, or another attempt than the one that was `seen` has begun it.
        """

    async def settle_part(self, step: Step, part: str, attempt: str, state: PartState, note: str = "") -> None:
        """Write down what a part came to. What is over stands; only the newest attempt may say that it is not over."""

    async def close(self, step: Step, ending: Ending) -> None:
        """Close the enrollment and forget its sleeps and waits."""

    async def close_at_once(self, step: Step, ending: Ending, *, pinned: bool) -> bool:
        """Close the enrollment without a look before it; give False where only a look can tell whether it ends here."""

    async def record_event(self, step: Step, event: Mapping[str, JsonValue]) -> bool:
        """Write an event that came straight to the enrollment, once by its source and id.

        Give False when another event has these.
        """

    async def refuse_event(self, step: Step, raw: JsonValue, reason: str) -> None:
        """Keep an event that could not be read, once by its number in the enrollment."""


def effect_key(enrollment: str, visit: int, part: str = "") -> str:
    """Give the key of an effect: the same for every attempt, and for no other effect."""
    return sha256(f"{enrollment}:{visit}:{part}".encode()).hexdigest()[:KEY_LENGTH]
