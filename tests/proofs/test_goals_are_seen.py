"""A goal that is met while a record enters, or while it falls asleep, is not slept through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from asyncpg.pool import PoolConnectionProxy

from activities.control import Control
from activities.gateways.postgres_ledger import PostgresLedger
from starter.admission import Admission, Admitted, Entrant, Refusal, admit, admit_many, look_again
from starter.router import Arrival, Router
from tests.flows import delay, flow, wait
from tests.until import until
from tests.world import World
from workflows.contract import Asleep, Step
from workflows.model.nodes import Delay, EventMatch, WaitForEvent
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

MONTH = delay("month", "30 days")
CUSTOMER = {"property": "stage", "is": "customer"}
TRIGGER = {"on": [{"event": "form_submitted"}]}

_EDIT = "update record set properties = properties || '{\"stage\": \"customer\"}' where id = '1'"
_EVENT = """
insert into event (type, record_type, record_id, properties)
values ('property_changed', 'contact', '1', '{"name": "stage", "value": "customer"}')
"""


async def edit(world: World) -> None:
    """Let the CRM make the record a customer: the edit and its event in one transaction."""
    async with world.pool.acquire() as crm, crm.transaction():
        await crm.execute(_EVENT)
        await crm.execute(_EDIT)


async def edit_unsaid(world: World) -> None:
    """Let the CRM make the record a customer without an event."""
    await world.pool.execute(_EDIT)


Edit = Callable[[World], Coroutine[Any, Any, None]]


async def selling(world: World, first: Delay | WaitForEvent = MONTH, **fields: Any) -> tuple[Revision, RecordRef]:
    """Publish a flow that a record leaves when it is a customer, and put one that is none in the CRM."""
    revision = await world.publish(flow(world.key("sell"), first, goal=CUSTOMER, **fields))
    return revision, await world.record("contact:1", stage="lead")


async def leaving(world: World) -> list[str | None]:
    """Read how each enrollment was ordered to leave."""
    return [row["leaving"] for row in await world.pool.fetch("select leaving from enrollment order by accepted_at")]


async def route(world: World) -> None:
    """Route all that is there."""
    while await world.router.route_once():
        pass


@asynccontextmanager
async def checked(world: World, revision: Revision, record: RecordRef) -> AsyncIterator[tuple[Any, list[Admission]]]:
    """Hold an admission open that has asked the entry rules and written its rows."""
    async with world.transaction() as (connection, transaction):
        admissions = await admit_many(connection, world.revisions, revision.flow.key, [Entrant(record)])
        yield transaction, admissions


@pytest.mark.parametrize("change", [edit, edit_unsaid])
async def test_an_edit_between_the_entry_check_and_the_commit_is_seen(world: World, change: Edit) -> None:
    """It waits for the admission to commit, and the look after the commit finds it, event or none."""
    revision, anna = await selling(world)
    async with checked(world, revision, anna) as (transaction, admissions):
        editing = asyncio.ensure_future(change(world))
        await until(world.blocked, what="the edit at the record")
        await transaction.commit()
        await editing
        assert await leaving(world) == [None]
        await look_again(world.pool, world.revisions, admissions)
    assert await leaving(world) == ["goal"]


async def test_an_edit_after_the_look_is_seen_by_the_router(world: World) -> None:
    """The edit comes so late that the admission has looked again: its event orders the record out."""
    revision, anna = await selling(world)
    async with world.transaction() as (crm, transaction):
        await crm.execute(_EVENT)
        (admission,) = await admit(world.pool, world.revisions, revision.flow.key, [Entrant(anna)])
        assert isinstance(admission, Admitted)
        await crm.execute(_EDIT)
        await transaction.commit()
    assert await leaving(world) == [None]
    await route(world)
    assert await leaving(world) == ["goal"]


async def test_an_edit_under_way_before_the_entry_check_is_waited_for(world: World) -> None:
    """The record's edit is not committed when it asks to enter: the check waits for it, and refuses."""
    revision, anna = await selling(world)
    async with world.transaction() as (crm, transaction):
        await crm.execute(_EVENT)
        await crm.execute(_EDIT)
        asking = asyncio.ensure_future(admit(world.pool, world.revisions, revision.flow.key, [Entrant(anna)]))
        await until(world.blocked, what="the check at the record")
        await transaction.commit()
        (admission,) = await asking
    assert isinstance(admission, Refusal)
    assert admission.code == "goal_met"


