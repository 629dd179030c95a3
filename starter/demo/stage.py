"""The stage of the demo: a stack of its own, a mail catcher, a web server for webhooks, a worker in a hurry."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from deploy.local.ports import LOOPBACK
from deploy.local.stack import Stack
from starter import compose
from starter.demo.counting import Counting
from starter.demo.files import RECEIVER, Put, put_examples
from starter.demo.receiver import Receiver, receiving
from starter.mail_catcher import MailCatcher, catching
from starter.migrate import migrate
from starter.up import Status
from starter.worker_process import WorkerProcess
from workflows.model.errors import CallerError, EngineError

if TYPE_CHECKING:
    from rich.console import Console

    from deploy.local.home import Home
    from starter.client import Client
    from starter.settings import Settings

READY = "the worker is ready"
LOOK_EVERY = 0.1


@dataclass
class Stage:
    """All that stands while the demo runs."""

    home: Home
    client: Client
    put: Put
    counting: Counting
    mails: MailCatcher
    receiver: Receiver
    worker: WorkerProcess
    web_ui: str

    async def until_ready(self) -> None:
        """Wait until the worker asks for work; raise EngineError where it ends instead."""
        while READY not in self.worker.last_words():
            self.check_worker()
            await asyncio.sleep(LOOK_EVERY)

    def check_worker(self) -> None:
        """Raise EngineError where the worker has ended by itself."""
        process = self.worker.process
        if process is not None and process.returncode is not None:
            told = f"The worker ended with status {process.returncode}. The end of {self.worker.log}:"
            raise EngineError(f"{told}\n{self.worker.last_words()}")

    async def lose_the_worker(self) -> bool:
        """Kill the worker, as a machine that fails does, and start another; give False where it is spared for now.

        It is spared while it is sending something: nobody could tell then whether that was sent, it would be sent once
        more, and the demo would have to explain why.
        """
        process = self.worker.process
        if process is None:
            return False
        process.send_signal(signal.SIGSTOP)
        try:
            if is_lost := not await self.counting.is_outside():
                process.kill()
        finally:
            process.send_signal(signal.SIGCONT)
        if not is_lost:
            return False
        await process.wait()
        await self.worker.start()
        return True


@asynccontextmanager
async def staged(home: Home, settings: Settings, console: Console, clock_speed: float) -> AsyncIterator[Stage]:
    """Set the stage for a block, with a clock that runs so fast. All of it ends with the block.

    Raise CallerError where a demo is up on this folder already.
    """
    if (found := Stack.running(home)) is not None:
        told = f"A demo is up already (process {found.pid}); stop it by Ctrl-C there, or look around in it:"
        raise CallerError(f"{told} export PERDURE_HOME={home.path}")
    async with AsyncExitStack() as parts:
        console.print("Starting PostgreSQL, Temporal with its Web UI, and a worker, all of the demo's own ...")
        stack = Stack(home, say=console.print)
        await _clear(stack)
        status = Status(await parts.enter_async_context(stack))
        await migrate(status.addresses.dsn)
        mails = await parts.enter_async_context(catching(home.path / "mail"))
        receiver = await parts.enter_async_context(receiving(home.path / "webhooks", RECEIVER))
        worker = await parts.enter_async_context(_worker(home, status, mails, clock_speed))
        own = settings.model_copy(update={"home": home.path, "database_url": SecretStr(status.addresses.dsn)})
        client = await parts.enter_async_context(compose.client(own))
        put = await put_examples(client, receiver.url)
        stage = Stage(home, client, put, Counting(client.pool, put.flow), mails, receiver, worker, status.web_ui)
        await stage.until_ready()
        yield stage


async def _clear(stack: Stack) -> None:
    """Begin anew: what an earlier demo left is gone."""
    await stack.end_leftovers()
    await stack.destroy()
    (stack.home.logs / "worker.log").unlink(missing_ok=True)
    for folder in (stack.home.temporal, stack.home.path / "mail", stack.home.path / "webhooks"):
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _worker(home: Home, status: Status, mails: MailCatcher, clock_speed: float) -> AsyncIterator[WorkerProcess]:
    """Run a worker for a block, whatever the user has set: no e-mail may leave, and no webhook but to this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("PERDURE_")}
    environment = {
        **compose.environment_of(status.addresses, kept),
        **mails.environment,
        "PERDURE_HOME": str(home.path),
        "PERDURE_CLOCK_SPEED": f"{clock_speed:g}",
        "PERDURE_OUTBOUND__ALLOW": LOOPBACK,
        "PERDURE_SECRETS__MARKETING_TOKEN": "of-the-demo",
    }
    worker = WorkerProcess(environment, home.logs / "worker.log")
    await worker.start()
    try:
        yield worker
    finally:
        await worker.stop()
