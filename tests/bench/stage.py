"""What the bench runs on: the embedded stack, a database and a worker for each way, and a sink for what they send."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client as Temporal

from activities.gateways.postgres import PostgresSource, open_pool
from deploy.local.addresses import Addresses
from deploy.local.home import Home
from deploy.local.stack import Stack
from starter.client import Client
from starter.migrate import migrate
from starter.publish import publish
from starter.worker_process import ROOT
from tests.bench import graphs, machine, plain
from tests.until import until
from workflows.codec import Revisions
from workflows.contract import TASK_QUEUE
from workflows.model.revision import Revision

DRAWN, PLAIN, STYLE = "drawn", "plain", "style"
WAYS = (DRAWN, PLAIN, STYLE)
TOLD = {
    DRAWN: "(1) drawn, everything on",
    PLAIN: "(2) by hand, plain SDK",
    STYLE: "(3) by hand, our style",
}

DEPLOYED = ["-m", "starter", "worker", "--with-parent"]
"""What `perdure up` runs."""

_ROOM = 30
"""Connections of the bench itself to each database; it asks for so many enrollments at a time at most."""


@dataclass
class Way:
    """One way to walk: its database, its worker, and a client."""

    name: str
    dsn: str
    pool: asyncpg.Pool[Any]
    client: Client
    worker: Process
    environment: Mapping[str, str]
    log: Path


@dataclass
class Stage:
    """All that is up."""

    addresses: Addresses
    stack: Stack
    folder: Path
    temporal: Temporal
    url: str
    ways: dict[str, Way]
    parts: AsyncExitStack

    @property
    def server(self) -> int:
        """The process of the Temporal server."""
        found = self.stack.temporal.pid
        assert found is not None
        return found

    @property
    def postgres(self) -> int:
        """The main process of PostgreSQL."""
        found = self.stack.postgres.pid
        assert found is not None
        return found

    def cost(self, way: Way) -> dict[str, float]:
        """Give the seconds of computing that each side has taken until now."""
        return {
            "worker": machine.cpu(way.worker.pid),
            "server": machine.cpu(self.server),
            "postgres": machine.cpu_of_family(self.postgres),
            "client": machine.cpu(os.getpid()),
        }


@asynccontextmanager
async def stage(folder: Path, names: tuple[str, ...] = WAYS, cached: int | None = None) -> AsyncIterator[Stage]:
    """Put everything up for a block, and take all of it down again.

    `cached`: the worker of what is drawn keeps so many enrollments in memory, not as many as in production.
    """
    async with AsyncExitStack() as parts:
        stack = Stack(Home(folder / "home"), say=lambda _line: None, preferred_ports={})
        addresses = await stack.start()
        parts.push_async_callback(stack.destroy)
        mail, web = await _sink(parts)
        environment = _environment(addresses, mail)
        url = f"http://127.0.0.1:{web}/hook"
        programs = {
            DRAWN: DEPLOYED if cached is None else ["-m", "tests.bench.cached_worker", str(cached)],
            PLAIN: ["-m", "tests.bench.hand_worker", PLAIN, url],
            STYLE: ["-m", "tests.bench.hand_worker", STYLE, url],
        }
        temporal = await Temporal.connect(addresses.temporal)
        up = Stage(addresses, stack, folder, temporal, url, {}, parts)
        for name in names:
            up.ways[name] = await _way(up, name, environment, programs[name])
        yield up


def key(way: str, graph: str) -> str:
    """Give the key of a graph's flow, which is in the ids of executions on the one server."""
    return graph if way == DRAWN else f"{graph}-{way}"


def revisions_of(way: str, url: str) -> list[Revision]:
    """Give the flows of a way; what is written by hand in our style is started under a revision, too."""
    return [
        graphs.journey(key(way, graphs.JOURNEY)),
        graphs.graph(key(way, graphs.GRAPH), url),
        graphs.sleepers(key(way, graphs.SLEEPERS)),
    ]


async def _way(up: Stage, name: str, environment: Mapping[str, str], program: list[str]) -> Way:
    dsn = await _database(up.addresses.dsn, f"bench_{name}")
    await migrate(dsn)
    pool = await open_pool(dsn, size=_ROOM, plans="force_generic_plan")
    reading = await open_pool(dsn, size=2, ready=0)
    for each in (pool, reading):
        up.parts.push_async_callback(each.close)
    await pool.executemany(
        "insert into property (object, name, type) values ('contact', $1, $2)", list(graphs.PROPERTIES.items())
    )
    await pool.execute(plain.TABLE)
    revisions = Revisions(PostgresSource(reading))
    client = Client(pool, revisions)
    for revision in revisions_of(name, up.url):
        await publish(pool, revision.flow, revisions)
        await client.turn_on(revision.flow.key)
    own = {**environment, "PERDURE_DATABASE_URL": dsn}
    log = up.folder / f"{name}.log"
    way = Way(name, dsn, pool, client, await started(up.parts, program, own, log), own, log)
    await polls(up, name)
    return way


async def started(parts: AsyncExitStack, program: list[str], environment: Mapping[str, str], log: Path) -> Process:
    """Start a Python program of ours, which is ended with the block."""
    with log.open("ab") as stream:
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, *program], stdin=PIPE, stdout=stream, stderr=stream, env=environment, cwd=ROOT
        )
    parts.push_async_callback(ended, process)
    return process


async def ended(process: Process) -> None:
    """End a process."""
    with suppress(ProcessLookupError):
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()


async def polls(up: Stage, name: str) -> None:
    """Wait until the worker of a way asks the server for work."""
    queue = TASK_QUEUE if name == DRAWN else name
    request = DescribeTaskQueueRequest(
        namespace=up.addresses.namespace,
        task_queue=TaskQueue(name=queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )

    async def asked() -> bool:
        return bool((await up.temporal.workflow_service.describe_task_queue(request)).pollers)

    await until(asked, within=60, what=f"the worker of {name}")


async def _sink(parts: AsyncExitStack) -> tuple[int, int]:
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "tests.bench.sink"], stdin=PIPE, stdout=PIPE, cwd=ROOT
    )
    parts.push_async_callback(ended, process)
    assert process.stdout is not None
    mail, web = (await process.stdout.readline()).split()
    return int(mail), int(web)


def _environment(addresses: Addresses, mail: int) -> dict[str, str]:
    """Give the settings of a worker as one would run it: nothing but where everything is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PERDURE_", "TEMPORAL_"))}
    return kept | {
        "TEMPORAL_ADDRESS": addresses.temporal,
        "TEMPORAL_NAMESPACE": addresses.namespace,
        "PERDURE_SMTP__HOST": "127.0.0.1",
        "PERDURE_SMTP__PORT": str(mail),
        "PERDURE_SMTP__START_TLS": "off",
        "PERDURE_SMTP__SENDER": "Bench <bench@example.com>",
        "PERDURE_OUTBOUND__ALLOW": "127.0.0.1",
        "PYTHONPATH": str(ROOT),
    }


async def _database(server: str, name: str) -> str:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"create database {name}")
    finally:
        await connection.close()
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
