"""Servers that a test may stop, freeze and kill, workers as processes beside them, and flows under load on both."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path
from typing import NamedTuple

from deploy.local.addresses import Addresses
from deploy.local.home import Home
from deploy.local.stack import Stack
from tests.activities.mail_servers import Catcher, catching
from tests.until import until
from tests.worker_processes import KILLED, environment
from tests.world import World
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

ROOT = Path(__file__).parents[2]


class Servers(NamedTuple):
    """A stack of the tests' own, whose Temporal server keeps all in a file."""

    stack: Stack
    addresses: Addresses


@asynccontextmanager
async def servers(folder: Path) -> AsyncIterator[Servers]:
    """Run the servers for a block."""
    stack = Stack(Home(folder), durable=False, headless=True, preferred_ports={})
    try:
        yield Servers(stack, await stack.start())
    finally:
        stack.postgres.resume()
        await stack.destroy()


# The real program, but on a queue of the world's own: so worlds can share a Temporal server.
PROGRAM = """
import runpy, sys
from workflows import contract
contract.TASK_QUEUE = sys.argv[1]
runpy.run_path("worker.py", run_name="__main__")
"""


class Worker:
    """A worker as a process of its own, and what it has written."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.process: Process | None = None

    async def start(self, environment: dict[str, str], queue: str) -> None:
        with self.log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                *[sys.executable, "-c", PROGRAM, queue],
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**environment, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            )

    async def is_ready(self) -> bool:
        assert self.process
        assert self.process.returncode is None, self.log.read_text()
        return "the worker is ready" in self.log.read_text()

    async def struck(self) -> None:
        """Wait for its death by its fault."""
        assert self.process
        assert await asyncio.wait_for(self.process.wait(), 60) == KILLED, self.log.read_text()

    async def kill9(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@dataclass
class Scene:
    """A world on such servers, with a mail server."""

    stack: Stack
    world: World
    mail: Catcher
    folder: Path
    workers: int = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, servers: Servers, folder: Path) -> AsyncIterator[Scene]:
        async with catching() as mail, World.open(servers.addresses, folder) as world:
            yield cls(servers.stack, world, mail, folder)

    @asynccontextmanager
    async def worker(self, fault: str = "") -> AsyncIterator[Worker]:
        """Run a worker for a block, from when it is ready; `fault` is a crash point at which it dies, once.

        It is killed at the end: all that is to be kept is kept by then.
        """
        settings = {"HOST": "127.0.0.1", "PORT": str(self.mail.port), "SENDER": "us@example.com"}
        more = {f"PERDURE_SMTP__{name}": value for name, value in settings.items()}
        if fault:
            more["PERDURE_FAULT"] = f"{fault}:{self.folder / fault}"
        self.workers += 1
        worker = Worker(self.folder / f"worker-{self.workers}.log")
        await worker.start(environment(self.world, **more), self.world.queue)
        try:
            await until(worker.is_ready, within=30, what="a ready worker")
            yield worker
        finally:
            await worker.kill9()

    def sent(self) -> Counter[str]:
        """Count the e-mails that came, by their Message-ID's first half, which is the effect key."""
        ids = [str(message_from_bytes(each)["Message-ID"]) for each in self.mail.contents]
        return Counter(each.strip("<>").partition("@")[0] for each in ids)

    async def keys_sent(self) -> set[str]:
        """Give the effect keys of the e-mails that the ledger says were sent."""
        rows = await self.world.pool.fetch("select output from visit where kind = 'send_email' and state = 'done'")
        return {row["output"]["message_id"] for row in rows if row["output"]}

    async def repeated(self) -> int:
        """Count the visits whose effect may have happened twice, as the ledger says."""
        return int(await self.world.pool.fetchval("select count(*) from visit where repeated"))

    async def edits(self) -> Counter[tuple[str, str, object]]:
        """Count the edits in the log, by record, property and value."""
        rows = await self.world.pool.fetch("select record_id, properties from event where type = 'property_changed'")
        return Counter((row["record_id"], row["properties"]["name"], row["properties"]["value"]) for row in rows)

    async def all_ended(self, enrollments: Iterable[str], *, within: float) -> float:
        """Wait up to so many seconds for the end of each enrollment; give the seconds that all took."""
        clock = asyncio.get_running_loop().time
        began = clock()
        for each in enrollments:
            assert await self.world.ended(each, within=within) == "completed"
        return clock() - began

    async def size(self, revision: Revision, record: RecordRef) -> Size:
        """Measure the history of a walk."""
        handle = self.world.handle(revision, record)
        await handle.result()
        info = (await handle.describe()).raw_description.workflow_execution_info
        return Size(info.history_length, info.history_size_bytes)


class Size(NamedTuple):
    """Events and bytes of a history."""

    events: int
    size: int
