"""Giving records out in turn, in PostgreSQL: the turns of a step are one row, and its lock is who is next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from activities.gateways.postgres import storable
from activities.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date

    from asyncpg.pool import PoolConnectionProxy

    from activities.effects import Rotation

_AWAY = """
select distinct member from user_absence where member = any ($1) and $2 between first_day and last_day
"""

_HOLD = """
insert into rotation (flow, step, list) values ($1, $2, $3)
on conflict (flow, step, list) do update set at = clock_timestamp() returning turns
"""

_KEEP = "update rotation set turns = $4 where flow = $1 and step = $2 and list = $3"


class PostgresRotations:
    """The turns, within one connection's transaction."""

    def __init__(self, connection: PoolConnectionProxy[Any]) -> None:
        """Count through `connection`."""
        self._connection = connection

    async def away(self, users: Collection[str], day: date) -> frozenset[str]:
        """See Rotations."""
        rows = await self._connection.fetch(_AWAY, [storable(each) for each in users], day)
        return frozenset(row["member"] for row in rows)

    async def turn(self, rotation: Rotation, weights: Mapping[str, int]) -> str:
        """See Rotations."""
        key = rotation.flow, rotation.step, rotation.list
        user, turns = Turns.read(await self._connection.fetchval(_HOLD, *key)).next(weights)
        await self._connection.execute(_KEEP, *key, turns.kept())
        return user
