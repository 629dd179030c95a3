"""The doors of a process that was given none: it serves no flow whose steps enroll records in others."""

from __future__ import annotations

from collections.abc import Collection
from typing import NoReturn

from activities.effects import Announced, Let, Provenance
from workflows.model.errors import EngineError
from workflows.model.records import RecordRef


class NoDoors:
    """Doors that nobody gave. What wants any is tried again, for another process may have doors."""

    def __init__(self, _connection: object = None) -> None:
        """Need no connection."""

    async def enroll(self, flow: str, record: RecordRef, source: Provenance, event: Announced | None = None) -> Let:
        """See Doors."""
        del event
        message = f"{source.flow} enrolls {record} in {flow}, and this process was given no doors"
        raise EngineError(message)

    async def inside(self, record: RecordRef) -> list[str]:
        """See Doors."""
        self._refuse(record)

    async def expel(self, record: RecordRef, flows: Collection[str]) -> None:
        """See Doors."""
        del flows
        self._refuse(record)

    def _refuse(self, record: RecordRef) -> NoReturn:
        message = f"a step looks for the flows of {record}, and this process was given no doors"
        raise EngineError(message)
