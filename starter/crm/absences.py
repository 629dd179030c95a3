"""Who is away, and when: on these days nobody is given a record in turn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import asyncpg

from workflows.model.errors import CallerError

_PUT = """
insert into user_absence (member, first_day, last_day) values ($1, $2, $3)
on conflict (member, first_day) do update set last_day = excluded.last_day
"""

_REMOVE = """
delete from user_absence where member = $1 and ($2::date is null or first_day = $2) returning 1
"""

_ALL = """
select a.member as user, u.name, a.first_day, a.last_day from user_absence a join crm_user u on u.id = a.member
 where $1::text is null or a.member = $1 order by a.first_day, a.member
"""


@dataclass(frozen=True)
class Absence:
    """The days on which a user is away; both ends count."""

    user: str
    name: str
    first_day: date
    last_day: date


async def absences(pool: asyncpg.Pool[Any], user: str | None = None) -> list[Absence]:
    """Give the absences of all users, or of one, by their first days."""
    if user is not None:
        await _is_there(pool, user)
    return [Absence(**dict(row)) for row in await pool.fetch(_ALL, user)]


async def put(pool: asyncpg.Pool[Any], user: str, first: date, last: date) -> None:
    """Write down that a user is away; raise CallerError where there is no such user, or the days are the wrong way."""
    if last < first:
        raise CallerError(f"{last} is before {first}; say the first day by --from and the last by --until")
    await _is_there(pool, user)
    await pool.execute(_PUT, user, first, last)


async def remove(pool: asyncpg.Pool[Any], user: str, first: date | None = None) -> int:
    """Forget the absences of a user, or that which begins on a day; give how many there were."""
    await _is_there(pool, user)
    return len(await pool.fetch(_REMOVE, user, first))


async def _is_there(pool: asyncpg.Pool[Any], user: str) -> None:
    if not await pool.fetchval("select exists (select from crm_user where id = $1)", user):
        raise CallerError(f"there is no user {user[:80]!r}; `perdure users` lists them")
