"""The doors of flows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from activities.effects.crm import Provenance
from workflows.model.records import RecordRef


@dataclass(frozen=True)
class Let:
    """Whether a record was let into a flow: its enrollment, or why not, as a code and a sentence."""

    enrollment: str | None
    code: str = ""
    sentence: str = ""


class Doors(Protocol):
    """The doors of flows, inside the transaction of the visit."""

    async def enroll(self, flow: str, record: RecordRef, source: Provenance) -> Let:
        """Let a record into a flow under its entry rules."""
