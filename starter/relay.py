"""The one outbox relay: starts, signals and updates, from Postgres to Temporal.

Each row is sent at least once: a crash between the call and its mark repeats the call, so every call is safe to
repeat. A start is known again by the enrollment's uuid in the memo, a signal is idempotent, an update has its row's id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import BaseModel
from temporalio.client import Client, WorkflowUpdateRPCTimeoutOrCancelledError, WorkflowUpdateStage
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from starter.executions import RPC_TIMEOUT, close_terminated, latest
from starter.letters import Addressee, Letter, Report, keep, take
from starter.rounds import Rounds, log
from workflows.codec import Revisions
from workflows.contract import (
    CODE_VERSION,
    ENROLLMENT,
    FLOW_ATTRIBUTE,
    MEMO_ENROLLMENT,
    RECORD_ATTRIBUTE,
    REVISION_ATTRIBUTE,
    SIGNAL_DELIVER,
    SIGNAL_LEAVE,
    SIGNAL_RESUME,
    TASK_QUEUE,
    UPDATE_ADOPT,
    WORKFLOW_TASK_TIMEOUT,
    Adopt,
    Delivery,
    Leave,
    Resume,
    State,
)
from workflows.model.errors import UnknownRevision

BATCH = 200
"""Rows of one shard in one transaction."""

SHARDS_AT_ONCE = 4
"""Shards under way at a time: each holds a connection while Temporal is spoken to."""

CALLS_AT_ONCE = 32
"""Calls under way at a time: a single client reaches its best rate here, and more would only queue in the server."""

ADOPT_TIMEOUT = timedelta(seconds=3)
"""An update waits for a worker; one that is away must not hold up the rest of the shard."""

SOON = 1.0
LONGEST_WAIT = 300.0

# One execution's own trouble, such as a signal during its last task; it must not stop the letters to all others.
_BUSY_EXECUTION = (RPCStatusCode.RESOURCE_EXHAUSTED, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.ABORTED)
_REFUSALS = (RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.PERMISSION_DENIED)

_BUSY = """
select shard from generate_series(0, 15) as every (shard)
 where exists (select from outbox o
                where o.shard = every.shard and o.sent_at is null and o.not_before <= clock_timestamp())
 order by random()
"""


_SIGNALS: Mapping[str, tuple[str, type[BaseModel]]] = {
    "deliver": (SIGNAL_DELIVER, Delivery),
    "leave": (SIGNAL_LEAVE, Leave),
    "resume": (SIGNAL_RESUME, Resume),
}


class Relay:
    """Sends what stands in the outbox. Any number of relays may run, in any number of processes."""

    def __init__(  # noqa: PLR0913 - the last three are the rare choices of tests
        self,
        pool: asyncpg.Pool[Any],
        temporal: Client,
        revisions: Revisions,
        *,
        task_queue: str = TASK_QUEUE,
        batch: int = BATCH,
        faults: Callable[[str], None] = lambda _point: None,
    ) -> None:
        """Read through `pool`, send through `temporal`. A test may crash it in `faults`."""
        self.pool, self.temporal, self.revisions = pool, temporal, revisions
        self.task_queue, self.batch, self.faults = task_queue, batch, faults
        self._shards, self._calls = asyncio.Semaphore(SHARDS_AT_ONCE), asyncio.Semaphore(CALLS_AT_ONCE)

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until `stop` is set, woken by each row that is written."""
        await Rounds("the relay", self.relay_once, pool=self.pool, table="outbox").run(stop)

    async def relay_once(self) -> int:
        """Relay a batch of each shard; return how many rows were sent. Raise RPCError while Temporal is away."""
        shards = [row["shard"] for row in await self.pool.fetch(_BUSY)]
        sent = await asyncio.gather(*(self._relay(shard) for shard in shards), return_exceptions=True)
        for each in sent:
            if isinstance(each, BaseException):
                raise each
        return sum(each for each in sent if isinstance(each, int))

    async def _relay(self, shard: int) -> int:
        """Relay one shard, if no other relay holds it. What was sent before trouble came is written down."""
        async with self._shards, self.pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval("select pg_try_advisory_xact_lock(2, $1)", shard):
                return 0
            errands = [Errand(self, *each) for each in await take(connection, shard, self.batch)]
            troubles = await asyncio.gather(*(each.run() for each in errands), return_exceptions=True)
            reports = [report for each in errands for report in each.reports]
            if reports:
                await keep(connection, reports, [each.to.enrollment for each in errands if each.started])
        for trouble in troubles:
            if trouble is not None:
                raise trouble
        return sum(len(report.letter.ids) for report in reports if report.wait is None)

    async def start(self, to: Addressee) -> None:
        """Start an execution; raise WorkflowAlreadyStartedError where one runs under its id."""
        revision, row = await self.revisions.get(to.row["revision"]), to.row
        await self.temporal.start_workflow(
            ENROLLMENT,
            State(
                enrollment=str(to.enrollment),
                flow=row["flow"],
                revision=revision,
                record=to.record,
                code=CODE_VERSION,
            ),
            id=to.workflow_id,
            task_queue=self.task_queue,
            memo={MEMO_ENROLLMENT: str(to.enrollment)},
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            static_summary=f"{revision.flow.name} · {to.record}"[:200],
            static_details=f"enrollment `{to.enrollment}`  \naccepted {row['accepted_at']:%Y-%m-%d %H:%M:%S} UTC",
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(FLOW_ATTRIBUTE, row["flow"]),
                    SearchAttributePair(RECORD_ATTRIBUTE, str(to.record)),
                    SearchAttributePair(REVISION_ATTRIBUTE, revision.hash),
                ]
            ),
            rpc_timeout=RPC_TIMEOUT,
        )

    async def signal(self, to: Addressee, letter: Letter) -> None:
        """Signal an execution; raise RPCError NOT_FOUND where none runs under its id."""
        told = {"enrollment": str(to.enrollment), **letter.body}
        name, model = _SIGNALS[letter.kind]
        handle = self.temporal.get_workflow_handle(to.workflow_id)
        await handle.signal(name, model.model_validate(told), rpc_timeout=RPC_TIMEOUT)

    async def adopt(self, to: Addressee, letter: Letter) -> None:
        """Have a sleeper adopt a revision; one that refuses is not asleep, and meets the revision by itself."""
        revision = await self.revisions.get(letter.body["revision"])
        await self.temporal.get_workflow_handle(to.workflow_id).start_update(
            UPDATE_ADOPT,
            Adopt(enrollment=str(to.enrollment), visit=letter.body["visit"], revision=revision),
            id=f"adopt-{letter.ids[0]}",
            wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            rpc_timeout=ADOPT_TIMEOUT,
        )

    async def call(self, to: Addressee, letter: Letter) -> None:
        """Make the one call that a letter is; few are under way at a time."""
        async with self._calls:
            if letter.kind == "start":
                await self.start(to)
            elif letter.kind == "adopt":
                await self.adopt(to, letter)
            else:
                await self.signal(to, letter)
        self.faults(f"after_{letter.kind}")


