"""A worker killed -9 between the recipients of one e-mail: another goes on with the next, and nobody is forgotten."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from activities.actions.send_email import SendEmail
from activities.catalogue import complete
from activities.ledger import effect_key
from tests.flows import flow, send_email
from tests.proofs.faulty_servers import Scene, servers
from tests.until import patience
from workflows.model.revision import Revision

AT_ONCE = 5
RECIPIENTS = [f"contact:{number}" for number in range(1, 6)]

Repeat = Literal["at_least_once", "at_most_once"]
Case = tuple[str, Repeat]

CASES: list[Case] = [
    (point, repeat)
    for point in ("part_intended", "part_sent", "part_settled", "after_intent", "after_send")
    for repeat in ("at_least_once", "at_most_once")
]


@dataclass
class Aftermath:
    """What a case left: the visit, its parts, and the copies of each part's e-mail."""

    visit: Any
    parts: dict[str, Any]
    copies: dict[str, int]


@pytest.fixture(scope="module")
async def aftermaths(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[Case, Aftermath]]:
    """All cases, each struck in a world of its own."""
    turns = asyncio.Semaphore(AT_ONCE)
    async with servers(tmp_path_factory.mktemp("rough")) as running:

        async def strike(case: Case) -> Aftermath:
            async with turns, Scene.open(running, tmp_path_factory.mktemp("world")) as scene:
                return await struck(scene, *case)

        yield dict(zip(CASES, await asyncio.gather(*(strike(case) for case in CASES)), strict=True))


async def struck(scene: Scene, point: str, repeat: Repeat) -> Aftermath:
    """Have a worker die at a crash point while it sends to five contacts of a deal, and another one finish."""
    world = scene.world
    deal = await world.record("deal:1", name="Big")
    for number, contact in enumerate(RECIPIENTS, 1):
        await world.record(contact, firstname=f"C{number}", email=f"c{number}@example.com")
        await world.pool.execute(
            "insert into association (from_type, from_id, to_type, to_id) values ('deal', '1', 'contact', $1)",
            str(number),
        )
    config = complete(SendEmail, {"subject": "Hello {{ contact.firstname }}", "text": "{{ deal.name }}"})
    node = send_email("it", repeat=repeat, timeout=f"{3 * patience():.0f} seconds").model_copy(
        update={"config": config}
    )
    drawn = flow(world.key("struck"), node).flow
    revision = await world.publish(Revision.of(drawn.model_copy(update={"object": "deal"})))
    async with scene.worker(point) as worker:
        enrollment = await world.enroll(revision, deal)
        await worker.struck()
    async with scene.worker():
        await scene.all_ended([enrollment], within=40)
    rows = await world.pool.fetch("select * from visit_part where enrollment = $1", enrollment)
    sent = scene.sent()
    copies = {contact: sent.pop(effect_key(enrollment, 1, contact), 0) for contact in RECIPIENTS}
    assert sent == Counter()
    return Aftermath((await world.visits(enrollment))[0], {row["part"]: row for row in rows}, copies)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_only_the_part_under_way_is_in_doubt(aftermaths: dict[Case, Aftermath], case: Case) -> None:
    """Wherever the worker dies, the other recipients get one e-mail each, and none of them is flagged."""
    found = aftermaths[case]
    assert {found.copies[contact] for contact in RECIPIENTS[1:]} == {1}
    assert {found.parts[contact]["state"] for contact in RECIPIENTS[1:]} == {"done"}
    assert not any(found.parts[contact]["repeated"] for contact in RECIPIENTS[1:])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_part_under_way_follows_its_step(aftermaths: dict[Case, Aftermath], case: Case) -> None:
    """Between its intent and its commit it is sent again under one Message-ID and flagged, or left as unknown."""
    found, (point, repeat) = aftermaths[case], case
    first, in_doubt = found.parts[RECIPIENTS[0]], point in ("part_intended", "part_sent")
    again = in_doubt and repeat == "at_least_once"
    lost = in_doubt and repeat == "at_most_once"
    assert found.copies[RECIPIENTS[0]] == (point != "part_intended") + again
    assert (first["state"], first["repeated"], found.visit["repeated"]) == ("unknown" if lost else "done", again, again)
    assert found.visit["answer"]["line"] == ("sent to 4 of 5, 1 unknown" if lost else "sent to 5 of 5")
    assert found.visit["output"] == {"sent": 5 - lost, "skipped": 0, "failed": 0, "unknown": int(lost)}
