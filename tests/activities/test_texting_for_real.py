"""Texts on the real ledger and a real worker, with Twilio's stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from activities.catalogue import complete
from activities.gateways.text_log import TextLog
from activities.gateways.twilio_settings import TwilioSettings
from activities.gateways.twilio_sms import Pace, TwilioSms
from tests.activities.twilio_stand_in import ACCOUNT, SENDER, TOKEN, TwilioStandIn, twilio
from tests.flows import flow
from tests.world import World
from workflows.contract import Answer, Step
from workflows.model.nodes import NEXT, Perform
from workflows.model.revision import Revision

TO = "+14155550123"


@pytest.fixture
async def stand_in(world: World) -> AsyncIterator[TwilioStandIn]:
    """Twilio on loopback, which the world's worker sends by."""
    async with twilio() as standing:
        account = {"account_sid": ACCOUNT, "auth_token": SecretStr(TOKEN), "sender": SENDER, "base_url": standing.url}
        world.sms = sms = TwilioSms(TwilioSettings.model_validate(account), TextLog(world.pool), pace=Pace(look=0.05))
        yield standing
        await sms.close()


def notifying(world: World, **config: Any) -> Revision:
    """Draw a flow that texts somebody."""
    settings = complete(world.catalogue["notify_sms"], {"text": "Hi", **config})
    step = {"id": "a", "name": "Text", "edges": {NEXT: None}, "kind": "notify_sms", "place": "outside"}
    return flow(world.key("texts"), Perform.model_validate({**step, "config": settings}))


async def test_an_answer_that_was_lost_is_no_second_text(world: World, stand_in: TwilioStandIn) -> None:
    """The activity is tried again, finds the text at Twilio, and follows it; a team and an owner are one phone."""
    stand_in.faults, stand_in.course = ["dies_after"], ["sending", "delivered"]
    await world.pool.execute("insert into crm_user (id, email, phone) values ('7', 'bo@x.fi', $1)", TO)
    await world.pool.execute("insert into team (id, name) values ('sales', 'Sales')")
    await world.pool.execute("insert into team_member (team, member) values ('sales', '7')")
    contact = await world.record("contact:1", owner="7")
    revision = await world.publish(notifying(world, teams=["sales"], owners=["owner"]))
    async with world.serving():
        enrollment = await world.enroll(revision, contact)
        assert await world.ended(enrollment) == "completed"
    assert stand_in.texts == [(TO, "Hi")]
    [visit] = await world.visits(enrollment)
    assert (visit["answer"]["line"], visit["output"]["status"]) == ("sent", "delivered")


async def test_a_worker_that_dies_after_sending_is_no_second_text(world: World, stand_in: TwilioStandIn) -> None:
    """The next attempt knows what was sent by the log."""
    crashes = ["part_sent"]

    def crash(point: str) -> None:
        if point in crashes:
            crashes.remove(point)
            raise RuntimeError("crashed")

    contact = await world.record("contact:1")
    revision = await world.publish(notifying(world, to=[TO]))
    async with world.serving(crash):
        enrollment = await world.enroll(revision, contact)
        assert await world.ended(enrollment) == "completed"
    assert (stand_in.texts, stand_in.asked[0], crashes) == ([(TO, "Hi")], "POST .json", [])
    assert "GET .json" not in stand_in.asked


async def test_fifty_enrollments_at_once_keep_to_the_quota(world: World, stand_in: TwilioStandIn) -> None:
    """Twenty are texted within the minute; thirty sleep until there is room."""
    stand_in.course = ["delivered"]
    revision = await world.publish(notifying(world, to=[TO]))
    performer = world.performer()
    refs = [await world.record(f"contact:{number}") for number in range(50)]
    enrollments = [await world.enroll(revision, ref) for ref in refs]

    async def one(enrollment: str) -> Answer:
        step = Step(enrollment=enrollment, revision=revision.hash, node="a", visit=1)
        return await performer.perform(step, "a1")

    answers = await asyncio.gather(*(one(each) for each in enrollments))
    lines = sorted(answer.line for answer in answers)
    assert lines == ["deferred: rate_limited"] * 30 + ["sent"] * 20
    assert len(stand_in.messages) == 20
    until = [answer.asleep.until for answer in answers if answer.asleep and answer.asleep.until]
    assert len({*until}) > 10, "they would all come back at once"
