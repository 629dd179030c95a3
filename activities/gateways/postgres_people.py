"""Users and teams in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from activities.effects import User
from activities.gateways.postgres import storable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from asyncpg.pool import PoolConnectionProxy

# Locked, so that what is done for them, as giving them a record, cannot cross with their deletion.
_USERS = "select id, email, name, active, seat, phone from crm_user where id = any ($1) for key share"

_MEMBERS = """
select t.id as team, u.id, u.email, u.name, u.active, u.seat, u.phone
  from team t left join team_member m on m.team = t.id and (m.is_primary or not $2)
  left join crm_user u on u.id = m.member
 where t.id = any ($1) order by u.id collate "C"
"""


class PostgresPeople:
    """The users and teams, as one connection's transaction sees them."""

    def __init__(self, connection: PoolConnectionProxy[Any]) -> None:
        """Read through `connection`."""
        self._connection = connection

    async def users(self, ids: Collection[str]) -> Mapping[str, User]:
        """See People."""
        rows = await self._connection.fetch(_USERS, [storable(each) for each in ids])
        return {row["id"]: User(**dict(row)) for row in rows}

    async def members(self, teams: Collection[str], *, primary: bool = False) -> Mapping[str, list[User]]:
        """See People."""
        found: dict[str, list[User]] = {}
        for row in await self._connection.fetch(_MEMBERS, [storable(each) for each in teams], primary):
            fields = dict(row)
            members = found.setdefault(fields.pop("team"), [])
            if fields["id"] is not None:
                members.append(User(**fields))
        return found
