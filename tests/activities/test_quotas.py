"""Quotas, in PostgreSQL and in memory: windows that slide, calendar months, and fifty takers at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from activities.effects import NEVER, Limit, Quota
from activities.fakes import FakeQuotas
from activities.gateways.postgres_quotas import PostgresQuotas
from tests.world import World

NOW = datetime(2026, 1, 30, 12, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
THREE = Quota("a", (Limit(3, MINUTE),))

Take = Callable[[Sequence[Quota], datetime], Awaitable[datetime | None]]


@pytest.fixture
def take(servers: World | None) -> Take:
    """Take from quotas, each time in a transaction of its own."""
    if servers is None:
        return FakeQuotas().take
    pool = servers.pool

    async def taking(quotas: Sequence[Quota], now: datetime) -> datetime | None:
        async with pool.acquire() as connection, connection.transaction():
            return await PostgresQuotas(connection).take(quotas, now)

    return taking


async def test_a_window_slides(take: Take) -> None:
    """The fourth waits until the first is a minute old; then the second is in the way."""
    for second in (0, 10, 20):
        assert await take([THREE], NOW + second * SECOND) is None
    assert await take([THREE], NOW + 59 * SECOND) == NOW + MINUTE
    assert await take([THREE], NOW + MINUTE) is None
    assert await take([THREE], NOW + MINUTE) == NOW + 70 * SECOND


async def test_the_tightest_limit_counts(take: Take) -> None:
    """Of several limits, and of several quotas, the moment is when all let it through."""
    quota = Quota("a", (Limit(2, MINUTE), Limit(3, HOUR)))
    assert [await take([quota], NOW + n * MINUTE) for n in range(3)] == [None] * 3
    assert await take([quota], NOW + 3 * MINUTE) == NOW + HOUR
    assert await take([Quota("b", (Limit(1, MINUTE),)), quota], NOW + 3 * MINUTE) == NOW + HOUR


async def test_all_or_nothing_is_used(take: Take) -> None:
    """A quota that had room is as it was when another of the same take had none."""
    one, other = Quota("a", (Limit(1, MINUTE),)), Quota("b", (Limit(1, MINUTE),))
    assert await take([one], NOW) is None
    assert await take([other, one], NOW) == NOW + MINUTE
    assert await take([other], NOW) is None


async def test_several_uses_at_once_need_room_for_all(take: Take) -> None:
    """Two more wait for two of the three to leave; four never find room."""
    for second in (0, 10, 20):
        await take([THREE], NOW + second * SECOND)
    two = Quota("a", THREE.limits, uses=2)
    assert await take([two], NOW + 30 * SECOND) == NOW + 70 * SECOND
    assert await take([two], NOW + 70 * SECOND) is None
    assert await take([Quota("a", THREE.limits, uses=4)], NOW + HOUR) == NEVER


async def test_a_month_does_not_slide(take: Take) -> None:
    """What was used on the 30th is forgotten on the 1st, as UTC has it, and not before."""
    month = Quota("a", (Limit(2),))
    assert [await take([month], NOW) for _ in range(3)] == [None, None, datetime(2026, 2, 1, tzinfo=UTC)]
    assert await take([month], datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)) == datetime(2026, 2, 1, tzinfo=UTC)
    assert await take([month], datetime(2026, 2, 1, tzinfo=UTC)) is None


async def test_both_count_the_same(world: World) -> None:
    """Three hundred takes at random moments have the same answers in PostgreSQL and in memory."""
    dice, fake, at = random.Random(7), FakeQuotas(), NOW
    async with world.pool.acquire() as connection:
        real = PostgresQuotas(connection)
        for _ in range(300):
            at += dice.random() * 10 * SECOND
            limits = (Limit(5, MINUTE), Limit(40, HOUR), Limit(250))
            quotas = [Quota("a", limits, dice.choice([1, 1, 2])), Quota(dice.choice("bc"), (Limit(3, MINUTE),))]
            async with connection.transaction():
                assert await real.take(quotas, at) == await fake.take(quotas, at)
    assert 40 <= len(fake.used["a"]) <= 250


async def test_fifty_at_once_get_no_more_than_there_is(world: World) -> None:
    """Each in a transaction of its own, with the room of twenty: twenty get it, and the others learn when."""
    quotas = [Quota("b", (Limit(100, HOUR),)), Quota("a", (Limit(20, MINUTE), Limit(200, HOUR)))]

    async def one(number: int) -> datetime | None:
        async with world.pool.acquire() as connection, connection.transaction():
            # In whatever order they are named, nobody waits for somebody who waits for them.
            return await PostgresQuotas(connection).take(quotas[:: 1 - 2 * (number % 2)], NOW)

    came = await asyncio.gather(*(one(number) for number in range(50)))
    assert (came.count(None), came.count(NOW + MINUTE)) == (20, 30)
    used = await world.pool.fetch("select key, count(*) from quota_use group by key order by key")
    assert [tuple(row) for row in used] == [("a", 20), ("b", 20)]


async def test_what_is_rolled_back_was_never_used(world: World) -> None:
    """A visit that comes to nothing leaves the room to others."""
    one = [Quota("a", (Limit(1, MINUTE),))]
    async with world.transaction() as (connection, transaction):
        assert await PostgresQuotas(connection).take(one, NOW) is None
        await transaction.rollback()
    async with world.transaction() as (connection, _):
        assert await PostgresQuotas(connection).take(one, NOW) is None


async def test_what_no_window_holds_any_more_is_deleted(world: World) -> None:
    """So that the table holds a month and no more."""
    async with world.transaction() as (connection, _):
        for days in (0, 40):
            await PostgresQuotas(connection).take([THREE], NOW + timedelta(days=days))
        assert await connection.fetchval("select count(*) from quota_use") == 1
