"""`perdure demo`: twelve people walk a flow, on a stack of its own, and at the end it is told what became of them."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from pydantic import SecretStr

from activities.catalogue import Catalogue
from deploy.local.home import Home
from deploy.local.stack import Stack
from starter import compose
from starter.admission import Admitted
from starter.demo_screen import Place, report, watching
from starter.interrupts import interrupts, unless
from starter.language.compile import compile_flow
from starter.loading.load import load
from starter.loading.load_plan import Wish
from starter.loading.rows import BadRow, open_rows, record_names
from starter.mail_catcher import catching
from starter.migrate import migrate
from starter.publish import publish
from starter.up import Status
from starter.worker_process import WorkerProcess
from workflows.model.errors import EngineError
from workflows.model.flow import Flow
from workflows.model.records import RecordRef

if TYPE_CHECKING:
    from rich.console import Console

    from starter.client import Client
    from starter.demo_screen import Watch
    from starter.settings import Settings

EXAMPLES = Path(__file__).parent / "examples"
FLOW = EXAMPLES / "demo-request.yaml"
CONTACTS = EXAMPLES / "contacts.csv"

TICK = 0.4
"""Seconds between two looks; at each, one more person opens their e-mail."""

WITHIN = 90.0
"""Seconds in which all must have come to their end: thrice what they need."""

_PLACES = """
with standing as (
  select v.enrollment, max(v.visit) as visit from visit v join enrollment e on e.id = v.enrollment
   where v.kind <> 'moved' and e.id = any ($1) and e.closed_at is null group by v.enrollment
)
select v.node, count(distinct v.enrollment) as came, count(s.visit) as here
  from visit v left join standing s on s.enrollment = v.enrollment and s.visit = v.visit
 where v.enrollment = any ($1) group by v.node
"""
_WAITING = "select enrollment from wait where enrollment = any ($1)"
_OPEN = "select count(*) from enrollment where id = any ($1) and closed_at is null"


class Entered(NamedTuple):
    """A person in the flow."""

    enrollment: UUID
    record: RecordRef


@dataclass
class Demo:
    """One run of the demo."""

    client: Client
    flow: Flow
    worker: WorkerProcess | None
    entered: list[Entered] = field(default_factory=list)
    opened: set[UUID] = field(default_factory=set)

    @property
    def ids(self) -> list[UUID]:
        """The enrollments of this run."""
        return [each.enrollment for each in self.entered]

    async def begin(self) -> None:
        """Let everybody in; those whom an earlier demo on the same stack still has inside are left to it."""
        people = [each for each in record_names(CONTACTS, self.flow.object) if not isinstance(each, BadRow)]
        for admission in await self.client.enroll(self.flow.key, people, cause="demo"):
            if isinstance(admission, Admitted):
                self.entered.append(Entered(admission.enrollment, admission.record))
        if not self.entered:
            message = "Everybody is in the flow already: another demo is at it. Wait for its end and try again."
            raise EngineError(message)

    async def walk(self, watch: Watch) -> None:
        """Watch everybody to the end, while every second one opens their e-mail."""
        while await self.client.pool.fetchval(_OPEN, self.ids):
            watch(await self.places())
            await self._open_one()
            await asyncio.sleep(TICK)
        watch(await self.places())

    async def places(self) -> list[Place]:
        """Count, for each step, who came to it and who is there now."""
        rows = {row["node"]: row for row in await self.client.pool.fetch(_PLACES, self.ids)}
        return [
            Place(node, rows[node]["came"], rows[node]["here"]) if node in rows else Place(node)
            for node in in_walking_order(self.flow)
        ]

    async def _open_one(self) -> None:
        waiting = {row["enrollment"] for row in await self.client.pool.fetch(_WAITING, self.ids)}
        for each in self.entered[::2]:
            if each.enrollment in waiting - self.opened:
                self.opened.add(each.enrollment)
                await self.client.publish_event("email_opened", each.record, {"email": "thanks"}, source="demo")
                return


def in_walking_order(flow: Flow) -> list[str]:
    """Give the steps as a record comes to them; those of a branch's arms one arm after the other."""
    order: list[str] = []
    ahead = [flow.start]
    while ahead:
        here = ahead.pop()
        if here is not None and here not in order:
            order.append(here)
            ahead += reversed(list(flow.node(here).edges.values()))
    return order


