"""The control nodes' local activities: the engine's own questions, each one short exchange with the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator
from pydantic_core import from_json

from activities.gate import LEAVING, ask, still_inside
from activities.ledger import Ledger, Situation
from workflows.codec import Revisions
from workflows.contract import Answer, Asleep, Step
from workflows.model.conditions import judge, matches
from workflows.model.errors import EngineError
from workflows.model.nodes import OTHERWISE, Branch, Delay, EventMatch, WaitForEvent
from workflows.model.records import Event
from workflows.model.revision import Revision


@dataclass(frozen=True)
class Control:
    """Answers the interpreter's questions from the ledger."""

    ledger: Ledger
    revisions: Revisions

    async def branch(self, step: Step) -> Answer:
        """Decide which arm a record takes, on its values as they are now."""
        situation = await self.ledger.look(step)
        if situation.visit and situation.visit.settled:
            return situation.visit.settled
        if (elsewhere := await self.elsewhere(step, situation)) is not None:
            return elsewhere
        node = (await self.revisions.get(step.revision)).flow.node(step.node)
        if not isinstance(node, Branch):
            raise TypeError(node.id)
        verdicts = {arm.name: judge(arm.when, situation.facts) for arm in node.arms}
        taken = next((name for name, verdict in verdicts.items() if verdict.met), OTHERWISE)
        output: dict[str, JsonValue] = {
            "taken": taken,
            "because": {name: verdict.because for name, verdict in verdicts.items()},
        }
        return await self.ledger.decide(step, node.do, Answer(edge=taken, line=f"took {taken}"), output)

    async def delay(self, step: Step) -> Answer:
        """Register a delay, counted from the moment the record entered it."""
        situation = await self.ledger.look(step)
        fresh = situation.visit is None
        if fresh and (elsewhere := await self.elsewhere(step, situation)) is not None:
            return elsewhere
        node = (await self.revisions.get(step.revision)).flow.node(step.node)
        if not isinstance(node, Delay) or step.entered is None:
            raise TypeError(node.id)
        asleep = await self.ledger.lie_down(step, node.do, Asleep(why="delay", until=step.entered + node.for_))
        return await self._look_again(step, asleep)

    async def arm_wait(self, step: Step) -> Answer:
        """Register a wait, and only then search the log: an event is found here, or by a router, or by both."""
        situation = await self.ledger.look(step)
        if situation.visit and situation.visit.settled:
            return situation.visit.settled
        if situation.visit and situation.visit.state == "done":
            # An earlier execution left this wait unanswered: go the way it went, and never wait here again.
            return await self._look_again(step, Asleep(why="wait", until=situation.now))
        if situation.visit is None and (elsewhere := await self.elsewhere(step, situation)) is not None:
            return elsewhere
        node = await self._wait(step)
        seconds = node.at_most.total_seconds() if node.at_most else None
        asleep = await self.ledger.arm(step, node.do, node.any_of, seconds)
        found = first_match(node.any_of, await self.ledger.counting(step)) if asleep else None
        if asleep is None or found is not None:
            return await self._wake(step, found)
        return await self._look_again(step, asleep)

    async def disarm_wait(self, step: Step) -> Answer:
        """End a wait whose time is out: an event that came in time still wins, however late its delivery."""
        node = await self._wait(step)
        if not await self.ledger.is_due(step):
            # Temporal's clock is ahead of the database's, and events are timed by the latter: ask again in a moment.
            raise EngineError("the deadline has not come by the database's clock")
        return await self._wake(step, first_match(node.any_of, await self.ledger.counting(step)))

    async def give_up(self, step: Step) -> Answer:
        """Settle a visit whose outside activity has used up its tries."""
        node = (await self.revisions.get(step.revision)).flow.node(step.node)
        async with self.ledger.turn(step) as turn:
            visit = turn.situation.visit
            if visit and visit.settled:
                return visit.settled
            unsure = visit is not None and visit.state in ("intent", "unknown")
            answer = failure(node.on_failure if hasattr(node, "on_failure") else "continue", "gave_up", unsure=unsure)
            await turn.settle(step, getattr(node, "kind", ""), answer)
            return answer

    async def finish(self, step: Step) -> Answer:
        """Close the enrollment; where it would end of itself, a newer revision may still lead on."""
        if step.ending == "completed" and not step.as_drawn:
            moved = await self._moved(step, await self.ledger.look(step))
            if moved is not None:
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
            await self.ledger.refuse_event(step, step.raw, _reason(error))
            return Answer()
        named = event if event.id else event.model_copy(update={"id": f"{step.enrollment}/{_number(step.raw)}"})
        await self.ledger.record_event(step, {**named.model_dump(), "record": str(situation.ref)})
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
        return ask([still_inside], situation, flow, step) or await self._moved(step, situation)

    async def _moved(self, step: Step, situation: Situation) -> Answer | None:
        revision = await self.newer(step, situation)
        return None if revision is None else Answer(revision=revision)

    async def newer(self, step: Step, situation: Situation) -> Revision | None:
        """Give the flow's current revision when this enrollment follows it and was asked under an older one."""
        if step.as_drawn or situation.current == step.revision:
            return None
        flow = (await self.revisions.get(step.revision)).flow
        return None if flow.settings.revisions == "pin" else await self.revisions.get(situation.current)

    async def _look_again(self, step: Step, asleep: Asleep) -> Answer:
        """Insert, commit, then look: what happened while falling asleep must not be slept through."""
        situation = await self.ledger.look(step)
        flow = (await self.revisions.get(step.revision)).flow
        leaving = ask(LEAVING, situation, flow, step)
        return leaving or Answer(asleep=asleep, revision=await self.newer(step, situation))

    async def _wake(self, step: Step, event: Event | None) -> Answer:
        if event is None:
            return await self.ledger.wake(step, Answer(line="timed out"), {"happened": False})
        return await self.ledger.wake(step, Answer(happened=True, line="happened"), happened(event))

    async def _wait(self, step: Step) -> WaitForEvent:
        node = (await self.revisions.get(step.revision)).flow.node(step.node)
        if not isinstance(node, WaitForEvent):
            raise TypeError(node.id)
        return node


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


