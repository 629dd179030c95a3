from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from starter.rounds import Rounds
from tests.until import until
from tests.world import running

if TYPE_CHECKING:
    from tests.starter.conftest import Office


async def test_a_loop_goes_on_after_trouble_and_says_so_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three failures are one warning, and the next success one line more."""
    monkeypatch.setattr("starter.rounds.FIRST_PAUSE", 0.001)
    caplog.set_level(logging.INFO, "perdure")
    failures, worked = iter(range(3)), asyncio.Event()

    async def work() -> int:
        if next(failures, None) is not None:
            raise OSError("away")
        worked.set()
        return 0

    async def said() -> list[str]:
        return [record.levelname for record in caplog.records] if len(caplog.records) > 1 else []

    async with running(Rounds("the loop", work).run):
        await worked.wait()
        assert await until(said) == ["WARNING", "INFO"]


async def test_a_loop_listens_again_when_its_connection_is_lost(office: Office) -> None:
    """After its listening connection was killed, a loop with a long net is still woken by a row."""
    rounds = 0
    counted = asyncio.Condition()

    async def work() -> int:
        nonlocal rounds
        async with counted:
            rounds += 1
            counted.notify_all()
        return 0

    pool = office.world.pool
    listening = "select count(*) from pg_stat_activity where query like 'LISTEN%' and datname = current_database()"
    await office.world.record("contact:1")
    async with running(Rounds("the loop", work, every=0.2, pool=pool, table="event").run):
        await until(lambda: pool.fetchval(listening))
        await pool.execute(listening.replace("count(*)", "pg_terminate_backend(pid)"))
        await until(lambda: pool.fetchval(f"{listening} and state = 'idle'"))
        before = rounds
        await office.client.publish_event("seen", "contact:1")
        async with counted:
            await asyncio.wait_for(counted.wait_for(lambda: rounds > before), 60)


async def test_a_stopped_loop_gives_its_connection_back(office: Office) -> None:
    """Once stopped, a loop holds no connection of the pool."""

    async def work() -> int:
        return 0

    async with running(Rounds("the loop", work, pool=office.world.pool, table="event").run):
        await until(lambda: office.world.pool.fetchval("select 1"))
    assert office.world.pool.get_size() == office.world.pool.get_idle_size()


async def test_what_comes_while_a_loop_breathes_is_one_round() -> None:
    """Three rows that come after a round that found one are found together by the next."""
    waiting, found = [1], list[int]()
    over, tasks = asyncio.Event(), list[asyncio.Task[None]]()

    async def come() -> None:
        waiting.extend([2, 3, 4])

    async def work() -> int:
        found.append(len(waiting))
        waiting.clear()
        if len(found) == 1:
            tasks.append(asyncio.create_task(come()))
        if not found[-1]:
            over.set()
        return found[-1]

    async with running(Rounds("the loop", work).run):
        await asyncio.wait_for(over.wait(), 20)
    assert found[:3] == [1, 3, 0]
