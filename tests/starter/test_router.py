from __future__ import annotations

import asyncio
import json
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from starter.admission import Admitted
from tests.flows import delay, flow, wait
from tests.starter.conftest import drain
from tests.until import until
from tests.world import running
from workflows.model.errors import UnknownRevision

if TYPE_CHECKING:
    from tests.starter.conftest import Office

PAID = wait("paid", {"event": "invoice_paid", "where": {"amount": {"greater_than": 10}}}, "refunded")
CUSTOMER = {"property": "stage", "is": "customer"}


async def test_the_first_event_that_is_looked_for_ends_a_wait(office: Office) -> None:
    """An event that fails the wait's test is passed over; the next one ends it, and its properties are the output."""
    admitted = await office.inside(await office.on(flow("pay", PAID)), await office.world.record("contact:1"))
    await office.waiting(admitted, PAID)
    for amount in (5, 20, 30):
        await office.client.publish_event("invoice_paid", "contact:1", {"amount": amount, "event": "forged"})
    assert await drain(office.router().route_once) == 3
    (visit,) = await office.world.visits(str(admitted.enrollment))
    assert (visit["state"], visit["answer"]) == ("done", {"happened": True, "line": "happened"})
    assert visit["output"] == {"happened": True, "event": "invoice_paid", "amount": 20}
    assert [row["body"] for row in await office.outbox("deliver")] == [{"visits": [1]}]
    assert await office.world.pool.fetchval("select count(*) from wait") == 0


async def test_a_wait_that_was_ended_before_is_left_alone(office: Office) -> None:
    """Where the time-out won the visit, an event changes nothing and nobody is told."""
    admitted = await office.inside(await office.on(flow("pay", PAID)), await office.world.record("contact:1"))
    await office.waiting(admitted, PAID)
    await office.world.pool.execute("update visit set state = 'done', output = $1", {"happened": False})
    await office.client.publish_event("refunded", "contact:1")
    await drain(office.router().route_once)
    assert await office.outbox("deliver") == []
    (visit,) = await office.world.visits(str(admitted.enrollment))
    assert visit["output"] == {"happened": False}


async def test_a_router_and_a_visit_never_wait_for_each_other(office: Office) -> None:
    """Both lock the enrollment before its visits, so the goal of a record is met while a turn of its is under way."""
    pool = office.world.pool
    key = await office.on(flow("pay", PAID, goal=CUSTOMER))
    admitted = await office.inside(key, await office.world.record("contact:1", stage="lead"))
    await office.waiting(admitted, PAID)
    await pool.execute("update record set properties = $1", {"stage": "customer"})
    await office.client.publish_event("refunded", "contact:1")
    async with office.world.transaction() as (turn, transaction):
        await turn.execute("select from enrollment where id = $1 for share", admitted.enrollment)
        routing = asyncio.ensure_future(office.router().route_once())
        await until(office.world.blocked, what="the router waits for the turn")
        await turn.execute("update visit set state = 'done' where enrollment = $1", admitted.enrollment)
        await transaction.commit()
    assert await routing == 1
    assert await pool.fetchval("select leaving from enrollment") == "goal"


async def test_one_event_ends_many_waits_in_one_batch(office: Office) -> None:
    """A record that waits in 30 flows is woken in all of them by one event, in one transaction."""
    record = await office.world.record("contact:1")
    for number in range(30):
        await office.waiting(await office.inside(await office.on(flow(f"many-{number}", PAID)), record), PAID)
    await office.client.publish_event("refunded", record)
    assert await office.router().route_once() == 1
    assert len(await office.outbox("deliver")) == 30


