"""Quotas in PostgreSQL: a row for each use, and a lock for each quota, so that two takers never see the same room."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from activities.effects import NEVER, Limit, Quota, month_of, next_month

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

KEPT = timedelta(days=32)
"""How long a use is kept: longer than any window."""

# In one order for all, so that no two takers wait for each other.
_LOCK = """
select pg_advisory_xact_lock(hashtextextended('quota ' || key, 0)) from (select unnest($1::text[]) as key order by 1) k
"""

# Of each limit the use that must have left the window before there is room, if it is still in it.
_IN_THE_WAY = """
select n, used.at from unnest($1::text[], $2::timestamptz[], $3::integer[]) with ordinality as l (key, since, room, n),
       lateral (select at from quota_use u where u.key = l.key and at > since order by at desc offset room limit 1) used
"""
_TAKE = """
with old as (delete from quota_use where key = any ($1) and at < $3::timestamptz - $4::interval)
insert into quota_use (key, at) select key, $3 from unnest($1::text[], $2::integer[]) u (key, uses),
       generate_series(1, uses)
"""


class PostgresQuotas:
    """The quotas of `activities.effects`, within one connection's transaction."""

    def __init__(self, connection: PoolConnectionProxy[Any]) -> None:
        """Take within the transaction of `connection`."""
        self._connection = connection

    async def take(self, quotas: Sequence[Quota], now: datetime) -> datetime | None:
        """See Quotas.

        What is used up stays so, whoever else takes: to see that no lock is needed, and a crowd stands in no line.
        """
        if free_at := await self._free_at(quotas, now):
            return free_at
        keys = [quota.key for quota in quotas]
        await self._connection.execute(_LOCK, keys)
        if free_at := await self._free_at(quotas, now):
            return free_at
        await self._connection.execute(_TAKE, keys, [quota.uses for quota in quotas], now, KEPT)
        return None

    async def _free_at(self, quotas: Sequence[Quota], now: datetime) -> datetime | None:
        """Give when all limits may let it through, None where they do now."""
        limits = [(quota, limit, limit.most - quota.uses) for quota in quotas for limit in quota.limits]
        if any(room < 0 for _, _, room in limits):
            return NEVER
        since = [_begin(limit, now) for _, limit, _ in limits]
        rows = await self._connection.fetch(
            _IN_THE_WAY, [quota.key for quota, _, _ in limits], since, [room for _, _, room in limits]
        )
        return max((_end(limits[row["n"] - 1][1], row["at"]) for row in rows), default=None)


def _begin(limit: Limit, now: datetime) -> datetime:
    """Give the moment after which uses count."""
    if isinstance(limit.window, str):
        return month_of(now) - timedelta(microseconds=1)
    return now - limit.window


def _end(limit: Limit, used: datetime) -> datetime:
    """Give when a use counts no more."""
    return next_month(used) if isinstance(limit.window, str) else used + limit.window
