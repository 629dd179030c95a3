from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from activities.effects import NewTask, User
from activities.gateways.postgres_crm import PostgresCrm
from tests.activities.doing import ANNA, SOURCE
from tests.world import World
from workflows.model.records import RecordRef

ACME = RecordRef.parse("company:7")
WHOLE = NewTask(
    subject="Call Anna",
    records=(ANNA, ACME),
    source=SOURCE,
    kind="call",
    body="<b>now</b>",
    priority="high",
    assignee="7",
    queue="leads",
    due_at=datetime(2026, 1, 5, 7, tzinfo=UTC),
    remind_at=datetime(2026, 1, 5, 6, tzinfo=UTC),
)


async def make(world: World, task: NewTask, key: str = "k") -> str:
    async with world.pool.acquire() as connection, connection.transaction():
        return await PostgresCrm(connection).create_task(task, key)


async def rows(world: World, query: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await world.pool.fetch(query)]


async def test_a_task_is_written_whole(world: World) -> None:
    """All that it says, where it comes from, and the records that it is about."""
    await world.pool.execute("insert into crm_user (id, email) values ('7', 'ann@acme.example')")
    made = await make(world, WHOLE)
    ((row),) = await rows(world, "select * from task")
    told = {"id", "created_at", "completed_at", "effect", "source"}
    written = {key: value for key, value in asdict(WHOLE).items() if key not in ("records", "source")}
    assert {key: value for key, value in row.items() if key not in told} == written
    assert (str(row["id"]), row["source"], row["completed_at"]) == (made, asdict(SOURCE), None)
    about = await rows(world, "select type || ':' || id as name from task_record order by 1")
    assert [each["name"] for each in about] == ["company:7", "contact:1"]


async def test_a_key_is_one_task_whatever_races(world: World) -> None:
    """Twenty at a time and one later: one row, and each is told its id; another key is another task."""
    plain = NewTask(subject="x", records=(ANNA,), source=SOURCE)
    ids = await asyncio.gather(*(make(world, plain) for _ in range(20)))
    again = await make(world, plain)
    assert len({*ids, again}) == 1
    assert await make(world, plain, "other") != again
    assert await world.pool.fetchval("select count(*) from task") == 2


async def test_a_text_that_postgresql_cannot_hold_is_written_as_near_as_can_be(world: World) -> None:
    """A stranger's zero byte does not jam the flow."""
    await make(world, NewTask(subject="a\0b", body="\ud800", records=(ANNA,), source=SOURCE))
    assert await rows(world, "select subject, body from task") == [{"subject": "a\ufffdb", "body": "?"}]


async def test_a_user_is_read_by_id(world: World) -> None:
    """Whether it is active and has a seat comes along; of an id that is none there is nothing."""
    await world.pool.execute(
        "insert into crm_user (id, email, name, active, seat) values ('7', 'ann@acme.example', 'Ann', false, true)"
    )
    async with world.pool.acquire() as connection, connection.transaction():
        crm = PostgresCrm(connection)
        assert await crm.user("7") == User("7", "ann@acme.example", "Ann", active=False, seat=True)
        assert await crm.user("8") is None
        assert await crm.user("a\0b") is None
