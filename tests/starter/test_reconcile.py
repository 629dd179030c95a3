from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from starter.reconcile import Reconciler
from tests.flows import delay, flow, wait
from tests.until import until
from workflows.contract import ENROLLMENT

if TYPE_CHECKING:
    from tests.starter.conftest import Office

REST = delay("rest", "1 day")
SEEN = wait("seen", "email_opened")


async def test_what_was_terminated_from_outside_is_closed(office: Office) -> None:
    """The row of a terminated execution is closed as terminated, its wait and sleep are gone; others stay open."""
    key = await office.on(flow(office.world.key("a"), REST, SEEN))
    ended = await office.inside(key, await office.world.record("contact:1"))
    alive = await office.inside(key, await office.world.record("contact:2"))
    await office.waiting(ended, SEEN)
    while await office.relay().relay_once():
        pass
    await office.world.temporal.get_workflow_handle(office.workflow_id(ended)).terminate()
    reconciler = Reconciler(office.world.pool, office.world.temporal)
    assert await until(reconciler.reconcile_once, what="the terminated execution") == [ended.enrollment]
    assert (await office.enrollment(ended.enrollment))["ending"] == "terminated"
    assert (await office.enrollment(alive.enrollment))["closed_at"] is None
    assert await office.world.pool.fetchval("select count(*) from wait") == 0


async def test_an_enrollment_that_runs_on_after_a_reset_stays_open(office: Office) -> None:
    """A terminated execution whose enrollment another execution carries on closes nothing."""
    key = await office.on(flow(office.world.key("a"), REST))
    admitted = await office.inside(key, await office.world.record("contact:1"))
    handle = office.world.temporal.get_workflow_handle(office.workflow_id(admitted))
    await office.relay().relay_once()
    await handle.terminate()
    await office.world.pool.execute("update outbox set sent_at = null")
    await office.world.pool.execute("update enrollment set started_at = null")
    await office.relay().relay_once()
    query = f"WorkflowType = '{ENROLLMENT}' AND WorkflowId = '{handle.id}' AND ExecutionStatus = 'Terminated'"

    async def is_listed() -> bool:
        return (await office.world.temporal.count_workflows(query)).count == 1

    await until(is_listed, what="the terminated execution in the list")
    assert await Reconciler(office.world.pool, office.world.temporal).reconcile_once() == []
    assert (await office.enrollment(admitted.enrollment))["closed_at"] is None


async def test_a_hold_whose_pause_is_over_is_found(office: Office) -> None:
    """A record that fell into a hold just as its pause ended is told by the next look."""
    key = await office.on(flow(office.world.key("a"), REST))
    admitted = await office.inside(key, await office.world.record("contact:1"))
    await office.asleep(admitted, "rest")
    await office.world.pool.execute("update sleep set why = 'held'")
    await office.world.pool.execute("update visit set answer = $1", {"line": "paused"})
    reconciler = Reconciler(office.world.pool, office.world.temporal)
    for _ in range(2):
        await reconciler._round()
    assert [row["body"] for row in await office.outbox("resume")] == [{"visit": 1, "how": "retry"}]


async def test_what_was_told_long_ago_is_forgotten(office: Office) -> None:
    """A row sent more than a week ago is gone; one sent since, and one that is still to be sent, stay."""
    key = await office.on(flow(office.world.key("a"), REST))
    admitted = await office.inside(key, await office.world.record("contact:1"))
    sent = "insert into outbox (enrollment, kind, sent_at) values ($1, $2, clock_timestamp() - $3::interval)"
    for kind, ago in (("leave", timedelta(days=8)), ("resume", timedelta(days=6))):
        await office.world.pool.execute(sent, admitted.enrollment, kind, ago)
    await office.world.pool.execute("update outbox set at = at - interval '30 days'")
    await Reconciler(office.world.pool, office.world.temporal)._round()
    kept = await office.world.pool.fetch("select kind from outbox order by kind")
    assert [row["kind"] for row in kept] == ["resume", "start"]
