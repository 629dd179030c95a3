from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from starter.events import MOST_BYTES
from tests.flows import delay, flow
from workflows.model.errors import CallerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starter.admission import Admitted
    from starter.client import Client
    from tests.starter.conftest import Office

REST = delay("rest", "1 day")


async def held(office: Office, admitted: Admitted, line: str) -> None:
    """Let an enrollment be held at its first visit, for a pause or after a failure."""
    await office.asleep(admitted, "rest")
    await office.world.pool.execute("update sleep set why = 'held' where enrollment = $1", admitted.enrollment)
    answer = {"asleep": {"why": "held"}, "line": line}
    await office.world.pool.execute(
        "update visit set state = 'done', answer = $2 where enrollment = $1", admitted.enrollment, answer
    )


async def test_the_same_event_is_taken_once(office: Office) -> None:
    """Twenty publications under one source and id, at once, are one event in the log."""
    await office.world.record("contact:1")
    receipts = await asyncio.gather(
        *(office.client.publish_event("paid", "contact:1", {"sum": 5}, source="shop", id="7") for _ in range(20))
    )
    assert len({each.event for each in receipts}) == 1
    assert sum(each.new for each in receipts) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"properties": {"sum": 6}},
        {"type": "refunded"},
        {"record": "contact:2"},
        {"occurred_at": datetime(2026, 1, 1, tzinfo=UTC)},
    ],
)
async def test_another_event_under_the_same_id_is_refused(office: Office, change: dict[str, Any]) -> None:
    """An event never changes: other content under its source and id is a mistake of the caller."""
    for number in (1, 2):
        await office.world.record(f"contact:{number}")
    event: dict[str, Any] = {
        "type": "paid",
        "record": "contact:1",
        "properties": {"sum": 5},
        "source": "shop",
        "id": "7",
    }
    await office.client.publish_event(**event)
    with pytest.raises(CallerError, match="has the id '7'"):
        await office.client.publish_event(**{**event, **change})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type": "Paid!"}, "is no event type"),
        ({"record": "contact:9"}, "there is no record contact:9"),
        ({"record": "nobody"}, "names no record"),
        ({"properties": {"text": "x" * MOST_BYTES}}, "at most 262144"),
        ({"properties": {"when": object()}}, "not JSON"),
        ({"occurred_at": datetime.now(UTC) + timedelta(days=1)}, "lies in the future"),
        ({"occurred_at": datetime(2026, 1, 1)}, "needs a time zone"),  # noqa: DTZ001 - the mistake
        ({"occurred_at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))}, "outside the calendar"),
        ({"source": ""}, "1 to 80 characters"),
        ({"properties": {"text": "a\0b"}}, "cannot be stored"),
        ({"properties": {"sum": float("nan")}}, "cannot be stored"),
        ({"properties": {"text": "\ud800"}}, "not JSON"),
        ({"id": "a\0b"}, "cannot be stored"),
        ({"record": "contact:a\0b"}, "cannot be printed"),
    ],
)
async def test_a_malformed_event_is_refused(office: Office, change: dict[str, Any], said: str) -> None:
    """Each mistake is told, and nothing is written."""
    await office.world.record("contact:1")
    event: dict[str, Any] = {"type": "paid", "record": "contact:1"}
    with pytest.raises(CallerError, match=said):
        await office.client.publish_event(**{**event, **change})
    assert await office.world.pool.fetchval("select count(*) from event") == 0


async def test_unenroll_orders_a_record_out_once(office: Office) -> None:
    """Asking twice is one order, which keeps the reason; a record that is not inside is told so."""
    key = await office.on(flow("a", REST))
    admitted = await office.inside(key, await office.world.record("contact:1"))
    for _ in range(2):
        assert await office.client.unenroll(key, "contact:1", "opted out") == admitted.enrollment
    assert [(row["body"], row["note"]) for row in await office.outbox("leave")] == [
        ({"ending": "unenrolled"}, "opted out")
    ]
    with pytest.raises(CallerError, match="contact:2 is not in a"):
        await office.client.unenroll(key, "contact:2")