async def test_an_event_lets_records_in(office: Office) -> None:
    """A trigger of a flow that is on admits the record in the event's transaction; one that is off does not."""
    trigger = {"on": [{"event": "form_submitted", "where": {"form": "demo"}}]}
    key = await office.on(flow("demo", delay("rest", "1 day"), enroll=trigger))
    off = await office.on(flow("asleep", delay("rest", "1 day"), enroll=trigger))
    await office.client.turn_off(off)
    record = await office.world.record("contact:1")
    for form in ("other", "demo", "demo"):
        await office.client.publish_event("form_submitted", record, {"form": form})
    await drain(office.router().route_once)
    (summary,) = await office.client.list()
    assert (summary.flow, summary.record, summary.cause.split()[:2]) == (key, record, ["event", "form_submitted"])
    assert len(await office.outbox("start")) == 1


async def test_a_met_goal_orders_everyone_out(office: Office) -> None:
    """After an event of a record, those of its enrollments whose goal is met are told to leave, once."""
    key = await office.on(flow("sell", delay("rest", "1 day"), goal=CUSTOMER))
    other = await office.on(flow("stay", delay("rest", "1 day")))
    record = await office.world.record("contact:1", stage="lead")
    selling, staying = await office.inside(key, record), await office.inside(other, record)
    await office.world.pool.execute("update record set properties = $1", {"stage": "customer"})
    for _ in range(2):
        await office.client.publish_event("property_changed", record, {"name": "stage"})
        await drain(office.router().route_once)
    assert (await office.enrollment(selling.enrollment))["leaving"] == "goal"
    assert (await office.enrollment(staying.enrollment))["leaving"] is None
    assert len(await office.outbox("leave")) == 1


async def test_an_event_makes_those_leave_whom_it_finds_inside(office: Office) -> None:
    """Only of the flows that say so, and only what has happened since the record entered."""
    ended = {"on": [{"event": "email_replied", "where": {"mood": "good"}}]}
    key = await office.on(flow("chase", delay("rest", "1 day"), leave=ended))
    other = await office.on(flow("stay", delay("rest", "1 day")))
    record, bystander = [await office.world.record(f"contact:{number}") for number in (1, 2)]
    await office.client.publish_event("email_replied", record, {"mood": "good"})
    chased, staying, beside = [
        await office.inside(*each) for each in ((key, record), (other, record), (key, bystander))
    ]
    await drain(office.router().route_once)
    assert await office.outbox("leave") == []
    for mood in ("bad", "good", "good"):
        await office.client.publish_event("email_replied", record, {"mood": mood})
    await drain(office.router().route_once)
    assert (await office.enrollment(chased.enrollment))["leaving"] == "unenrolled"
    assert [(await office.enrollment(each.enrollment))["leaving"] for each in (staying, beside)] == [None, None]
    assert len(await office.outbox("leave")) == 1


async def test_a_pinned_enrollment_is_judged_by_its_own_goal(office: Office) -> None:
    """An enrollment that follows leaves by the goal of the newest revision, a pinned one only by that of its own."""
    record = await office.world.record("contact:1", stage="lead")
    inside: list[Admitted] = []
    for revisions in ("pin", "follow"):
        settings = {"revisions": revisions}
        inside.append(
            await office.inside(await office.on(flow(revisions, delay("rest", "1 day"), settings=settings)), record)
        )
        await office.on(
            flow(revisions, delay("rest", "1 day"), settings=settings, goal={"property": "stage", "is": "lead"})
        )
    await office.client.publish_event("seen", record)
    await drain(office.router().route_once)
    assert [(await office.enrollment(each.enrollment))["leaving"] for each in inside] == [None, "goal"]


async def test_events_of_a_record_are_routed_in_order_by_two_routers(office: Office) -> None:
    """However two routers share the log, a record's events are marked in the order in which they were taken."""
    for record in range(20):
        await office.world.record(f"contact:{record}")
    for number in range(400):
        await office.client.publish_event("seen", f"contact:{number % 20}")
    await asyncio.gather(*(drain(office.router(batch=7).route_once) for _ in range(2)))
    await drain(office.router().route_once)
    out_of_order = """
    select count(*) from event a join event b on a.record_id = b.record_id and a.seq < b.seq
     where a.routed_at > b.routed_at
    """
    assert await office.world.pool.fetchval(out_of_order) == 0
    assert await office.world.pool.fetchval("select count(*) from event where routed_at is null") == 0


