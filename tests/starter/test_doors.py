from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from activities.effects import Announced, Let, Provenance
from starter.admission import Admitted
from starter.doors import MOST_IN_A_ROW, FlowDoors
from tests.flows import delay, flow
from tests.until import until
from workflows.model.records import RecordRef

if TYPE_CHECKING:
    from tests.starter.conftest import Office

CUSTOMER = {"property": "stage", "is": "customer"}
ANNA = RecordRef.parse("contact:1")
SOURCE = Provenance("first", "r", "n", str(uuid4()))


async def ask(office: Office, to: str, admitted: Admitted | str, record: RecordRef = ANNA) -> Let:
    """Ask at a door from within another flow, and commit."""
    enrollment = str(admitted.enrollment) if isinstance(admitted, Admitted) else admitted
    async with office.world.pool.acquire() as connection, connection.transaction():
        doors = FlowDoors(connection, office.world.revisions)
        return await doors.enroll(to, record, Provenance("first", "r", "n", enrollment))


async def test_who_is_let_in_has_a_row_and_a_start(office: Office) -> None:
    """The enrollment says which flow sent the record, and the relay finds what to start."""
    first = await office.on(flow("first", delay("rest", "1 day")))
    other = await office.on(flow("other", delay("rest", "1 day")))
    record = await office.world.record("contact:1")
    let = await ask(office, other, await office.inside(first, record))
    row = await office.world.pool.fetchrow("select flow, cause, sent_on from enrollment where id = $1", let.enrollment)
    assert row is not None
    assert dict(row) == {"flow": other, "cause": "flow first", "sent_on": 1}
    assert str((await office.outbox("start"))[-1]["enrollment"]) == let.enrollment


async def test_what_is_rolled_back_was_never_there(office: Office) -> None:
    """The rows are of the visit's transaction."""
    first = await office.on(flow("first", delay("rest", "1 day")))
    other = await office.on(flow("other", delay("rest", "1 day")))
    admitted = await office.inside(first, await office.world.record("contact:1"))
    async with office.world.transaction() as (connection, transaction):
        doors = FlowDoors(connection, office.world.revisions)
        assert (await doors.enroll(other, ANNA, Provenance("first", "r", "n", str(admitted.enrollment)))).enrollment
        await transaction.rollback()
    assert await office.world.pool.fetchval("select count(*) from enrollment") == 1
    assert len(await office.outbox("start")) == 1


async def test_each_refusal_has_its_code_and_sentence(office: Office) -> None:
    """Inside, before, at the goal, another type, off, unknown: nothing is written, and both say why."""
    first = await office.on(flow("first", delay("rest", "1 day")))
    record = await office.world.record("contact:1", stage="customer")
    admitted = await office.inside(first, record)
    off = flow("off", delay("rest", "1 day"))
    await office.client.turn_off(await office.on(off))
    been = await office.on(flow("been", delay("rest", "1 day")))
    await office.close((await office.inside(been, record)).enrollment)
    await office.on(flow("goal", delay("rest", "1 day"), goal=CUSTOMER))
    before = await office.world.pool.fetchval("select count(*) from enrollment")
    for to, code in (("first", "inside"), ("been", "before"), ("goal", "goal_met"), ("off", "flow_off")):
        let = await ask(office, to, admitted)
        assert (let.enrollment, let.code, to in let.sentence) == (None, code, True)
    assert (await ask(office, "typo", admitted)).code == "no_flow"
    deal = await office.world.record("deal:1")
    assert (await ask(office, "goal", admitted, deal)).code == "wrong_object"
    assert await office.world.pool.fetchval("select count(*) from enrollment") == before


async def test_flows_that_send_a_record_on_at_once_are_stopped(office: Office) -> None:
    """Each into the next: five are let in, the sixth is not, and would not be however often it asks."""
    await office.world.record("contact:1")
    here = await office.inside(await office.on(flow("f0", delay("rest", "1 day"))), ANNA)
    enrollment, codes = str(here.enrollment), []
    for number in range(1, MOST_IN_A_ROW + 2):
        let = await ask(office, await office.on(flow(f"f{number}", delay("rest", "1 day"))), enrollment)
        enrollment = let.enrollment or enrollment
        codes.append(let.code)
    assert codes == [""] * MOST_IN_A_ROW + ["too_many_in_a_row"]