async def test_an_edit_between_a_routers_goals_and_its_enrollments_is_seen(world: World) -> None:
    """A trigger's record is edited when the router has judged the goals of those inside: it is not let in."""
    _, anna = await selling(world, enroll=TRIGGER)

    class Edited(Router):
        async def _let_go(self, connection: PoolConnectionProxy[Any], arrivals: Sequence[Arrival]) -> None:
            await super()._let_go(connection, arrivals)
            await edit(world)

    await world.client.publish_event("form_submitted", anna)
    assert await Edited(world.pool, world.revisions).route_once() == 1
    assert await leaving(world) == []


async def test_an_edit_before_the_routers_commit_is_seen(world: World) -> None:
    """A trigger's record is edited when the router has let it in and not yet committed: it is ordered out.

    By its event: the look after the commit may come before the edit's own. One without an event is then seen by the
    first step, as the tests of falling asleep show.
    """
    _, anna = await selling(world, enroll=TRIGGER)
    edits: list[asyncio.Future[None]] = []

    class Slow(Router):
        async def _enroll(self, connection: PoolConnectionProxy[Any], arrivals: Sequence[Arrival]) -> list[Admission]:
            admissions = await super()._enroll(connection, arrivals)
            edits.append(asyncio.ensure_future(edit(world)))
            await until(world.blocked, what="the edit at the record")
            return admissions

    await world.client.publish_event("form_submitted", anna)
    await Slow(world.pool, world.revisions).route_once()
    await edits[0]
    await route(world)
    assert await leaving(world) == ["goal"]


class Between(PostgresLedger):
    """A ledger during which the CRM edits the record: after a sleep was registered, before it is looked again."""

    def __init__(self, world: World) -> None:
        """Edit in `world`."""
        super().__init__(world.pool)
        self.world = world

    async def lie_down_at_once(self, step: Step, kind: str, asleep: Asleep, *, pinned: bool) -> Asleep | None:
        """Register a delay; then the edit commits."""
        registered = await super().lie_down_at_once(step, kind, asleep, pinned=pinned)
        await edit_unsaid(self.world)
        return registered

    async def arm(self, step: Step, kind: str, any_of: tuple[EventMatch, ...], at_most: float | None) -> Asleep | None:
        """Register a wait; then the edit commits."""
        registered = await super().arm(step, kind, any_of, at_most)
        await edit_unsaid(self.world)
        return registered


@pytest.mark.parametrize("node", [MONTH, wait("w", "replied")], ids=["delay", "wait"])
async def test_an_edit_while_falling_asleep_is_seen(world: World, node: Delay | WaitForEvent) -> None:
    """It commits when the sleep is registered: the look that follows says to leave, without any event."""
    revision, anna = await selling(world, node)
    enrollment = await world.enroll(revision, anna)
    step = Step(enrollment=enrollment, revision=revision.hash, node=node.id, visit=1, entered=datetime.now(UTC))
    control = Control(Between(world), world.revisions)
    answer = await (control.delay(step) if node is MONTH else control.arm_wait(step))
    assert answer.leave == "goal"


@pytest.mark.parametrize("node", [MONTH, wait("w", "replied")], ids=["delay", "wait"])
async def test_a_goal_met_later_ends_a_long_sleep_at_once(world: World, node: Delay | WaitForEvent) -> None:
    """An edit and its event, in one transaction of the CRM, end a month of delay and a wait without end."""
    revision, anna = await selling(world, node)
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        await world.at(enrollment, node.id, "asleep")
        await edit(world)
        assert await world.ended(enrollment, within=5) == "goal"
        assert await world.handle(revision, anna).result() == "goal"
    left = "select (select count(*) from sleep) + (select count(*) from wait)"
    assert await world.pool.fetchval(left) == 0


async def test_an_order_to_leave_that_precedes_the_start_is_obeyed(world: World) -> None:
    """The goal is met between the admission and the relay's start: the record leaves at its first step."""
    revision, anna = await selling(world)
    enrollment = await world.enroll(revision, anna)
    await edit(world)
    await route(world)
    async with world.serving():
        assert await world.ended(enrollment, within=5) == "goal"
    assert await world.path(enrollment) == []
