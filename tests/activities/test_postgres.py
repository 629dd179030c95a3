"""What the connections to PostgreSQL are spared: plans made anew, and questions about types."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from activities.gateways.postgres import open_pool
from tests.flows import delay, flow
from tests.world import World

PLANS = "select generic_plans, custom_plans from pg_prepared_statements where statement = $1"
QUESTION = "select count(*) from outbox where shard = any ($1::text[]::int[])"


async def test_a_worker_keeps_one_plan_of_each_question(world: World) -> None:
    """A question with a list, which PostgreSQL by itself plans anew each time, is planned for all times."""
    pool = await open_pool(world.dsn, size=1, plans="force_generic_plan")
    async with pool.acquire() as connection:
        for shard in range(7):
            await connection.fetchval(QUESTION, [str(shard)])
        (kept,) = await connection.fetch(PLANS, QUESTION)
        assert (kept["generic_plans"], kept["custom_plans"]) == (7, 0)
    await pool.close()


async def test_letting_in_routing_and_starting_ask_nothing_about_types(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On new connections no question is put to the catalogue of types: it is the slowest of all."""
    asked: list[object] = []
    connections: Any = asyncpg.connection.Connection
    introspect = connections._introspect_types

    async def heard(self: object, types: object, timeout: float) -> object:
        asked.append(types)
        return await introspect(self, types, timeout)

    revision = await world.publish(flow(world.key("f"), delay("d", "1 day")))
    record = await world.record("contact:1", stage="lead")
    monkeypatch.setattr(connections, "_introspect_types", heard)
    await world.enroll(revision, record)
    await world.client.publish_event("replied", record)
    assert await world.router.route_once() == 1
    assert await world.relay.relay_once() == 1
    assert asked == []
