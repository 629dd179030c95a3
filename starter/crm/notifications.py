"""The notification centre as users look at it, and the devices on which they want to be notified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from workflows.model.errors import NotThere

MOST_DEVICES = 20
"""Of one user; the oldest give way, for browsers forget to say goodbye."""

_NEWEST = """
select id, title, body, record_type || ':' || record_id as record, source->>'flow' as flow, created_at, read_at
  from notification
 where member = $1 and ($2 or read_at is null) and ($3::bigint is null or id < $3) order by id desc limit $4
"""
_UNREAD = "select count(*) from notification where member = $1 and read_at is null"
_READ = """
update notification set read_at = coalesce(read_at, clock_timestamp()) where member = $1 and id = $2 returning read_at
"""
_ALL_READ = "update notification set read_at = clock_timestamp() where member = $1 and read_at is null returning 1"

# A browser keeps its subscription when another user logs in: then it is theirs.
_REGISTER = """
insert into device as d (member, endpoint, p256dh, auth) values ($1, $2, $3, $4)
on conflict (endpoint) do update
   set member = excluded.member, p256dh = excluded.p256dh, auth = excluded.auth, failures = 0, failure = '',
       gone_at = null
returning id
"""
_FORGET_OLDEST = """
delete from device where id in (select id from device where member = $1 and id <> $2 order by id desc offset $3)
"""
_DEVICES = """
select id, substring(endpoint from '^https://([^/]+)') as service, created_at, pushed_at, failures, failure, gone_at
  from device where member = $1 order by id desc
"""
_FORGET = "delete from device where member = $1 and id = $2 returning 1"


@dataclass(frozen=True)
class Notification:
    """What a user was notified of; `flow` did it, and `read_at` is None while it is unread."""

    id: int
    title: str
    body: str
    record: str
    flow: str | None
    created_at: datetime
    read_at: datetime | None


@dataclass(frozen=True)
class Device:
    """A device of a user, by the service that pushes to it: how often it failed in a row, and since when it is gone."""

    id: int
    service: str
    created_at: datetime
    pushed_at: datetime | None
    failures: int
    failure: str
    gone_at: datetime | None


@dataclass(frozen=True)
class Page:
    """The newest notifications of a user, the newest first, and how many are unread in all."""

    unread: int
    notifications: tuple[Notification, ...]


async def notifications(
    pool: asyncpg.Pool[Any], user: str, *, read: bool = False, before: int | None = None, limit: int = 100
) -> Page:
    """Give the newest notifications of a user: the unread, and with `read` the others, too; `before` an id of one.

    Raise NotThere where there is no such user.
    """
    await _is_there(pool, user)
    rows = await pool.fetch(_NEWEST, user, read, before, limit)
    return Page(await pool.fetchval(_UNREAD, user), tuple(Notification(**dict(row)) for row in rows))


async def mark_read(pool: asyncpg.Pool[Any], user: str, notification: int) -> datetime:
    """Write down that a user has read a notification; give when that was first.

    Raise NotThere where it is none of theirs.
    """
    await _is_there(pool, user)
    read_at: datetime | None = await pool.fetchval(_READ, user, notification)
    if read_at is None:
        raise NotThere(f"the user {user[:80]!r} has no notification {notification}")
    return read_at


async def mark_all_read(pool: asyncpg.Pool[Any], user: str) -> int:
    """Write down that a user has read all notifications; give how many were unread."""
    await _is_there(pool, user)
    return len(await pool.fetch(_ALL_READ, user))


async def register(pool: asyncpg.Pool[Any], user: str, endpoint: str, p256dh: str, auth: str) -> int:
    """Push to a device of a user from now on, by its subscription; give its id. The same one is registered once."""
    await _is_there(pool, user)
    async with pool.acquire() as connection, connection.transaction():
        device: int = await connection.fetchval(_REGISTER, user, endpoint, p256dh, auth)
        await connection.execute(_FORGET_OLDEST, user, device, MOST_DEVICES - 1)
    return device


async def devices(pool: asyncpg.Pool[Any], user: str) -> tuple[Device, ...]:
    """Give the devices of a user, the newest first."""
    await _is_there(pool, user)
    return tuple(Device(**dict(row)) for row in await pool.fetch(_DEVICES, user))


async def unregister(pool: asyncpg.Pool[Any], user: str, device: int) -> None:
    """Push to a device no more; raise NotThere where the user has none with this id."""
    await _is_there(pool, user)
    if not await pool.fetchval(_FORGET, user, device):
        raise NotThere(f"the user {user[:80]!r} has no device {device}")


async def _is_there(pool: asyncpg.Pool[Any], user: str) -> None:
    # What cannot be printed, as NUL, no id of a user holds, nor a statement.
    if not user.isprintable() or not await pool.fetchval("select exists (select from crm_user where id = $1)", user):
        raise NotThere(f"there is no user {user[:80]!r}; `perdure users` lists them")
