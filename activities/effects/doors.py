"""The doors of flows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from activities.effects.crm import Provenance
from workflows.model.records import RecordRef


@dataclass(frozen=True)
class Let:
    """Whether a record was let into a flow: its enrollment, or why not, as a code and a sentence."""

    enrollment: str | None
    code: str = ""
    sentence: str = ""


@dataclass(frozen=True)
class Announced:
    """The event by which a record is let into a flow, whose texts may name its properties; `id` makes it one."""

    id: str
    type: str
    properties: Mapping[str, JsonValue]


class Doors(Protocol):
    """The doors of flows, inside the transaction of the visit."""

    async def enroll(self, flow: str, record: RecordRef, source: Provenance, event: Announced | None = None) -> Let:
        """Let a record into a flow under its entry rules; an event is logged where it is let in by one."""

    async def inside(self, record: RecordRef) -> list[str]:
        """Name the flows that a record is in and not about to leave; until the transaction ends it enters no other."""

    async def expel(self, record: RecordRef, flows: Collection[str]) -> None:
        """Order a record to leave flows at once."""
