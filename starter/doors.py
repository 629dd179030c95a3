"""The doors of flows for the actions: a step lets its record into another flow within its own transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from asyncpg.pool import PoolConnectionProxy

from activities.effects import Doors, Let, Provenance
from starter.admission import Admitted, Entrant, admit_many
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


@dataclass(frozen=True)
class FlowDoors:
    """Doors within the transaction of one connection.

    Nobody looks again after the commit: a goal that the record reaches while it is let in is seen by the first action
    or sleep of the flow, each of which asks for it.
    """

    connection: PoolConnectionProxy[Any]
    revisions: Revisions

    async def enroll(self, flow: str, record: RecordRef, source: Provenance) -> Let:
        """See Doors. The record enters as by hand."""
        row = await self.connection.fetchval(_IN_A_ROW, source.enrollment, CLOSE) or 1
        if row > MOST_IN_A_ROW:
            return Let(
                None,
                "too_many_in_a_row",
                f"{MOST_IN_A_ROW} flows have sent {record} on in a row; {flow} is one too many",
            )
        entrant = Entrant(record, f"flow {source.flow}", sent_on=row)
        try:
            (admission,) = await admit_many(self.connection, self.revisions, flow, [entrant])
        except CallerError as error:
            return Let(None, "no_flow", str(error))
        if isinstance(admission, Admitted):
            return Let(str(admission.enrollment))
        return Let(None, admission.code, admission.sentence)


def doors_into(revisions: Revisions) -> Callable[[PoolConnectionProxy[Any]], Doors]:
    """Give what opens the doors of flows within a connection's transaction."""
    return lambda connection: FlowDoors(connection, revisions)
