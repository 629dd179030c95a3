"""A ledger with one enrollment, real or in memory, on which the tests of both ledgers run."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from activities.fakes.flows import FakeEnrollment, FakeFlow
from activities.fakes.ledger import FakeLedger
from activities.gateways.postgres_ledger import PostgresLedger
from activities.ledger import Ledger, Visit
from tests.flows import delay, flow
from tests.world import World
from workflows.contract import Answer, Asleep, Step
from workflows.model.nodes import EventMatch
from workflows.model.records import Event, RecordRef

ANNA = RecordRef.parse("contact:1")
REPLIED, OPENED = EventMatch(event="replied"), EventMatch(event="opened")
HAPPENED = Answer(happened=True, line="happened")
SECOND = timedelta(seconds=1)


def now() -> datetime:
    return datetime.now(UTC)


def end(asleep: Asleep | None) -> datetime:
    assert asleep is not None
    assert asleep.until is not None
    return asleep.until


@dataclass
class Bench:
    """A ledger with one enrollment of one record in one flow."""

    ledger: Ledger
    enrollment: str
    revision: str
    log: Callable[[str, datetime, datetime | None], Awaitable[None]]

    def step(self, visit: int, node: str = "n", revision: str = "r1", **fields: Any) -> Step:
        return Step(enrollment=self.enrollment, revision=revision, node=node, visit=visit).model_copy(update=fields)

    async def logged(self, type_: str = "replied", *, ago: float = 0, occurred_ago: float | None = None) -> None:
        """Put an event into the log as the CRM would: so many seconds ago, and maybe having occurred earlier."""
        at = now() - ago * SECOND
        await self.log(type_, at, None if occurred_ago is None else now() - occurred_ago * SECOND)

    async def state(self, visit: int) -> str | None:
        found = (await self.ledger.look(self.step(visit))).visit
        return found.state if found else None

    async def visit(self, visit: int) -> Visit:
        found = (await self.ledger.look(self.step(visit))).visit
        assert found is not None
        return found

    async def counted(self, visit: int) -> list[str]:
        return [event.type for event in await self.ledger.counting(self.step(visit))]


async def in_postgres(world: World) -> Bench:
    """Make a bench on PostgreSQL."""
    await world.record(str(ANNA), stage="lead")
    published = await world.publish(flow(world.key("f"), delay("n", "1 day")))
    enrollment = str(uuid.uuid4())
    await world.pool.execute(
        "insert into enrollment (id, flow, type, record, revision) values ($1, $2, 'contact', '1', $3)",
        *(enrollment, published.flow.key, published.hash),
    )

    async def log(type_: str, at: datetime, occurred_at: datetime | None) -> None:
        await world.pool.execute(
            "insert into event (type, record_type, record_id, at, occurred_at) values ($1, 'contact', '1', $2, $3)",
            *(type_, at, occurred_at),
        )

    return Bench(PostgresLedger(world.pool), enrollment, published.hash, log)


def in_memory() -> Bench:
    """Make a bench in memory."""
    ledger, published = FakeLedger(now), flow("f", delay("n", "1 day"))
    ledger.crm.records[ANNA] = {"stage": "lead"}
    ledger.flows["f"] = FakeFlow(published.hash)
    ledger.enrollments["e"] = FakeEnrollment("f", ANNA, now())

    async def log(type_: str, at: datetime, occurred_at: datetime | None) -> None:
        name = str(len(ledger.events))
        ledger.events.append(Event(id=name, type=type_, record=ANNA, at=at, occurred_at=occurred_at))

    return Bench(ledger, "e", published.hash, log)
