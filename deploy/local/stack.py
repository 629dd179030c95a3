"""The embedded stack of one data folder: PostgreSQL and Temporal, started together, stopped in order, never twice."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from types import TracebackType

from pydantic import JsonValue, ValidationError

from deploy.local import processes
from deploy.local.addresses import Addresses
from deploy.local.errors import LocalServerError
from deploy.local.files import write_whole
from deploy.local.home import Home
from deploy.local.lock import POLL, FileLock, is_locked
from deploy.local.ports import FAMILIAR, Ports
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.say import Say, to_stderr
from deploy.local.temporal import NAMESPACE, TemporalDevServer

START_WITHIN = 120.0


class Stack:
    """Both servers of a data folder. The first process to start it owns it; later ones join and own nothing.

    Use as `async with Stack(Home(folder)) as addresses:`. A stack whose owner was killed is taken over by the
    next start, with all its data, on the same ports.
    """

    def __init__(  # noqa: PLR0913 - all but the folder are the rare choices of tests
        self,
        home: Home,
        say: Say = to_stderr,
        *,
        preferred_ports: Mapping[str, int] = FAMILIAR,
        durable: bool = True,
        headless: bool = False,
        in_memory: bool = False,
        dynamic_config: Mapping[str, JsonValue] | None = None,
    ) -> None:
        self.home = home.resolved()
        self.ports = Ports(self.home, say, preferred_ports)
        self.postgres = EmbeddedPostgres(self.home, self.ports, say, durable=durable)
        self.temporal = TemporalDevServer(
            self.home, self.ports, say, headless=headless, in_memory=in_memory, dynamic_config=dynamic_config
        )
        self.owned = False
        self._lock = FileLock(self.home.lock)

    @staticmethod
    def running(home: Home) -> Addresses | None:
        """Return the addresses of the stack that another process keeps up on this folder; none while it starts."""
        home = home.resolved()
        if not is_locked(home.lock):
            return None
        try:
            found = Addresses.model_validate_json(home.addresses.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        return found if processes.is_alive(found.pid) else None

    async def start(self) -> Addresses:
        """Bring the stack up, or join the one that is up; return its addresses.

        Raises:
            LocalServerError: a server cannot be run; the other one has been stopped again.
        """
        self.home.prepare()
        if joined := await self._joined():
            return joined
        self.owned = True
        try:
            self.home.addresses.unlink(missing_ok=True)
            await self._start_both()
            addresses = Addresses(
                pid=os.getpid(),
                dsn=self.postgres.dsn,
                temporal=self.temporal.address,
                namespace=NAMESPACE,
                ui=self.temporal.ui_url,
            )
            write_whole(self.home.addresses, addresses.model_dump_json(indent=2))
        except BaseException:
            await self.stop()
            raise
        return addresses

    async def stop(self) -> None:
        """Stop Temporal, then PostgreSQL; a stack that was only joined is left alone."""
        if not self.owned:
            return
        try:
            self.home.addresses.unlink(missing_ok=True)
            await self.temporal.stop()
        finally:
            try:
                await self.postgres.stop()
            finally:
                self.owned = False
                self._lock.release()

    async def end_leftovers(self) -> bool:
        """End what a killed `up` left running; return whether this was possible, as nobody keeps the stack up."""
        if self.owned or not self.home.path.exists() or not self._lock.acquire():
            return False
        try:
            await self.temporal.end_leftover()
            await self.postgres.stop()
        finally:
            self._lock.release()
        return True

    async def destroy(self) -> None:
        """Stop the stack and delete PostgreSQL's data, which may lie outside the data folder. For tests and resets."""
        await self.stop()
        await self.postgres.destroy()

    async def __aenter__(self) -> Addresses:
        """Start or join."""
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what was started here."""
        await self.stop()

    async def _joined(self) -> Addresses | None:
        """Return the addresses of another's stack once it is up, or None with the lock held here."""
        try:
            async with asyncio.timeout(START_WITHIN):
                while not self._lock.acquire():
                    if found := self.running(self.home):
                        return found
                    await asyncio.sleep(POLL)
        except TimeoutError:
            message = f"Another process holds {self.home.lock} and its stack is neither up nor gone; end that process."
            raise LocalServerError(message) from None
        return None

    async def _start_both(self) -> None:
        answers = await asyncio.gather(self.postgres.start(), self.temporal.start(), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
