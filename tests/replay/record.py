"""Record the replay corpus afresh: `python -m tests.replay.record`. It takes half a minute.

Each scene below is walked on real servers, and its histories are kept in `histories`, with the revisions they name in
`revisions`. Record again only while no release has run the code that is replaced: after that, a history that no longer
replays is an enrollment that would no longer go on, so the code is wrong, not the history.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowExecutionDescription, WorkflowFailureError

from activities.action import Refused, Retryable
from activities.gate import GATE
from activities.gateways.postgres_ledger import PostgresLedger
from activities.ledger import Situation
from deploy.local.addresses import Addresses
from deploy.local.home import Home
from deploy.local.stack import Stack
from tests.flows import (
    branch,
    branch_on_value,
    delay,
    delay_until,
    end,
    flow,
    go_to,
    send_email,
    set_property,
    split,
    wait,
)
from tests.until import until
from tests.world import World
from workflows.codec import FolderSource
from workflows.contract import ENROLLMENT, MEMO_ENROLLMENT, Answer, Asleep, State, Step
from workflows.model.facts import NOTHING, Needs
from workflows.model.flow import Flow
from workflows.model.nodes import AnyNode
from workflows.model.policy import Retry
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

HERE = Path(__file__).parent
HISTORIES = HERE / "histories"
REVISIONS = HERE / "revisions"
RECORDER = "recorder"
"""Stands in the histories in place of the process and machine that recorded them."""

MOMENT = "1 second"
LEAD = {"property": "stage", "is": "lead"}

Walked = tuple[Revision, RecordRef]
Scene = Callable[[World], Awaitable[Walked]]


@asynccontextmanager
async def inside(world: World, *nodes: AnyNode, pause: bool = False) -> AsyncIterator[Walked]:
    """Serve, publish a flow and enroll Anna; wait for the end after the block."""
    revision = await world.publish(flow(world.key("flow"), *nodes))
    anna = await world.record("contact:1", firstname="Anna", email="anna@example.com", stage="new")
    if pause:
        await world.client.pause(revision.flow.key)
    async with world.serving(identity=RECORDER, build_id="1"):
        enrollment = await world.enroll(revision, anna)
        yield revision, anna
        await world.ended(enrollment)
        await world.handle(revision, anna).result()


async def mail_delay_branch(world: World) -> Walked:
    """Walk an e-mail, a delay, a branch, an edit, a go-to and an end."""
    async with inside(
        world,
        send_email("mail"),
        delay("pause", MOMENT),
        branch("b", "out", New=({"property": "stage", "is": "new"}, "p"), Lead=(LEAD, "out")),
        set_property("p", "stage", "lead"),
        go_to("g", "out"),
        end("out"),
    ) as walked:
        return walked


async def split_value_until(world: World) -> Walked:
    """Split, branch on a value, go past a date, and leave in a delay until a day and a time."""
    async with inside(
        world,
        split("s", A=(50, "b"), B=(50, "b")),
        branch_on_value("b", None, of="stage", New=(["new"], "past")),
        delay_until("past", date="2020-02-29"),
        delay_until("u", on=["mon", "thu"], at="11:00"),
    ) as walked:
        await world.asleep(*walked, "u")
        await world.client.unenroll(walked[0].flow.key, walked[1])
        return walked


async def wait_for_an_event(world: World) -> Walked:
    """End a wait by an event that is routed and delivered."""
    async with inside(world, wait("w", "replied", at_most="30 days"), set_property("p", "stage", "lead")) as walked:
        await world.asleep(*walked)
        await world.client.publish_event("replied", walked[1])
        return walked


async def wait_timed_out(world: World) -> Walked:
    """Let a wait time out."""
    async with inside(world, wait("w", "replied", at_most=MOMENT), branch("b", None, Lead=(LEAD, None))) as walked:
        return walked


async def raw_event(world: World) -> Walked:
    """Signal events straight: one that cannot be read, one that counts."""
    async with inside(world, wait("w", "replied")) as walked:
        await world.asleep(*walked)
        await world.handle(*walked).signal("event", "no event")
        await world.handle(*walked).signal("event", {"type": "replied"})
        return walked


async def leave_in_a_delay(world: World) -> Walked:
    """Unenroll in the middle of a delay."""
    async with inside(world, delay("d", "30 days"), send_email("mail")) as walked:
        await world.asleep(*walked)
        await world.client.unenroll(walked[0].flow.key, walked[1])
        return walked


async def edit_adopted_in_a_delay(world: World) -> Walked:
    """Make a delay shorter than elapsed."""
    async with inside(world, delay("d", "30 days"), set_property("p", "stage", "old")) as walked:
        await world.asleep(*walked)
        await world.publish(flow(walked[0].flow.key, delay("d", "0.001 seconds"), set_property("q", "stage", "new")))
        return walked


async def deleted_delay_and_branch(world: World) -> Walked:
    """Delete the delay and the branch behind it."""
    p = set_property("p", "stage", "lead")
    async with inside(world, delay("d", "30 days"), branch("b", "p", Lead=(LEAD, "p")), p) as walked:
        await world.asleep(*walked)
        await world.publish(flow(walked[0].flow.key, branch("other", "p", Lead=(LEAD, "p")), p))
        return walked


async def held_and_resumed(world: World) -> Walked:
    """Hold an e-mail by a pause, and resume it."""
    async with inside(world, send_email("mail"), pause=True) as walked:
        await world.asleep(*walked)
        await world.client.resume(walked[0].flow.key)
        return walked


async def parked_and_retried(world: World) -> Walked:
    """Park an e-mail that was refused, and have an operator try it again."""
    world.mailer.answers = [Refused("bad_address")]
    async with inside(world, send_email("mail", on_failure="park")) as walked:
        state = await world.asleep(*walked)
        await world.client.resolve(state.enrollment, "retry")
        return walked


async def gave_up(world: World) -> Walked:
    """Use up the tries of an e-mail."""
    world.mailer.answers = [Retryable("smtp_away")] * 100
    soon = Retry(first=timedelta(seconds=0.1), within=timedelta(seconds=1))
    async with inside(world, send_email("mail", retry=soon), set_property("p", "stage", "lead")) as walked:
        return walked


async def leave_in_a_back_off(world: World) -> Walked:
    """Unenroll while an e-mail waits for its next try."""
    world.mailer.answers = [Retryable("smtp_away")]
    async with inside(world, send_email("mail", retry=Retry(first=timedelta(minutes=5)))) as walked:
        enrollment = await world.pool.fetchval("select id from enrollment")
        await world.at(str(enrollment), "mail", "retrying")
        await world.client.unenroll(walked[0].flow.key, walked[1])
        return walked


async def cancelled_from_outside(world: World) -> Walked:
    """Cancel the execution through Temporal, in a delay."""
    with suppress(WorkflowFailureError):
        async with inside(world, delay("d", "30 days")) as walked:
            await world.asleep(*walked)
            await world.handle(*walked).cancel()
    return walked


async def deferred(world: World) -> Walked:
    """Defer an edit to a later instant."""

    def not_before_soon(situation: Situation, _flow: Flow, step: Step) -> Answer | None:
        if step.deferrals:
            return None
        return Answer(asleep=Asleep(why="deferred", until=situation.now + timedelta(seconds=1)), line="not before")

    GATE.append(not_before_soon)
    try:
        async with inside(world, set_property("p", "stage", "lead")) as walked:
            return walked
    finally:
        GATE.remove(not_before_soon)


async def fallback(world: World) -> Walked:
    """Fail three times in a local activity, and go on as an ordinary one."""

    class Away(PostgresLedger):
        """A ledger that is away for its first three looks."""

        looks = 0

        async def look(self, step: Step, needs: Needs = NOTHING) -> Situation:
            """Fail, or look."""
            self.looks += 1
            if self.looks <= 3:
                raise OSError
            return await super().look(step, needs)

    world.ledger = Away
    async with inside(world, delay("d", "2 seconds"), set_property("p", "stage", "lead")) as walked:
        return walked


async def continued_as_new(world: World) -> Walked:
    """Start as if by older code: it continues as new at its first sleep. No relay, which would start it by itself."""
    revision = await world.publish(flow(world.key("flow"), wait("w", "replied"), set_property("p", "stage", "lead")))
    anna = await world.record("contact:1", stage="new")
    enrollment = await world.enroll(revision, anna)
    state = State(enrollment=enrollment, flow=revision.flow.key, revision=revision, record=anna, code=0)
    async with world.worker(identity=RECORDER, build_id="1"):
        handle = await world.temporal.start_workflow(
            ENROLLMENT,
            state,
            id=world.handle(revision, anna).id,
            task_queue=world.queue,
            memo={MEMO_ENROLLMENT: enrollment},
        )

        async def continued() -> bool:
            return (await world.handle(revision, anna).describe()).run_id != handle.first_execution_run_id

        await until(continued)
        await world.handle(revision, anna).signal("event", {"type": "replied"})
        await world.ended(enrollment)
        await handle.result()
    return revision, anna


SCENES: tuple[Scene, ...] = (
    mail_delay_branch,
    split_value_until,
    wait_for_an_event,
    wait_timed_out,
    raw_event,
    leave_in_a_delay,
    edit_adopted_in_a_delay,
    deleted_delay_and_branch,
    held_and_resumed,
    parked_and_retried,
    gave_up,
    leave_in_a_back_off,
    cancelled_from_outside,
    deferred,
    fallback,
    continued_as_new,
)


async def keep(world: World, name: str, walked: Walked) -> None:
    """Write the histories of an enrollment, one a run, and the revisions that its world has loaded."""
    for revision in world.revisions.known.values():
        FolderSource(REVISIONS).write(revision)
    last: WorkflowExecutionDescription = await world.handle(*walked).describe()
    runs = [last.run_id]
    while (earlier := await _run_before(world, last.id, runs[0])) is not None:
        runs.insert(0, earlier)
    for number, run in enumerate(runs):
        history = await world.temporal.get_workflow_handle(last.id, run_id=run).fetch_history()
        file = HISTORIES / (f"{name}.json" if len(runs) == 1 else f"{name}_{number + 1}.json")
        file.write_text(json.dumps(_anonymous(json.loads(history.to_json())), indent=1) + "\n")


async def _run_before(world: World, id_: str, run: str) -> str | None:
    history = await world.temporal.get_workflow_handle(id_, run_id=run).fetch_history()
    return history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id or None


def _anonymous(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: RECORDER if key == "identity" else _anonymous(value) for key, value in data.items()}
    return [_anonymous(each) for each in data] if isinstance(data, list) else data


async def record(addresses: Addresses, folder: Path) -> None:
    """Record every scene in a world of its own."""
    for scene in SCENES:
        async with World.open(addresses, folder) as world:
            await keep(world, scene.__name__, await scene(world))


async def main() -> None:
    """Record on servers of the script's own, in place of what was recorded before."""
    for old in (*HISTORIES.glob("*.json"), *REVISIONS.glob("*.json")):
        old.unlink()
    HISTORIES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Home(Path(folder) / "home"), durable=False, headless=True, in_memory=True)
        try:
            await record(await stack.start(), Path(folder))
        finally:
            await stack.destroy()


if __name__ == "__main__":
    asyncio.run(main())
