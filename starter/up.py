"""`perdure up`: the embedded stack in the foreground, with a worker, the API, a mail catcher and one status screen."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg
from pydantic import SecretStr

from deploy.local.errors import LocalServerError
from deploy.local.home import Home
from deploy.local.ports import LOOPBACK
from deploy.local.stack import Stack
from starter import compose
from starter.interrupts import interrupts, pause
from starter.mail_catcher import catching
from starter.migrate import migrate, place
from starter.worker_process import WorkerProcess
from workflows.model.errors import CallerError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from deploy.local.addresses import Addresses
    from starter.settings import Settings

LOOK_EVERY = 1.0
"""Seconds between two looks at the counts."""

TELL_EVERY = 10.0
"""Seconds between two lines of counts where there is no screen to draw on."""

FIRST_RESTART = 1.0
LAST_RESTART = 30.0
"""Seconds until a worker that ended is started again; the pause doubles from the first to the last."""

_COUNTS = """
select (select count(*) from enrollment where closed_at is null),
       (select count(*) from enrollment where closed_at is not null),
       (select count(*) from outbox where sent_at is null)
"""


@dataclass
class Status:
    """What the screen shows."""

    addresses: Addresses
    worker: str = "none (--no-worker)"
    mail: str = "as PERDURE_SMTP__* says"
    api: str = "not served"
    counts: str = ""

    @property
    def web_ui(self) -> str:
        """The link to the enrollments in Temporal's Web UI."""
        ui = self.addresses.ui
        return f"{ui}/namespaces/{self.addresses.namespace}/workflows" if ui else "none (headless)"

    def lines(self) -> list[tuple[str, str]]:
        """Give the parts and their states, in the order of the screen."""
        return [
            ("PostgreSQL", place(self.addresses.dsn)),
            ("Temporal", f"{self.addresses.temporal}, namespace {self.addresses.namespace}"),
            ("Web UI", self.web_ui),
            ("Worker", self.worker),
            ("E-mail", self.mail),
            ("API", self.api),
            *([("Enrollments", self.counts)] if self.counts else []),
        ]


async def up(settings: Settings, console: Console, *, with_worker: bool = True) -> None:
    """Keep the stack of the data folder up until Ctrl-C or SIGTERM, then stop all of it in order.

    Where one is up already, say so and return. Raise LocalServerError when a server cannot be run.
    """
    stack = Stack(Home(settings.home), say=console.print)
    with interrupts() as stop:
        if found := compose.running(settings):
            return _already(settings, found, console)
        console.print(f"Starting PostgreSQL and Temporal in {settings.home} ...")
        async with AsyncExitStack() as parts:
            status = Status(await parts.enter_async_context(stack))
            if not stack.owned:
                return _already(settings, status.addresses, console)
            await migrate(status.addresses.dsn, say=console.print)
            _warn(console)
            await parts.enter_async_context(_serving(stack, console, stop))
            await parts.enter_async_context(_worker(settings, status, stop, with_worker=with_worker))
            await parts.enter_async_context(_api(settings, status))
            await _show(status, stop, console)
            console.print("Stopping ...")
    console.print("Stopped. The data stays; `perdure up` goes on from here.")
    return None


def _already(settings: Settings, found: Addresses, console: Console) -> None:
    console.print(f"A stack is up on {settings.home} already (process {found.pid}):")
    for name, state in Status(found).lines()[:3]:
        console.print(f"  {name:<12}{state}")


def _warn(console: Console) -> None:
    for name in ("PERDURE_DATABASE_URL", "TEMPORAL_ADDRESS"):
        if os.environ.get(name):
            console.print(f"Note: {name} is set, so other commands will use that service and not this stack.")


@asynccontextmanager
async def _worker(settings: Settings, status: Status, stop: asyncio.Event, *, with_worker: bool) -> AsyncIterator[None]:
    """Keep a worker running for a block, which sends its e-mails to a catcher where no mail server is set."""
    environment = compose.environment_of(status.addresses, dict(os.environ))
    async with AsyncExitStack() as parts:
        if settings.smtp is None:
            catcher = await parts.enter_async_context(catching(settings.home / "mail"))
            environment |= catcher.environment
            status.mail = f"nothing is sent: what comes to {LOOPBACK}:{catcher.port} is kept in {catcher.folder}"
        if not with_worker:
            yield
            return
        worker = WorkerProcess(environment, Home(settings.home).logs / "worker.log")
        keeper = asyncio.create_task(keep_running(worker, status, stop))
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            await worker.stop()


