from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from starter.admission import Admitted, Entrant, Refusal, admit_many, look_again
from tests.flows import delay, flow
from workflows.model.errors import CallerError
from workflows.model.records import RecordRef

if TYPE_CHECKING:
    from tests.starter.conftest import Office

CUSTOMER = {"property": "stage", "is": "customer"}


def code(admission: object) -> str | None:
    return admission.code if isinstance(admission, Refusal) else None


async def test_a_record_enters_once_however_many_ask_at_a_time(office: Office) -> None:
    """Of 50 enrollments at the same moment one is accepted, and has one start in the outbox."""
    key = await office.on(flow("once", delay("rest", "1 day")))
    record = await office.world.record("contact:1")
    answers = await asyncio.gather(*(office.client.enroll(key, record) for _ in range(50)))
    assert [code(each) for each in answers].count("inside") == 49
    assert len(await office.outbox("start")) == 1


async def test_once_means_once_ever_while_runs_end_at_once(office: Office) -> None:
    """A record that enters, ends and is closed while 50 others ask does not enter a second time."""
    key = await office.on(flow("ever", delay("rest", "1 day")))
    record = await office.world.record("contact:1")

    async def enter_and_end() -> object:
        admission = await office.client.enroll(key, record)
        if isinstance(admission, Admitted):
            await office.close(admission.enrollment)
        return admission

    answers = await asyncio.gather(*(enter_and_end() for _ in range(50)))
    assert sum(isinstance(each, Admitted) for each in answers) == 1


@pytest.mark.parametrize(
    ("again", "by_hand", "by_trigger"),
    [("never", "before", "before"), ("on_trigger", "before", None), ("always", None, None)],
)
async def test_whether_a_record_may_return_is_the_flows_rule(
    office: Office, again: str, by_hand: str | None, by_trigger: str | None
) -> None:
    """A record that was inside before returns by hand or by trigger only as `enroll.again` says."""
    key = await office.on(flow("back", delay("rest", "1 day"), enroll={"again": again}))
    for number, (triggered, expected) in enumerate(((False, by_hand), (True, by_trigger))):
        record = await office.world.record(f"contact:{number}")
        await office.close((await office.inside(key, record)).enrollment)
        async with office.world.pool.acquire() as connection, connection.transaction():
            answers = await admit_many(connection, office.world.revisions, key, [Entrant(record)], triggered=triggered)
        assert [code(each) for each in answers] == [expected]


async def test_each_rule_refuses_with_its_reason(office: Office) -> None:
    """Off, deleted, of another type, inside, at its goal: each is refused by name and in a sentence."""
    key = await office.on(flow("rules", delay("rest", "1 day"), goal=CUSTOMER))
    records = [
        await office.world.record("contact:fine", stage="lead"),
        await office.world.record("contact:bought", stage="customer"),
        await office.world.record("deal:1"),
        RecordRef.parse("contact:nobody"),
        await office.world.record("contact:deleted"),
        RecordRef.parse("contact:fine"),
    ]
    await office.world.pool.execute("update record set archived_at = now() where id = 'deleted'")
    answers = await office.client.enroll(key, records)
    assert [code(each) for each in answers] == [None, "goal_met", "wrong_object", "no_record", "no_record", "inside"]
    assert all(key in each.sentence or "no record" in each.sentence for each in answers if isinstance(each, Refusal))
    await office.client.turn_off(key)
    assert code(await office.client.enroll(key, records[0])) == "flow_off"


async def test_a_goal_reached_between_the_check_and_the_commit_ends_the_enrollment(office: Office) -> None:
    """The record is looked at once more after the commit, and leaves if its goal was reached meanwhile."""
    key = await office.on(flow("late", delay("rest", "1 day"), goal=CUSTOMER))
    record = await office.world.record("contact:1", stage="lead")
    async with office.world.pool.acquire() as connection:
        async with connection.transaction():
            answers = await admit_many(connection, office.world.revisions, key, [Entrant(record)])
            edit = asyncio.create_task(
                office.world.pool.execute("update record set properties = $1", {"stage": "customer"})
            )
        await edit
    (left,) = await look_again(office.world.pool, office.world.revisions, answers)
    assert (await office.enrollment(left))["leaving"] == "goal"
    assert [row["body"] for row in await office.outbox("leave")] == [{"ending": "goal"}]


async def test_thousands_enter_in_few_round_trips(office: Office) -> None:
    """Three statements let 2,000 records in, whatever their number."""
    key = await office.on(flow("many", delay("rest", "1 day")))
    await office.world.pool.execute(
        "insert into record (type, id) select 'contact', n::text from generate_series(1, 2000) n"
    )
    entrants = [Entrant(RecordRef(type="contact", id=str(number))) for number in range(1, 2001)]
    sent: list[Any] = []
    async with office.world.pool.acquire() as connection, connection.transaction():
        await admit_many(connection, office.world.revisions, key, entrants[:1])
        connection.add_query_logger(sent.append)
        answers = await admit_many(connection, office.world.revisions, key, entrants[1:])
        connection.remove_query_logger(sent.append)
    assert all(isinstance(each, Admitted) for each in answers)
    assert len({each.query for each in sent}) == 3
    assert len(await office.outbox("start")) == 2000


async def test_keys_tell_enrollments_of_one_record_apart(office: Office) -> None:
    """A record may be inside twice under different keys, and once under each."""
    key = await office.on(flow("keyed", delay("rest", "1 day")))
    record = await office.world.record("contact:1")
    answers = [await office.client.enroll(key, record, each) for each in ("a", "b", "a")]
    assert [code(each) for each in answers] == [None, None, "inside"]


async def test_an_unknown_flow_is_refused_with_the_nearest_name(office: Office) -> None:
    """A slip of the pen in a flow's name is answered with the flow that was meant."""
    await office.on(flow("welcome-series", delay("rest", "1 day")))
    with pytest.raises(CallerError, match="did you mean 'welcome-series'"):
        await office.client.enroll("welcome-serie", "contact:1")
