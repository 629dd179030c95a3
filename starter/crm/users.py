"""Users and teams: who works with the CRM, so that tasks and records can be given to somebody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from activities.effects import User
from starter.language.wording import meant
from starter.loading.rows import YES_OR_NO, BadRow, Row, open_rows, slug, texts_of
from starter.trials.outside import phone as read_number
from workflows.model.addresses import is_address
from workflows.model.errors import CallerError

_WORDS = {"": True, **YES_OR_NO}
_MOST_ID = 200

_PUT = """
insert into crm_user as u (id, email, name, active, seat, phone) values ($1, $2, $3, $4, $5, coalesce($6, ''))
on conflict (id) do update
   set email = excluded.email, name = excluded.name, active = excluded.active, seat = excluded.seat,
       phone = coalesce($6, u.phone)
"""

# The first team is the primary one: only its members take part where records are given out evenly.
_JOIN = """
with wanted as (select * from unnest($2::text[], $3::text[]) with ordinality as w (id, name, n)),
made as (insert into team (id, name) select id, name from wanted on conflict do nothing),
left_ as (delete from team_member where member = $1 and team <> all ($2))
insert into team_member (team, member, is_primary) select id, $1, n = 1 from wanted
on conflict (team, member) do update set is_primary = excluded.is_primary
"""

_EVERYONE = """
select u.id, u.email, u.name, u.active, u.seat, u.phone,
       array(select t.name from team_member m join team t on t.id = m.team
              where m.member = u.id order by m.is_primary desc, t.name) as teams
  from crm_user u order by u.id
"""


COLUMNS = ("id", "email", "name", "phone", "active", "seat", "team")
"""The columns of a file of users."""


@dataclass(frozen=True)
class Member:
    """A user and the teams it is in, the primary one first."""

    user: User
    teams: tuple[str, ...] = ()


class Put(NamedTuple):
    """A line of a file of users; without a column `team`, or `phone`, that is None, and stays as it is."""

    line: int
    user: User
    teams: tuple[str, ...] | None
    phone: str | None = None


async def everyone(pool: asyncpg.Pool[Any]) -> list[Member]:
    """Give all users, by id."""
    rows = [dict(row) for row in await pool.fetch(_EVERYONE)]
    return [Member(User(**{key: row[key] for key in row if key != "teams"}), tuple(row["teams"])) for row in rows]


async def put(
    pool: asyncpg.Pool[Any], user: User, teams: tuple[str, ...] | None = None, phone: str | None = None
) -> None:
    """Write a user, new or over what is there, with its phone and the teams it is in, the primary one first.

    A phone that is not given stays; an empty one is taken away.

    Raise CallerError where the id, the address or the phone is none, or the address is another user's.
    """
    if not 0 < len(user.id) <= _MOST_ID or not user.id.isprintable() or " " in user.id:
        raise CallerError(f"{user.id[:80]!r} is no id of a user: up to {_MOST_ID} characters, without spaces")
    if not user.name.isprintable() or not all(name.isprintable() for name in teams or ()):
        raise CallerError(f"the name of {user.id} and of its teams must be one line")
    if not is_address(user.email):
        raise CallerError(f"{user.email[:80]!r} is no e-mail address")
    phone = phone if phone is not None else user.phone or None
    number = read_number(phone, None).e164 if phone else phone
    try:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(_PUT, user.id, user.email, user.name, user.active, user.seat, number)
            if teams is not None:
                await connection.execute(_JOIN, user.id, [slug(name) for name in teams], list(teams))
    except asyncpg.UniqueViolationError:
        raise CallerError(f"another user has the address {user.email}") from None


def read_users(path: Path) -> Iterator[Put | BadRow]:
    """Read a CSV or JSON Lines file with the columns id and email, and maybe name, phone, active, seat and team.

    Several teams are separated by semicolons. Raise CallerError where the file cannot be read, lacks a column, or has
    one that means nothing: what was meant for `team` must not be passed over.
    """
    file = open_rows(path)
    names = {title: slug(title) for title in file.titles}
    if missing := {"id", "email"} - {*names.values()}:
        raise CallerError(f"{path}: there is no column {' and no column '.join(sorted(missing))}")
    for title, name in names.items():
        if name not in COLUMNS:
            raise CallerError(f"{path}: the column {title[:80]!r} means nothing here; {meant(name, COLUMNS)}")
    for row in file.rows():
        yield row if isinstance(row, BadRow) else _read(row, names)


def _read(row: Row, names: Mapping[str, str]) -> Put | BadRow:
    cells = texts_of(row, names)
    said = {name: _WORDS.get(cells.get(name, "").lower()) for name in ("active", "seat")}
    for name, value in said.items():
        if value is None:
            return BadRow(row.line, f"{name} is true or false, not {cells[name][:80]!r}")
    user = User(
        cells["id"], cells["email"], cells.get("name", ""), active=bool(said["active"]), seat=bool(said["seat"])
    )
    teams = [name.strip() for name in cells["team"].split(";")] if "team" in cells else None
    named = None if teams is None else tuple(dict.fromkeys(name for name in teams if slug(name)))
    return Put(row.line, user, named, cells.get("phone"))


async def load_users(pool: asyncpg.Pool[Any], path: Path) -> tuple[int, list[BadRow]]:
    """Write the users of a CSV file; give how many, and the rows that were none."""
    good, bad = 0, []
    for row in read_users(path):
        if isinstance(row, BadRow):
            bad.append(row)
            continue
        try:
            await put(pool, row.user, row.teams, row.phone)
            good += 1
        except CallerError as error:
            bad.append(BadRow(row.line, str(error)))
    return good, bad
