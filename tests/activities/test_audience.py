"""Who is notified."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import ClassVar

import pytest

from activities.audience import Audience, LeftOut, Notifying
from activities.effects import People, User
from activities.fakes import FakePeople
from activities.gateways.postgres_people import PostgresPeople
from tests.activities.doing import anna
from tests.world import World

USERS = {
    each.id: each
    for each in (
        User("1", "a@acme.example", "Ann", phone="+358401234567"),
        User("2", "b@acme.example", active=False),
        User("3", "c@acme.example", seat=False),
        User("10", "d@acme.example"),
    )
}
TEAMS = {"sales": {"3": True, "2": True, "10": False, "1": False}, "gone": {"2": True}, "empty": {}}


class Tell(Notifying):
    """Tell people."""

    kind: ClassVar = "tell"
    place: ClassVar = "outside"
    examples: ClassVar = ()


@asynccontextmanager
async def _given(people: People) -> AsyncIterator[People]:
    yield people


@pytest.fixture
async def people(servers: World | None) -> AsyncIterator[AbstractAsyncContextManager[People]]:
    """The same users and teams on PostgreSQL and in memory."""
    if servers is None:
        yield _given(FakePeople(USERS, TEAMS))
        return
    rows = [(each.id, each.email, each.name, each.active, each.seat, each.phone) for each in USERS.values()]
    async with servers.pool.acquire() as connection, connection.transaction():
        await connection.executemany(
            "insert into crm_user (id, email, name, active, seat, phone) values ($1, $2, $3, $4, $5, $6)", rows
        )
        await connection.executemany("insert into team (id, name) values ($1, $1)", [(team,) for team in TEAMS])
        members = [(team, user, primary) for team, of in TEAMS.items() for user, primary in of.items()]
        await connection.executemany("insert into team_member (team, member, is_primary) values ($1, $2, $3)", members)
        yield _given(PostgresPeople(connection))


async def test_users_and_members_are_found(people: AbstractAsyncContextManager[People]) -> None:
    """By id, whole, active or not; a team's in the order of their ids, and those whose primary one it is."""
    async with people as found:
        assert await found.users(["1", "9", "2", "1\0"]) == {"1": USERS["1"], "2": USERS["2"]}
        members = await found.members([*TEAMS, "none"])
        assert {team: [each.id for each in of] for team, of in members.items()} == {
            "sales": ["1", "10", "2", "3"],
            "gone": ["2"],
            "empty": [],
        }
        primary = await found.members(["sales"], primary=True)
        assert [each.id for each in primary["sales"]] == ["2", "3"]


async def test_each_is_notified_once(people: AbstractAsyncContextManager[People]) -> None:
    """Users first, then members of teams, then owners; only who is active."""
    step = Tell(users=("3",), teams=("sales",), owners=("owner", "boss"))
    async with people as found:
        audience = await step.audience(found, anna(owner="10", boss=1))
    assert ([each.id for each in audience.people], audience.left_out) == (["3", "1", "10"], ())


async def test_who_is_left_out_is_told_with_why(people: AbstractAsyncContextManager[People]) -> None:
    """Each once, as the step names them."""
    step = Tell(users=("2", "9"), teams=("gone", "empty", "none"), owners=("owner", "boss", "backup"))
    async with people as found:
        audience = await step.audience(found, anna(owner="", boss="2", backup="x"))
    assert audience == Audience(
        (),
        (
            LeftOut("user 2", "inactive_user"),
            LeftOut("user 9", "unknown_user"),
            LeftOut("team gone", "empty_team"),
            LeftOut("team empty", "empty_team"),
            LeftOut("team none", "unknown_team"),
            LeftOut("owner", "no_user"),
            LeftOut("boss", "inactive_user"),
            LeftOut("backup", "unknown_user"),
        ),
    )
