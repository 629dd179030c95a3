"""Tasks and enrollments in other flows, made by walks on a real server: each once, and seen by whoever looks for it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from activities.catalogue import complete
from activities.control import Control
from activities.effects import Announced, Let, Provenance, User
from activities.gateways.postgres_ledger import PostgresLedger
from deploy.local.addresses import Addresses
from starter.doors import MOST_IN_A_ROW, FlowDoors
from tests.flows import branch, delay, flow, set_property, wait
from tests.until import until
from tests.worker_processes import KILLED, own_temporal, worker_process
from tests.world import World
from workflows.contract import Step
from workflows.model.nodes import AnyNode, Perform
from workflows.model.records import RecordRef

CUSTOMER = {"property": "stage", "is": "customer"}


def act(world: World, node: str, kind: str, **config: Any) -> Perform:
    """Build a step of a shipped kind, as publishing completes it."""
    action = world.catalogue[kind]
    return Perform.model_validate(
        {"id": node, "name": node, "edges": {}, "kind": kind, "config": complete(action, config), "place": action.place}
    )


async def test_a_task_is_made_and_its_completion_ends_the_wait_for_it(world: World) -> None:
    """The owner has it, due on the next working day in the flow's zone; somebody completes it, and the walk goes on."""
    due = {"after": "1 day", "on": ["mon", "tue", "wed", "thu", "fri"], "at": "09:00"}
    revision = await world.publish(
        flow(
            world.key("call"),
            act(world, "call", "create_task", title="Call {{ contact.firstname }}", assign_to="owner", due=due),
            wait("called", {"event": "task_completed", "where": {"step": "call"}}, at_most="30 days"),
            set_property("done", "stage", "called by {{ outputs.called.by }}"),
            settings={"timezone": {"zone": "Europe/Helsinki"}},
        )
    )
    await world.client.put_user(User("7", "ann@acme.example"))
    anna = await world.record("contact:1", firstname="Anna", owner="7", stage="new")
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        await world.at(enrollment, "called", "asleep")
        task = (await world.client.record(anna)).tasks[0]
        await world.client.complete_task(task.id, by="ann")
        assert await world.ended(enrollment) == "completed"
    assert (task.subject, task.assignee) == ("Call Anna", "7")
    assert task.due_at is not None
    assert task.due_at.weekday() < 5
    assert task.due_at.strftime("%H:%M") in ("06:00", "07:00")
    assert await world.path(enrollment) == [("call", "created a task"), ("called", "happened"), ("done", "set stage")]
    assert (await world.properties(anna))["stage"] == "called by ann"


async def test_a_record_enters_another_flow_and_both_go_on(world: World) -> None:
    """A flow enrolls its record in two others; the one that it is in already is a failure that the line tells."""
    other = await world.publish(flow(world.key("other"), set_property("there", "stage", "been there")))
    long = await world.publish(flow(world.key("long"), delay("rest", "30 days")))
    first = await world.publish(
        flow(
            world.key("first"),
            act(world, "go", "enroll_in_flow", flow=other.flow.key),
            act(world, "again", "enroll_in_flow", flow=long.flow.key),
            set_property("on", "city", "Oulu"),
        )
    )
    anna = await world.record("contact:1", stage="new", city="")
    await world.enroll(long, anna)
    async with world.serving():
        enrollment = await world.enroll(first, anna)
        assert await world.ended(enrollment) == "completed"
        entered = str((await world.visits(enrollment))[0]["output"]["enrollment"])
        assert await world.ended(entered) == "completed"
    assert await world.path(enrollment) == [
        ("go", f"entered {other.flow.key}"),
        ("again", "failed: inside"),
        ("on", "set city"),
    ]
    assert (await world.visits(enrollment))[1]["note"] == f"contact:1 is in {long.flow.key} already"
    assert await world.path(entered) == [("there", "set stage")]
    assert (await world.properties(anna)) == {"stage": "been there", "city": "Oulu"}


