"""The interpreter on a virtual clock: a flow of months walked in milliseconds, with the fakes for the world."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from pydantic import JsonValue

from activities.control import Control, first_match
from activities.dispatch import questions
from activities.fakes import FakeHttp, FakeMailer, FakeSecrets, FakeSms, fake_outside
from activities.fakes.flows import FakeEnrollment, FakeFlow
from activities.fakes.ledger import FakeLedger
from activities.performing import Again, Performer
from workflows.codec import Revisions
from workflows.contract import GIVE_UP, Answer, State, Step
from workflows.host import Adopted, Delivered, Due, Left, Resumed, Woken
from workflows.interpreter import Walk
from workflows.model.errors import FlowError
from workflows.model.journal import Ending
from workflows.model.nodes import Node, Perform, happened
from workflows.model.records import Event, RecordRef
from workflows.model.revision import Revision, canonical

if TYPE_CHECKING:
    from activities.catalogue import Catalogue

BEGIN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class MemorySource:
    """Revisions in a dictionary."""

    def __init__(self) -> None:
        """Begin empty."""
        self.texts: dict[str, str] = {}

    async def read(self, revision: str) -> str | None:
        """See RevisionSource."""
        return self.texts.get(revision)


@dataclass
class Simulation:
    """A world in memory: flows, records, a clock, and what is planned to happen when."""

    catalogue: Catalogue
    clock: datetime = BEGIN
    mailer: FakeMailer = field(default_factory=FakeMailer)
    http: FakeHttp = field(default_factory=FakeHttp)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)
    sms: FakeSms = field(default_factory=FakeSms)
    source: MemorySource = field(default_factory=MemorySource)

    def __post_init__(self) -> None:
        """Set up the ledger on this clock."""
        self.ledger = FakeLedger(lambda: self.clock)
        self.revisions = Revisions(self.source)
        self.control = Control(self.ledger, self.revisions)
        outside = fake_outside(mail=self.mailer, http=self.http, secrets=self.secrets, sms=self.sms)
        self.performer = Performer(self.control, self.catalogue, outside)
        self._plans: list[tuple[datetime, int, Callable[[], Woken | None]]] = []
        self._numbers = count()

    def publish(self, revision: Revision) -> None:
        """Make a revision its flow's current one."""
        self.source.texts[revision.hash] = canonical(revision.flow)
        known = self.ledger.flows.setdefault(revision.flow.key, FakeFlow(revision.hash))
        known.current, known.object, known.again = revision.hash, revision.flow.object, revision.flow.enroll.again

    def record(self, ref: str, **properties: JsonValue) -> RecordRef:
        """Put a record in the CRM."""
        name = RecordRef.parse(ref)
        self.ledger.crm.records[name] = properties
        return name

    def plan(self, after: timedelta, act: Callable[[], Woken | None]) -> None:
        """Have something happen so long after now; what it returns wakes a sleeper."""
        self._plans.append((self.clock + after, next(self._numbers), act))
        self._plans.sort(key=lambda plan: plan[:2])

    def happens(self, type_: str, record: RecordRef, **properties: JsonValue) -> None:
        """Have an event happen now: it is logged, and ends the waits that look for it."""
        event = Event(id=str(next(self._numbers)), type=type_, record=record, properties=properties, at=self.clock)
        self.ledger.events.append(event)

    async def walk(self, revision: Revision, record: RecordRef, **cause: JsonValue) -> tuple[str, Ending]:
        """Walk a record through a flow to its end; return the enrollment and how it ended.

        `cause` are the properties of the event that enrolled it.
        """
        enrollment = str(uuid.uuid4())
        self.ledger.enrollments[enrollment] = FakeEnrollment(revision.flow.key, record, self.clock, cause=cause)
        revision = await self.revisions.get(revision.hash)
        state = State(enrollment=enrollment, flow=revision.flow.key, revision=revision, record=record)
        return enrollment, await Walk(VirtualHost(self), state).run()

    async def pass_time(self, until: datetime | None) -> tuple[bool, Woken | None]:
        """Move the clock to what is planned next, or to `until`; tell whether that came, and what woke."""
        if self._plans and (until is None or self._plans[0][0] <= until):
            at, _, act = self._plans.pop(0)
            self.clock = max(self.clock, at)
            return False, act()
        if until is None:
            message = "the walk waits for an event that is not planned, and has no at_most"
            raise FlowError(message)
        self.clock = max(self.clock, until)
        return True, None


class VirtualHost:
    """The host of a simulated walk."""

    def __init__(self, simulation: Simulation) -> None:
        """Walk in this simulation."""
        self.simulation = simulation
        self.path: list[State] = []

    def now(self) -> datetime:
        """See Host."""
        return self.simulation.clock

    def note(self, state: State) -> None:
        """See Host."""
        self.path.append(state)

    async def ask(self, question: str, step: Step, node: Node | None) -> Answer:
        """See Host."""
        del node
        return await questions(self.simulation.control)[question](step)

    async def perform(self, node: Perform, step: Step) -> Answer:
        """See Host: a failed attempt is tried again after the node's back-off, on the virtual clock."""
        pause, give_up_at = node.retry.first, self.now() + node.retry.within
        while True:
            try:
                return await self.simulation.performer.perform(step, "simulated")
            except Again as again:
                wait = again.after or pause
                if self.now() + wait > give_up_at:
                    return await self.ask(GIVE_UP, step, node)
                self.simulation.clock += wait
                pause = min(pause * node.retry.growth, node.retry.most)

    async def sleep(self, state: State, node: Node) -> Woken:
        """See Host."""
        until = state.asleep.until if state.asleep else None
        while True:
            if self._is_to_leave(state):
                return Left("unenrolled")
            if await self._delivered(state):
                return Delivered()
            due, woken = await self.simulation.pass_time(until)
            if isinstance(woken, Left | Adopted | Resumed):
                return woken
            if due:
                return Due()

    def _is_to_leave(self, state: State) -> bool:
        """Tell whether an event has happened that makes the record leave."""
        ledger, on = self.simulation.ledger, state.revision.flow.leave.on
        entered = ledger.enrollments[state.enrollment].accepted
        since = [each for each in ledger.events if each.record == state.record and each.at >= entered]
        return bool(on) and first_match(on, since) is not None

    async def _delivered(self, state: State) -> bool:
        ledger = self.simulation.ledger
        wait = ledger.waits.get((state.enrollment, state.visit))
        step = Step(enrollment=state.enrollment, revision=state.revision.hash, node=state.node or "", visit=state.visit)
        event = first_match(wait.any_of, await ledger.counting(step)) if wait else None
        if event is None:
            return False
        output = happened(event.type, event.properties)
        await ledger.wake(step, Answer(happened=True, line="happened"), output, event)
        return True
