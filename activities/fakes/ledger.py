"""The ledger's in-memory twin: the whole of an enrollment's bookkeeping on a clock that the caller moves."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from pydantic import JsonValue

from activities.fakes.crm import FakeCrm
from activities.fakes.flows import FakeDoors, FakeEnrollment, FakeFlow
from activities.fakes.store import FakeStore
from activities.ledger import MOVED, OVER, Output, PartRow, PartState, Situation, Visit, VisitTaken
from workflows.contract import Answer, Asleep, Step
from workflows.model.errors import EngineError
from workflows.model.facts import NOTHING, Facts, Needs, standings
from workflows.model.journal import Ending
from workflows.model.nodes import EventMatch
from workflows.model.records import Event, Record, RecordRef


@dataclass
class FakeVisit:
    """A ledger row."""

    node: str
    kind: str
    visit: Visit
    output: dict[str, JsonValue] | None = None
    note: str = ""
    ended: datetime | None = None
    event: str | None = None


@dataclass(frozen=True)
class FakeWait:
    """An armed wait."""

    record: RecordRef
    any_of: tuple[EventMatch, ...]
    armed: datetime
    since: datetime
    deadline: datetime | None
    after: str | None = None
    """The event that ended the visit before; on a clock that stands still, others may share its moment."""


@dataclass
class FakeLedger:
    """The ledger of `activities.ledger`, in dictionaries."""

    now: Callable[[], datetime]
    store: FakeStore = field(default_factory=FakeStore)
    flows: dict[str, FakeFlow] = field(default_factory=dict)
    enrollments: dict[str, FakeEnrollment] = field(default_factory=dict)
    visits: dict[tuple[str, int], FakeVisit] = field(default_factory=dict)
    waits: dict[tuple[str, int], FakeWait] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    refused: list[tuple[JsonValue, str]] = field(default_factory=list)
    begun: dict[tuple[str, int], dict[str, PartRow]] = field(default_factory=dict)

    @property
    def crm(self) -> FakeCrm:
        """The records of the store."""
        return self.store.crm

    async def look(self, step: Step, needs: Needs = NOTHING) -> Situation:
        """See Ledger."""
        enrollment = self.enrollments.get(step.enrollment)
        if enrollment is None:
            message = f"there is no enrollment {step.enrollment}"
            raise EngineError(message)
        flow, row = self.flows[enrollment.flow], self.visits.get((step.enrollment, step.visit))
        if row and step.node and row.node != step.node:
            message = f"visit {step.visit} of {step.enrollment} was one to {row.node}, not to {step.node}"
            raise EngineError(message)
        properties = self.crm.records.get(enrollment.record)
        return Situation(
            flow=enrollment.flow,
            current=flow.current,
            is_on=flow.is_on,
            paused=flow.paused or enrollment.paused,
            closed=enrollment.ending is not None,
            leaving=enrollment.leaving,
            ref=enrollment.record,
            record=None
            if properties is None
            else Record(
                ref=enrollment.record,
                properties={**properties},
                archived=enrollment.record in self.crm.archived,
            ),
            facts=self._facts(step.enrollment, enrollment, needs),
            visit=row.visit if row else None,
        )

    @asynccontextmanager
    async def turn(self, step: Step, needs: Needs = NOTHING) -> AsyncIterator[FakeTurn]:
        """See Ledger."""
        yield FakeTurn(self, await self.look(step, needs))

    async def move(self, step: Step, revision: str) -> str:
        """See Ledger."""
        kept = Visit(state="done", revision=step.revision, moved=revision)
        row = self.visits.setdefault((step.enrollment, step.visit), FakeVisit(step.node, MOVED, kept))
        if row.visit.moved is None:
            message = f"visit {step.visit} of {step.enrollment} has begun meanwhile"
            raise EngineError(message)
        return row.visit.moved

    async def decide(self, step: Step, kind: str, answer: Answer, output: Output | None = None) -> Answer:
        """See Ledger."""
        return await self.settle(step, kind, answer, output)

    async def settle(
        self, step: Step, kind: str, answer: Answer, output: Output | None = None, note: str = ""
    ) -> Answer:
        """See Ledger."""
        row = self.visits.get((step.enrollment, step.visit))
        if row and row.visit.settled:
            return row.visit.settled
        self._pass(step)
        kept = Visit(state="done", revision=step.revision, answer=answer)
        self.visits[step.enrollment, step.visit] = FakeVisit(
            step.node, kind, kept, None if output is None else {**output}, note, self.now()
        )
        return answer

    async def lie_down(self, step: Step, kind: str, asleep: Asleep) -> Asleep:
        """See Ledger."""
        self._pass(step)
        row = self.visits.get((step.enrollment, step.visit))
        if row is not None and (row.visit.revision == step.revision or row.visit.state != "asleep"):
            return Asleep(why="delay", until=row.ended)
        kept = Visit(state="asleep", revision=step.revision, answer=Answer(asleep=asleep))
        self.visits[step.enrollment, step.visit] = FakeVisit(step.node, kind, kept, ended=asleep.until)
        return asleep

    async def lie_down_at_once(self, step: Step, kind: str, asleep: Asleep, *, pinned: bool) -> Asleep | None:
        """See Ledger."""
        situation = await self.look(step)
        if situation.closed or situation.leaving or not _here(step, situation, pinned=pinned):
            return None
        return await self.lie_down(step, kind, asleep)

    async def arm(self, step: Step, kind: str, any_of: tuple[EventMatch, ...], at_most: float | None) -> Asleep | None:
        """See Ledger."""
        self._pass(step)
        at = (step.enrollment, step.visit)
        row, wait = self.visits.get(at), self.waits.get(at)
        if row is not None and row.visit.state == "done":
            return None
        armed = wait.armed if wait else self.now()
        deadline = None if at_most is None else armed + timedelta(seconds=at_most)
        record, (since, after) = self.enrollments[step.enrollment].record, self._before(step)
        self.waits[at] = FakeWait(record, any_of, armed, since, deadline, after)
        self.visits[at] = FakeVisit(step.node, kind, Visit(state="asleep", revision=step.revision))
        return Asleep(why="wait", until=deadline)

    async def counting(self, step: Step) -> list[Event]:
        """See Ledger."""
        wait = self.waits.get((step.enrollment, step.visit))
        return [event for event in self.events if wait is not None and counts(event, wait)]

    async def is_due(self, step: Step) -> bool:
        """See Ledger."""
        wait = self.waits.get((step.enrollment, step.visit))
        return wait is None or (wait.deadline is not None and wait.deadline <= self.now())

    async def wake(self, step: Step, answer: Answer, output: Output, event: Event | None = None) -> Answer:
        """See Ledger."""
        row = self.visits.get((step.enrollment, step.visit))
        wait = self.waits.pop((step.enrollment, step.visit), None)
        if row is not None and row.visit.state == "done":
            return row.visit.answer or answer
        if row is None or row.visit.state != "asleep":
            message = f"visit {step.visit} of {step.enrollment} vanished"
            raise EngineError(message)
        row.visit = row.visit.model_copy(update={"state": "done", "answer": answer})
        timed_out = min(self.now(), wait.deadline) if wait and wait.deadline else self.now()
        row.output, row.ended = {**output}, event.at if event else timed_out
        row.event = event.id if event else None
        return answer

    async def note_attempt(self, step: Step, attempt: str, state: Literal["retrying", "unknown"], note: str) -> None:
        """See Ledger."""
        row = self.visits.get((step.enrollment, step.visit))
        if row is not None and row.visit.state == "intent" and row.visit.attempt == attempt:
            row.visit, row.note = row.visit.model_copy(update={"state": state}), note

    async def parts(self, step: Step) -> dict[str, PartRow]:
        """See Ledger."""
        return {**self.begun.get((step.enrollment, step.visit), {})}

    async def intend_part(
        self, step: Step, part: str, attempt: str, seen: str | None, *, repeated: bool = False
    ) -> bool:
        """See Ledger."""
        rows, visit = self.begun.setdefault((step.enrollment, step.visit), {}), self.visits[step.enrollment, step.visit]
        before = rows.get(part)
        if visit.visit.settled or (before and (before.state in OVER or before.attempt != seen)):
            return False
        flagged = repeated or (before is not None and before.repeated)
        rows[part] = PartRow(state="intent", attempt=attempt, repeated=flagged)
        return True

    async def settle_part(self, step: Step, part: str, attempt: str, state: PartState, note: str = "") -> None:
        """See Ledger."""
        rows = self.begun[step.enrollment, step.visit]
        if rows[part].state not in OVER and (rows[part].attempt == attempt or state in OVER):
            rows[part] = rows[part].model_copy(update={"state": state, "note": note})

    async def close(self, step: Step, ending: Ending) -> None:
        """See Ledger."""
        enrollment = self.enrollments[step.enrollment]
        enrollment.ending = enrollment.ending or ending
        self._pass(step.model_copy(update={"visit": sys.maxsize}))

    async def close_at_once(self, step: Step, ending: Ending, *, pinned: bool) -> bool:
        """See Ledger."""
        if not _here(step, await self.look(step), pinned=pinned):
            return False
        await self.close(step, ending)
        return True

    async def record_event(self, step: Step, event: Mapping[str, JsonValue]) -> bool:
        """See Ledger."""
        record = self.enrollments[step.enrollment].record
        name = f"{event['source']}/{event['id']}"
        told = {key: event[key] for key in ("type", "properties", "occurred_at")}
        new = Event.model_validate({**told, "id": name, "record": record, "at": self.now()})
        before = next((each for each in self.events if each.id == name), None)
        if before is None:
            self.events.append(new)
        return before is None or (before.type, before.record, before.properties) == (new.type, record, new.properties)

    async def refuse_event(self, step: Step, raw: JsonValue, reason: str) -> None:
        """See Ledger."""
        del step
        if (raw, reason) not in self.refused:
            self.refused.append((raw, reason))

    def _pass(self, step: Step) -> None:
        for (enrollment, visit), row in self.visits.items():
            if enrollment == step.enrollment and visit < step.visit and row.visit.state == "asleep":
                row.visit = row.visit.model_copy(update={"state": "done"})
                row.ended = min(row.ended or self.now(), self.now())
        for at in [at for at in self.waits if at[0] == step.enrollment and at[1] < step.visit]:
            del self.waits[at]

    def _before(self, step: Step) -> tuple[datetime, str | None]:
        """Give when the visits before had ended, and by which event."""
        ended = [
            (min(row.ended, self.now()), visit, row.event)
            for (enrollment, visit), row in self.visits.items()
            if enrollment == step.enrollment and visit < step.visit and row.ended
        ]
        if not ended:
            return self.enrollments[step.enrollment].accepted, None
        at, _, event = max(ended, key=lambda each: each[:2])
        return at, event

    def _facts(self, name: str, enrollment: FakeEnrollment, needs: Needs) -> Facts:
        properties = self.crm.records.get(enrollment.record) or {}
        facts = Facts(
            properties={**properties},
            outputs=self._outputs(name),
            now=self.now(),
            cause=enrollment.cause if needs.cause else {},
        )
        return facts if needs.is_plain else self._informed(enrollment.record, facts, needs)

    def _informed(self, record: RecordRef, facts: Facts, needs: Needs) -> Facts:
        """Add what is needed beside the record; the twin of `postgres_facts`."""
        events = [event for event in self.events if event.record == record and event.type in needs.events]
        inside = [each for each in self.enrollments.values() if each.record == record and each.flow in needs.flows]
        theirs = {
            name: tuple(
                self._informed(other, Facts(properties={**self.crm.records[other]}, now=facts.now), wanted)
                for other in self.crm.beside(record, name)
            )
            for name, wanted in needs.associated.items()
        }
        return facts.model_copy(
            update={
                "history": self.crm.history(record, needs.history),
                "owners": self.crm.owners(record, needs.owners),
                "lists": frozenset(name for name in needs.lists if record in self.crm.lists.get(name, ())),
                "flows": standings((each.flow, each.ending) for each in inside),
                "events": tuple(sorted(events, key=lambda event: event.at)),
                "associated": theirs,
            }
        )

    def _outputs(self, enrollment: str) -> dict[str, dict[str, JsonValue]]:
        rows = sorted((visit, row) for (name, visit), row in self.visits.items() if name == enrollment)
        return {row.node: row.output for _, row in rows if row.output is not None}


class FakeTurn:
    """The turn of a visit. There is nothing to roll back: an action writes last, and once."""

    def __init__(self, ledger: FakeLedger, situation: Situation) -> None:
        """Write to `ledger`."""
        self.ledger, self.situation = ledger, situation
        self.store = replace(ledger.store, doors=FakeDoors(ledger))
        self.store.consent.clock = ledger.now

    async def since(self, step: Step) -> datetime:
        """See Turn."""
        put_off = self.ledger.visits.get((step.enrollment, step.visit - step.deferrals)) if step.deferrals else None
        return put_off.ended or self.situation.now if put_off else self.situation.now

    async def move(self, step: Step, revision: str) -> str:
        """See Turn."""
        return await self.ledger.move(step, revision)

    async def informed(self, records: Sequence[Record], needs: Needs) -> list[Facts]:
        """See Turn."""
        plain = [Facts(properties=record.properties, now=self.situation.now) for record in records]
        return [
            self.ledger._informed(record.ref, facts, needs)  # noqa: SLF001 - as above
            for record, facts in zip(records, plain, strict=True)
        ]

    async def intend(self, step: Step, kind: str, attempt: str, content: Output, *, repeated: bool) -> None:
        """See Turn."""
        del repeated
        self.ledger._pass(step)  # noqa: SLF001 - the turn is a part of the ledger
        before = self.ledger.visits.get((step.enrollment, step.visit))
        seen = self.situation.visit.attempt if self.situation.visit else None
        if before is not None and (before.visit.state == "done" or before.visit.attempt != seen):
            raise VisitTaken
        kept = Visit(state="intent", revision=step.revision, content={**content}) if before is None else before.visit
        kept = kept.model_copy(update={"state": "intent", "attempt": attempt})
        self.ledger.visits[step.enrollment, step.visit] = FakeVisit(step.node, kind, kept)

    async def settle(self, step: Step, kind: str, answer: Answer, output: Output | None = None, note: str = "") -> None:
        """See Turn."""
        if await self.ledger.settle(step, kind, answer, output, note) is not answer:
            raise VisitTaken


def _here(step: Step, situation: Situation, *, pinned: bool) -> bool:
    """Tell that a visit is a fresh one, of the flow as it is."""
    return situation.visit is None and (pinned or situation.current == step.revision)


def counts(event: Event, wait: FakeWait) -> bool:
    """Tell whether an event counts for a wait; the twin of the SQL function of that name."""
    at = event.occurred_at or event.at
    in_time = wait.deadline is None or at <= wait.deadline
    wanted = any(match.event == event.type for match in wait.any_of)
    return (
        event.record == wait.record
        and wanted
        and wait.since <= min(at, event.at)
        and event.id != wait.after
        and in_time
    )
