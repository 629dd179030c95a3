"""What only the real store can show of making: histories, events, and what is kept unique whatever races."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pytest

from activities.action import Refused
from activities.effects import ByHand, Edit, Link, NewNote, NewRecord, SetTo
from activities.gateways.postgres_crm import PostgresCrm
from starter.crm.deletion import delete_record, restore_record
from starter.loading.load import load
from starter.loading.load_plan import Wish
from starter.loading.rows import open_rows
from tests.activities.crm_bench import ACME, ANNA, BO, in_postgres
from tests.activities.doing import SOURCE
from tests.until import until
from tests.world import World
from workflows.model.errors import CallerError
from workflows.model.records import RecordRef

HERS = "anna@x.example"


async def create(world: World, key: str, links: Sequence[Link] = (), **properties: Any) -> RecordRef:
    edits: dict[str, Edit] = {name: SetTo(value) for name, value in properties.items()}
    async with world.pool.acquire() as connection, connection.transaction():
        return await PostgresCrm(connection).create(NewRecord("contact", edits, SOURCE, tuple(links)), key)


async def edit(world: World, record: RecordRef, **values: Any) -> None:
    async with world.pool.acquire() as connection, connection.transaction():
        await PostgresCrm(connection).edit([record], {name: SetTo(each) for name, each in values.items()}, SOURCE)


async def rows(world: World, query: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await world.pool.fetch(query)]


async def test_a_record_says_where_it_comes_from(world: World) -> None:
    """In itself, in the history of its values, and in its one event; both ends have one of their association."""
    await in_postgres(world)
    made = await create(world, "k", [Link(ACME, "employer")], city="Oulu", score=7)
    by = asdict(SOURCE)
    (row,) = await rows(world, "select id, source, effect from record where effect is not null")
    assert row == {"id": made.id, "source": by, "effect": "k"}
    kept = await rows(world, "select name, value, source from property_history order by name")
    told = [{"name": name, "value": value, "source": by} for name, value in (("city", "Oulu"), ("score", 7))]
    assert kept == told
    events = await rows(
        world, "select type, record_type || ':' || record_id as record, properties from event order by seq"
    )
    beside = {"label": "employer", "change": "added", "by": by}
    assert events == [
        {"type": "record_created", "record": str(made), "properties": {"by": by}},
        {"type": "association_changed", "record": str(made), "properties": {**beside, "record": str(ACME)}},
        {"type": "association_changed", "record": str(ACME), "properties": {**beside, "record": str(made)}},
    ]


async def test_a_key_is_one_record_whatever_races(world: World) -> None:
    """Twenty at a time and one later."""
    await in_postgres(world)
    made = await asyncio.gather(*(create(world, "k", city="Oulu") for _ in range(20)))
    assert {*made, await create(world, "k")} == {made[0]}
    assert await world.pool.fetchval("select count(*) from event where type = 'record_created'") == 1


async def test_of_many_who_want_a_unique_value_one_has_it(world: World) -> None:
    """Made and edited at the same moment, from nothing: all others are refused, and none waits in a ring."""
    await in_postgres(world)
    tries = [create(world, f"k{n}", email=HERS if n % 2 else HERS.upper()) for n in range(20)]
    came = await asyncio.gather(*tries, *(edit(world, ref, email=HERS) for ref in (ANNA, BO)), return_exceptions=True)
    refused = [each for each in came if isinstance(each, BaseException)]
    assert {str(each) for each in refused} == {"duplicate_value"}
    assert len(came) - len(refused) == 1
    assert await world.pool.fetchval("select count(*) from record where folded(properties ->> 'email') = $1", HERS) == 1


async def test_a_value_is_free_when_its_taker_rolls_back(world: World) -> None:
    """Who wants it meanwhile waits until that is known."""
    await in_postgres(world)
    async with world.transaction() as (connection, transaction):
        await PostgresCrm(connection).edit([ANNA], {"email": SetTo(HERS)}, ByHand("ann"))
        later = asyncio.ensure_future(create(world, "k", email=HERS))
        await until(world.blocked, what="the second taker's wait for the first")
        await transaction.rollback()
    assert (await later).type == "contact"
    with pytest.raises(Refused, match="duplicate_value"):
        await edit(world, ANNA, email=HERS)


async def test_a_deleted_record_does_not_come_back_beside_one_that_has_its_value(world: World) -> None:
    """Its value is free while it is deleted; once the other has another, it comes back."""
    await in_postgres(world)
    await edit(world, ANNA, email=HERS)
    await delete_record(world.pool, ANNA, "ann")
    await edit(world, BO, email=HERS.upper())
    with pytest.raises(CallerError, match=r"contact:1 cannot be restored: email .* is unique, and contact:2 has it"):
        await restore_record(world.pool, ANNA, "ann")
    await edit(world, BO, email="bo@x.example")
    await restore_record(world.pool, ANNA, "ann")
    with pytest.raises(Refused, match="duplicate_value"):
        await edit(world, BO, email=HERS)


async def test_a_load_and_an_edit_do_not_both_take_a_value(world: World) -> None:
    """The load waits for the edit that is about to take it, and refuses its own row."""
    await in_postgres(world)
    (path := world.folder / "people.csv").write_text(f"id,email\n77,{HERS}\n78,c@x.example\n")
    async with world.transaction() as (connection, transaction):
        await PostgresCrm(connection).edit([ANNA], {"email": SetTo(HERS)}, ByHand("ann"))
        later = asyncio.ensure_future(load(world.pool, open_rows(path), Wish("contact")))
        await until(world.blocked, what="the load's wait for the edit")
        await transaction.commit()
    loaded = await later
    assert (loaded.inserted, loaded.bad) == (1, 1)


async def test_an_edit_waits_for_a_load(world: World) -> None:
    """And then sees what it has brought; an edit of what is not unique does not wait."""
    await in_postgres(world)
    async with world.transaction() as (connection, transaction):
        await connection.execute("select pg_advisory_xact_lock(hashtext('perdure load'), hashtext('contact'))")
        later = asyncio.ensure_future(edit(world, ANNA, email=HERS))
        await until(world.blocked, what="the edit's wait for the load")
        await edit(world, ANNA, city="Oulu")
        await connection.execute(
            "insert into record (type, id, properties) values ('contact', '77', $1)", {"email": HERS.upper()}
        )
        await transaction.commit()
    with pytest.raises(Refused, match="duplicate_value"):
        await later


async def test_what_is_unique_costs_two_questions_more(world: World) -> None:
    """Other edits are as cheap as they were."""
    await in_postgres(world)
    asked: list[str] = []
    for name, questions in (("city", 2), ("email", 4)):
        async with world.pool.acquire() as connection, connection.transaction():
            with connection.query_logger(lambda record: asked.append(record.query)):
                await PostgresCrm(connection).edit([ANNA], {name: SetTo("x")}, SOURCE)
        assert len(asked) == questions
        asked.clear()


async def test_a_note_is_written_once(world: World) -> None:
    """On all of its records, with where it comes from; the same key is the same note."""
    await in_postgres(world)
    note = NewNote("<b>hello\0</b>", (ANNA, ACME), SOURCE, pinned=True)

    async def write() -> str:
        async with world.pool.acquire() as connection, connection.transaction():
            return await PostgresCrm(connection).create_note(note, "k")

    made = {*await asyncio.gather(*(write() for _ in range(10)))}
    ((row),) = await rows(world, "select id::text, body, pinned, source from note")
    assert made == {row["id"]}
    assert (row["body"], row["pinned"], row["source"]) == ("<b>hello\ufffd</b>", True, asdict(SOURCE))
    about = await rows(world, "select type || ':' || id as name from note_record order by 1")
    assert [each["name"] for each in about] == ["company:acme", "contact:1"]