async def demo(settings: Settings, console: Console, *, keep: bool = False, flow: Path = FLOW) -> None:
    """Run the demo with a flow file, and with `keep` keep its stack up until Ctrl-C.

    Raise Interrupted at Ctrl-C before the end, EngineError when it does not come to an end.
    """
    home = Home(settings.home / "demo").resolved()
    began = asyncio.get_running_loop().time()
    with interrupts() as stop:
        async with AsyncExitStack() as parts:
            run = await unless(stop, _open(home, settings, flow, console, parts))
            await unless(stop, _watched(run, console, home))
            seconds = asyncio.get_running_loop().time() - began
            await report(run.client.pool, run.flow, run.ids, home.path / "mail", console)
            console.print(f"All of it took {seconds:.0f} seconds.")
            if keep:
                _invite(home, run, console)
                await stop.wait()


async def _open(home: Home, settings: Settings, file: Path, console: Console, parts: AsyncExitStack) -> Demo:
    """Bring up stack, schema, records, flow and worker; `parts` ends them in reverse."""
    stack = Stack(home, say=console.print)
    console.print("Starting PostgreSQL, Temporal and a worker ...")
    await _clear(stack)
    status = Status(await parts.enter_async_context(stack))
    await migrate(status.addresses.dsn)
    own = settings.model_copy(update={"home": home.path, "database_url": SecretStr(status.addresses.dsn)})
    client = await parts.enter_async_context(compose.client(own))
    await load(client.pool, open_rows(CONTACTS), Wish("contact"), tell=lambda row: console.print(str(row)))
    flow = _compiled(file)
    await publish(client.pool, flow, client.revisions)
    await client.turn_on(flow.key)
    worker = await parts.enter_async_context(_worker(home, status)) if stack.owned else None
    console.print(f"Web UI, while it runs: {status.web_ui}")
    return Demo(client, flow, worker)


def _compiled(file: Path) -> Flow:
    return compile_flow(file.read_text(encoding="utf-8"), Catalogue.load(), file.name)


async def _clear(stack: Stack) -> None:
    """Begin anew, unless the stack of an earlier `demo --keep` is up: then that one is joined."""
    if Stack.running(stack.home) is None and await stack.end_leftovers():
        await stack.destroy()
        for folder in (stack.home.temporal, stack.home.path / "mail"):
            shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _worker(home: Home, status: Status) -> AsyncIterator[WorkerProcess]:
    """Run a worker and a mail catcher for a block, whatever mail server the user has set: nothing may leave."""
    async with catching(home.path / "mail") as catcher:
        kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("PERDURE_")}
        environment = compose.environment_of(status.addresses, kept) | catcher.environment
        worker = WorkerProcess(environment | {"PERDURE_HOME": str(home.path)}, home.logs / "worker.log")
        await worker.start()
        try:
            yield worker
        finally:
            await worker.stop()


async def _watched(run: Demo, console: Console, home: Home) -> None:
    await run.begin()
    console.print(f"{len(run.entered)} people enter the flow {run.flow.name!r}.")
    try:
        async with asyncio.timeout(WITHIN):
            with watching(console, len(run.entered)) as watch:
                await _with_worker(run.worker, run.walk(watch))
    except TimeoutError:
        message = f"Not all came to their end within {WITHIN:.0f} s; look into {home.logs}."
        raise EngineError(message) from None


async def _with_worker(worker: WorkerProcess | None, walk: Coroutine[Any, Any, None]) -> None:
    """Await the walk; raise EngineError at once when the worker ends before it."""
    if worker is None:
        return await walk
    walking, ended = asyncio.create_task(walk), asyncio.create_task(worker.ended())
    try:
        await asyncio.wait([walking, ended], return_when=asyncio.FIRST_COMPLETED)
        if walking.done():
            return walking.result()
        message = f"The worker ended with status {ended.result()}. The end of {worker.log}:\n{worker.last_words()}"
        raise EngineError(message)
    finally:
        walking.cancel()
        ended.cancel()
        await asyncio.gather(walking, ended, return_exceptions=True)


def _invite(home: Home, run: Demo, console: Console) -> None:
    first = run.entered[0].record
    console.print(f"\nThe stack stays up until Ctrl-C. In another terminal: export PERDURE_HOME={home.path}, then")
    for command in ("list", f"show {run.flow.key} {first}", f"enroll {run.flow.key} {first}"):
        console.print(f"  perdure {command}")
