"""The notification centre, in PostgreSQL and in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from activities.effects import Inbox, Notice, Provenance
from activities.fakes import FakeInbox
from activities.gateways.postgres_archive import purge
from activities.gateways.postgres_inbox import PostgresInbox
from tests.world import World
from workflows.model.records import RecordRef

Open = Callable[[], AbstractAsyncContextManager[Inbox]]
NOTICE = Notice("Ding\0", "Dong", RecordRef.parse("contact:1"), Provenance("f", "r", "n", "e"))
_DEVICE = "insert into device (member, endpoint, p256dh, auth, gone_at) values ($1, $2, '', '', $3)"


@pytest.fixture
async def opened(servers: World | None) -> Open:
    """Open the centre for a block, in a transaction of its own; users 7 and 8 are there, and 7 has a device."""
    if servers is None:
        fake = FakeInbox(owners={"1": "7"})

        @asynccontextmanager
        async def in_memory() -> AsyncIterator[Inbox]:
            yield fake

        return in_memory
    pool = servers.pool
    await pool.execute("insert into crm_user (id, email) values ('7', 'a@x.fi'), ('8', 'b@x.fi')")
    await pool.execute(_DEVICE, "7", "https://push.example/1", None)
    await pool.execute(_DEVICE.replace("$3", "now() - $3::interval"), "8", "https://push.example/2", None)
    await pool.execute("update device set gone_at = now() where member = '8'")

    @asynccontextmanager
    async def in_postgres() -> AsyncIterator[Inbox]:
        async with pool.acquire() as connection, connection.transaction():
            yield PostgresInbox(connection)

    return in_postgres


async def test_one_effect_notifies_once(opened: Open) -> None:
    """A repetition under the same key gives the same notifications, and those of who is named only now."""
    async with opened() as inbox:
        first = await inbox.put(NOTICE, ["7"], "k")
    async with opened() as inbox:
        again = await inbox.put(NOTICE, ["7", "8"], "k")
        other = await inbox.put(NOTICE, ["7"], "other")
    assert again["7"] == first["7"]
    assert len({*again.values(), *other.values()}) == 3


async def test_devices_are_those_of_the_users(opened: Open) -> None:
    """But for those that are gone."""
    async with opened() as inbox:
        assert [*(await inbox.devices(["7", "8"])).values()] == ["7"]
        assert await inbox.devices(["8"]) == {}


async def test_a_purge_takes_what_was_said_of_the_record(world: World) -> None:
    """Notifications about others stay."""
    await world.pool.execute("insert into crm_user (id, email) values ('7', 'a@x.fi')")
    for number in (1, 2):
        ref = await world.record(f"contact:{number}")
        async with world.pool.acquire() as connection, connection.transaction():
            notice = Notice("Ding", "", ref, NOTICE.source)
            await PostgresInbox(connection).put(notice, ["7"], f"k{number}")
    await world.pool.execute("update record set archived_at = now() - interval '91 days' where id = '1'")
    assert await purge(world.pool) == 1
    assert [row["record_id"] for row in await world.pool.fetch("select record_id from notification")] == ["2"]
