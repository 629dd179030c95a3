"""A test's own world: a fresh database, its own task queue, and everything that walks a flow, on the shared servers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.transaction import Transaction
from temporalio.client import Client as Temporal
from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from activities.catalogue import Catalogue
from activities.control import Control
from activities.dispatch import activities
from activities.effects import Http, Links, OutsideCrm, Push, Sms
from activities.fakes import FakeHttp, FakeMailer, FakePush, FakeSecrets, FakeSms, fake_outside
from activities.faults import no_fault
from activities.gateways.postgres import PostgresSource, open_pool
from activities.gateways.postgres_ledger import PostgresLedger
from activities.links import NoLinks
from activities.performing import Performer
from activities.purging import purging
from deploy.local.addresses import Addresses
from starter.admission import Admitted
from starter.client import Client
from starter.doors import doors_into
from starter.publish import publish
from starter.relay import Relay
from starter.router import Router
from tests.databases import fresh_database
from tests.until import until
from workflows.codec import Revisions
from workflows.contract import QUERY_STATE, State, workflow_id
from workflows.model.records import RecordRef
from workflows.model.revision import Revision
from workflows.plugin import PerdurePlugin


@dataclass
class World:
    """What a test works with. `name` is in every flow key, for the Temporal server is shared."""

    addresses: Addresses
    folder: Path
    dsn: str
    pool: asyncpg.Pool[Any]
    temporal: Temporal
    revisions: Revisions
    name: str = field(default_factory=lambda: secrets.token_hex(4))
    mailer: FakeMailer = field(default_factory=FakeMailer)
    http: Http = field(default_factory=FakeHttp)
    vault: FakeSecrets = field(default_factory=FakeSecrets)
    links: Links = field(default_factory=NoLinks)
    sms: Sms = field(default_factory=FakeSms)
    push: Push = field(default_factory=FakePush)
    catalogue: Catalogue = field(default_factory=Catalogue.load)
    ledger: type[PostgresLedger] = PostgresLedger
    crm: OutsideCrm | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, addresses: Addresses, folder: Path) -> AsyncIterator[World]:
        """Open a world on the shared servers; nobody else has its database, and nobody later sees what was in it."""
        async with fresh_database(addresses.dsn) as dsn:
            pool = await open_pool(dsn)
            reading = await open_pool(dsn, size=2, ready=0)
            revisions = Revisions(PostgresSource(reading))
            temporal = await Temporal.connect(addresses.temporal, plugins=[PerdurePlugin(revisions)])
            world = cls(addresses, folder, dsn, pool, temporal, revisions)
            try:
                yield world
            finally:
                await world.end_enrollments()
                await pool.close()
                await reading.close()

    @property
    def queue(self) -> str:
        """The world's own task queue."""
        return f"perdure-{self.name}"

    def key(self, flow: str) -> str:
        """Give a flow key that no other test uses."""
        return f"{flow}-{self.name}"

    def performer(self, crash_point: Callable[[str], None] = no_fault) -> Performer:
        """Make the performer of this world's actions."""
        return Performer(
            Control(self.ledger(self.pool, doors_into(self.revisions)), self.revisions),
            self.catalogue,
            fake_outside(
                mail=self.mailer,
                http=self.http,
                secrets=self.vault,
                links=self.links,
                sms=self.sms,
                push=self.push,
                crm=self.crm,
            ),
            crash_point,
        )

    @asynccontextmanager
    async def worker(self, crash_point: Callable[[str], None] = no_fault, **options: Any) -> AsyncIterator[Worker]:
        """Run a worker in this process."""
        run: list[Callable[..., Any]] = [*activities(self.performer(crash_point)), purging(self.pool)]
        async with Worker(self.temporal, task_queue=self.queue, activities=run, **options) as worker:
            yield worker

    @property
    def client(self) -> Client:
        """The client of this world."""
        return Client(self.pool, self.revisions, self.temporal)

    @property
    def router(self) -> Router:
        """A router."""
        return Router(self.pool, self.revisions)

    @property
    def relay(self) -> Relay:
        """A relay."""
        return Relay(self.pool, self.temporal, self.revisions, task_queue=self.queue)

    @asynccontextmanager
    async def serving(self, crash_point: Callable[[str], None] = no_fault, **options: Any) -> AsyncIterator[Worker]:
        """Run a worker with its router and relay in this process."""
        async with self.worker(crash_point, **options) as worker, running(self.router.run, self.relay.run):
            yield worker

    async def publish(self, revision: Revision) -> Revision:
        """Publish a flow and turn it on."""
        await publish(self.pool, revision.flow, self.revisions)
        await self.client.turn_on(revision.flow.key)
        return revision

    async def enroll(self, revision: Revision, record: RecordRef) -> str:
        """Enroll a record that the entry rules let in; give the enrollment's uuid."""
        admission = await self.client.enroll(revision.flow.key, record)
        assert isinstance(admission, Admitted), admission
        return str(admission.enrollment)

    async def ended(self, enrollment: str, *, within: float = 20.0) -> str:
        """Wait until an enrollment is closed; give its ending."""
        return await until(lambda: self.ending(enrollment), within=within, what=f"the end of {enrollment}") or ""

    async def path(self, enrollment: str) -> list[tuple[str, str]]:
        """Give the nodes visited and the line each came to, in order."""
        return [(row["node"], (row["answer"] or {}).get("line", "")) for row in await self.visits(enrollment)]

    async def history(self, revision: Revision, record: RecordRef) -> WorkflowHistory:
        """Fetch the history of a record's latest execution in a flow."""
        return await self.handle(revision, record).fetch_history()

    async def at(self, enrollment: str, node: str, state: str, *, within: float = 20.0) -> asyncpg.Record:
        """Wait until the enrollment's visit to a node is in a state; give the row."""

        async def look() -> asyncpg.Record | None:
            return next((v for v in await self.visits(enrollment) if (v["node"], v["state"]) == (node, state)), None)

        found = await until(look, within=within, what=f"{node} {state}")
        assert found is not None
        return found

    async def asleep(
        self, revision: Revision, record: RecordRef, node: str | None = None, *, within: float = 20.0
    ) -> State:
        """Wait until the execution itself sleeps, in a node if one is named; give its state.

        The ledger says so a moment earlier, while the workflow task that falls asleep is still under way.
        """

        async def look() -> State | None:
            try:
                state: State = await self.handle(revision, record).query(QUERY_STATE, result_type=State)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                return None
            return state if state.asleep and node in (None, state.node) else None

        found = await until(look, within=within, what=f"the sleep of {record} in {node}")
        assert found is not None
        return found

    async def record(self, ref: str, **properties: Any) -> RecordRef:
        """Put a record in the CRM, with a definition for each of its properties."""
        name = RecordRef.parse(ref)
        await self.define(name.type, **dict.fromkeys(properties, "text"))
        await self.pool.execute(
            "insert into record (type, id, properties) values ($1, $2, $3)", name.type, name.id, properties
        )
        return name

    async def define(self, object_type: str, **types: str) -> None:
        """Define properties of an object type."""
        await self.pool.executemany(
            "insert into property (object, name, type) values ($1, $2, $3) on conflict do nothing",
            [(object_type, name, kind) for name, kind in types.items()],
        )

    async def properties(self, ref: RecordRef) -> dict[str, Any]:
        """Read a record's properties."""
        row = await self.pool.fetchval("select properties from record where type = $1 and id = $2", ref.type, ref.id)
        return dict(row)

    async def visits(self, enrollment: str) -> list[asyncpg.Record]:
        """Read the ledger of an enrollment, in the order walked, without what led it into newer revisions."""
        visits = "select * from visit where enrollment = $1 and kind <> 'moved' order by visit"
        return await self.pool.fetch(visits, enrollment)

    async def ending(self, enrollment: str) -> str | None:
        """Read how an enrollment ended, None while it has not."""
        ending = await self.pool.fetchval("select ending from enrollment where id = $1", enrollment)
        return None if ending is None else str(ending)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[tuple[PoolConnectionProxy[Any], Transaction]]:
        """Hold a transaction open until the test commits it; a test that fails leaves no lock behind."""
        async with self.pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield connection, transaction
            finally:
                if connection.is_in_transaction():
                    await transaction.rollback()

    async def blocked(self, sessions: int = 1) -> bool:
        """Tell whether so many sessions of this database wait for a lock."""
        query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        return bool(await self.pool.fetchval(query) >= sessions)

    def handle(self, revision: Revision, record: RecordRef) -> WorkflowHandle[Any, Any]:
        """Give the Temporal handle of a record's enrollment in a flow."""
        return self.temporal.get_workflow_handle(workflow_id(revision.flow.key, record))

    async def end_enrollments(self) -> None:
        """Terminate what this world left open on the shared Temporal server."""
        started = "select flow, type, record, key from enrollment where closed_at is null and started_at is not null"
        endings = [
            self.temporal.get_workflow_handle(
                workflow_id(row["flow"], RecordRef(type=row["type"], id=row["record"]), row["key"])
            ).terminate()
            for row in await self.pool.fetch(started)
        ]
        await asyncio.gather(*endings, return_exceptions=True)


@asynccontextmanager
async def running(*loops: Callable[[asyncio.Event], Any]) -> AsyncIterator[None]:
    """Run loops such as a router's and a relay's beside the test, and stop them in order."""
    stop = asyncio.Event()
    tasks = [asyncio.ensure_future(loop(stop)) for loop in loops]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)
