"""The doors of a process that was given none: it serves no flow whose steps enroll records in others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workflows.model.errors import EngineError

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    from activities.effects import Doors, Let, Provenance
    from workflows.model.records import RecordRef

    Opens = Callable[[PoolConnectionProxy[Any]], Doors]
    """What opens the doors of flows within the transaction of a connection."""


class NoDoors:
    """Doors that nobody gave."""

    def __init__(self, _connection: object = None) -> None:
        """Need no connection."""

    async def enroll(self, flow: str, record: RecordRef, source: Provenance) -> Let:
        """See Doors; it is tried again, for another process may have doors."""
        message = f"{source.flow} enrolls {record} in {flow}, and this process was given no doors"
        raise EngineError(message)
