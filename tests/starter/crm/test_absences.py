from __future__ import annotations

from datetime import date

import pytest

from activities.effects import User
from starter.crm.absences import Absence, absences, put, remove
from tests.world import World
from workflows.model.errors import CallerError

JULY = date(2026, 7, 1), date(2026, 7, 31)
CHRISTMAS = date(2026, 12, 24), date(2026, 12, 24)


async def test_absences_are_kept_by_their_first_days(world: World) -> None:
    """One that begins on the same day takes the place of that which was there; all are listed in order."""
    for user in ("7", "8"):
        await world.client.put_user(User(user, f"u{user}@x.example", user.upper()))
    await put(world.pool, "8", *CHRISTMAS)
    await put(world.pool, "7", *JULY)
    await put(world.pool, "7", JULY[0], JULY[0])
    assert await absences(world.pool) == [Absence("7", "7", JULY[0], JULY[0]), Absence("8", "8", *CHRISTMAS)]
    assert await absences(world.pool, "8") == [Absence("8", "8", *CHRISTMAS)]


async def test_absences_are_forgotten(world: World) -> None:
    """That which begins on a day, or all of a user."""
    await world.client.put_user(User("7", "u@x.example"))
    for days in (JULY, CHRISTMAS):
        await put(world.pool, "7", *days)
    assert await remove(world.pool, "7", JULY[1]) == 0
    assert await remove(world.pool, "7", JULY[0]) == 1
    assert await remove(world.pool, "7") == 1
    assert await absences(world.pool) == []


async def test_who_is_not_there_is_not_away(world: World) -> None:
    """Nor does an absence end before it begins."""
    await world.client.put_user(User("7", "u@x.example"))
    with pytest.raises(CallerError, match="2026-07-01 is before 2026-07-31"):
        await put(world.pool, "7", JULY[1], JULY[0])
    for ask in (put(world.pool, "404", *JULY), remove(world.pool, "404"), absences(world.pool, "404")):
        with pytest.raises(CallerError, match="there is no user '404'"):
            await ask