def happened(event: Event) -> dict[str, JsonValue]:
    """Give the output of a wait that an event has ended: the event's own properties, and its name."""
    return {**event.properties, "happened": True, "event": event.type}


def first_match(any_of: tuple[EventMatch, ...], events: list[Event]) -> Event | None:
    """Give the first event that one of the matches takes."""
    return next((event for event in events for match in any_of if takes(match, event)), None)


def takes(match: EventMatch, event: Event) -> bool:
    """Tell whether an event is the one looked for."""
    return match.event == event.type and matches(match.where, event.properties)


_STORABLE = r"^[^\x00]*$"
"""PostgreSQL keeps no NUL in a text."""


class RawEvent(BaseModel):
    """An event as a stranger's signal brings it: JSON with `type`, and as it likes `id`, `source`, `properties`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field(pattern=r"^[a-z][a-z0-9_.]{0,79}$")
    id: str | None = Field(None, min_length=1, max_length=200, pattern=_STORABLE)
    source: str = Field("signal", min_length=1, max_length=80, pattern=_STORABLE)
    properties: dict[str, JsonValue] = {}
    occurred_at: str | None = None

    @field_validator("occurred_at")
    @classmethod
    def _is_a_moment(cls, text: str | None) -> str | None:
        moment = None if text is None else datetime.fromisoformat(text)
        if moment is not None and moment.tzinfo is None:
            message = "occurred_at needs a time zone, as 2026-01-31T09:00:00+00:00"
            raise ValueError(message)
        return None if moment is None else _in_utc(moment).isoformat()

    @classmethod
    def read(cls, raw: JsonValue) -> RawEvent:
        """Read the signal's one argument; raise ValueError when it is no event."""
        if not isinstance(raw, Mapping) or not isinstance(args := raw.get("args"), list) or len(args) != 1:
            message = "an event signal takes exactly one argument"
            raise ValueError(message)
        if raw.get("signal") != "event":
            message = f"there is no signal {str(raw.get('signal'))[:80]!r}"
            raise ValueError(message)
        return cls.model_validate(from_json(str(args[0])))


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        message = "occurred_at lies outside the calendar"
        raise ValueError(message) from None


def _number(raw: JsonValue) -> JsonValue:
    return raw.get("number") if isinstance(raw, Mapping) else None


def _reason(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    return str(error)
