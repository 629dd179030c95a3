"""The control nodes' local activities: the engine's own questions, each one short exchange with the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from pydantic import JsonValue

from activities.gate import LEAVING, ask, still_inside
from activities.ledger import Ledger, Situation, Turn
from activities.parts import given_up
from activities.raw_event import RawEvent, number, reason
from workflows.codec import Revisions
from workflows.contract import Answer, Asleep, Step
from workflows.model.decisions import decided, in_zone_of, needs_of, needs_to_stay
from workflows.model.delays import due
from workflows.model.errors import EngineError
from workflows.model.facts import NOTHING, Needs
from workflows.model.flow import Flow
from workflows.model.nodes import (
    Branch,
    BranchOnValue,
    Deciding,
    Delay,
    DelayUntil,
    EventMatch,
    Node,
    Perform,
    Split,
    WaitForEvent,
    happened,
)
from workflows.model.records import Event
from workflows.model.revision import Revision

N = TypeVar("N", bound=Node)


@dataclass(frozen=True)
class Control:
    """Answers the interpreter's questions from the ledger."""

    ledger: Ledger
    revisions: Revisions
    clock_speed: float = 1.0
    """How fast delays and waits pass; only what is shown to people in a hurry is walked at another speed than 1."""

    async def branch(self, step: Step) -> Answer:
        """Decide which arm a record takes, on its values as they are now."""
        return await self._decide(step, Branch)

    async def branch_on_value(self, step: Step) -> Answer:
        """Decide which way the value of a property or an output leads."""
        return await self._decide(step, BranchOnValue)

    async def split(self, step: Step) -> Answer:
        """Decide which share a record belongs to: the same one whenever it comes by, in whatever enrollment."""
        return await self._decide(step, Split)

    async def _decide(self, step: Step, kind: type[Deciding]) -> Answer:
        flow, node = await self._node(step, kind)
        situation = await self.look(step, needs_of(node))
        if (elsewhere := await self.elsewhere(step, situation)) is not None:
            return elsewhere
        if situation.visit and situation.visit.settled:
            return situation.visit.settled
        edge, because = decided(flow, node, situation.ref, in_zone_of(flow, situation.facts))
        output: dict[str, JsonValue] = {"taken": edge, "because": because}
        return await self.ledger.decide(step, node.do, Answer(edge=edge, line=f"took {edge}"), output)

    async def delay(self, step: Step) -> Answer:
        """Register a delay, counted from the moment the record entered it."""
        flow, node = await self._node(step, Delay)
        if step.entered is None:
            raise TypeError(node.id)
        wanted = Asleep(why="delay", until=step.entered + node.for_ / self.clock_speed)
        asleep = await self.ledger.lie_down_at_once(step, node.do, wanted, pinned=_is_pinned(step, flow))
        if asleep is None:
            if (elsewhere := await self.elsewhere(step, await self.ledger.look(step))) is not None:
                return elsewhere
            asleep = await self.ledger.lie_down(step, node.do, wanted)
        return await self._sleep(step, asleep)

    async def delay_until(self, step: Step) -> Answer:
        """Register a delay until a day, a time or a date, or go on where that is past or empty.

        One that was edited while the record slept in it is computed anew from now, so that it lies ahead.
        """
        flow, node = await self._node(step, DelayUntil)
        situation = await self.look(step)
        if (elsewhere := await self.elsewhere(step, situation)) is not None:
            return elsewhere
        visit = situation.visit
        if visit and visit.answer and not visit.answer.asleep:
            return visit.answer
        if visit and visit.answer and visit.answer.asleep and (visit.settled or visit.revision == step.revision):
            return await self._sleep(step, await self.ledger.lie_down(step, node.do, visit.answer.asleep))
        since = situation.now if visit or step.entered is None else step.entered
        facts = in_zone_of(flow, situation.facts)
        wakes = due(node, since, facts.zone, facts.properties.get(node.property or ""))
        if wakes.until is None:
            answer = Answer(line="no date to wait for", leave="completed" if wakes.then == "end" else None)
            return await self.ledger.settle(step, node.do, answer, note=wakes.because)
        until = since + (wakes.until - since) / self.clock_speed
        asleep = await self.ledger.lie_down(step, node.do, Asleep(why="delay", until=until))
        return await self._sleep(step, asleep)

    async def arm_wait(self, step: Step) -> Answer:
        """Register a wait, and only then search the log: an event is found here, or by a router, or by both."""
        situation = await self.ledger.look(step)
        if (elsewhere := await self.elsewhere(step, situation)) is not None:
            return elsewhere
        if situation.visit and situation.visit.settled:
            return situation.visit.settled
        if situation.visit and situation.visit.state == "done":
            # An earlier execution left this wait unanswered: go the way it went, and never wait here again.
            return await self._sleep(step, Asleep(why="wait", until=situation.now))
        _, node = await self._node(step, WaitForEvent)
        seconds = node.at_most.total_seconds() / self.clock_speed if node.at_most else None
        asleep = await self.ledger.arm(step, node.do, node.any_of, seconds)
        found = first_match(node.any_of, await self.ledger.counting(step)) if asleep else None
        if asleep is None or found is not None:
            return await self._wake(step, found)
        return await self._sleep(step, asleep)

    async def disarm_wait(self, step: Step) -> Answer:
        """End a wait whose time is out: an event that came in time still wins, however late its delivery."""
        _, node = await self._node(step, WaitForEvent)
        if not await self.ledger.is_due(step):
            # Temporal's clock is ahead of the database's, and events are timed by the latter: ask again in a moment.
            raise EngineError("the deadline has not come by the database's clock")
        return await self._wake(step, first_match(node.any_of, await self.ledger.counting(step)))

    async def give_up(self, step: Step) -> Answer:
        """Settle a visit whose outside activity has used up its tries."""
        _, node = await self._node(step, Perform)
        begun = await self.ledger.parts(step)
        async with self.ledger.turn(step) as turn:
            visit = turn.situation.visit
            if visit and visit.settled:
                return visit.settled
            unsure = visit is not None and visit.state in ("intent", "unknown")
            done = given_up(begun, visit.content if visit else None) if begun else None
            answer = failure(node.on_failure, "gave_up", unsure=unsure)
            if done and done.outcome == "done":
                answer = Answer(line=f"gave up; {done.line}")
            await turn.settle(step, node.kind, answer, done.output if done else None)
            return answer

    async def finish(self, step: Step) -> Answer:
        """Close the enrollment; where it would end of itself, a newer revision may still lead on."""
        if step.ending == "completed" and not step.as_drawn:
            flow = (await self.revisions.get(step.revision)).flow
            if await self.ledger.close_at_once(step, step.ending, pinned=_is_pinned(step, flow)):
                return Answer()
            if (moved := await self.moved(step, await self.ledger.look(step), self.ledger)) is not None:
                return moved
        await self.ledger.close(step, step.ending or "completed")
        return Answer()

    async def record_event(self, step: Step) -> Answer:
        """Write down an event that was sent straight to the enrollment, and judge it there.

        One without an id of its source is known by its number in the enrollment, however often and where it is judged.
        """
        situation = await self.ledger.look(step)
        try:
            event = RawEvent.read(step.raw)
        except ValueError as error:
            await self.ledger.refuse_event(step, step.raw, reason(error))
            return Answer()
        if not await self.ledger.record_event(step, {**event.named(step.enrollment, number(step.raw)).model_dump()}):
            await self.ledger.refuse_event(step, step.raw, "another event has its source and id")
        if situation.visit and situation.visit.settled:
            return situation.visit.settled
        if situation.visit is None or situation.visit.state != "asleep":
            return Answer()
        node = (await self.revisions.get(step.revision)).flow.node(step.node)
        if not isinstance(node, WaitForEvent):
            return Answer()
        found = first_match(node.any_of, await self.ledger.counting(step))
        return Answer() if found is None else await self._wake(step, found)

    async def elsewhere(self, step: Step, situation: Situation) -> Answer | None:
        """Say that the record is not to be judged here: it leaves, or a newer revision leads it another way."""
        flow = (await self.revisions.get(step.revision)).flow
        leaving = ask([still_inside], situation, flow, step) if situation.visit is None else None
        return leaving or await self.moved(step, situation, self.ledger)

    async def moved(self, step: Step, situation: Situation, ledger: Ledger | Turn) -> Answer | None:
        """Have a record that has not begun here go on in a newer revision; a second execution follows it there.

        Written down, for the flow may be edited back before the task that was told of it is done.
        """
        if situation.visit is not None:
            known = situation.visit.moved
        else:
            newer = await self.newer(step, situation)
            known = None if newer is None else await ledger.move(step, newer.hash)
        return None if known is None else Answer(revision=await self.revisions.get(known))

    async def newer(self, step: Step, situation: Situation) -> Revision | None:
        """Give the flow's current revision when this enrollment follows it and was asked under an older one."""
        if situation.current == step.revision:
            return None
        flow = (await self.revisions.get(step.revision)).flow
        return None if _is_pinned(step, flow) else await self.revisions.get(situation.current)

    async def _sleep(self, step: Step, asleep: Asleep) -> Answer:
        return await self.look_again(step, Answer(asleep=asleep))

    async def look_again(self, step: Step, answer: Answer) -> Answer:
        """Insert, commit, then look: what happened while falling asleep must not be slept through."""
        situation = await self.look(step)
        flow = (await self.revisions.get(step.revision)).flow
        leaving = ask(LEAVING, situation, flow, step)
        return leaving or answer.model_copy(update={"revision": await self.newer(step, situation)})

    async def _wake(self, step: Step, event: Event | None) -> Answer:
        if event is None:
            return await self.ledger.wake(step, Answer(line="timed out"), {"happened": False})
        output = happened(event.type, event.properties)
        return await self.ledger.wake(step, Answer(happened=True, line="happened"), output, event)

    async def look(self, step: Step, beside: Needs = NOTHING) -> Situation:
        """Read what a visit is judged on: all that the flow's goal asks of the record, and what is needed beside it."""
        flow = (await self.revisions.get(step.revision)).flow
        return await self.ledger.look(step, needs_to_stay(flow) | beside)

    async def _node(self, step: Step, kind: type[N]) -> tuple[Flow, N]:
        flow = (await self.revisions.get(step.revision)).flow
        node = flow.node(step.node)
        if not isinstance(node, kind):
            raise TypeError(node.id)
        return flow, node


def _is_pinned(step: Step, flow: Flow) -> bool:
    """Tell that the enrollment does not follow edits of the flow here."""
    return step.as_drawn or flow.settings.revisions == "pin"


def failure(policy: str, code: str, *, unsure: bool = False) -> Answer:
    """Give the answer of a failed visit, as its node's policy says."""
    outcome, line = ("unknown", f"unknown: {code}") if unsure else ("failed", f"failed: {code}")
    return Answer.model_validate(
        {
            "outcome": outcome,
            "line": line,
            "edge": "failed" if policy == "go_to" else "next",
            "leave": "stopped" if policy == "stop" else None,
            "asleep": {"why": "held"} if policy == "park" else None,
        }
    )


def first_match(any_of: tuple[EventMatch, ...], events: list[Event]) -> Event | None:
    """Give the first event that one of the matches takes."""
    return next((each for each in events for match in any_of if match.takes(each.type, each.properties)), None)
