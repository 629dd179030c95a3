"""The loop that router, relay and their like share: work until there is nothing left, then wait to be called.

A NOTIFY wakes; a poll is the net. Trouble never ends the loop: it is logged once, and each try waits longer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

CHANNEL = "perdure"
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 5.0
"""One question of one process costs nothing, and after an outage all waiting records wait for this one."""

BREATH = 0.05
"""Seconds from a round that found work to the next: what comes meanwhile shares its statements. The first round after
a quiet moment is at once, so a single event waits for nothing."""

log = logging.getLogger("perdure")


class Rounds:
    """Calls `work` again and again; it returns how much it has done, 0 when nothing is left."""

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[int]],
        *,
        every: float = 1.0,
        pool: asyncpg.Pool[Any] | None = None,
        table: str = "",
    ) -> None:
        """Work at least `every` seconds, and when a row is put into `table`, which is heard through `pool`."""
        self.name, self.work, self.every = name, work, every
        self.pool, self.table = pool, table
        self._called = asyncio.Event()
        self._listener: Any = None
        self._pause = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is under way is finished."""
        try:
            while not stop.is_set():
                await self._round(stop)
        finally:
            await self._hang_up()

    async def _round(self, stop: asyncio.Event) -> None:
        try:
            await self._listen()
            self._called.clear()
            while await self.work() and not stop.is_set():
                await _first_of(BREATH, stop)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the next round may go well
            self._troubled(error)
            await _first_of(self._pause, stop)
            return
        if self._pause:
            log.info("%s works again", self.name)
        self._pause = 0.0
        await _first_of(self.every, stop, self._called)

    def _troubled(self, error: Exception) -> None:
        if not self._pause:
            log.warning("%s cannot work and will try again: %s: %s", self.name, type(error).__name__, error)
        self._pause = min(self._pause * 2, LONGEST_PAUSE) or FIRST_PAUSE

    async def _listen(self) -> None:
        if self.pool is None or self._hears():
            return
        await self._hang_up()
        self._listener = await self.pool.acquire()
        await self._listener.add_listener(CHANNEL, self._hear)

    def _hears(self) -> bool:
        try:
            return self._listener is not None and not self._listener.is_closed()
        except asyncpg.InterfaceError:
            return False  # the pool took the lost connection back by itself

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        if payload == self.table:
            self._called.set()

    async def _hang_up(self) -> None:
        listener, self._listener = self._listener, None
        if self.pool is None or listener is None:
            return
        try:
            await listener.remove_listener(CHANNEL, self._hear)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            pass  # the server is gone, and the listener with it
        finally:
            await self.pool.release(listener)


async def _first_of(seconds: float, *events: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()
