from __future__ import annotations

from collections import Counter

from starter.demo.files import CONTACTS, put_examples
from starter.demo.life import BUYS, OPENS, REPLIES, Life
from tests.world import World


async def test_forty_people_ask_and_do_different_things(world: World) -> None:
    """Each sends the form once, however often that is told; some will open, reply or buy, and the rest stay quiet."""
    put = await put_examples(world.client)
    life = Life.of(world.client, put.flow.key, CONTACTS)
    deeds = Counter(life.deed(person) for person in life.people)
    assert len(life.people) == 40
    assert min(deeds[deed] for deed in (OPENS, REPLIES, BUYS, None)) >= 3
    await life.ask_for_a_demo()
    assert await world.pool.fetchval("select count(*) from event where type = 'form_submitted'") == 40


async def test_the_examples_are_put_in_as_a_user_would(world: World) -> None:
    """Checked against the properties that loading has defined; the demo's flow and the sequence are on."""
    put = await put_examples(world.client, "http://127.0.0.1:9999")
    assert (put.records, put.users, put.published) == (102, 6, "4 flows, 6 e-mails and 1 sequence")
    flows = await world.pool.fetch("select key, is_on from flow order by key")
    assert [(row["key"], row["is_on"]) for row in flows] == [
        ("demo-request", True),
        ("sequence-trial-follow-up", True),
        ("stalled-deal", False),
        ("ticket-escalation", False),
        ("trial-ended", False),
    ]
    webhook = put.flow.node("tell-marketing")
    assert webhook.model_dump()["config"]["url"] == "http://127.0.0.1:9999/audiences/newsletter"
