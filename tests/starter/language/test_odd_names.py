"""Names at their limits: what enters can be started, and what could not be started does not enter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from starter.admission import Entrant, Refusal, admit
from tests.flows import delay, flow
from tests.starter.conftest import drain
from tests.world import World
from workflows.contract import RECORD_ATTRIBUTE, State
from workflows.model.records import RecordRef

if TYPE_CHECKING:
    from tests.starter.conftest import Office


@pytest.mark.parametrize("id_", ["42 b", "a/b", "", "x" * 201, "a\u00a0b", "a\tb"])
async def test_an_event_of_a_record_whose_id_names_none_lets_nobody_in(office: Office, id_: str) -> None:
    """The CRM writes records and events itself; an execution could neither read such a name nor its task end."""
    await office.on(flow("f", delay("d", "1 day"), enroll={"on": [{"event": "came"}]}))
    await office.world.pool.execute("insert into record (type, id) values ('contact', $1)", id_)
    await office.world.pool.execute(
        "insert into event (type, record_type, record_id) values ('came', 'contact', $1)", id_
    )
    assert await drain(office.router().route_once) == 1
    assert await office.world.pool.fetchval("select count(*) from enrollment") == 0


async def test_a_workflow_id_longer_than_temporal_takes_is_refused(office: Office) -> None:
    """1,000 bytes are taken; letters beyond ASCII count more than once."""
    key = await office.on(flow("f", delay("d", "1 day")))
    record = RecordRef(type="contact", id="\u5b89" * 200)
    await office.world.pool.execute("insert into record (type, id) values ('contact', $1)", record.id)
    (answer,) = await admit(office.world.pool, office.world.revisions, key, [Entrant(record, key="\u5b89" * 200)])
    assert isinstance(answer, Refusal)
    assert answer.code == "bad_name"


@pytest.mark.parametrize("id_", ["a:b", "100%25", "\u5b89\u5a1c", "a'b\"c", "\u5b89" * 190])
async def test_odd_but_good_ids_are_walked(world: World, id_: str) -> None:
    """They stand in the workflow id and the search attribute just as they are."""
    revision = await world.publish(flow(world.key("odd"), delay("d", "30 days")))
    record = await world.record(f"contact:{id_}")
    async with world.serving():
        await world.enroll(revision, record)
        state: State = await world.asleep(revision, record)
        assert state.record == record
        described = await world.handle(revision, record).describe()
        assert described.typed_search_attributes[RECORD_ATTRIBUTE] == f"contact:{id_}"


async def test_the_longest_names_of_flow_and_steps_are_taken(world: World) -> None:
    """120 letters of four bytes each: the server caps what the Web UI shows."""
    long = "\U0001f984" * 120
    drawn = flow(world.key("long"), delay("d", "30 days"))
    nodes = {"d": drawn.flow.nodes["d"].model_copy(update={"name": long})}
    revision = type(drawn).of(drawn.flow.model_copy(update={"name": long, "nodes": nodes}))
    record = await world.record("contact:1")
    await world.publish(revision)
    async with world.serving():
        await world.enroll(revision, record)
        await world.asleep(revision, record)
