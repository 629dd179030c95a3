"""The same two journeys as one would write them by hand in our style: no interpreter, the same ledger work.

Decisions and edits are local activities, e-mail and webhook ordinary ones; each step is a visit of the ledger, looked
up, gated and settled as ours are, by the ledger's own functions. What is left out is what makes a flow a drawing:
nodes, templates, conditions, the catalogue, signals, the details for the Web UI. So this is the floor under the
interpreter.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from temporalio import activity, workflow

from activities.effects import Http, Mail, Mailer, Provenance, Request, SetTo
from activities.gate import GATE, LEAVING, Check
from activities.gateways.postgres_ledger import PostgresLedger
from activities.ledger import Situation, effect_key
from tests.bench.graphs import DELAY, EDITS
from workflows.contract import ENROLLMENT, FALLBACK_RETRY, LOCAL_RETRY, LOCAL_TIMEOUT, Answer, Asleep, State, Step
from workflows.model.flow import Flow

QUEUE = "style"
TIMEOUT = timedelta(seconds=30)

_NO_GOAL = Flow(key="by-hand", name="By hand", object="contact", start=None, nodes={})


@workflow.defn(name=ENROLLMENT)
class ByHand:
    """Both journeys; the relay starts either under the one name that it knows."""

    @workflow.run
    async def run(self, state: State) -> str:
        self.state, self.visit = state, 0
        ending = await (self.journey() if state.flow.startswith("journey") else self.graph())
        await self.locally("close", "", ending=ending)
        return ending

    async def journey(self) -> str:
        """Enter, delay, e-mail, branch, e-mail."""
        if left := await self.sleep():
            return left
        if left := (await self.outside("send_welcome", "welcome")).leave:
            return left
        lead = await self.locally("is_lead", "is-lead")
        if lead.leave or not lead.happened:
            return lead.leave or "completed"
        return (await self.outside("send_reminder", "reminder")).leave or "completed"

    async def graph(self) -> str:
        """Enter, delay, branch, three edits in a row, e-mail, branch, webhook, end."""
        if left := await self.sleep():
            return left
        lead = await self.locally("is_lead", "is-lead")
        if lead.leave or not lead.happened:
            return lead.leave or "completed"
        for name in EDITS:
            if left := (await self.locally("edit", name)).leave:
                return left
        if left := (await self.outside("send_welcome", "welcome")).leave:
            return left
        if left := (await self.locally("has_phone", "has-phone")).leave:
            return left
        return (await self.outside("tell_erp", "tell")).leave or "completed"

    async def sleep(self) -> str | None:
        """Register the delay, and sleep."""
        entered = workflow.now()
        answer = await self.locally("delay", "pause", entered=entered)
        if answer.asleep and answer.asleep.until:
            await workflow.sleep(max(answer.asleep.until - workflow.now(), timedelta(0)), summary="pause")
        return answer.leave

    async def locally(self, name: str, node: str, **fields: Any) -> Answer:
        """Do a short step in our store."""
        answer: Answer = await workflow.execute_local_activity(
            name,
            self._step(node, **fields),
            result_type=Answer,
            start_to_close_timeout=LOCAL_TIMEOUT,
            retry_policy=LOCAL_RETRY,
            summary=node or None,
        )
        return answer

    async def outside(self, name: str, node: str) -> Answer:
        """Do a step outside."""
        answer: Answer = await workflow.execute_activity(
            name,
            self._step(node),
            result_type=Answer,
            start_to_close_timeout=TIMEOUT,
            retry_policy=FALLBACK_RETRY,
            summary=node,
        )
        return answer

    def _step(self, node: str, **fields: Any) -> Step:
        self.visit += 1
        state = self.state
        return Step(enrollment=state.enrollment, revision=state.revision.hash, node=node, visit=self.visit, **fields)


@dataclass(frozen=True)
class LedgerSteps:
    """The activities, by the ledger's own functions."""

    ledger: PostgresLedger
    mail: Mailer
    http: Http
    url: str

    @property
    def all(self) -> list[Any]:
        """Every activity."""
        return [
            *(self.delay, self.is_lead, self.has_phone, self.edit, self.send_welcome, self.send_reminder),
            *(self.tell_erp, self.close),
        ]

    @activity.defn
    async def delay(self, step: Step) -> Answer:
        if step.entered is None:
            return Answer()
        wanted = Asleep(why="delay", until=step.entered + timedelta(seconds=DELAY))
        asleep = await self.ledger.lie_down_at_once(step, "delay", wanted, pinned=False)
        if asleep is None:
            if (early := _early(await self.ledger.look(step), LEAVING, step)) is not None:
                return early
            asleep = await self.ledger.lie_down(step, "delay", wanted)
        return _early(await self.ledger.look(step), LEAVING, step) or Answer(asleep=asleep)

    @activity.defn
    async def is_lead(self, step: Step) -> Answer:
        return await self._decide(step, lambda properties: properties.get("stage") == "lead")

    @activity.defn
    async def has_phone(self, step: Step) -> Answer:
        return await self._decide(step, lambda properties: bool(properties.get("phone")))

    async def _decide(self, step: Step, is_so: Callable[[dict[str, Any]], bool]) -> Answer:
        situation = await self.ledger.look(step)
        if (early := _early(situation, LEAVING[:1], step)) is not None:
            return early
        taken = is_so(dict(situation.record.properties) if situation.record else {})
        answer = Answer(happened=taken, line=f"took {taken}")
        return await self.ledger.decide(step, "branch", answer, {"taken": taken})

    @activity.defn
    async def edit(self, step: Step) -> Answer:
        async with self.ledger.turn(step) as turn:
            situation = turn.situation
            early = _early(situation, GATE, step)
            if early is not None:
                return early
            source = Provenance(situation.flow, step.revision, step.node, step.enrollment)
            await turn.store.crm.edit([situation.ref], {step.node: SetTo(EDITS[step.node])}, source)
            answer = Answer(line="set")
            await turn.settle(step, "set_property", answer)
        return answer

    @activity.defn
    async def send_welcome(self, step: Step) -> Answer:
        return await self._send(step)

    @activity.defn
    async def send_reminder(self, step: Step) -> Answer:
        return await self._send(step)

    async def _send(self, step: Step) -> Answer:
        async def send(content: dict[str, Any], key: str) -> None:
            await self.mail.send(Mail(content["to"], content["subject"], content["text"]), key)

        return await self._outside(step, "send_email", _letter, send)

    @activity.defn
    async def tell_erp(self, step: Step) -> Answer:
        async def tell(content: dict[str, Any], key: str) -> None:
            headers = {"Content-Type": "application/json", "Idempotency-Key": key}
            answer = await self.http.send(Request("POST", self.url, headers, content["body"].encode()))
            if answer.status != 200:
                raise RuntimeError(f"HTTP {answer.status}")

        return await self._outside(step, "call_webhook", _request, tell)

    async def _outside(
        self,
        step: Step,
        kind: str,
        content_of: Callable[[dict[str, Any]], dict[str, Any]],
        act: Callable[[dict[str, Any], str], Awaitable[None]],
    ) -> Answer:
        """Write down the intent, do it, write down what it came to."""
        async with self.ledger.turn(step) as turn:
            if (early := _early(turn.situation, GATE, step)) is not None:
                return early
            record = turn.situation.record
            content = content_of(dict(record.properties) if record else {})
            attempt = sha256(activity.info().task_token).hexdigest()[:8]
            await turn.intend(step, kind, attempt, content, repeated=turn.situation.visit is not None)
        await act(content, effect_key(step.enrollment, step.visit))
        return await self.ledger.settle(step, kind, Answer(line="sent"), {"sent": 1})

    @activity.defn
    async def close(self, step: Step) -> Answer:
        await self.ledger.close(step, step.ending or "completed")
        return Answer()


def _early(situation: Situation, checks: list[Check], step: Step) -> Answer | None:
    """Give the answer of a visit that is settled, or stopped at the gate."""
    if situation.visit and situation.visit.settled:
        return situation.visit.settled
    return next((answer for check in checks if (answer := check(situation, _NO_GOAL, step))), None)


def _letter(properties: dict[str, Any]) -> dict[str, Any]:
    name = properties["firstname"]
    return {"to": properties["email"], "subject": f"Hello {name}", "text": f"Dear {name}"}


def _request(properties: dict[str, Any]) -> dict[str, Any]:
    return {"body": f'{{"email":"{properties["email"]}"}}'}
