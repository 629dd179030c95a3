from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from temporalio.client import Client as Temporal
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from starter.admission import Admitted
from starter.letters import take
from starter.relay import Relay
from tests.flows import delay, flow
from tests.starter.conftest import drain
from tests.until import until
from tests.world import running
from workflows.contract import State
from workflows.plugin import PerdurePlugin

if TYPE_CHECKING:
    from tests.starter.conftest import Office

REST = delay("rest", "1 day")


class Crash(Exception):
    pass


def crash(point: str) -> Callable[[str], None]:
    def fault(reached: str) -> None:
        if reached == point:
            raise Crash(point)

    return fault


async def signals(office: Office, workflow_id: str) -> list[tuple[str, bytes]]:
    """Read the signals in an execution's history."""
    history = await office.world.temporal.get_workflow_handle(workflow_id).fetch_history()
    attributes = [event.workflow_execution_signaled_event_attributes for event in history.events]
    return [(each.signal_name, each.input.payloads[0].data) for each in attributes if each.signal_name]


async def test_an_accepted_enrollment_is_started(office: Office) -> None:
    """The execution has the enrollment's id, memo and search attributes; the row says that Temporal took it."""
    admitted = await office.inside(
        await office.on(flow(office.world.key("a"), REST)), await office.world.record("contact:1")
    )
    assert await office.relay().relay_once() == 1
    found = await office.world.temporal.get_workflow_handle(office.workflow_id(admitted)).describe()
    assert await found.memo() == {"enrollment": str(admitted.enrollment)}
    assert {pair.key.name: pair.value for pair in found.typed_search_attributes} == {
        "PerdureFlow": admitted.flow,
        "PerdureRecord": "contact:1",
        "PerdureRevision": admitted.revision,
    }
    assert (await office.enrollment(admitted.enrollment))["started_at"] is not None
    assert await office.relay().relay_once() == 0


async def test_a_crash_between_start_and_mark_starts_once(office: Office) -> None:
    """The start is repeated, is recognised by the uuid in the memo, and is marked then."""
    admitted = await office.inside(
        await office.on(flow(office.world.key("a"), REST)), await office.world.record("contact:1")
    )
    with pytest.raises(Crash):
        await office.relay(faults=crash("after_start")).relay_once()
    assert (await office.enrollment(admitted.enrollment))["started_at"] is None
    handle = office.world.temporal.get_workflow_handle(office.workflow_id(admitted))
    first = (await handle.describe()).run_id
    assert await office.relay().relay_once() == 1
    assert (await handle.describe()).run_id == first
    assert (await office.enrollment(admitted.enrollment))["started_at"] is not None
    assert [row["note"] for row in await office.outbox("start")] == ["started before"]


async def test_an_enrollment_waits_while_an_earlier_one_is_still_ending(office: Office) -> None:
    """Where another uuid runs under the workflow id, the start is put off, and made once that execution is gone."""
    key = await office.on(flow(office.world.key("a"), REST, enroll={"again": "always"}))
    record = await office.world.record("contact:1")
    earlier = await office.inside(key, record)
    await office.relay().relay_once()
    await office.close(earlier.enrollment)
    later = await office.inside(key, record)
    assert await office.relay().relay_once() == 0
    assert (await office.enrollment(later.enrollment))["started_at"] is None
    handle = office.world.temporal.get_workflow_handle(office.workflow_id(later))
    await handle.terminate()
    await until(office.relay().relay_once, what="the later start")
    assert await (await handle.describe()).memo() == {"enrollment": str(later.enrollment)}


async def test_a_closed_enrollment_is_never_started(office: Office) -> None:
    """A row that was closed before its start is sent nothing."""
    admitted = await office.inside(
        await office.on(flow(office.world.key("a"), REST)), await office.world.record("contact:1")
    )
    await office.close(admitted.enrollment)
    await office.relay().relay_once()
    with pytest.raises(RPCError, match="not found"):
        await office.world.temporal.get_workflow_handle(office.workflow_id(admitted)).describe()
    assert [row["sent_at"] is not None for row in await office.outbox("start")] == [True]


