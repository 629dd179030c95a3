"""A lock that dies with its holder: the kernel releases it even after `kill -9`."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local.errors import LocalServerError

POLL = 0.02


class FileLock:
    """An exclusive lock on a file. Servers started by the holder do not inherit it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._handle: int | None = None

    def acquire(self) -> bool:
        """Take the lock if it is free; return whether it is held now."""
        if self._handle is not None:
            return True
        handle = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def release(self) -> None:
        """Give the lock back; nothing happens if it is not held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def is_locked(file: Path) -> bool:
    """Tell whether a living process holds the lock, without keeping it from anyone for longer than the look."""
    try:
        handle = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


@asynccontextmanager
async def held(file: Path, within: float) -> AsyncIterator[None]:
    """Hold the lock for a block, waiting up to `within` seconds for whoever has it.

    Raises:
        LocalServerError: the lock was not given back in time.
    """
    lock = FileLock(file)
    try:
        async with asyncio.timeout(within):
            while not lock.acquire():
                await asyncio.sleep(POLL)
    except TimeoutError:
        message = f"{file} is held by another process that has been starting for {within:.0f} s; end it and try again."
        raise LocalServerError(message) from None
    try:
        yield
    finally:
        lock.release()
