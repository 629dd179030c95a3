"""Consent as people look after it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from activities.effects import SubscriptionContent
from starter.contents import PublishedContent, save
from tests.starter.conftest import Perdure
from tests.world import World
from workflows.model.errors import FlowError

NEWS = SubscriptionContent("newsletter", "Newsletter")


async def published(world: World, *contents: SubscriptionContent) -> list[PublishedContent]:
    """Publish subscription types."""
    async with world.pool.acquire() as connection:
        return await save(connection, contents)


async def test_a_type_is_published_and_named_anew(world: World) -> None:
    """The same changes nothing; another channel would change what was said of it."""
    other = SubscriptionContent("newsletter", "News")
    told = [(await published(world, each))[0].new for each in (NEWS, NEWS, other)]
    assert (told, await world.pool.fetchval("select name from subscription")) == ([True, False, True], "News")
    with pytest.raises(FlowError, match="of the channel email"):
        await published(world, SubscriptionContent("newsletter", "News", "sms"))


async def test_a_folder_is_published_with_its_types(perdure: Perdure, world: World, tmp_path: Path) -> None:
    """The type before the flow that names it, whatever the names of the files."""
    await world.define("contact", email="text")
    (tmp_path / "a.yaml").write_text(
        "flow: f\nobject: contact\nsteps:\n  - {do: set_subscription, id: s, subscription: news, state: opted_in}\n"
    )
    (tmp_path / "b.yaml").write_text("subscription: news\n")
    ran = await perdure("publish", tmp_path)
    assert (ran.status, "The subscription type news is published" in ran.out) == (0, True), ran.out + ran.err
    assert [row["key"] for row in await world.pool.fetch("select key from subscription")] == ["news"]


async def test_types_are_listed_with_how_many_said_so(perdure: Perdure, world: World) -> None:
    """Of each contact the newest word counts."""
    assert "There is no subscription type yet" in (await perdure("subscriptions")).out
    await published(world, NEWS)
    for number in (1, 2):
        await world.record(f"contact:{number}")
        await perdure("consent", f"contact:{number}", "--opt-in", "newsletter")
    await perdure("consent", "contact:2", "--opt-out", "newsletter")
    [told] = json.loads((await perdure("subscriptions", "--json")).out)
    assert (told["key"], told["opted_in"], told["opted_out"]) == ("newsletter", 1, 1)
    assert "Newsletter" in (await perdure("subscriptions")).out


async def test_what_a_contact_says_is_written_down_and_shown(perdure: Perdure, world: World) -> None:
    """With who wrote it, and why; an event tells of it."""
    await published(world, NEWS)
    await world.record("contact:1", email="anna@example.com")
    assert (await perdure("consent", "contact:1")).out == "Nothing was said of any subscription.\n"
    why = ("--basis", "consent_with_notice", "--explanation", "She rang")
    assert (await perdure("consent", "contact:1", "--opt-in", "newsletter", *why)).status == 0
    await world.client.publish_event("email_bounced", "contact:1", {"kind": "hard"})
    shown = await perdure("consent", "contact:1", "--opt-out-of-all")
    for part in ("all email", "opted out", "newsletter", "opted in", "hand", "She rang", "anna@example.com bounced"):
        assert part in shown.out
    assert await world.pool.fetchval("select count(*) from event where type = 'subscription_changed'") == 2
    page = json.loads((await perdure("record", "contact:1", "--json")).out)["consent"]
    assert [(each["subscription"], each["state"]) for each in page["words"]] == [
        (None, "opted_out"),
        ("newsletter", "opted_in"),
    ]
    assert "(cli)" in page["words"][0]["source"]["who"]


async def test_a_basis_of_nothing_is_a_mistake(perdure: Perdure, world: World) -> None:
    """Who names one believes that something was written down."""
    await world.record("contact:1")
    ran = await perdure("consent", "contact:1", "--basis", "consent_with_notice")
    assert (ran.status, "--basis and --explanation go with --opt-in" in ran.err) == (2, True), ran.err


async def test_pending_is_shown(perdure: Perdure, world: World) -> None:
    """Marketing until its day."""
    await world.record("contact:1")
    query = "insert into contact_standing (contact, marketing, marketing_until) values ('1', true, '2026-02-01 12:00')"
    await world.pool.execute(query)
    assert (await perdure("consent", "contact:1")).out.startswith("Marketing contact until 2026-02-01 ")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("contact:9",), "there is no record contact:9"),
        (("contact:9", "--opt-out-of-all"), "there is no contact contact:9"),
        (("company:7",), "is no contact"),
        (("company:7", "--opt-out-of-all"), "is no contact"),
        (("contact:1", "--opt-in", "news"), "there is no subscription 'news'; there are newsletter"),
        (("contact:1", "--opt-in", "newsletter", "--opt-out", "newsletter"), "one at a time"),
    ],
)
async def test_a_users_mistake_is_told_in_a_sentence(
    perdure: Perdure, world: World, words: tuple[str, ...], told: str
) -> None:
    """And the exit status is 2."""
    await published(world, NEWS)
    await world.record("contact:1")
    await world.record("company:7")
    ran = await perdure("consent", *words)
    assert (ran.status, told in ran.err) == (2, True), ran.err
