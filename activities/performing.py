"""A visit to a perform node: gate, render, do it once, write down what it came to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeVar

from pydantic import JsonValue, ValidationError
from pydantic_core import to_json

from activities.action import (
    PARTS,
    Action,
    Ambiguous,
    Do,
    Done,
    NotBefore,
    Preparing,
    Refused,
    Retryable,
    Skipped,
    prepares,
    tokens_of,
)
from activities.catalogue import Catalogue
from activities.control import Control, failure
from activities.effects import Outside, Provenance
from activities.faults import no_fault
from activities.gate import GATE, LEAVING, ask
from activities.ledger import Situation, Turn, VisitTaken, effect_key
from activities.parts import VisitParts
from activities.rendering import Filler, needs_of_texts, refusing, rendered
from workflows.contract import MOST_DEFERRALS, OUTPUT_BYTES, Answer, Asleep, Step
from workflows.model.decisions import in_zone_of, needs_to_stay
from workflows.model.errors import EngineError, PerdureError
from workflows.model.facts import Needs
from workflows.model.flow import Flow
from workflows.model.journal import Ending
from workflows.model.nodes import Perform
from workflows.model.records import Record

T = TypeVar("T")

WRITE_PAUSE = 0.5
"""Seconds between two tries to write down what has been done outside."""


class Again(EngineError):
    """The attempt did not settle the visit; the activity is to be tried again. `code` holds nothing personal."""

    def __init__(self, code: str, cause: Retryable | Ambiguous) -> None:
        """Keep how long the provider asks to be left alone."""
        super().__init__(code)
        self.code = code
        self.after = cause.after if isinstance(cause, Retryable) else None


@dataclass(frozen=True)
class Performer:
    """Does the actions of perform nodes. `crash_point` lets the fault tests kill the worker at a named place."""

    control: Control
    catalogue: Catalogue
    outside: Outside
    crash_point: Callable[[str], None] = no_fault

    async def perform(self, step: Step, attempt: str) -> Answer:
        """Do the action of a node, once; `attempt` names this try of it. Raise Again when a later one may settle it."""
        revision = await self.control.revisions.get(step.revision)
        node = revision.flow.node(step.node)
        if not isinstance(node, Perform):
            raise TypeError(node.id)
        answer = await self._performed(step, revision.flow, node, attempt)
        # A hold or a deferral is a sleep, too: what happened while it was registered must not be slept through.
        return await self.control.look_again(step, answer) if answer.asleep else answer

    async def _performed(self, step: Step, flow: Flow, node: Perform, attempt: str) -> Answer:
        try:
            if self._is_in_store(node):
                return await self._in_store(step, flow, node)
            return await self._outside(step, flow, node, attempt)
        except VisitTaken:
            settled = (await self.control.ledger.look(step)).visit
            if settled is None or settled.answer is None:
                raise
            return settled.answer
        except NotBefore as error:
            answer, note, settle = _put_off(step, error), error.note, self.control.ledger.settle
            return await _insisting(node, lambda: settle(step, node.kind, answer, None, note))
        except (Refused, Skipped) as error:
            # What the action had edited so far is rolled back with its transaction; only the failure is kept.
            answer, note, settle = _failed(node, error), error.note, self.control.ledger.settle
            return await _insisting(node, lambda: settle(step, node.kind, answer, None, note))

    def _is_in_store(self, node: Perform) -> bool:
        """Tell whether the effect is in our store; of one in the CRM that is so wherever the CRM is now."""
        action = self.catalogue[node.kind]
        return self.outside.crm is None if action.place == "store" and action.in_crm else node.place == "store"

    async def _in_store(self, step: Step, flow: Flow, node: Perform) -> Answer:
        """Edit our store and write the visit in one transaction: the effect is there exactly when the row is."""
        async with self.control.ledger.turn(step, self._needs(flow, node)) as turn:
            if (early := await self._early(step, flow, node, turn)) is not None:
                return early
            self.crash_point("before_edit")
            action = self._action(node, self._rendered(node, turn.situation, flow))
            done = _kept(await action.perform(replace(self._do(step, flow, turn, node), since=await turn.since(step))))
            answer = _answer(node, done, action.ending)
            await turn.settle(step, node.kind, answer, done.output, done.note)
            self.crash_point("before_commit")
        self.crash_point("after_commit")
        return answer

    async def _outside(self, step: Step, flow: Flow, node: Perform, attempt: str) -> Answer:
        """Write down the intent, do it, write down what it came to: a crash after each step is told apart."""
        self.crash_point("before_intent")
        async with self.control.ledger.turn(step, self._needs(flow, node)) as turn:
            if (early := await self._early(step, flow, node, turn)) is not None:
                return early
            since = await turn.since(step)
            preparing = self._preparing(step, flow, node, turn, since)
            content = await self._content(flow, node, turn, preparing)
            own = prepares(self.catalogue[node.kind])
            repeated = _is_ambiguous(turn.situation) and not (own and PARTS in content)  # each part tells of itself
            if repeated and node.repeat == "at_most_once":
                return await _unsure(step, node, turn)
            action = self._action(node, node.config if own else content)
            try:
                admitted = await action.admit(preparing, content)
            except (Refused, Skipped) as error:
                if _is_ambiguous(turn.situation):
                    return await _unsure(step, node, turn, f", and now it is not: {error.code}")
                raise
            await turn.intend(step, node.kind, attempt, content, repeated=repeated)
            do = replace(self._do(step, flow, turn, node, attempt), since=since, prepared=admitted)
        self.crash_point("after_intent")
        try:
            done = _kept(await action.perform(do))
        except (Retryable, Ambiguous) as error:
            state: Literal["retrying", "unknown"] = "retrying" if isinstance(error, Retryable) else "unknown"
            note = f"{error.code}: {error.note}"
            await _insisting(node, lambda: self.control.ledger.note_attempt(step, attempt, state, note))
            raise Again(error.code, error) from None
        self.crash_point("after_send")
        answer = _answer(node, done, action.ending)
        settle = self.control.ledger.settle
        answer = await _insisting(node, lambda: settle(step, node.kind, answer, done.output, done.note))
        self.crash_point("after_commit")
        return answer

    async def _early(self, step: Step, flow: Flow, node: Perform, turn: Turn) -> Answer | None:
        """Give the answer of a visit that is settled, led elsewhere, or stopped at the gate.

        The ledger is asked before the gate: an edit that made the record leave has been done, and is not forgotten.
        An attempt that may have reached the provider precedes a pause or a flow turned off; it is only stopped where
        the record leaves, and then nobody knows whether it was done.
        """
        situation = turn.situation
        if (moved := await self.control.moved(step, situation, turn)) is not None:
            return moved
        if situation.visit and (settled := situation.visit.settled):
            # A second execution of a closed enrollment must not lie down in an old hold, which nobody would ever end.
            return Answer(leave="closed", line="already closed") if settled.asleep and situation.closed else settled
        ambiguous = _is_ambiguous(situation)
        stopped = ask(LEAVING if ambiguous else GATE, situation, flow, step)
        if stopped is None:
            return None
        if ambiguous:
            stopped = stopped.model_copy(update={"outcome": "unknown", "line": f"unknown; {stopped.line}"})
        if stopped.asleep and stopped.asleep.why == "deferred":
            stopped = _not_for_ever(step, stopped)
        await turn.settle(step, node.kind, stopped)
        return stopped

    def _action(self, node: Perform, content: Mapping[str, JsonValue]) -> Action:
        try:
            return self.catalogue[node.kind].model_validate(dict(content))
        except ValidationError as error:
            fields = ", ".join(str(each["loc"][0]) for each in error.errors() if each["loc"])
            raise Refused("bad_value", f"once the tokens are replaced, these are not valid: {fields}") from None

    def _needs(self, flow: Flow, node: Perform) -> Needs:
        """Give what the gate and the texts of the node want read, beside the record and the outputs."""
        action = self.catalogue[node.kind]
        beside = needs_of_texts(action, node.config, flow.object)
        # What an action prepares may name the event, too, and that comes with the first statement or not at all.
        return needs_to_stay(flow) | (beside | Needs(cause=True) if prepares(action) else beside)

    def _rendered(self, node: Perform, situation: Situation, flow: Flow) -> dict[str, JsonValue]:
        with refusing():
            return rendered(
                self.catalogue[node.kind], node.config, situation.ref.type, in_zone_of(flow, situation.facts)
            )

    async def _content(self, flow: Flow, node: Perform, turn: Turn, preparing: Preparing) -> dict[str, JsonValue]:
        """Give what is done outside: as the first attempt froze it, or else as it is now."""
        situation = turn.situation
        if situation.visit and situation.visit.content is not None:
            return situation.visit.content
        if not prepares(self.catalogue[node.kind]):
            return self._rendered(node, situation, flow)
        return await self._action(node, node.config).prepare(preparing)

    def _preparing(self, step: Step, flow: Flow, node: Perform, turn: Turn, since: datetime) -> Preparing:
        situation = turn.situation
        return Preparing(
            key=effect_key(step.enrollment, step.visit),
            visit=step.visit,
            record=situation.record or Record(ref=situation.ref),
            now=situation.now,
            since=since,
            source=_source(step, situation),
            zone=in_zone_of(flow, situation.facts).zone,
            crm=turn.store.crm,
            store=turn.store,
            outside=self.outside,
            texts=Filler(tokens_of(self.catalogue[node.kind]), flow, turn),
            outputs=situation.facts.outputs,
        )

    def _parts(self, step: Step, node: Perform, attempt: str) -> VisitParts:
        async def insist(write: Callable[[], Awaitable[None]]) -> None:
            await _insisting(node, write)

        return VisitParts(self.control.ledger, step, node, attempt, insist, self.crash_point)

    def _do(self, step: Step, flow: Flow, turn: Turn, node: Perform, attempt: str = "") -> Do:
        situation, key = turn.situation, effect_key(step.enrollment, step.visit)
        return Do(
            key=key,
            record=situation.record or Record(ref=situation.ref),
            now=situation.now,
            since=situation.now,
            zone=in_zone_of(flow, situation.facts).zone,
            outputs=situation.facts.outputs,
            source=_source(step, situation),
            crm=turn.store.crm if self.outside.crm is None else self.outside.crm.under(key),
            store=turn.store,
            outside=self.outside,
            parts=self._parts(step, node, attempt),
        )


async def _unsure(step: Step, node: Perform, turn: Turn, beside: str = "") -> Answer:
    """Leave it at an attempt of which nobody knows whether it did it."""
    answer = failure(node.on_failure, f"an earlier attempt may have done it{beside}", unsure=True)
    await turn.settle(step, node.kind, answer)
    return answer


def _source(step: Step, situation: Situation) -> Provenance:
    return Provenance(situation.flow, step.revision, step.node, step.enrollment)


def _put_off(step: Step, error: NotBefore) -> Answer:
    deferred = Answer(asleep=Asleep(why="deferred", until=error.until), line=f"deferred: {error.code}")
    return _not_for_ever(step, deferred)


def _not_for_ever(step: Step, deferred: Answer) -> Answer:
    """Hold for an operator what has been deferred too often."""
    if step.deferrals < MOST_DEFERRALS:
        return deferred
    return Answer(asleep=Asleep(why="held"), outcome="failed", line=f"deferred {step.deferrals} times")


def _is_ambiguous(situation: Situation) -> bool:
    """Tell whether an earlier attempt may have reached the provider."""
    return situation.visit is not None and situation.visit.state in ("intent", "unknown")


def _answer(node: Perform, done: Done, ending: Ending | None) -> Answer:
    if done.outcome == "done":
        return Answer(line=done.line, leave=ending)
    if done.outcome == "skipped":
        return Answer(outcome="skipped", line=f"skipped: {done.line}")
    return failure(node.on_failure, done.line, unsure=done.outcome == "unknown")


def _failed(node: Perform, error: Refused | Skipped) -> Answer:
    if isinstance(error, Skipped):
        return Answer(outcome="skipped", line=f"skipped: {error.code}")
    return failure(node.on_failure, error.code)


def _kept(done: Done) -> Done:
    """Leave out an output that cannot be kept, and say so: the effect itself is done."""
    try:
        if len(to_json(done.output)) <= OUTPUT_BYTES:
            return done
        reason = "too large to keep"
    except ValueError:
        reason = "not JSON, and not kept"
    return replace(done, line=f"{done.line}; its output is {reason}", output={})


async def _insisting(node: Perform, write: Callable[[], Awaitable[T]]) -> T:
    """Write down what an attempt outside came to, trying for as long as the node gives an attempt.

    Only this attempt knows; once it has gone while our database was away, the next one would have to guess.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + node.timeout.total_seconds()
    while True:
        try:
            return await write()
        except PerdureError:
            raise
        except Exception:
            if clock() + WRITE_PAUSE > deadline:
                raise
            await asyncio.sleep(WRITE_PAUSE)
