"""Flows and enrollments in memory, and the doors between them."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import JsonValue

from activities.effects import Announced, Let, Provenance
from workflows.model.journal import Ending
from workflows.model.records import RecordRef

if TYPE_CHECKING:
    from activities.fakes.ledger import FakeLedger


@dataclass
class FakeFlow:
    """What the ledger knows of a flow: its current revision, whether it is on or paused, and whom it lets in."""

    current: str
    is_on: bool = True
    paused: bool = False
    object: str = "contact"
    again: str = "never"


@dataclass
class FakeEnrollment:
    """An enrollment's row."""

    flow: str
    record: RecordRef
    accepted: datetime
    leaving: Ending | None = None
    ending: Ending | None = None
    paused: bool = False
    cause: dict[str, JsonValue] = field(default_factory=dict)


@dataclass
class FakeDoors:
    """The doors of a ledger's flows: the entry rules but for the goal, which the first step of the flow sees."""

    ledger: FakeLedger

    async def enroll(self, flow: str, record: RecordRef, source: Provenance, event: Announced | None = None) -> Let:
        """See Doors."""
        found = self.ledger.flows.get(flow)
        if found is None:
            return Let(None, "no_flow", f"there is no flow {flow!r}")
        past = [each for each in self.ledger.enrollments.values() if (each.flow, each.record) == (flow, record)]
        refusals = {
            "flow_off": not found.is_on,
            "wrong_object": record.type != found.object,
            "no_record": record not in self.ledger.crm.records or record in self.ledger.crm.archived,
            "inside": any(each.ending is None for each in past),
            "before": bool(past) and found.again != "always",
        }
        if refused := next((code for code, holds in refusals.items() if holds), None):
            return Let(None, refused, f"{record} may not enter {flow}")
        enrollment = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{source.enrollment}/{source.node}/{len(past)}"))
        entered = FakeEnrollment(flow, record, self.ledger.now(), cause={**event.properties} if event else {})
        self.ledger.enrollments[enrollment] = entered
        return Let(enrollment)

    async def inside(self, record: RecordRef) -> list[str]:
        """See Doors."""
        return sorted(each.flow for each in self._staying(record))

    async def expel(self, record: RecordRef, flows: Collection[str]) -> None:
        """See Doors."""
        for each in self._staying(record):
            if each.flow in flows:
                each.leaving = "unenrolled"

    def _staying(self, record: RecordRef) -> list[FakeEnrollment]:
        everyone = self.ledger.enrollments.values()
        return [each for each in everyone if each.record == record and each.ending is None and each.leaving is None]
