from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from deploy.local.addresses import Addresses
from tests.databases import Shelf

FINGERPRINT = """
select concat_ws(' ', (select count(*) from record), (select string_agg(o::text, ',' order by key) from object_type o),
  (select string_agg(v::text, ',' order by version) from schema_version v))
"""


@pytest.fixture(scope="module")
def shelf(stack: Addresses) -> Shelf:
    return Shelf(stack.dsn)


@pytest.fixture
async def used(shelf: Shelf) -> AsyncIterator[str]:
    """A database that a test has, and that is the next to be handed out once it is given back."""
    shelf.returned.clear()
    used, other = await shelf.take(), await shelf.take()
    yield used
    shelf.give_back(other)


async def ask(dsn: str, *statements: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            answer = await connection.fetchval(statement)
        return answer
    finally:
        await connection.close()


async def oid(dsn: str) -> int:
    return int(await ask(dsn, "select oid from pg_database where datname = current_database()"))


async def next_of(shelf: Shelf, used: str) -> str:
    shelf.give_back(used)
    shelf.give_back(await shelf._create(""))
    return await shelf.take()


async def test_what_was_written_is_gone(shelf: Shelf, used: str) -> None:
    """A database is handed out again under another name, with the rows of the schema and no others, counted anew."""
    before, written = await oid(used), "insert into event (type, record_type, record_id) values ('a', 'b', 'c')"
    fresh = await ask(used, FINGERPRINT)
    await ask(used, "insert into record (type, id) values ('contact', '1')", f"{written} returning id")
    await ask(used, "update object_type set name = 'X'", "delete from schema_version")
    again = await next_of(shelf, used)
    assert (await oid(again), again == used) == (before, False)
    assert await ask(again, FINGERPRINT) == fresh
    assert await ask(again, f"{written} returning seq") == 1


@pytest.mark.parametrize(
    "change",
    [
        "alter table event disable trigger event_arrived",
        "alter table record alter properties drop default",
        "create function mine() returns int language sql return 1",
        "analyze object_type",
        "do $$ begin execute format('alter database %I set lock_timeout = 50', current_database()); end $$",
    ],
)
async def test_what_was_altered_is_not_handed_out_again(shelf: Shelf, used: str, change: str) -> None:
    """Nor what the planner has got other statistics of, nor a database with settings of its own."""
    before = await oid(used)
    await ask(used, change)
    assert await oid(await next_of(shelf, used)) != before


async def test_what_somebody_is_connected_to_is_not_handed_out_again(shelf: Shelf, used: str) -> None:
    """A process that a test has left cannot write into another test's world."""
    before, left = await oid(used), await asyncpg.connect(used)
    assert await oid(await next_of(shelf, used)) != before
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await left.fetchval("select 1")
    left.terminate()
