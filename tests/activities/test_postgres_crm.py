"""What only the real store can show: histories, locks, and how often it is asked."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

import pytest
from asyncpg.pool import PoolConnectionProxy

from activities.effects import AddTo, Clear, Edit, Provenance, SetTo
from activities.gateways.postgres_crm import PostgresCrm
from tests.until import until
from tests.world import World
from workflows.model.records import RecordRef

ANNA = RecordRef.parse("contact:1")
SOURCE = Provenance(flow="f", revision="r", node="n", enrollment="e")


async def edit(world: World, records: list[RecordRef], **edits: Edit) -> None:
    async with world.pool.acquire() as connection, connection.transaction():
        await PostgresCrm(connection).edit(records, edits, SOURCE)


async def people(world: World, many: int, **properties: Any) -> list[RecordRef]:
    await world.define("contact", **dict.fromkeys(properties, "text"))
    refs = [RecordRef(type="contact", id=f"c{n}") for n in range(many)]
    rows = [(ref.type, ref.id, properties) for ref in refs]
    await world.pool.executemany("insert into record (type, id, properties) values ($1, $2, $3)", rows)
    return refs


async def test_an_edit_is_written_with_its_event(world: World) -> None:
    """The value, the one before and the source stand in one event a property, in the same transaction."""
    await world.record(str(ANNA), stage="new", city="Oulu")
    await edit(world, [ANNA], stage=SetTo("lead"), city=Clear())
    assert await world.properties(ANNA) == {"stage": "lead"}
    rows = await world.pool.fetch("select * from event order by seq")
    assert [(row["source"], row["type"], row["record_id"], row["properties"]) for row in rows] == [
        ("perdure", "property_changed", "1", {"name": name, "value": value, "before": before, "by": asdict(SOURCE)})
        for name, value, before in (("stage", "lead", "new"), ("city", None, "Oulu"))
    ]


async def test_a_history_says_what_was_and_who_did_it(world: World) -> None:
    """The value that stood there before any history opens it, from when the record began; each edit has its source."""
    await world.record(str(ANNA), stage="new")
    await edit(world, [ANNA], stage=SetTo("lead"))
    await edit(world, [ANNA], stage=SetTo("lead"))
    await edit(world, [ANNA], stage=Clear())
    rows = await world.pool.fetch("select value, source, at from property_history order by at, seq")
    whom = asdict(SOURCE)
    assert [(row["value"], row["source"]) for row in rows] == [("new", {}), ("lead", whom), (None, whom)]
    assert rows[0]["at"] == await world.pool.fetchval("select created_at from record")


async def test_a_record_that_did_not_change_is_not_written(world: World) -> None:
    """Nor is it said to have been updated."""
    await world.record(str(ANNA), stage="lead")
    begin = await world.pool.fetchval("select updated_at from record")
    await edit(world, [ANNA], stage=SetTo("lead"))
    assert await world.pool.fetchval("select updated_at from record") == begin


@pytest.mark.parametrize("many", [1, 1_000])
async def test_many_records_take_two_round_trips(world: World, many: int) -> None:
    """One to lock and to read, one to write, however many there are."""
    refs = await people(world, many, city="Oulu")
    asked: list[str] = []
    async with world.pool.acquire() as connection, connection.transaction():
        with connection.query_logger(lambda record: asked.append(record.query)):
            done = await PostgresCrm(connection).edit(refs, {"city": SetTo("Turku")}, SOURCE)
    assert (len(done), sum(bool(each.changed) for each in done), len(asked)) == (many, many, 2)
    assert await world.pool.fetchval("select count(*) from event") == many


async def test_of_many_who_add_at_once_none_is_lost(world: World) -> None:
    """Fifty flows count the same record at the same moment, from nothing: it is fifty."""
    await world.record(str(ANNA))
    await world.define("contact", score="number")
    await asyncio.gather(*(edit(world, [ANNA], score=AddTo(1)) for _ in range(50)))
    assert await world.properties(ANNA) == {"score": 50}
    befores = [row[0] for row in await world.pool.fetch("select (properties->>'before')::int from event order by seq")]
    assert befores == [None, *range(1, 50)]


async def test_edits_of_the_same_records_never_wait_for_each_other_in_a_ring(world: World) -> None:
    """In whatever order they name them, all lock in one order: a deadlock would fail one of them."""
    refs = await people(world, 20, city="Oulu")
    await world.define("contact", score="number")
    orders = [refs, refs[::-1], refs[10:] + refs[:10]] * 6
    await asyncio.gather(*(edit(world, order, score=AddTo(1)) for order in orders))
    assert await world.pool.fetchval("select count(*) from record where properties->>'score' = '18'") == len(refs)


async def test_a_value_is_computed_under_the_lock(world: World) -> None:
    """An edit that has waited for another sees what it made, not what stood there when it began."""
    await world.record(str(ANNA))
    await world.define("contact", score="number")
    async with world.transaction() as (connection, transaction):
        await add(connection, 5)
        later = asyncio.ensure_future(edit(world, [ANNA], score=AddTo(1)))
        await until(world.blocked, what="the second edit's wait for the first")
        await transaction.commit()
    await later
    assert await world.properties(ANNA) == {"score": 6}


async def add(connection: PoolConnectionProxy[Any], amount: float) -> None:
    await PostgresCrm(connection).edit([ANNA], {"score": AddTo(amount)}, SOURCE)