class Errand:
    """What one enrollment is told in one batch, in order, up to the first letter that must wait."""

    def __init__(self, relay: Relay, to: Addressee, letters: list[Letter]) -> None:
        """Send `letters` to `to` through `relay`."""
        self.relay, self.to, self.letters = relay, to, letters
        self.started = False
        self.reports: list[Report] = []

    async def run(self) -> None:
        """Send; raise RPCError while Temporal is away, with what was sent before in `reports`."""
        for letter in self.letters:
            report = await self._send(letter)
            self.reports.append(report)
            if report.wait is not None:
                return

    async def _send(self, letter: Letter) -> Report:
        if self.to.row["closed_at"] is not None:
            return Report(letter, "needless: the enrollment is closed")
        if letter.kind == "adopt" and letter.body["revision"] != self.to.row["current"]:
            return Report(letter, "needless: a later edit has told whom it touches")
        is_running = self.started or self.to.row["started_at"] is not None
        if is_running == (letter.kind == "start"):
            return Report(letter, "started before") if is_running else Report(letter, "not started yet", SOON)
        try:
            await self.relay.call(self.to, letter)
        except WorkflowAlreadyStartedError:
            return await self._already_started(letter)
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            return Report(letter, "no worker took the update", _later(letter))
        except UnknownRevision as error:
            return Report(letter, str(error), _later(letter))
        except (LookupError, TypeError, ValueError) as error:
            log.exception("outbox row %s (%s) cannot be sent", letter.ids[0], letter.kind)
            return Report(letter, repr(error), _later(letter))
        except RPCError as error:
            return await self._refused(letter, error)
        self.started = self.started or letter.kind == "start"
        return Report(letter)

    async def _already_started(self, letter: Letter) -> Report:
        """Tell our own execution, whose start was not written down, from that of an earlier enrollment."""
        found = await latest(self.relay.temporal, self.to.workflow_id)
        if found is not None and found.enrollment == str(self.to.enrollment):
            self.started = True
            return Report(letter, "started before")
        return Report(letter, "an earlier enrollment of the record is still ending", min(_later(letter), 10 * SOON))

    async def _refused(self, letter: Letter, error: RPCError) -> Report:
        if error.status is RPCStatusCode.NOT_FOUND and letter.kind != "start":
            return await self._not_found(letter)
        if error.status in _BUSY_EXECUTION:
            return Report(letter, f"the execution is busy: {error.message}", _later(letter))
        if error.status in _REFUSALS:
            log.warning("Temporal refuses outbox row %s (%s): %s", letter.ids[0], letter.kind, error.message)
            return Report(letter, f"Temporal refuses it: {error.message}", _later(letter))
        raise error

    async def _not_found(self, letter: Letter) -> Report:
        """Find out why a started execution does not run: it has closed its row meanwhile, or was ended from outside."""
        enrollment = self.to.enrollment
        if await self._is_closed(enrollment):
            return Report(letter, "needless: the enrollment is closed")
        found = await latest(self.relay.temporal, self.to.workflow_id)
        if found is not None and found.enrollment == str(enrollment) and not found.runs:
            await close_terminated(self.relay.pool, [enrollment])
            return Report(letter, "needless: the execution was ended from outside")
        return Report(letter, "Temporal does not know the execution", _later(letter))

    async def _is_closed(self, enrollment: UUID) -> bool:
        return bool(
            await self.relay.pool.fetchval("select closed_at is not null from enrollment where id = $1", enrollment)
        )


def _later(letter: Letter) -> float:
    """Wait twice as long after each try."""
    return float(min(SOON * 2 ** min(letter.tries, 16), LONGEST_WAIT))
