"""What Temporal knows of an enrollment's execution, and how the enrollment ends that was ended from outside."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from workflows.contract import MEMO_ENROLLMENT

RPC_TIMEOUT = timedelta(seconds=10)
"""Longer than any healthy answer takes; a call that hangs must not hold a shard for ever."""

_CLOSE = """
with closed as (
  update enrollment set ending = 'terminated', closed_at = clock_timestamp()
   where id = any ($1) and closed_at is null returning id),
disarmed as (delete from wait w using closed where w.enrollment = closed.id),
risen as (delete from sleep s using closed where s.enrollment = closed.id),
woken as (
  update visit v set state = 'done', ended_at = least(coalesce(ended_at, clock_timestamp()), clock_timestamp())
    from closed where v.enrollment = closed.id and v.state = 'asleep')
select id from closed
"""


class Execution(NamedTuple):
    """The latest execution under a workflow id: whose it is, and its status."""

    enrollment: str | None
    status: WorkflowExecutionStatus | None

    @property
    def runs(self) -> bool:
        """Tell whether it is still under way."""
        return self.status in (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW)


async def latest(temporal: Client, workflow_id: str) -> Execution | None:
    """Give the latest execution under a workflow id, None when there is none; raise RPCError while Temporal is away."""
    try:
        found = await temporal.get_workflow_handle(workflow_id).describe(rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    memo = await found.memo()
    return Execution(memo.get(MEMO_ENROLLMENT), found.status)


async def close_terminated(
    connection: PoolConnectionProxy[Any] | asyncpg.Pool[Any], enrollments: Iterable[UUID]
) -> list[UUID]:
    """Close enrollments whose executions were ended from outside; give those that were still open."""
    return [row["id"] for row in await connection.fetch(_CLOSE, list(enrollments))]
