from __future__ import annotations

import json

import pytest

from activities.effects import NewNote, Provenance, User
from activities.gateways.postgres_crm import PostgresCrm
from tests.starter.conftest import Perdure
from tests.world import World


async def test_an_absence_comes_and_goes(perdure: Perdure, world: World) -> None:
    """Who is away is listed, with the days; a day alone is a day."""
    assert (await perdure("absence")).out.startswith("Nobody is away.")
    await world.client.put_user(User("7", "a@x.example", "Ann"))
    ran = await perdure("absence", "7", "--from", "2026-07-01", "--until", "2026-07-31")
    assert [word in ran.out for word in ("Ann", "2026-07-01", "2026-07-31")] == [True] * 3
    told = json.loads((await perdure("absence", "7", "--from", "2026-12-24", "--json")).out)
    assert [(each["user"], each["first_day"], each["last_day"]) for each in told] == [
        ("7", "2026-07-01", "2026-07-31"),
        ("7", "2026-12-24", "2026-12-24"),
    ]
    assert (await perdure("absence", "7", "--remove", "--from", "2026-07-01")).out == "1 absence forgotten.\n"
    gone = json.loads((await perdure("absence", "7", "--remove", "--json")).out)
    assert gone == {"user": "7", "removed": 1}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("404",), "there is no user '404'"),
        (("--from", "2026-07-01"), "say which user"),
        (("7", "--until", "2026-07-01"), "goes with --from"),
        (("7", "--from", "tomorrow"), "'tomorrow' is no day"),
    ],
)
async def test_a_mistake_is_told_in_a_sentence(perdure: Perdure, words: tuple[str, ...], told: str) -> None:
    """And the exit status is 2."""
    ran = await perdure("absence", *words)
    assert (ran.status, told in ran.err) == (2, True), ran.err


async def test_a_record_shows_its_notes(perdure: Perdure, world: World) -> None:
    """Those that are pinned first, each with who wrote it."""
    anna = await world.record("contact:42")
    async with world.pool.acquire() as connection, connection.transaction():
        for key, pinned in (("first", True), ("second", False)):
            note = NewNote(f"<p>{key}</p>", (anna,), Provenance("welcome", "r", "write", "e"), pinned=pinned)
            await PostgresCrm(connection).create_note(note, key)
    shown = (await perdure("record", "contact:42")).out
    assert shown.index("<p>first</p>") < shown.index("<p>second</p>")
    assert "pinned" in shown
    assert "flow welcome, step write" in shown
    told = json.loads((await perdure("record", "contact:42", "--json")).out)
    assert [(each["body"], each["pinned"]) for each in told["notes"]] == [
        ("<p>first</p>", True),
        ("<p>second</p>", False),
    ]
