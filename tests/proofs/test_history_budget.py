"""What a walk costs in history: each kind of node has its number of events, and a whole journey a budget of bytes.

The server, not Python, is what many enrollments load, and they load it by the event. The numbers are exact, so a
change of the interpreter that costs one event is seen here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.service import RPCError

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
from workflows.model.nodes import AnyNode
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

AS_DEPLOYED: dict[str, Any] = {"identity": "4711", "build_id": "1"}
"""Both stand in every task; `worker.py` sets them this short."""

MOMENT = "1 second"
"""Long enough not to be over before the task that sleeps it is."""
START_AND_END = 6

Act = Callable[[World, Revision, RecordRef], Awaitable[object]]
_numbers = count()


async def fell_asleep(world: World, revision: Revision, record: RecordRef) -> None:
    """Wait until the task that registers the sleep is over; a query would tell too, but can cost a task of its own."""

    async def is_over() -> bool:
        try:
            history = await world.history(revision, record)
        except RPCError:
            return False
        return any(event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED for event in history.events)

    await until(is_over)


async def event_comes(world: World, revision: Revision, record: RecordRef) -> None:
    """End the wait."""
    await fell_asleep(world, revision, record)
    await world.client.publish_event("replied", record)


async def pause_ends(world: World, revision: Revision, record: RecordRef) -> None:
    """Let a held record go on."""
    await fell_asleep(world, revision, record)
    await world.client.resume(revision.flow.key)


async def is_unenrolled(world: World, revision: Revision, record: RecordRef) -> None:
    """Order the record out."""
    await fell_asleep(world, revision, record)
    await world.client.unenroll(revision.flow.key, record)


async def delay_is_edited(world: World, revision: Revision, record: RecordRef) -> None:
    """Publish a shorter delay, which is over already."""
    await fell_asleep(world, revision, record)
    await world.publish(flow(revision.flow.key, delay("d", "0.001 seconds")))


async def walked(
    world: World, *nodes: AnyNode, act: Act | None = None, pause: bool = False
) -> tuple[WorkflowHistory, Revision, RecordRef]:
    """Walk a new record through a new flow; `act` does something to the sleeper."""
    revision = await world.publish(flow(world.key(f"flow-{next(_numbers)}"), *nodes))
    record = await world.record(
        f"contact:48151{next(_numbers)}", email="anna@example.com", firstname="Anna", stage="new"
    )
    if pause:
        await world.client.pause(revision.flow.key)
    enrollment = await world.enroll(revision, record)
    if act:
        await act(world, revision, record)
    await world.ended(enrollment)
    await world.handle(revision, record).result()
    return await world.history(revision, record), revision, record


LEAD = {"property": "stage", "is": "lead"}
COSTS: dict[str, tuple[int, tuple[AnyNode, ...], Act | None]] = {
    "nothing": (0, (), None),
    "outside": (6, (send_email("mail"),), None),
    "store": (1, (set_property("p", "stage", "lead"),), None),
    "two store": (2, (set_property("p", "stage", "lead"), set_property("q", "stage", "customer")), None),
    "branch": (1, (branch("b", None, Lead=(LEAD, None)),), None),
    "branch_on_value": (1, (branch_on_value("b", None, of="stage", New=(["new"], None)),), None),
    "split": (1, (split("s", A=(50, None), B=(50, None)),), None),
    "go_to, end": (0, (go_to("g", "e"), end("e")), None),
    "delay": (6, (delay("d", MOMENT),), None),
    "delay_until, past": (1, (delay_until("u", date="2020-02-29"),), None),
    "delay_until, left": (7, (delay_until("u", at="12:00", on=["mon"]),), is_unenrolled),
    "wait, timed out": (7, (wait("w", "replied", at_most=MOMENT),), None),
    "wait, event": (7, (wait("w", "replied", at_most="7 days"),), event_comes),
    "endless wait, event": (5, (wait("w", "replied"),), event_comes),
    "delay, left": (7, (delay("d", "30 days"),), is_unenrolled),
    "delay, edited to be over": (9, (delay("d", "30 days"),), delay_is_edited),
    "store, held and resumed": (6, (set_property("p", "stage", "lead"),), pause_ends),
}
"""Events on top of start and end, the nodes that cost them, and what is done to the sleeper."""

WALKS = 3
"""Walks that a kind of node has to cost what it should."""


async def test_each_kind_of_node_costs_its_number_of_events(world: World) -> None:
    """On top of start and end: an effect outside 6, in the store 1, a decision 1, a delay 6, a wait 7, a go-to none."""

    async def cost(events: int, nodes: tuple[AnyNode, ...], act: Act | None) -> int:
        seen: list[int] = []
        # On a busy machine an activity may take seconds, and a sign of life then costs three events more.
        while len(seen) < WALKS and events not in seen:
            history, _, _ = await walked(world, *nodes, act=act, pause=act is pause_ends)
            seen.append(len(history.events) - START_AND_END)
        return min(seen)

    async with world.serving(**AS_DEPLOYED):
        seen = await asyncio.gather(*(cost(*case) for case in COSTS.values()))
    assert dict(zip(COSTS, seen, strict=True)) == {name: events for name, (events, _, _) in COSTS.items()}


async def test_the_journey_of_five_nodes_stays_in_its_budget(world: World) -> None:
    """Enter, delay, e-mail, branch, e-mail: at most 30 events and 5,000 bytes, as deployed and with all metadata on."""
    opened = {"property": "stage", "is": "lead"}
    nodes = (
        delay("two-days", MOMENT),
        send_email("welcome"),
        branch("was-it-opened", "reminder", Opened=(opened, None)),
        send_email("reminder"),
    )
    async with world.serving(**AS_DEPLOYED):
        history, revision, record = await walked(world, *nodes)
    described = await world.handle(revision, record).describe()
    stored = described.raw_description.workflow_execution_info.history_size_bytes
    summed = sum(event.ByteSize() for event in history.events)
    said = f"{len(history.events)} events, {stored} bytes by the server, {summed} bytes as the sum of the events"
    assert len(history.events) == START_AND_END + 6 + 6 + 1 + 6, said
    assert max(stored, summed) <= 5_000, said
    assert await described.static_summary() == f"{revision.flow.name} · {record}"
    assert {event.user_metadata.summary.data for event in history.events} >= {
        b'"Two-Days"',
        b'"Welcome"',
        b'"Reminder"',
    }
    assert {m.label.id for event in history.events for m in event.event_group_markers} >= {"two-days", "welcome"}
