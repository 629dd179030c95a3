"""The doors of flows for the actions: a step lets its record into another flow within its own transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from asyncpg.pool import PoolConnectionProxy

from activities.effects import Announced, Doors, Let, Provenance
from starter.admission import Admitted, Entrant, admit_many, lock
from starter.leaving import order_to_leave
from workflows.codec import Revisions
from workflows.model.errors import CallerError
from workflows.model.records import RecordRef

MOST_IN_A_ROW = 5
"""Flows that may send a record on, one into the next, within an hour of entering each."""

CLOSE = timedelta(hours=1)
"""How soon after it was entered a flow must send the record on to count: with longer delays, flows may take turns."""

_IN_A_ROW = """
select case when accepted_at > clock_timestamp() - $2::interval then sent_on + 1 else 1 end
  from enrollment where id = $1
"""

_ANNOUNCE = """
insert into event (source, source_id, type, record_type, record_id, properties)
values ('perdure', $1, $2, $3, $4, $5) returning id
"""

_INSIDE = """
select id, flow from enrollment
 where type = $1 and record = $2 and closed_at is null and leaving is null order by flow
"""


@dataclass(frozen=True)
class FlowDoors:
    """Doors within the transaction of one connection.

    Nobody looks again after the commit: a goal that the record reaches while it is let in is seen by the first action
    or sleep of the flow, each of which asks for it.
    """

    connection: PoolConnectionProxy[Any]
    revisions: Revisions

    async def enroll(self, flow: str, record: RecordRef, source: Provenance, event: Announced | None = None) -> Let:
        """See Doors. The record enters as by hand."""
        row = await self.connection.fetchval(_IN_A_ROW, source.enrollment, CLOSE) or 1
        if row > MOST_IN_A_ROW:
            return Let(
                None,
                "too_many_in_a_row",
                f"{MOST_IN_A_ROW} flows have sent {record} on in a row; {flow} is one too many",
            )
        announced = await self._announced(record, event) if event else None
        entrant = Entrant(record, f"flow {source.flow}", event=announced, sent_on=row)
        try:
            (admission,) = await admit_many(self.connection, self.revisions, flow, [entrant])
        except CallerError as error:
            return Let(None, "no_flow", str(error))
        if isinstance(admission, Admitted):
            return Let(str(admission.enrollment))
        return Let(None, admission.code, admission.sentence)

    async def _announced(self, record: RecordRef, event: Announced) -> UUID:
        """Log an event; one that is not let in leaves none, for its step fails and its transaction with it."""
        told = (event.id, event.type, record.type, record.id, {**event.properties})
        id_: UUID = await self.connection.fetchval(_ANNOUNCE, *told)
        return id_

    async def inside(self, record: RecordRef) -> list[str]:
        """See Doors."""
        await lock(self.connection, [record])
        return [row["flow"] for row in await self.connection.fetch(_INSIDE, record.type, record.id)]

    async def expel(self, record: RecordRef, flows: Collection[str]) -> None:
        """See Doors."""
        rows = await self.connection.fetch(_INSIDE, record.type, record.id)
        await order_to_leave(self.connection, [row["id"] for row in rows if row["flow"] in flows], "unenrolled")


def doors_into(revisions: Revisions) -> Callable[[PoolConnectionProxy[Any]], Doors]:
    """Give what opens the doors of flows within a connection's transaction."""
    return lambda connection: FlowDoors(connection, revisions)