async def test_an_event_that_cannot_be_judged_is_put_aside(office: Office) -> None:
    """A poisoned wait does not stop the log: the event is kept for a person, and those behind it are routed."""
    admitted = await office.inside(await office.on(flow("pay", PAID)), await office.world.record("contact:1"))
    await office.waiting(admitted, PAID)
    await office.world.pool.execute("update wait set any_of = '[{\"nonsense\": 1}]'")
    await office.client.publish_event("refunded", "contact:1")
    await office.client.publish_event("seen", "contact:1")
    assert await drain(office.router().route_once) == 2
    assert await office.world.pool.fetchval("select raw->>'type' from event_refused") == "refunded"


async def of_a_newer_release(office: Office) -> str:
    """Publish a flow, as a newer release does, of a kind of step that this one does not have."""
    nap = {"id": "n", "name": "Nap", "edges": {"next": None}, "do": "nap"}
    drawn = {"semantics": 1, "key": "newer", "name": "Newer", "object": "contact", "start": "n", "nodes": {"n": nap}}
    body = json.dumps(drawn)
    hash_ = sha256(body.encode()).hexdigest()[:16]
    await office.world.pool.execute(
        "insert into revision (hash, flow, number, body) values ($1, 'newer', 1, $2)", hash_, body
    )
    await office.world.pool.execute("insert into flow (key, current, is_on) values ('newer', $1, true)", hash_)
    return "newer"


async def test_an_event_waits_while_a_flow_cannot_be_read(office: Office) -> None:
    """A flow of a newer release may be started by it: no event is put aside, and none is lost to the others."""
    admitted = await office.inside(await office.on(flow("pay", PAID)), await office.world.record("contact:1"))
    await office.waiting(admitted, PAID)
    newer = await of_a_newer_release(office)
    await office.client.publish_event("refunded", "contact:1")
    for _ in range(2):
        with pytest.raises(UnknownRevision):
            await office.router().route_once()
    assert await office.world.pool.fetchval("select count(*) from event_refused") == 0
    assert await office.outbox("deliver") == []
    await office.client.turn_off(newer)
    assert await drain(office.router().route_once) == 1
    assert len(await office.outbox("deliver")) == 1


async def test_a_wait_ends_when_its_event_came_not_when_it_was_routed(office: Office) -> None:
    """What came after the event counts for the next wait, however late the router is."""
    admitted = await office.inside(await office.on(flow("pay", PAID)), await office.world.record("contact:1"))
    await office.waiting(admitted, PAID)
    await office.client.publish_event("refunded", "contact:1")
    await office.client.publish_event("seen", "contact:1")
    await drain(office.router().route_once)
    (visit,) = await office.world.visits(str(admitted.enrollment))
    assert visit["ended_at"] == await office.world.pool.fetchval("select at from event where type = 'refunded'")


async def test_a_running_router_is_woken_by_an_event(office: Office) -> None:
    """A router that has nothing to do hears of an event and routes it."""
    await office.world.record("contact:1")
    async with running(office.router().run):
        await office.client.publish_event("seen", "contact:1")
        await until(lambda: office.world.pool.fetchval("select routed_at from event"))


async def test_a_router_that_dies_in_a_batch_leaves_nothing_half_done(office: Office) -> None:
    """What an event leads to is written together with its mark, or not at all."""
    trigger = {"on": [{"event": "seen"}]}
    await office.on(flow("a", delay("rest", "1 day"), enroll=trigger))
    record = await office.world.record("contact:1")
    await office.client.publish_event("seen", record)
    async with office.world.pool.acquire() as connection:
        await connection.execute("alter table event add constraint no_mark check (routed_at is null)")
        with pytest.raises(Exception, match="no_mark"):
            await office.router().route_once()
        assert await office.client.list() == ()
        await connection.execute("alter table event drop constraint no_mark")
    assert await office.router().route_once() == 1
    assert len(await office.client.list()) == 1
