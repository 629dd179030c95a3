"""Lists: the two actions and what conditions read of active ones, in memory and in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from activities.action import Refused
from activities.effects import Lists
from activities.fakes import FakeCrm, FakeLists
from activities.gateways.postgres_facts import informed
from activities.gateways.postgres_lists import PostgresLists
from starter.crowd import Chosen
from tests.activities.doing import ANNA, SOURCE
from tests.world import World
from workflows.model.facts import Facts, Needs
from workflows.model.records import RecordRef

DEAL = RecordRef.parse("deal:1")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FINNS: dict[str, Any] = {"property": "country", "is": "FI"}


@pytest.fixture(params=["memory", "postgres"])
async def lists(request: pytest.FixtureRequest, world: World) -> AsyncIterator[Lists]:
    """A static list of contacts, `vip`, and an active one, `finns`."""
    if request.param == "memory":
        yield FakeLists(FakeCrm({ANNA: {}}, lists={"vip": set(), "finns": set()}), active=frozenset({"finns"}))
        return
    await define(world)
    async with world.pool.acquire() as connection:
        yield PostgresLists(connection)


async def define(world: World) -> None:
    await world.pool.execute(
        "insert into list (key, object, name, kind, condition) values"
        " ('vip', 'contact', 'VIPs', 'static', null), ('finns', 'contact', 'Finns', 'active', $1)",
        FINNS,
    )


async def test_joining_and_leaving_happen_once(lists: Lists) -> None:
    """A repetition is a success that changes nothing."""
    assert [await lists.add("vip", ANNA, SOURCE) for _ in range(2)] == [True, False]
    assert [await lists.remove("vip", ANNA, SOURCE) for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("list_", "record", "code"),
    [("nobody", ANNA, "unknown_list"), ("finns", ANNA, "active_list"), ("vip", DEAL, "wrong_object")],
)
async def test_what_is_no_static_list_of_the_type_is_refused(
    lists: Lists, list_: str, record: RecordRef, code: str
) -> None:
    """An active list follows its condition; a list holds records of one type."""
    for change in (lists.add, lists.remove):
        with pytest.raises(Refused) as refused:
            await change(list_, record, SOURCE)
        assert refused.value.code == code


async def test_joining_and_leaving_are_events(world: World) -> None:
    """Waits and flows look for them; a repetition is none."""
    await define(world)
    async with world.pool.acquire() as connection:
        lists = PostgresLists(connection)
        for _ in range(2):
            await lists.add("vip", ANNA, SOURCE)
        await lists.remove("vip", ANNA, SOURCE)
    rows = await world.pool.fetch("select type, record_id, properties ->> 'list' as list from event order by seq")
    assert [tuple(row) for row in rows] == [("list_joined", "1", "vip"), ("list_left", "1", "vip")]


async def test_conditions_read_active_lists(world: World) -> None:
    """Who is on one is asked of its condition, beside the members of static ones."""
    await define(world)
    finn, swede = await world.record("contact:1", country="fi"), await world.record("contact:2", country="se")
    needs = Needs(lists=frozenset({"vip", "finns"}))
    async with world.pool.acquire() as connection:
        await PostgresLists(connection).add("vip", swede, SOURCE)
        on = [(await informed(connection, each, Facts(now=NOW), needs)).lists for each in (finn, swede)]
    assert on == [{"finns"}, {"vip"}]


async def test_a_scan_follows_active_lists(world: World) -> None:
    """`enroll --where` chooses whom a branch would."""
    await define(world)
    await world.record("contact:1", country="FI")
    await world.record("contact:2", country="SE")
    chosen = Chosen(world.pool, "contact")
    for where, wanted in (("{list: finns}", ["1"]), ("{list: finns, member: false}", ["2"])):
        await chosen.narrow(where, "where", "UTC")
        assert [ref.id async for page in chosen.pages(None) for ref in page[0]] == wanted