@asynccontextmanager
async def _api(settings: Settings, status: Status) -> AsyncIterator[None]:
    """Serve the API for a block, where its address is free."""
    from starter.api.server import serving

    here = settings.model_copy(update={"database_url": SecretStr(status.addresses.dsn)})
    async with AsyncExitStack() as served:
        try:
            status.api = await served.enter_async_context(serving(here))
        except CallerError as error:
            status.api = f"not served: {error}"
        yield


@asynccontextmanager
async def _serving(stack: Stack, console: Console, stop: asyncio.Event) -> AsyncIterator[None]:
    """Keep the servers running for a block."""
    keeper = asyncio.create_task(keep_serving(stack, console.print, stop))
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def keep_serving(stack: Stack, say: Callable[[str], object], stop: asyncio.Event) -> None:
    """Start a server again whenever it ends by itself, and say so; it keeps its data and its address."""
    seconds = FIRST_RESTART
    while not stop.is_set():
        for name, server in (("PostgreSQL", stack.postgres), ("Temporal", stack.temporal)):
            if server.is_running:
                continue
            say(f"{name} ended by itself; starting it again ...")
            try:
                await server.start()
            except LocalServerError as error:
                seconds = min(seconds * 2, LAST_RESTART)
                say(f"{error}\nAnother try in {seconds:.0f} s.")
            else:
                seconds = FIRST_RESTART
                say(f"{name} is up again.")
        await pause(stop, seconds)


async def keep_running(worker: WorkerProcess, status: Status, stop: asyncio.Event) -> None:
    """Start the worker, and again whenever it ends by itself, each time after a longer pause."""
    seconds, loop = FIRST_RESTART, asyncio.get_running_loop()
    while not stop.is_set():
        status.worker = f"running (process {await worker.start()}, log {worker.log})"
        began = loop.time()
        code = await worker.ended()
        if loop.time() - began > LAST_RESTART:
            seconds = FIRST_RESTART
        status.worker = (
            f"ended with status {code}, starts again in {seconds:.0f} s; see {worker.log}\n{worker.last_words()}"
        )
        await pause(stop, seconds)
        seconds = min(seconds * 2, LAST_RESTART)


async def _show(status: Status, stop: asyncio.Event, console: Console) -> None:
    """Draw the status until `stop`: one screen on a terminal, else a line for each change."""
    async with _counting(status.addresses.dsn) as count:
        if not console.is_terminal:
            return await _tell(status, stop, console, count)
        from rich.live import Live

        with Live(console=console, auto_refresh=False, transient=True) as live:
            while not stop.is_set():
                status.counts = await count()
                live.update(_screen(status), refresh=True)
                await pause(stop, LOOK_EVERY)
    return None


async def _tell(status: Status, stop: asyncio.Event, console: Console, count: Callable[[], Any]) -> None:
    told: dict[str, str] = {}
    loop = asyncio.get_running_loop()
    tell_counts_at = 0.0
    while not stop.is_set():
        if loop.time() >= tell_counts_at:
            status.counts = await count()
            tell_counts_at = loop.time() + TELL_EVERY
        for name, state in status.lines():
            if told.get(name) != state:
                told[name] = state
                console.print(f"{name:<12}{state}")
        await pause(stop, LOOK_EVERY)


def _screen(status: Status) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Perdure is up", caption="Ctrl-C stops all of it; the data stays.", show_header=False)
    for name, state in status.lines():
        table.add_row(name, Text(state, overflow="fold"))
    return table


@asynccontextmanager
async def _counting(dsn: str) -> AsyncIterator[Callable[[], Any]]:
    """Give a question that counts enrollments and letters, over one connection that is opened again when it breaks."""
    connection: asyncpg.Connection[Any] | None = None

    async def count() -> str:
        nonlocal connection
        try:
            if connection is None or connection.is_closed():
                connection = await asyncpg.connect(dsn, timeout=LOOK_EVERY, command_timeout=LOOK_EVERY)
            row = await connection.fetchrow(_COUNTS)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return f"PostgreSQL does not answer ({str(error) or type(error).__name__})"
        inside, left, unsent = row or (0, 0, 0)
        return f"{inside} inside, {left} ended; {unsent} messages to Temporal not sent yet"

    try:
        yield count
    finally:
        if connection:
            with suppress(OSError, TimeoutError, asyncpg.InterfaceError):
                await connection.close(timeout=LOOK_EVERY)
