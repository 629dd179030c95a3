from __future__ import annotations

import asyncio

import pytest

from starter.crowd import Chosen, Gate
from starter.loading import batches
from tests.flows import delay, flow
from tests.starter.conftest import Office
from workflows.model.records import RecordRef


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of two records."""
    monkeypatch.setattr("starter.crowd.CHUNK", 2)


async def people(office: Office, number: int) -> str:
    for each in range(number):
        await office.world.record(f"contact:{each}", size=each)
    return await office.on(flow(office.world.key("rest"), delay("nap", "1 day"), goal={"property": "size", "is": 0}))


async def test_pages_come_in_the_order_of_ids(office: Office) -> None:
    """Each page begins after the last record looked at, also where nobody on it is meant."""
    await people(office, 5)
    chosen = Chosen(office.world.pool, "contact")
    await chosen.narrow("{property: size, at_least: 2}", "--where", "UTC")
    pages = [page async for page in chosen.pages(None)]
    assert [([each.id for each in page.records], page.last.id, page.looked_at) for page in pages] == [
        ([], "1", 2),
        (["2", "3"], "3", 2),
        (["4"], "4", 1),
    ]


async def test_a_crowd_is_counted(office: Office) -> None:
    """How many were looked at, asked, let in, and refused for which reason."""
    key = await people(office, 5)
    await office.inside(key, RecordRef.parse("contact:3"))
    crowd = await Gate(office.client, key, "test").let_in(Chosen(office.world.pool, "contact").pages(None))
    assert (crowd.looked_at, crowd.asked, crowd.entered) == (5, 5, 3)
    assert (crowd.refused, crowd.remaining, crowd.stopped) == ({"goal_met": 1, "inside": 1}, 0, False)
    assert crowd.after == RecordRef.parse("contact:4")


async def test_a_crowd_that_is_stopped_says_where(office: Office) -> None:
    """It ends after the page under way, and what follows that goes on from there."""
    key, stop = await people(office, 5), asyncio.Event()
    chosen, gate = Chosen(office.world.pool, "contact"), Gate(office.client, key, "test", stop=stop)
    crowd = await gate.let_in(chosen.pages(None), lambda _: stop.set())
    assert (crowd.stopped, str(crowd.after), crowd.entered) == (True, "contact:1", 1)
    rest = await Gate(office.client, key, "test").let_in(chosen.pages(crowd.after))
    assert (rest.stopped, rest.entered) == (False, 3)


async def impatient(office: Office) -> None:
    """Let no statement of this world wait long for a lock."""
    name = await office.world.pool.fetchval("select current_database()")
    await office.world.pool.execute(f"alter database {name} set lock_timeout = '50ms'")
    await office.world.pool.expire_connections()


async def test_a_batch_that_fails_is_set_aside(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others enter; when several in a row have failed nothing more is tried."""
    key, everyone = await people(office, 12), Chosen(office.world.pool, "contact")
    monkeypatch.setattr(batches, "PAUSES", ())
    await office.world.pool.execute("update record set id = chr(97 + id::int)")
    async with office.world.transaction() as (connection, _):
        await impatient(office)
        await connection.execute("select from record where id in ('c', 'd') for update")
        one = await Gate(office.client, key, "test").let_in(everyone.pages(None))
        await connection.execute("select from record where id >= 'e' for update")
        many = await Gate(office.client, key, "test").let_in(everyone.pages(None))
    assert (one.entered, one.remaining, one.stopped) == (9, 2, False)
    assert "lock timeout" in one.failure
    assert (many.remaining, many.stopped, str(many.after)) == (6, True, "contact:h")


async def test_a_lock_that_passes_is_waited_for(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that meets a lock is tried again, and enters once it is free."""
    key, pages = await people(office, 2), Chosen(office.world.pool, "contact").pages(None)
    monkeypatch.setattr(batches, "PAUSES", (0.01,) * 50)
    async with office.world.transaction() as (connection, transaction):
        await connection.execute("select from record where id = '1' for update")
        await impatient(office)
        letting = asyncio.create_task(Gate(office.client, key, "test").let_in(pages))
        while not await office.world.blocked():
            await asyncio.sleep(0)
        await transaction.commit()
    assert (await letting).entered == 1
