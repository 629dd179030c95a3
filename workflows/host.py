"""What the interpreter needs of the world, and what can wake a sleeper."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from workflows.contract import Answer, State, Step
from workflows.model.journal import Ending
from workflows.model.nodes import Node, Perform
from workflows.model.revision import Revision


@dataclass(frozen=True)
class Due:
    """The sleep came to its end."""


@dataclass(frozen=True)
class Delivered:
    """An event that the wait looks for has happened, and its visit says so in the ledger."""


@dataclass(frozen=True)
class Left:
    """The record is to leave at once."""

    ending: Ending


@dataclass(frozen=True)
class Adopted:
    """The flow was edited, and the edit touches the step slept in."""

    revision: Revision


@dataclass(frozen=True)
class Resumed:
    """An operator decided on a held visit."""

    how: Literal["retry", "skip", "end"]


Woken = Due | Delivered | Left | Adopted | Resumed


class Host(Protocol):
    """What the interpreter needs of the world."""

    def now(self) -> datetime:
        """Give the time, in UTC."""

    def note(self, state: State) -> None:
        """Take note of where the walk stands."""

    async def ask(self, question: str, step: Step, node: Node | None) -> Answer:
        """Ask one of the engine's own questions, and be answered however long it takes."""

    async def perform(self, node: Perform, step: Step) -> Answer:
        """Do the action of a perform node, once."""

    async def sleep(self, state: State, node: Node) -> Woken:
        """Sleep as `state.asleep` says, until something wakes the sleeper."""