@pytest.mark.parametrize("kind", ["create_task", "enroll_in_flow"])
async def test_a_worker_killed_before_and_after_the_commit(stack: Addresses, tmp_path: Path, kind: str) -> None:
    """Killed -9 when all is written but not committed, the next just after its commit: there is one task, one entry."""
    async with own_temporal(stack, tmp_path) as addresses, World.open(addresses, tmp_path) as world:
        other = await world.publish(flow(world.key("other"), delay("rest", "30 days")))
        config = {"title": "Call"} if kind == "create_task" else {"flow": other.flow.key}
        revision = await world.publish(flow(world.key("first"), act(world, "do", kind, **config)))
        anna = await world.record("contact:1")
        enrollment = await world.enroll(revision, anna)
        counted = "select (select count(*) from task) + (select count(*) from enrollment) - 1"
        async with worker_process(world, "before_commit") as first:
            assert await first.ended() == KILLED
        assert await world.pool.fetchval(counted) == 0
        async with worker_process(world, "after_commit") as second:
            assert await second.ended() == KILLED
        async with worker_process(world):
            assert await world.ended(enrollment) == "completed"
        assert await world.pool.fetchval(counted) == 1


@pytest.mark.parametrize(
    "nodes",
    [
        [delay("a", "30 days")],
        [wait("a", "replied")],
        [set_property("a", "city", "x")],
        [branch("a", "b", Yes=({"property": "city", "is": "y"}, None)), delay("b", "30 days")],
    ],
    ids=["delay", "wait", "store", "branch"],
)
async def test_a_goal_met_before_the_commit_is_seen_by_the_first_step(world: World, nodes: list[AnyNode]) -> None:
    """The record is edited when the door has asked and before the visit commits: it leaves at its first sleep or act,
    event or none.
    """
    other = await world.publish(flow(world.key("other"), *nodes, goal=CUSTOMER))
    first = await world.publish(flow(world.key("first"), act(world, "go", "enroll_in_flow", flow=other.flow.key)))
    anna = await world.record("contact:1", stage="lead", city="")
    edits: list[asyncio.Future[Any]] = []

    class Slow(FlowDoors):
        async def enroll(self, flow: str, record: RecordRef, source: Provenance, event: Announced | None = None) -> Let:
            let = await super().enroll(flow, record, source, event)
            edits.append(asyncio.ensure_future(world.pool.execute("update record set properties = $1", BOUGHT)))
            await until(world.blocked, what="the edit at the record")
            return let

    enrollment = await world.enroll(first, anna)
    ledger = PostgresLedger(world.pool, lambda connection: Slow(connection, world.revisions))
    performer = replace(world.performer(), control=Control(ledger, world.revisions))
    answer = await performer.perform(Step(enrollment=enrollment, revision=first.hash, node="go", visit=1), "a1")
    await edits[0]
    assert answer.line == f"entered {other.flow.key}"
    entered = str((await world.visits(enrollment))[0]["output"]["enrollment"])
    async with world.serving():
        assert await world.ended(entered, within=5) == "goal"
    assert len(edits) == 1
    assert (await world.properties(anna)) == BOUGHT


BOUGHT = {"stage": "customer", "city": ""}


async def test_flows_that_enroll_into_each_other_stop(world: World) -> None:
    """Two flows hand a record to each other as fast as they can: after a handful of enrollments there is an end."""
    ping, pong = world.key("ping"), world.key("pong")
    for key, to in ((ping, pong), (pong, ping)):
        await world.publish(flow(key, act(world, "go", "enroll_in_flow", flow=to), enroll={"again": "always"}))
    anna = await world.record("contact:1")

    async def quiet() -> bool:
        busy = "(select from enrollment where closed_at is null) or exists (select from outbox where sent_at is null)"
        return not await world.pool.fetchval(f"select exists {busy}")

    async with world.serving():
        await world.client.enroll(ping, anna)
        await until(quiet, what="the end of it")
    assert 1 < await world.pool.fetchval("select count(*) from enrollment") <= 1 + MOST_IN_A_ROW