async def test_the_end_of_a_pause_wakes_those_it_held(office: Office) -> None:
    """Records held by the pause are told to go on; one parked after a failure stays for an operator."""
    key = await office.on(flow("a", REST))
    paused = await office.inside(key, await office.world.record("contact:1"))
    parked = await office.inside(key, await office.world.record("contact:2"))
    await office.client.pause(key)
    await held(office, paused, "paused")
    await held(office, parked, "failed: refused")
    assert await office.client.resume(key) == 1
    (row,) = await office.outbox("resume")
    assert (row["enrollment"], row["body"]) == (paused.enrollment, {"visit": 1, "how": "retry"})


async def test_an_enrollment_stays_held_while_its_flow_is_paused(office: Office) -> None:
    """Two pauses hold a record; it goes on when both are over."""
    key = await office.on(flow("a", REST))
    admitted = await office.inside(key, await office.world.record("contact:1"))
    await held(office, admitted, "paused")
    await office.client.pause(key)
    await office.client.pause(admitted.enrollment)
    assert await office.client.resume(admitted.enrollment) == 0
    assert await office.client.resume(key) == 1


async def test_an_operator_resolves_a_parked_enrollment(office: Office) -> None:
    """The decision goes to the visit that is held; an enrollment that is not held is told so."""
    key = await office.on(flow("a", REST))
    admitted = await office.inside(key, await office.world.record("contact:1"))
    with pytest.raises(CallerError, match="is not held: it is accepted"):
        await office.client.resolve(admitted.enrollment, "skip")
    await held(office, admitted, "failed: refused")
    await office.client.resolve(str(admitted.enrollment), "skip")
    assert [row["body"] for row in await office.outbox("resume")] == [{"visit": 1, "how": "skip"}]


async def test_describe_tells_the_path_travelled(office: Office) -> None:
    """By id, or by flow and record, an enrollment is described with its visits in order."""
    key = await office.on(flow(office.world.key("a"), REST))
    admitted = await office.inside(key, await office.world.record("contact:1"))
    await office.relay().relay_once()
    await office.asleep(admitted, "rest")
    described = await office.client.describe(key, "contact:1")
    assert described == await office.client.describe(admitted.enrollment)
    assert (described.summary.standing, described.summary.node, described.execution) == ("asleep", "rest", "running")
    assert [(each.visit, each.node, each.state) for each in described.path] == [(1, "rest", "asleep")]


async def test_list_selects_by_flow_and_state(office: Office) -> None:
    """Enrollments are listed newest first, of one flow and in one state where asked."""
    one, two = await office.on(flow("one", REST)), await office.on(flow("two", REST))
    record = await office.world.record("contact:1")
    first, second = await office.inside(one, record), await office.inside(two, record)
    await office.close(first.enrollment)
    everyone = await office.client.list()
    assert [each.enrollment for each in everyone] == [second.enrollment, first.enrollment]
    assert [each.flow for each in await office.client.list(one)] == [one]
    assert [each.flow for each in await office.client.list(state="ended")] == [one]
    assert len(await office.client.list(limit=1)) == 1


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda client: client.turn_on("nowhere"), "no flow is called 'nowhere'"),
        (lambda client: client.pause("nowhere"), "no flow is called 'nowhere'"),
        (lambda client: client.pause(uuid4()), "there is no enrollment"),
        (lambda client: client.describe(UUID(int=0)), "there is no enrollment"),
        (lambda client: client.describe("a"), "'a' is no enrollment id"),
        (lambda client: client.describe("a", "contact:9"), "has never been in a"),
        (lambda client: client.enroll("a", "nonsense"), "names no record"),
        (lambda client: client.enroll("a", "contact:1", "two words"), "no spaces"),
        (lambda client: client.list(state="lost"), "is no state"),
        (lambda client: client.resolve(UUID(int=0), "retry"), "there is no enrollment"),
        (lambda client: client.resolve(UUID(int=0), "shrug"), "is no decision"),
    ],
)
async def test_a_wrong_request_is_told_what_is_wrong(
    office: Office, ask: Callable[[Client], Awaitable[object]], said: str
) -> None:
    """Names that nobody knows, and words that mean nothing, are the caller's to mend."""
    await office.on(flow("a", REST))
    with pytest.raises(CallerError, match=said):
        await ask(office.client)
