"""A worker as a process of its own is killed right after Twilio has taken a text: another one finds the text there."""

from __future__ import annotations

from pathlib import Path

from activities.catalogue import complete
from tests.activities.twilio_stand_in import standing, twilio
from tests.flows import flow
from tests.proofs.faulty_servers import Worker
from tests.until import until
from tests.worker_processes import environment
from tests.world import World
from workflows.model.nodes import NEXT, Perform


async def test_a_text_whose_worker_was_killed_is_not_sent_again(world: World, tmp_path: Path) -> None:
    """The worker dies by SIGKILL between Twilio's taking it and the answer: neither our log nor our ledger knows."""
    settings = complete(world.catalogue["send_sms"], {"text": "Hi {{ contact.firstname }}"})
    step = {"id": "a", "name": "Text", "edges": {NEXT: None}, "kind": "send_sms", "place": "outside"}
    revision = await world.publish(flow(world.key("texts"), Perform.model_validate({**step, "config": settings})))
    contact = await world.record("contact:1", firstname="Anna", phone="(415) 555-0123")
    async with twilio() as stand_in:
        stand_in.faults = ["stalls_after"]
        given = {f"PERDURE_{name}": value for name, value in standing(stand_in).items()}
        enrollment = await world.enroll(revision, contact)
        first, second = Worker(tmp_path / "first.log"), Worker(tmp_path / "second.log")
        await first.start(environment(world, **given), world.queue)
        try:
            await until(lambda: taken(stand_in.texts), within=60, what="the text at Twilio")
            await first.kill9()
            await second.start(environment(world, **given), world.queue)
            assert await world.ended(enrollment, within=60) == "completed"
        finally:
            await first.kill9()
            await second.kill9()
    assert stand_in.texts == [("+14155550123", "Hi Anna")]
    assert stand_in.asked[:2] == ["POST .json", "GET .json"]
    assert [line for _, line in await world.path(enrollment)] == ["sent"]


async def taken(texts: list[tuple[str, str]]) -> bool:
    return bool(texts)
