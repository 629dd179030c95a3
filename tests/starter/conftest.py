"""What the tests of the client side share: a world with flows published and turned on, and sleepers without workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from deploy.local.addresses import Addresses
from starter.admission import Admitted
from starter.cli import app
from starter.client import Client
from starter.publish import publish
from starter.relay import Relay
from starter.router import Router
from starter.settings import variables
from tests.world import World
from workflows.contract import workflow_id
from workflows.model.nodes import WaitForEvent
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

_ARM = """
insert into wait (enrollment, visit, record_type, record_id, types, any_of, since, deadline, seen)
select id, $2, type, record, $3, $4, accepted_at, null, pg_current_snapshot() from enrollment where id = $1
"""


@dataclass
class Office:
    """The client side over a world: nobody walks the flows, so a test says itself where a record stands."""

    world: World
    client: Client

    async def on(self, revision: Revision) -> str:
        """Publish a flow and turn it on."""
        await publish(self.world.pool, revision.flow, self.world.revisions)
        await self.client.turn_on(revision.flow.key)
        return revision.flow.key

    async def inside(self, flow: str, record: RecordRef) -> Admitted:
        """Let a record in that is free to enter."""
        admission = await self.client.enroll(flow, record)
        assert isinstance(admission, Admitted), admission
        return admission

    async def visit(self, enrollment: UUID, number: int, node: str, revision: str, kind: str = "delay") -> None:
        """Write the visit of a sleeper."""
        await self.world.pool.execute(
            "insert into visit (enrollment, visit, node, kind, revision, state) values ($1, $2, $3, $4, $5, 'asleep')",
            *(enrollment, number, node, kind, revision),
        )

    async def asleep(self, admitted: Admitted, node: str, number: int = 1) -> None:
        """Let an enrollment sleep in a delay."""
        await self.visit(admitted.enrollment, number, node, admitted.revision)
        await self.world.pool.execute(
            "insert into sleep (enrollment, visit, why) values ($1, $2, 'delay')", admitted.enrollment, number
        )

    async def waiting(self, admitted: Admitted, node: WaitForEvent, number: int = 1) -> None:
        """Let an enrollment wait for events."""
        await self.visit(admitted.enrollment, number, node.id, admitted.revision, "arm_wait")
        any_of = [match.model_dump(mode="json") for match in node.any_of]
        types = [match.event for match in node.any_of]
        await self.world.pool.execute(_ARM, admitted.enrollment, number, types, any_of)

    async def outbox(self, kind: str) -> list[dict[str, Any]]:
        """Read the outbox rows of a kind, in order."""
        return [
            dict(row) for row in await self.world.pool.fetch("select * from outbox where kind = $1 order by id", kind)
        ]

    async def enrollment(self, enrollment: UUID) -> dict[str, Any]:
        """Read an enrollment's row."""
        return dict(await self.world.pool.fetchrow("select * from enrollment where id = $1", enrollment) or {})

    async def close(self, enrollment: UUID) -> None:
        """Close an enrollment's row, as its last step does."""
        await self.world.pool.execute(
            "update enrollment set ending = 'completed', closed_at = clock_timestamp() where id = $1", enrollment
        )

    def router(self, batch: int = 200) -> Router:
        """Make a router."""
        return Router(self.world.pool, self.world.revisions, batch=batch)

    def relay(self, faults: Callable[[str], None] = lambda _point: None) -> Relay:
        """Make a relay to the world's own task queue."""
        world = self.world
        return Relay(world.pool, world.temporal, world.revisions, task_queue=world.queue, faults=faults)

    def workflow_id(self, admitted: Admitted) -> str:
        """Give the id of an enrollment's execution."""
        return workflow_id(admitted.flow, admitted.record)


@pytest.fixture
async def office(stack: Addresses, tmp_path: Path) -> AsyncIterator[Office]:
    """The client side over a fresh database and the shared Temporal server."""
    async with World.open(stack, tmp_path) as world:
        yield Office(world, Client(world.pool, world.revisions, world.temporal))


async def drain(work: Callable[[], Awaitable[int]]) -> int:
    """Do rounds until nothing is left; give how much was done."""
    done = 0
    while some := await work():
        done += some
    return done


@dataclass
class Ran:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str


Perdure = Callable[..., Awaitable[Ran]]


@pytest.fixture(scope="session", autouse=True)
def built_once() -> Iterator[None]:
    """Build the tree of commands once: to build it takes far longer than most commands do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", cache(get_command), raising=False)
        yield


@pytest.fixture
def perdure(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Perdure:
    """Run commands on the test's world, in a thread, for each has an event loop of its own."""
    monkeypatch.setenv("PERDURE_DATABASE_URL", world.dsn)
    monkeypatch.setenv("PERDURE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TEMPORAL_ADDRESS", world.addresses.temporal)
    monkeypatch.setenv("COLUMNS", "300")

    async def run(*words: object) -> Ran:
        ran = await asyncio.to_thread(CliRunner().invoke, app, [str(word) for word in words])
        return Ran(ran.exit_code, ran.stdout, ran.stderr)

    return run


Alone = Callable[..., Ran]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Alone:
    """Run commands where nothing is set and no stack runs."""
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PERDURE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: object) -> Ran:
        ran = CliRunner().invoke(app, [str(word) for word in words])
        return Ran(ran.exit_code, ran.stdout, ran.stderr)

    return run
