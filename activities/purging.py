"""The purge as an activity. It may be broken off at any moment: what is gone is gone, and the next one goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from temporalio import activity

from activities.gateways.postgres_archive import purge
from workflows.contract import PURGE

if TYPE_CHECKING:
    import asyncpg


def purging(pool: asyncpg.Pool[Any]) -> Callable[[], Awaitable[int]]:
    """Give the activity on a pool."""

    @activity.defn(name=PURGE)
    async def run() -> int:
        purged = await purge(pool)
        activity.logger.info("purged %d deleted records", purged)
        return purged

    return run
