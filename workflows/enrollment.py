"""One enrollment as a Temporal workflow: the host of the interpreter's walk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception
from temporalio.workflow import ActivityCancellationType, ActivityHandle

with workflow.unsafe.imports_passed_through():
    from pydantic import JsonValue

    # What the modules below import, too: a part of the model that is missing here is loaded anew for every run, with
    # all that it stands on, and that took 0.3 s of CPU a run.
    import workflows.model.revision  # noqa: F401
    from workflows.contract import (
        ENROLLMENT,
        FALLBACK_RETRY,
        FALLBACK_TIMEOUT,
        FINISH,
        GIVE_UP,
        HEARTBEAT_TIMEOUT,
        LOCAL_RETRY,
        LOCAL_TIMEOUT,
        QUERY_STATE,
        RECORD_EVENT,
        SIGNAL_DELIVER,
        SIGNAL_LEAVE,
        SIGNAL_RESUME,
        UPDATE_ADOPT,
        Adopt,
        Answer,
        Asleep,
        Delivery,
        Leave,
        Resume,
        State,
        Step,
    )
    from workflows.model.journal import Ending
    from workflows.model.nodes import Node, Perform, WaitForEvent

# After the block above: the sandbox loads these anew for each run, and they must find the one passed-through model.
from workflows.host import Woken
from workflows.interpreter import Walk
from workflows.waiting import Mailbox, sleep


@workflow.defn(name=ENROLLMENT)
class Enrollment:
    """A record's walk through a flow, as durable as Temporal."""

    @workflow.init
    def __init__(self, state: State) -> None:
        self.mailbox = Mailbox(state)
        self.state = state

    @workflow.run
    async def run(self, state: State) -> Ending:
        """Walk to the end; return how it ended."""
        try:
            ending = await Walk(self, state).run()
        except (asyncio.CancelledError, FailureError) as error:
            if not is_cancelled_exception(error):
                raise
            await asyncio.shield(self._drain())
            await asyncio.shield(self.ask(FINISH, self.state.step("terminated"), None))
            raise
        await self._drain()
        return ending

    @workflow.signal(name=SIGNAL_DELIVER)
    def deliver(self, letter: Delivery) -> None:
        """Take the relay's word that events have ended waits."""
        self.mailbox.deliver(letter)

    @workflow.signal(name=SIGNAL_LEAVE)
    def leave(self, letter: Leave) -> None:
        """Leave at once."""
        self.mailbox.leave(letter)

    @workflow.signal(name=SIGNAL_RESUME)
    def resume(self, letter: Resume) -> None:
        """Take an operator's decision on a held visit."""
        self.mailbox.resume(letter)

    @workflow.signal(dynamic=True)
    def event(self, name: str, args: Sequence[RawValue]) -> None:
        """Take an event sent straight to the enrollment. Raw, for the SDK drops in silence what it cannot decode."""
        self.mailbox.take(name, [arg.payload.data.decode(errors="replace") for arg in args])

    @workflow.update(name=UPDATE_ADOPT)
    def adopt(self, letter: Adopt) -> None:
        """Adopt a newer revision in the middle of a sleep."""
        self.mailbox.adopt(letter)

    @adopt.validator
    def _adopts(self, letter: Adopt) -> None:
        # Not whether it sleeps: its sleep may be registered while the answer that says so is still under way.
        here = letter.enrollment == self.state.enrollment and letter.visit == self.state.visit
        if not here or letter.revision.hash == self.state.revision.hash:
            message = "another enrollment or visit, or adopted before"
            raise ValueError(message)

    @workflow.query(name=QUERY_STATE)
    def where(self) -> State:
        """Tell where the walk stands."""
        return self.state

    def now(self) -> datetime:
        """See Host."""
        return workflow.now()

    def note(self, state: State) -> None:
        """See Host: keep the state for queries, and the current details for the Web UI."""
        self.state = state
        workflow.set_current_details(details(state))

    async def ask(self, question: str, step: Step, node: Node | None) -> Answer:
        """See Host: a local activity, which after three tries goes on as an ordinary one."""
        return await self._locally(question, step, node)

    async def perform(self, node: Perform, step: Step) -> Answer:
        """See Host: in a local activity where the effect is in our store, else in an ordinary one."""
        if node.place == "store":
            return await self._locally(node.kind, step, node)
        retry = RetryPolicy(
            initial_interval=node.retry.first,
            backoff_coefficient=node.retry.growth,
            maximum_interval=max(node.retry.first, node.retry.most),  # the server refuses a shorter one
        )
        with workflow.create_event_group(node.id).scope():
            handle: ActivityHandle[Answer] = workflow.start_activity(
                node.kind,
                step,
                result_type=Answer,
                schedule_to_close_timeout=node.retry.within,
                start_to_close_timeout=node.timeout,
                heartbeat_timeout=HEARTBEAT_TIMEOUT if node.timeout > HEARTBEAT_TIMEOUT else None,
                retry_policy=retry,
                cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                summary=node.name,
            )
        try:
            return await self._unless_leaving(handle)
        except ActivityError:
            return await self.ask(GIVE_UP, step, node)

    async def sleep(self, state: State, node: Node) -> Woken:
        """See Host."""
        with workflow.create_event_group(node.id).scope():
            return await sleep(self.mailbox, state, node, self._record_event)

    async def _locally(self, name: str, step: Step, node: Node | None) -> Answer:
        summary = node.name if node else None
        with workflow.create_event_group(node.id if node else name).scope():
            try:
                answer: Answer = await workflow.execute_local_activity(
                    name,
                    step,
                    result_type=Answer,
                    start_to_close_timeout=LOCAL_TIMEOUT,
                    retry_policy=LOCAL_RETRY,
                    summary=summary,
                )
                return answer  # noqa: TRY300 - what follows is the other way
            except FailureError as error:
                if is_cancelled_exception(error):
                    raise
                # After its last try a local activity raises its bare cause, an ApplicationError, not an ActivityError.
                handle: ActivityHandle[Answer] = workflow.start_activity(
                    name,
                    step,
                    result_type=Answer,
                    start_to_close_timeout=FALLBACK_TIMEOUT,
                    retry_policy=FALLBACK_RETRY,
                    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                    summary=summary,
                )
        if name in (FINISH, RECORD_EVENT):
            return await handle  # what closes the row, or keeps an event, is not given up for an order to leave
        return await self._unless_leaving(handle)

    async def _unless_leaving(self, handle: ActivityHandle[Answer]) -> Answer:
        """Wait for an ordinary activity; an order to leave cancels it, and waits for it to have ended."""
        await workflow.wait_condition(lambda: handle.done() or self.mailbox.leaving is not None)
        if not handle.done():
            handle.cancel()
        try:
            return await handle
        except ActivityError:
            if self.mailbox.leaving is None:
                raise
            return Answer(leave=self.mailbox.leaving)

    async def _record_event(self, raw: JsonValue) -> bool:
        step = self.state.step().model_copy(update={"raw": raw})
        return (await self.ask(RECORD_EVENT, step, None)).happened

    async def _drain(self) -> None:
        while self.mailbox.raw:
            await self._record_event(self.mailbox.raw.pop(0))


