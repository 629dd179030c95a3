"""Data folders for one test each, and a process that keeps a stack up and may be killed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import asyncpg
import pytest
from pydantic import JsonValue

from deploy.local.addresses import Addresses
from deploy.local.home import Home
from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.temporal import TemporalDevServer

Server = TypeVar("Server", EmbeddedPostgres, TemporalDevServer)

ROOT = Path(__file__).parents[2]
KEEP_UP = Path(__file__).parent / "programs" / "keep_up.py"


@dataclass
class Sandbox:
    """Makes data folders and ends and deletes everything that a test left in them."""

    root: Path
    said: list[str] = field(default_factory=list)
    homes: list[Home] = field(default_factory=list)
    servers: list[EmbeddedPostgres | TemporalDevServer] = field(default_factory=list)

    def home(self, name: str = "home") -> Home:
        """Return a data folder that does not exist yet."""
        home = Home(self.root / name).resolved()
        self.homes.append(home)
        return home

    def ports(self, home: Home) -> Ports:
        """Return the folder's ports, away from those that people use."""
        return Ports(home, self.said.append, preferred={})

    def postgres(self, home: Home, *, durable: bool = False) -> EmbeddedPostgres:
        """Return a PostgreSQL over the folder, hasty unless asked."""
        return self.kept(EmbeddedPostgres(home, self.ports(home), self.said.append, durable=durable))

    def temporal(
        self, home: Home, *, headless: bool = True, in_memory: bool = False, **dynamic_config: JsonValue
    ) -> TemporalDevServer:
        """Return a Temporal dev server over the folder; `limit__maxIDLength=9` sets `limit.maxIDLength`."""
        config = {key.replace("__", "."): value for key, value in dynamic_config.items()}
        ports = self.ports(home)
        return self.kept(TemporalDevServer(home, ports, headless=headless, in_memory=in_memory, dynamic_config=config))

    def kept(self, server: Server) -> Server:
        """Remember a server to end."""
        self.servers.append(server)
        return server

    async def clear(self) -> None:
        """End the servers of all folders and delete what lies outside of them."""
        for server in self.servers:
            await server.stop()
        for home in self.homes:
            await TemporalDevServer(home).end_leftover()
            await EmbeddedPostgres(home).destroy()


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A place for data folders."""
    sandbox = Sandbox(tmp_path)
    yield sandbox
    await sandbox.clear()


@pytest.fixture(scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    """A data folder with its PostgreSQL started, for tests that only look at it."""
    sandbox = Sandbox(tmp_path_factory.mktemp("running"))
    await sandbox.postgres(sandbox.home()).start()
    yield sandbox
    await sandbox.clear()


@pytest.fixture
def home(running: Sandbox) -> Home:
    """The data folder of that PostgreSQL."""
    return running.homes[0]


@pytest.fixture
def postgres(running: Sandbox) -> EmbeddedPostgres:
    """That PostgreSQL."""
    (server,) = running.servers
    assert isinstance(server, EmbeddedPostgres)
    return server


@dataclass
class Keeper:
    """A running `keep_up.py`."""

    process: asyncio.subprocess.Process
    addresses: Addresses

    async def kill9(self) -> None:
        """Kill it as a crash does; its servers live on."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> str:
        """Let it stop its stack; return its last words."""
        out, _ = await self.process.communicate(b"\n")
        return out.decode().strip()


KeepUp = Callable[..., Awaitable[Keeper]]


@pytest.fixture
async def keep_up() -> AsyncIterator[KeepUp]:
    """Start a process that brings a stack up over a folder and waits."""
    async with AsyncExitStack() as ending:

        async def start(home: Home, *flags: str) -> Keeper:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(KEEP_UP),
                str(home.path),
                *flags,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            ending.push_async_callback(_end, process)
            assert process.stdout
            assert process.stderr
            line = await process.stdout.readline()
            assert line, (await process.stderr.read()).decode()
            return Keeper(process, Addresses.model_validate_json(line))

        yield start


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.communicate()


Query = Callable[[str, str], Awaitable[object]]


@pytest.fixture
def query() -> Query:
    """Run one statement in a connection of its own and return its value."""

    async def run(dsn: str, statement: str) -> object:
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            value: object = await connection.fetchval(statement)
        finally:
            await connection.close()
        return value

    return run
