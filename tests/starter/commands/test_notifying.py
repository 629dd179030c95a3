from __future__ import annotations

import json

import pytest

from activities.effects import Notice, Provenance, User
from activities.gateways.postgres_inbox import PostgresInbox
from activities.gateways.push_keys import public_word, read_key
from tests.starter.conftest import Perdure
from tests.world import World
from workflows.model.records import RecordRef


async def test_notifications_are_listed_and_read(perdure: Perdure, world: World) -> None:
    """The unread ones, or all; one is marked by its id, or all are."""
    await world.client.put_user(User("7", "a@x.example", "Ann"))
    assert (await perdure("notifications", "7")).out.startswith("7 has nothing unread.")
    for title in ("Ding", "Dong", "Bell"):
        async with world.pool.acquire() as connection, connection.transaction():
            notice = Notice(title, "Call", RecordRef.parse("contact:1"), Provenance("f", "r", "n", "e"))
            await PostgresInbox(connection).put(notice, ["7"], title)
    shown = (await perdure("notifications", "7")).out
    assert [word in shown for word in ("Ding", "Dong", "contact:1", "Call", "unread")] == [True] * 5
    page = json.loads((await perdure("notifications", "7", "--json")).out)
    ids = {each["title"]: str(each["id"]) for each in page["notifications"]}
    assert (page["unread"], [*ids]) == (3, ["Bell", "Dong", "Ding"])
    assert (await perdure("notifications", "7", "--read", ids["Dong"])).out.startswith("Read at ")
    assert "Dong" not in (await perdure("notifications", "7")).out
    assert (await perdure("notifications", "7", "--read-all")).out == "2 notifications marked as read.\n"
    assert "Dong" in (await perdure("notifications", "7", "--all")).out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("404",), "there is no user '404'"),
        (("7", "--read", "1"), "has no notification 1"),
        (("7", "--read", "9" * 30), "has no notification 99"),
        (("7", "--all", "--read-all"), "say one of --all, --read and --read-all"),
    ],
)
async def test_a_mistake_is_told_in_a_sentence(
    perdure: Perdure, world: World, words: tuple[str, ...], told: str
) -> None:
    """And the exit status is 2."""
    await world.client.put_user(User("7", "a@x.example", "Ann"))
    ran = await perdure("notifications", *words)
    assert (ran.status, told in ran.err) == (2, True), ran.err


async def test_push_keys_are_a_pair(perdure: Perdure) -> None:
    """The private one as the setting wants it, the public one as a web page does; another pair each time."""
    told = dict(line.split("=") for line in (await perdure("push-keys")).out.splitlines())
    private = told["PERDURE_PUSH__PRIVATE_KEY"]
    assert public_word(read_key(private)) == told["applicationServerKey"]
    assert json.loads((await perdure("push-keys", "--json")).out)["private_key"] != private