async def test_what_an_unstarted_enrollment_is_told_waits(office: Office) -> None:
    """A delivery whose enrollment Temporal has not taken yet stays in the outbox, and is not lost."""
    admitted = await office.inside(
        await office.on(flow(office.world.key("a"), REST)), await office.world.record("contact:1")
    )
    await office.world.pool.execute("update outbox set not_before = now() + interval '1 hour'")
    await office.world.pool.execute(
        "insert into outbox (enrollment, kind, body) values ($1, 'deliver', $2)", admitted.enrollment, {"visits": [1]}
    )
    assert await office.relay().relay_once() == 0
    await office.world.pool.execute("delete from outbox where kind = 'start'")
    assert await office.relay().relay_once() == 0
    (row,) = await office.outbox("deliver")
    assert (row["sent_at"], row["note"]) == (None, "not started yet")


async def test_deliveries_are_one_signal(office: Office) -> None:
    """Start, two deliveries and an order to leave are sent in order, the deliveries as one."""
    admitted = await office.inside(
        await office.on(flow(office.world.key("a"), REST)), await office.world.record("contact:1")
    )
    for visit in (3, 2):
        await office.world.pool.execute(
            "insert into outbox (enrollment, kind, body) values ($1, 'deliver', $2)",
            *(admitted.enrollment, {"visits": [visit]}),
        )
    await office.client.unenroll(admitted.flow, "contact:1")
    assert await office.relay().relay_once() == 4
    uuid = str(admitted.enrollment).encode()
    assert await signals(office, office.workflow_id(admitted)) == [
        ("deliver", b'{"enrollment":"' + uuid + b'","visits":[2,3]}'),
        ("leave", b'{"enrollment":"' + uuid + b'","ending":"unenrolled"}'),
    ]


async def test_a_signal_to_an_execution_ended_from_outside_closes_the_row(office: Office) -> None:
    """Not found, started, and the latest run is ours and over: the enrollment is closed as terminated."""
    admitted = await office.inside(
        await office.on(flow(office.world.key("a"), REST)), await office.world.record("contact:1")
    )
    await office.relay().relay_once()
    await office.world.temporal.get_workflow_handle(office.workflow_id(admitted)).terminate()
    await office.client.unenroll(admitted.flow, "contact:1")
    assert await office.relay().relay_once() == 1
    assert (await office.enrollment(admitted.enrollment))["ending"] == "terminated"


async def test_an_update_waits_for_a_worker_and_is_taken_by_a_sleeper(office: Office) -> None:
    """Without a worker an adopt stays; a sleeper takes it, and the row is sent."""
    key = office.world.key("a")
    admitted = await office.inside(await office.on(flow(key, REST)), await office.world.record("contact:1"))
    await office.relay().relay_once()
    await office.asleep(admitted, "rest")
    await office.on(flow(key, delay("rest", "2 days")))
    assert len(await office.outbox("adopt")) == 1
    assert await office.relay().relay_once() == 0
    assert [row["tries"] for row in await office.outbox("adopt")] == [1]
    async with office.world.worker():
        await until(office.relay().relay_once, what="the update")
        handle = office.world.temporal.get_workflow_handle(office.workflow_id(admitted))
        state = await handle.query("state", result_type=State)
    assert state.revision.flow.nodes["rest"].model_dump()["for_"] == 2 * 86400


async def sleepers(office: Office, count: int) -> list[Admitted]:
    """Let so many records sleep in a delay, and have them told of an edit of it."""
    key = await office.on(flow(office.world.key("a"), REST))
    await office.world.pool.execute(
        "insert into record (type, id) select 'contact', n::text from generate_series(1, $1) n", count
    )
    admitted = await office.client.enroll(key, [f"contact:{number}" for number in range(1, count + 1)])
    asleep = [each for each in admitted if isinstance(each, Admitted)]
    while await office.relay().relay_once():
        pass
    for each in asleep:
        await office.asleep(each, "rest")
    await office.on(flow(key, delay("rest", "2 days")))
    return asleep


async def kinds(office: Office, shard: int, limit: int) -> list[str]:
    """Give the kinds of the letters that a relay would take next of a shard."""
    async with office.world.pool.acquire() as connection:
        return [letter.kind for _, letters in await take(connection, shard, limit) for letter in letters]


