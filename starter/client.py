"""The public Python API: what a CRM application and an operator ask of Perdure.

Every call is one short transaction in Postgres and returns without waiting for Temporal: what is accepted here
happens, also when Temporal is down for the moment.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, overload
from uuid import UUID

import asyncpg
import temporalio.client
from pydantic import JsonValue
from temporalio.service import RPCError

from activities.effects import Edited, User
from starter import events, holds, inspection
from starter.admission import Admission, Entrant, admit
from starter.crm import associations, records, tasks, users
from starter.executions import latest
from starter.history import Asked, Entry, entries
from starter.inspection import Description, Standing, Summary
from starter.leaving import order_to_leave
from starter.locks import refuse_locked
from starter.overview import check_published
from workflows.codec import Revisions
from workflows.model.errors import CallerError, Conflict, NotThere
from workflows.model.records import RecordRef

CHUNK = 1_000
"""Records let in by one transaction: it locks each, and must not keep their edits waiting for long."""

MOST_KEY = 200

Ref = RecordRef | str
Refs = list[RecordRef] | list[str] | list[Ref] | tuple[Ref, ...]


class Client:
    """Starts enrollments, takes events, and looks after both. Records are named `contact:42` or by a RecordRef.

    Every method raises CallerError when the request is wrong, with what to do about it, and OSError or an asyncpg
    error while the database is away.
    """

    def __init__(
        self,
        pool: asyncpg.Pool[Any],
        revisions: Revisions,
        temporal: temporalio.client.Client | None = None,
        *,
        allowed: frozenset[str] | None = None,
    ) -> None:
        """Work on the database behind `pool`; ask `temporal`, where given, how executions stand.

        `allowed` are the kinds of action that flows may do: those of a flow that is turned on, and of one that is on.
        """
        self.pool, self.revisions, self.temporal, self.allowed = pool, revisions, temporal, allowed

    @overload
    async def enroll(self, flow: str, record: Ref, key: str = "", *, cause: str = ...) -> Admission: ...

    @overload
    async def enroll(self, flow: str, record: Refs, key: str = "", *, cause: str = ...) -> Sequence[Admission]: ...

    async def enroll(
        self, flow: str, record: Ref | Refs, key: str = "", *, cause: str = "api"
    ) -> Admission | Sequence[Admission]:
        """Let a record, or many, into a flow by hand: `Admitted`, or a `Refusal` with its reason, for each in order.

        `key` tells several enrollments of one record in one flow apart.
        """
        await check_published(self.pool, flow)
        if len(key) > MOST_KEY or not key.isprintable() or " " in key:
            raise CallerError(f"an enrollment key has at most {MOST_KEY} characters and no spaces")
        if isinstance(record, str | RecordRef):
            (admission,) = await admit(self.pool, self.revisions, flow, [Entrant(ref(record), cause, key)])
            return admission
        entrants = [Entrant(ref(each), cause, key) for each in record]
        admissions: list[Admission] = []
        for first in range(0, len(entrants), CHUNK):
            admissions += await admit(self.pool, self.revisions, flow, entrants[first : first + CHUNK])
        return admissions

    async def unenroll(self, flow: str, record: Ref, reason: str = "", key: str = "") -> UUID:
        """Order a record out of a flow, at once, also in the middle of a sleep; give its enrollment.

        A record that is leaving already goes on leaving.
        """
        await check_published(self.pool, flow)
        who = ref(record)
        enrollment: UUID | None = await self.pool.fetchval(
            "select id from enrollment where flow = $1 and type = $2 and record = $3"
            " and key = $4 and closed_at is null",
            *(flow, who.type, who.id, key),
        )
        if enrollment is None:
            raise NotThere(f"{who} is not in {flow}")
        await order_to_leave(self.pool, [enrollment], "unenrolled", reason)
        return enrollment

    async def publish_event(
        self,
        type: str,  # noqa: A002 - the word of the field
        record: Ref,
        properties: Mapping[str, JsonValue] | None = None,
        *,
        source: str = "api",
        id: str | None = None,  # noqa: A002 - the word of the field
        occurred_at: datetime | None = None,
    ) -> events.Receipt:
        """Say that something happened to a record. The same event, by its source and id, is taken once.

        `occurred_at` is when its source says it happened; an event that happened before a wait began does not end it.
        """
        return await events.take_event(
            self.pool, type, ref(record), properties or {}, source=source, source_id=id, occurred_at=occurred_at
        )

    async def record(self, record: Ref, history: int = 100) -> records.Page:
        """Give all that is known of a record: what it is, was and belongs to; so many lines of its history."""
        return await records.page_of(self.pool, ref(record), history)

    async def set_properties(self, record: Ref, values: Mapping[str, JsonValue], *, by: str = "api") -> Edited:
        """Set properties of a record, None to clear one: with history and events, as a flow does; give what changed."""
        return await records.set_properties(self.pool, ref(record), values, by)

    async def associate(
        self, record: Ref, other: Ref, label: str = "", *, primary: bool = False, by: str = "api"
    ) -> bool:
        """Associate two records; `primary`: the other becomes the first of its type. Give False where it was so."""
        return await associations.associate(self.pool, ref(record), ref(other), label, by, primary=primary)

    async def dissociate(self, record: Ref, other: Ref, label: str | None = None, *, by: str = "api") -> bool:
        """End an association under a label, or under all; give False where there was none."""
        return await associations.dissociate(self.pool, ref(record), ref(other), label, by)

    async def complete_task(self, task: UUID | str, *, by: str = "api") -> bool:
        """Complete a task: each of its records has the event `task_completed`; give False where it was done before."""
        return await tasks.complete(self.pool, uuid(task, "task"), by)

    async def put_user(self, user: User, teams: tuple[str, ...] | None = None) -> None:
        """Write a user, new or over what is there, and the teams it is in, the primary one first."""
        await users.put(self.pool, user, teams)

    async def turn_on(self, flow: str) -> None:
        """Let records in; those inside do their actions again. Refused while a step of the flow is locked."""
        await refuse_locked(self.pool, self.revisions, flow, self.allowed)
        await self._turn(flow, is_on=True)

    async def turn_off(self, flow: str) -> None:
        """Let no more records in; those inside walk on, with every action skipped."""
        await self._turn(flow, is_on=False)

    async def pause(self, target: str | UUID) -> None:
        """Hold every record of a flow, or one enrollment, before its next action."""
        await self._set_paused(target, paused=True)

    async def resume(self, target: str | UUID) -> int:
        """End a pause; give how many held records were told. Those parked after a failure stay: see `resolve`."""
        await self._set_paused(target, paused=False)
        return await holds.wake_unpaused(self.pool, target)

    async def resolve(self, enrollment: UUID | str, how: Literal["retry", "skip", "end"]) -> None:
        """Decide on a parked enrollment: try the action again, skip it, or end the enrollment."""
        if how not in ("retry", "skip", "end"):
            raise CallerError(f"{how!r} is no decision; there are retry, skip and end")
        wanted = uuid(enrollment)
        summary = await inspection.by_id(self.pool, wanted)
        if not await holds.resolve(self.pool, wanted, how):
            raise Conflict(f"enrollment {wanted} is not held: it is {summary.standing}")

    async def describe(self, what: UUID | str, record: Ref | None = None, key: str = "") -> Description:
        """Tell where an enrollment stands and the path it travelled: by its id, or by flow and record (the newest)."""
        if record is None:
            summary = await inspection.by_id(self.pool, uuid(what))
        else:
            await check_published(self.pool, str(what))
            summary = await inspection.of_record(self.pool, str(what), ref(record), key)
        path = await inspection.path(self.pool, summary.enrollment)
        reason = await inspection.reason(self.pool, summary.enrollment)
        return Description(summary, path, await self._execution(summary), reason)

    async def list(
        self,
        flow: str | None = None,
        state: Standing | Literal["open"] | None = None,
        limit: int = 100,
        *,
        node: str | None = None,
        record: Ref | None = None,
        after: UUID | str | None = None,
    ) -> tuple[Summary, ...]:
        """Give the newest enrollments: of one flow, in one state, at one step or of one record where asked.

        `after` is the last one of an earlier answer, to go on from there.
        """
        if flow is not None:
            await check_published(self.pool, flow)
        if after is not None:
            await inspection.by_id(self.pool, uuid(after))
        who, last = ref(record) if record is not None else None, uuid(after) if after is not None else None
        wanted = inspection.Wanted(flow, state, node, who, last)
        return await inspection.enrollments(self.pool, wanted, limit)

    async def history(self, asked: Asked, limit: int = 100) -> AsyncIterator[Sequence[Entry]]:
        """Give what happened, the newest first, by pages as they are read, and at most so many entries."""
        if asked.flow is not None:
            await check_published(self.pool, asked.flow)
        if asked.enrollment is not None:
            await inspection.by_id(self.pool, asked.enrollment)
        async for page in entries(self.pool, asked, limit):
            yield page

    async def _execution(self, summary: Summary) -> str | None:
        if self.temporal is None:
            return None
        try:
            found = await latest(self.temporal, summary.workflow_id)
        except (RPCError, RuntimeError):
            return "unreachable"
        is_its_own = found is not None and found.enrollment == str(summary.enrollment)
        return found.status.name.lower() if found and is_its_own and found.status else None

    async def _turn(self, flow: str, *, is_on: bool) -> None:
        if await self.pool.fetchval("update flow set is_on = $2 where key = $1 returning 1", flow, is_on) is None:
            await check_published(self.pool, flow)

    async def _set_paused(self, target: str | UUID, *, paused: bool) -> None:
        if await holds.set_paused(self.pool, target, paused=paused):
            return
        if isinstance(target, UUID):
            summary = await inspection.by_id(self.pool, target)
            raise Conflict(f"enrollment {target} has ended ({summary.ending}); there is nothing to pause")
        await check_published(self.pool, target)


def ref(record: Ref) -> RecordRef:
    """Read the name of a record; raise CallerError when it is none."""
    if not str(record).isprintable():
        raise CallerError(f"{str(record)[:80]!r} names no record: it has characters that cannot be printed")
    return record if isinstance(record, RecordRef) else RecordRef.parse(record)


def uuid(enrollment: UUID | str, what: str = "enrollment") -> UUID:
    """Read the id of an enrollment, or of what is named; raise CallerError when it is none."""
    try:
        return enrollment if isinstance(enrollment, UUID) else UUID(enrollment)
    except ValueError:
        if what != "enrollment":
            raise CallerError(f"{str(enrollment)[:80]!r} is no id of a {what}, as `record` gives it") from None
        raise CallerError(
            f"{str(enrollment)[:80]!r} is no enrollment id, which `list` gives; of a flow, name a record too"
        ) from None
