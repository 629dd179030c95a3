"""The notification centre in PostgreSQL, and what is known of the devices that are pushed to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from activities.gateways.postgres import storable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    from activities.effects import Notice

_PUT = """
with put as (
  insert into notification (member, title, body, record_type, record_id, source, effect)
  select member, $3, $4, $5, $6, $7, $2 from unnest($1::text[]) as u (member)
  on conflict (effect, member) do nothing returning member, id)
select member, id from put union all select member, id from notification where effect = $2 and member = any ($1)
"""
_DEVICES = "select id, member from device where member = any ($1) and gone_at is null order by id"
_ADDRESS = "select endpoint, p256dh, auth from device where id = $1 and gone_at is null"
_PUSHED = "update device set pushed_at = clock_timestamp(), failures = 0, failure = '' where id = $1"
_FAILED = "update device set failures = failures + 1, failure = $2 where id = $1"

# One that was registered again meanwhile has other keys, and is not gone.
_GONE = "update device set gone_at = clock_timestamp(), failure = $3 where id = $1 and auth = $2"


class PostgresInbox:
    """The notification centre, as one connection's transaction sees it."""

    def __init__(self, connection: PoolConnectionProxy[Any]) -> None:
        """Read and write through `connection`."""
        self._connection = connection

    async def put(self, notice: Notice, users: Sequence[str], key: str) -> Mapping[str, str]:
        """See Inbox."""
        texts, about = (storable(notice.title), storable(notice.body)), (notice.record.type, notice.record.id)
        rows = await self._connection.fetch(_PUT, [*users], key, *texts, *about, asdict(notice.source))
        return {row["member"]: str(row["id"]) for row in rows}

    async def devices(self, users: Sequence[str]) -> Mapping[str, str]:
        """See Inbox."""
        return {str(row["id"]): row["member"] for row in await self._connection.fetch(_DEVICES, [*users])}


@dataclass(frozen=True)
class Subscription:
    """How a device is reached, and only by whoever knows all of this."""

    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)


class Devices:
    """The devices, on a pool: what comes of a push is written down outside any visit."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        """Read and write through `pool`."""
        self._pool = pool

    async def subscription(self, device: str) -> Subscription | None:
        """Give how a device is reached; None where it is gone."""
        row = await self._pool.fetchrow(_ADDRESS, int(device))
        return None if row is None else Subscription(**dict(row))

    async def pushed(self, device: str) -> None:
        """Keep that its push service took something for a device."""
        await self._pool.execute(_PUSHED, int(device))

    async def failed(self, device: str, code: str) -> None:
        """Keep why a push to a device failed."""
        await self._pool.execute(_FAILED, int(device), code)

    async def gone(self, device: str, subscription: Subscription, code: str) -> None:
        """Push to a device no more, until it is registered again."""
        await self._pool.execute(_GONE, int(device), subscription.auth, code)