async def test_a_start_and_a_leave_do_not_stand_behind_an_edit(office: Office) -> None:
    """However many sleepers are to be told of an edit first, who enters or leaves is in the next batch."""
    await sleepers(office, 40)
    shards = "select shard from outbox where sent_at is null group by shard order by count(*) desc limit 1"
    shard = await office.world.pool.fetchval(shards)
    assert await kinds(office, shard, 2) == ["adopt", "adopt"]
    of_shard = "select e.id, e.flow, e.record from enrollment e join outbox o on o.enrollment = e.id where o.shard = $1"
    told = await office.world.pool.fetchrow(of_shard, shard)
    assert told is not None
    await office.client.unenroll(told["flow"], f"contact:{told['record']}")
    assert (await kinds(office, shard, 2))[0] == "leave"
    again = "insert into outbox (enrollment, kind) values ($1, 'start')"
    await office.world.pool.execute(again, told["id"])
    assert await kinds(office, shard, 2) == ["leave", "start"]


async def test_a_leave_does_not_wait_for_an_edit_in_back_off(office: Office) -> None:
    """No worker was there to take the update; whoever is ordered out meanwhile is told at once."""
    (admitted,) = await sleepers(office, 1)
    await office.world.pool.execute("update outbox set tries = 8 where kind = 'adopt'")
    assert await office.relay().relay_once() == 0
    assert await office.world.pool.fetchval(
        "select not_before > clock_timestamp() + interval '1 minute' from outbox where kind = 'adopt'"
    )
    await office.client.unenroll(admitted.flow, "contact:1")
    assert await office.relay().relay_once() == 1
    assert [name for name, _ in await signals(office, office.workflow_id(admitted))] == ["leave"]


async def test_an_edit_that_was_taken_back_tells_nobody(office: Office) -> None:
    """Its letters have not gone out when the flow is published as it was: they are needless."""
    await sleepers(office, 1)
    (adopt,) = await office.outbox("adopt")
    await office.on(flow(await office.world.pool.fetchval("select key from flow"), REST))
    assert await office.relay().relay_once() == 1
    (row,) = [each for each in await office.outbox("adopt") if each["id"] == adopt["id"]]
    assert row["note"] == "needless: a later edit has told whom it touches"


async def test_two_relays_share_the_outbox(office: Office) -> None:
    """Two relays at once start each of 100 enrollments once."""
    key = await office.on(flow(office.world.key("a"), REST))
    await office.world.pool.execute(
        "insert into record (type, id) select 'contact', n::text from generate_series(1, 100) n"
    )
    await office.client.enroll(key, [f"contact:{number}" for number in range(1, 101)])
    await asyncio.gather(*(drain(office.relay().relay_once) for _ in range(2)))
    await drain(office.relay().relay_once)
    assert await office.world.pool.fetchval("select count(*) from enrollment where started_at is null") == 0
    assert {row["note"] for row in await office.outbox("start")} == {""}


async def test_a_running_relay_outlives_trouble(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """A round that fails is logged once, and the loop goes on."""
    failures = iter([True, True, False])

    def fault(_point: str) -> None:
        if next(failures, False):
            raise Crash

    async def said() -> list[str]:
        levels = [record.levelname for record in caplog.records if "the relay" in record.message]
        return levels if "INFO" in levels else []

    caplog.set_level(logging.INFO, "perdure")
    async with running(office.relay(faults=fault).run):
        admitted = await office.inside(
            await office.on(flow(office.world.key("a"), REST)), await office.world.record("contact:1")
        )
        await office.client.unenroll(admitted.flow, "contact:1")
        unsent = "select count(*) = 0 from outbox where sent_at is null"
        await until(lambda: office.world.pool.fetchval(unsent), what="an empty outbox")
        await until(said, what="the word that it works again")
    assert await said() == ["WARNING", "INFO"]
    described = await office.world.temporal.get_workflow_handle(office.workflow_id(admitted)).describe()
    assert described.status is WorkflowExecutionStatus.RUNNING


async def test_the_outbox_stays_while_temporal_is_away(office: Office) -> None:
    """A relay without Temporal says so, and loses nothing; with Temporal back the enrollment starts."""
    world = office.world
    admitted = await office.inside(await office.on(flow(world.key("a"), REST)), await world.record("contact:1"))
    away = await Temporal.connect("127.0.0.1:9", lazy=True, plugins=[PerdurePlugin(world.revisions)])
    began = time.monotonic()
    with pytest.raises((RPCError, RuntimeError)):
        await Relay(world.pool, away, world.revisions).relay_once()
    assert time.monotonic() - began < 15
    assert await office.relay().relay_once() == 1
    assert (await office.enrollment(admitted.enrollment))["started_at"] is not None
