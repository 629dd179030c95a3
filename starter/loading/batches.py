"""Work in batches, each a transaction: one that fails for a reason that passes is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

T = TypeVar("T")

PASSING = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,  # the connection was lost while it was used
    asyncpg.OperatorInterventionError,  # the server shuts down or starts up
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,  # a deadlock
    asyncpg.LockNotAvailableError,
    ConnectionError,
    TimeoutError,  # someone holds a lock for longer than a statement may take
)
"""What may well be over when it is tried again."""

PAUSES = (0.2, 1.0, 3.0)
"""Seconds before each further attempt."""


async def patiently(work: Callable[[], Awaitable[T]], pauses: tuple[float, ...] | None = None) -> T:
    """Do work that is one transaction, again after what passes; raise one of PASSING when it does not pass."""
    for pause in PAUSES if pauses is None else pauses:
        try:
            return await work()
        except PASSING:
            await asyncio.sleep(pause)
    return await work()