async def test_flows_with_a_rest_in_between_may_take_turns_for_ever(office: Office) -> None:
    """Where the record has been in each for longer than an hour, the row begins anew."""
    await office.world.record("contact:1")
    keys = [await office.on(flow(key, delay("rest", "1 day"), enroll={"again": "always"})) for key in ("ping", "pong")]
    enrollment = str((await office.inside(keys[0], ANNA)).enrollment)
    for number in range(2 * MOST_IN_A_ROW):
        await office.world.pool.execute("update enrollment set accepted_at = accepted_at - interval '61 minutes'")
        let = await ask(office, keys[(number + 1) % 2], enrollment)
        await office.world.pool.execute(
            "update enrollment set closed_at = now(), ending = 'completed' where id = $1", enrollment
        )
        assert let.enrollment is not None
        enrollment = let.enrollment


@pytest.mark.parametrize("known", [True, False])
async def test_steps_of_one_flow_may_send_a_record_into_many(office: Office, known: bool) -> None:
    """A fan of ten is no row of ten; nor is an enrollment that has been cleared away a reason to fail."""
    await office.world.record("contact:1")
    here = await office.inside(await office.on(flow("hub", delay("rest", "1 day"))), ANNA)
    enrollment = str(here.enrollment) if known else str(uuid4())
    for number in range(10):
        let = await ask(office, await office.on(flow(f"spoke{number}", delay("rest", "1 day"))), enrollment)
        assert let.enrollment is not None


async def test_a_record_is_let_in_by_an_event(office: Office) -> None:
    """It is logged for the record, and is the enrollment's, so that texts may name its properties."""
    other = await office.on(flow("other", delay("rest", "1 day")))
    await office.world.record("contact:1")
    async with office.world.pool.acquire() as connection, connection.transaction():
        doors = FlowDoors(connection, office.world.revisions)
        let = await doors.enroll(other, ANNA, SOURCE, Announced("key", "welcomed", {"by": "7"}))
    query = """
    select e.type, e.record_id, e.properties, e.source_id from event e join enrollment n on n.event = e.id
     where n.id = $1
    """
    (row,) = await office.world.pool.fetch(query, let.enrollment)
    assert tuple(row) == ("welcomed", "1", {"by": "7"}, "key")


async def test_who_is_asked_for_enters_nothing_meanwhile(office: Office) -> None:
    """So a step that asks first, and then lets the record in, is never one of two."""
    await office.world.record("contact:1")
    key = await office.on(flow("a", delay("rest", "1 day")))
    async with office.world.transaction() as (connection, transaction):
        doors = FlowDoors(connection, office.world.revisions)
        assert await doors.inside(ANNA) == []
        entering = asyncio.ensure_future(office.inside(key, ANNA))
        await until(office.world.blocked, what="the other at the record")
        assert await doors.inside(ANNA) == []
        await transaction.commit()
    await entering


async def test_who_is_ordered_out_is_inside_no_more(office: Office) -> None:
    """Of the flows that are named; those of another record are none of this one's."""
    await office.world.record("contact:1")
    other = await office.world.record("contact:2")
    keys = [await office.on(flow(key, delay("rest", "1 day"))) for key in ("a", "b")]
    first, second = [await office.inside(key, ANNA) for key in keys]
    third = await office.inside("a", other)
    async with office.world.pool.acquire() as connection, connection.transaction():
        doors = FlowDoors(connection, office.world.revisions)
        before = await doors.inside(ANNA)
        await doors.expel(ANNA, ["a"])
        after = await doors.inside(ANNA)
    assert (before, after) == (["a", "b"], ["b"])
    leaving = [(await office.enrollment(each.enrollment))["leaving"] for each in (first, second, third)]
    assert leaving == ["unenrolled", None, None]
    assert [row["enrollment"] for row in await office.outbox("leave")] == [first.enrollment]
