"""What people do while the flow walks them: some open the e-mail, some reply late, some buy. Told as a CRM would."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from starter.loading.rows import BadRow, record_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from starter.client import Client
    from workflows.model.records import RecordRef

AT_ONCE = 5
"""Events between two looks."""

# A CRM inserts such rows in its own transaction, beside whatever else it writes there.
_SUBMITTED = """
insert into event (source, source_id, type, record_type, record_id, properties)
values ('website', $1, 'form_submitted', $2, $3, '{"form": "demo-request"}')
"""

_WAITING = """
select e.id, e.type, e.record, v.node
  from wait w join enrollment e on e.id = w.enrollment
  join visit v on v.enrollment = w.enrollment and v.visit = w.visit
 where e.flow = $1 and e.leaving is null order by w.armed_at
"""


class Deed(NamedTuple):
    """What somebody does while they wait in a step: an event, or else they buy."""

    step: str
    event: str | None


OPENS, REPLIES, BUYS = Deed("opened", "email_opened"), Deed("replied", "email_replied"), Deed("opened", None)


@dataclass
class Life:
    """The people of a file, and what each of them will do, by their place in it."""

    client: Client
    flow: str
    people: Sequence[RecordRef]
    done: set[UUID] = field(default_factory=set)

    @classmethod
    def of(cls, client: Client, flow: str, file: Path) -> Life:
        """Read the people of a file."""
        names = record_names(file, "contact")
        return cls(client, flow, [each for each in names if not isinstance(each, BadRow)])

    def deed(self, record: RecordRef) -> Deed | None:
        """Say what somebody will do: of twelve people in a row four open the e-mail, two reply late, and one buys."""
        place = self.people.index(record) % 12
        return OPENS if place % 3 == 0 else REPLIES if place in (1, 7) else BUYS if place == 5 else None  # noqa: PLR2004 - as told

    async def ask_for_a_demo(self) -> None:
        """Let everybody send the form: rows in the table `event`, in one transaction."""
        rows = [(f"submission-{each.id}", each.type, each.id) for each in self.people]
        async with self.client.pool.acquire() as connection, connection.transaction():
            await connection.executemany(_SUBMITTED, rows)

    async def go_on(self) -> None:
        """Let a few of those who wait do what they will do."""
        about = 0
        for row in await self.client.pool.fetch(_WAITING, self.flow):
            record = next(each for each in self.people if (each.type, each.id) == (row["type"], row["record"]))
            deed = self.deed(record)
            if deed and deed.step == row["node"] and row["id"] not in self.done and about < AT_ONCE:
                about += 1
                self.done.add(row["id"])
                await self._do(record, deed)

    async def _do(self, record: RecordRef, deed: Deed) -> None:
        if deed.event is None:
            await self.client.set_properties(record, {"lifecycle_stage": "customer"}, by="the shop")
            return
        about = {"email": "demo-thanks"} if deed is OPENS else {}
        await self.client.publish_event(deed.event, record, about, source="mail", id=f"{deed.event}-{record.id}")
