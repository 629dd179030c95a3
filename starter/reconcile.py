"""Mends what neither side noticed: rows whose execution was ended from outside, and holds whose pause is over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from temporalio.client import Client

from starter.executions import RPC_TIMEOUT, close_terminated, latest
from starter.holds import wake_unpaused
from starter.rounds import Rounds, log
from workflows.contract import ENROLLMENT, MEMO_ENROLLMENT

EVERY = 30.0
"""Seconds between two looks; a record whose execution was terminated may enter again after at most this."""

OVERLAP = timedelta(minutes=5)
"""How much each look overlaps the one before, for lists of executions lag behind the executions."""

FIRST_LOOK = timedelta(days=7)
"""How far the first look of a process goes back; an execution may have been ended while no process ran."""

_ENDED = (
    f"WorkflowType = '{ENROLLMENT}' AND ExecutionStatus IN ('Terminated', 'Canceled', 'Failed', 'TimedOut')"
    " AND CloseTime > '{since}'"
)

KEPT = timedelta(days=7)
"""How long the outbox remembers what was sent, for a person who wonders what an enrollment was told."""

_FORGET = """
delete from outbox where id in (
  select id from outbox where sent_at < clock_timestamp() - $1::interval order by sent_at limit 10000)
"""

_OPEN = "select id from enrollment where id = any ($1) and closed_at is null"


class Reconciler:
    """Looks from time to time whether the rows still say what is true."""

    def __init__(self, pool: asyncpg.Pool[Any], temporal: Client) -> None:
        """Compare the rows behind `pool` with the executions of `temporal`."""
        self.pool, self.temporal = pool, temporal
        self._since: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Look every 30 seconds until `stop` is set."""
        await Rounds("the reconciler", self._round, every=EVERY).run(stop)

    async def reconcile_once(self) -> list[UUID]:
        """Close the rows of executions that were ended from outside; give those closed."""
        began = datetime.now(UTC)
        ended = await self._ended_since(self._since or began - FIRST_LOOK)
        still_open = [row["id"] for row in await self.pool.fetch(_OPEN, list(ended))]
        gone = [each for each in still_open if await self._is_gone(each, ended[each])]
        closed = await close_terminated(self.pool, gone) if gone else []
        for each in closed:
            log.warning("enrollment %s (%s) was ended from outside; its row is closed", each, ended[each])
        self._since = began - OVERLAP
        return closed

    async def _round(self) -> int:
        await self.reconcile_once()
        await wake_unpaused(self.pool)
        await self.pool.execute(_FORGET, KEPT)
        return 0

    async def _ended_since(self, since: datetime) -> Mapping[UUID, str]:
        """Give the enrollments whose executions ended, other than by themselves, and their workflow ids."""
        ended: dict[UUID, str] = {}
        query = _ENDED.format(since=since.strftime("%Y-%m-%dT%H:%M:%SZ"))
        async for execution in self.temporal.list_workflows(query, rpc_timeout=RPC_TIMEOUT):
            name = (await execution.memo()).get(MEMO_ENROLLMENT)
            if isinstance(name, str):
                ended[UUID(name)] = execution.id
        return ended

    async def _is_gone(self, enrollment: UUID, workflow_id: str) -> bool:
        """Tell that no later execution carries the enrollment on, as after a reset."""
        found = await latest(self.temporal, workflow_id)
        return found is None or found.enrollment != str(enrollment) or not found.runs