def details(state: State) -> str:
    """Say in Markdown where the walk stands: the node, since when, until when, and the path behind it."""
    lines = [_whereabouts(state)]
    if state.entered:
        lines.append(f"since {state.entered:%Y-%m-%d %H:%M:%S} UTC")
    if state.asleep:
        lines.append(_sleep(state, state.asleep))
    path = "\n".join(f"- `{passed.node}`: {passed.line}" for passed in state.trail)
    return "  \n".join(lines) + (f"\n\n{path}" if path else "")


def _sleep(state: State, asleep: Asleep) -> str:
    until = f" until {asleep.until:%Y-%m-%d %H:%M:%S} UTC" if asleep.until else ""
    node = state.revision.flow.nodes.get(state.node or "")
    if isinstance(node, WaitForEvent):
        return f"waiting for {' or '.join(f'`{match.event}`' for match in node.any_of)}{until}"
    if asleep.why == "held":
        return f"held for an operator: `perdure resolve retry|skip|end {state.enrollment}`"
    return f"{'put off' if asleep.why == 'deferred' else 'asleep'}{until}"


def _whereabouts(state: State) -> str:
    if state.node is None:
        return "at the **end**"
    return f"at **{state.revision.flow.node(state.node).name}** (`{state.node}`), visit {state.visit}"
