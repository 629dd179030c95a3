"""A CRM with some records, real, in memory or over HTTP, on which the tests of all of them run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

from activities.action import Action, Done
from activities.effects import Crm, PropertyDefinition
from activities.fakes import FakeCrm
from activities.gateways.postgres_crm import PostgresCrm
from tests.activities.doing import doing
from tests.activities.http_crm import gateway, http_crm
from tests.world import World
from workflows.model.records import RecordRef

ANNA, BO, CHAT = (RecordRef.parse(each) for each in ("contact:1", "contact:2", "conversation:1"))
ACME, BETA, GONE = (RecordRef.parse(f"company:{each}") for each in ("acme", "beta", "gone"))

CONTACT = {
    "city": PropertyDefinition("text"),
    "owner": PropertyDefinition("user"),
    "score": PropertyDefinition("number"),
    "optin": PropertyDefinition("boolean"),
    "born": PropertyDefinition("date"),
    "seen": PropertyDefinition("datetime"),
    "stage": PropertyDefinition("option", ("lead", "customer")),
    "topics": PropertyDefinition("options", ("red", "green", "blue")),
    "age": PropertyDefinition("number", read_only=True),
    "nick": PropertyDefinition("text"),
    "wanted": PropertyDefinition("options", ("red", "pink")),
    "was": PropertyDefinition("option", ("lead",)),
    "email": PropertyDefinition("text", is_unique=True),
}
COMPANY = {
    "name": PropertyDefinition("text"),
    "tags": PropertyDefinition("options", ("red", "green")),
    "met": PropertyDefinition("date"),
    "staff": PropertyDefinition("number"),
    "domain": PropertyDefinition("text"),
}
DEFINITIONS = {"contact": CONTACT, "company": COMPANY, "conversation": {"status": PropertyDefinition("text")}}
TWO_COMPANIES = [
    (ANNA, ACME, "", False),
    (BETA, ANNA, "", True),
    (BETA, ANNA, "employer", False),
    (ANNA, GONE, "", False),
]

Change = tuple[RecordRef, str, Any, dict[str, Any]]


@dataclass
class CrmBench:
    """A CRM in which Anna, Bo and a conversation stand beside two companies of Anna's, and one that is archived."""

    open: Callable[[], AbstractAsyncContextManager[Crm]]
    put: Callable[[RecordRef, dict[str, Any]], Awaitable[None]]
    properties: Callable[[RecordRef], Awaitable[dict[str, Any]]]
    changes: Callable[[], Awaitable[list[Change]]]


async def perform(bench: CrmBench, action: Action, ref: RecordRef = ANNA, **fields: Any) -> Done:
    """Do an action for a record, in a transaction of its own."""
    async with bench.open() as crm:
        record = await crm.read(ref)
        assert record is not None
        return await action.perform(doing(record, crm=crm, **fields))


def some_records() -> FakeCrm:
    """Make a CRM in memory with these records."""
    crm = FakeCrm({ref: {} for ref in (ANNA, BO, CHAT, ACME, BETA, GONE)}, properties=DEFINITIONS, archived={GONE})
    crm.associations = [(a, b, label) for a, b, label, _ in sorted(TWO_COMPANIES, key=lambda each: not each[3])]
    return crm


def in_memory(crm: FakeCrm, speak: Callable[[], Crm] | None = None) -> CrmBench:
    """Make a bench in memory, or beyond what `speak` gives to be spoken to."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Crm]:
        yield speak() if speak else crm

    async def put(ref: RecordRef, properties: dict[str, Any]) -> None:
        crm.records[ref] = {**properties}

    async def read(ref: RecordRef) -> dict[str, Any]:
        return crm.records[ref]

    async def changes() -> list[Change]:
        return [(ref, name, value, asdict(source)) for ref, name, value, source in crm.changes]

    return CrmBench(opened, put, read, changes)


@asynccontextmanager
async def over_http() -> AsyncIterator[CrmBench]:
    """Make a bench on a CRM that is spoken to over HTTP."""
    async with http_crm(some_records()) as server:
        made, keys = gateway(server), count()
        yield in_memory(server.crm, lambda: made.under(f"key{next(keys)}"))


async def in_postgres(world: World) -> CrmBench:
    """Make a bench on PostgreSQL."""
    await world.pool.executemany(
        "insert into property (object, name, type, options, read_only, is_unique) values ($1, $2, $3, $4, $5, $6)",
        [
            (type_, name, each.type, list(each.options) or None, each.read_only, each.is_unique)
            for type_, defined in DEFINITIONS.items()
            for name, each in defined.items()
        ],
    )
    await world.pool.executemany(
        "insert into record (type, id, archived_at) values ($1, $2, $3::text::timestamptz)",
        [(ref.type, ref.id, "2026-01-01" if ref == GONE else None) for ref in (ANNA, BO, CHAT, ACME, BETA, GONE)],
    )
    await world.pool.executemany(
        "insert into association (from_type, from_id, to_type, to_id, label, is_primary)"
        " values ($1, $2, $3, $4, $5, $6)",
        [(a.type, a.id, b.type, b.id, label, primary) for a, b, label, primary in TWO_COMPANIES],
    )

    @asynccontextmanager
    async def opened() -> AsyncIterator[Crm]:
        async with world.pool.acquire() as connection, connection.transaction():
            yield PostgresCrm(connection)

    async def put(ref: RecordRef, properties: dict[str, Any]) -> None:
        query = "update record set properties = $3 where type = $1 and id = $2"
        await world.pool.execute(query, ref.type, ref.id, properties)

    async def changes() -> list[Change]:
        rows = await world.pool.fetch("select * from event where type = 'property_changed' order by seq")
        told = [(RecordRef(type=row["record_type"], id=row["record_id"]), row["properties"]) for row in rows]
        return [(ref, each["name"], each["value"], each["by"]) for ref, each in told]

    return CrmBench(opened, put, world.properties, changes)
