from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from tests.starter.examples.conftest import Examples, Happening

FLOW = "demo-request"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
OPENED = Happening(5 * HOUR, "email_opened", {"email": "demo-thanks"})
TO_THE_REMINDER = ["mark-lead", "can-we-write", "thank", "opened", "was-it-opened", "good-morning", "remind", "replied"]


async def test_who_opens_the_email_is_called(examples: Examples) -> None:
    """One e-mail, a warmer lead, a call for the owner, about the company as well."""
    anna = await examples.walk(FLOW, "contact:101", OPENED)
    assert (anna.ending, anna.path[-2:], anna.took) == ("completed", ["warmer", "call"], 5 * HOUR)
    assert (anna.mails, anna.tasks) == (["Your demo, Anna"], [("Call Anna about the demo", "aino")])
    assert (anna.properties["lifecycle_stage"], anna.properties["lead_score"]) == ("lead", 10)
    (task,) = anna.world.ledger.crm.tasks.values()
    assert [str(each) for each in task.records] == ["contact:101", "company:201"]


async def test_who_replies_to_the_reminder_is_answered(examples: Examples) -> None:
    """The reminder comes on a Tuesday or a Thursday at nine of the contact's own clock, here in Tokyo."""
    hiro = await examples.walk(FLOW, "contact:108", Happening(8 * DAY, "email_replied"))
    assert (hiro.ending, hiro.path[len(TO_THE_REMINDER) :]) == ("completed", ["did-they-reply", "answer"])
    assert hiro.path[: len(TO_THE_REMINDER)] == TO_THE_REMINDER
    assert hiro.mails == ["Your demo, 浩", "Still up for a demo, 浩?"]
    assert hiro.tasks == [("Answer 浩", "yuki")]
    assert hiro.world.ledger.visits[hiro.enrollment, 6].ended == datetime(2026, 1, 13, 0, 0, tzinfo=UTC)


async def test_who_stays_quiet_goes_to_marketing(examples: Examples) -> None:
    """Two e-mails and eight days later: marked quiet, and told to another system under its token."""
    ines = await examples.walk(FLOW, "contact:109")
    assert (ines.ending, ines.path[-2:], ines.tasks) == ("completed", ["mark-quiet", "tell-marketing"], [])
    assert ines.properties["lead_status"] == "quiet"
    (request,) = ines.world.http.sent
    assert request.headers["Authorization"] == "Bearer t"
    assert json.loads(request.body)["email"] == "ines.duarte@example.com"
    # From Monday at 09:00 UTC three days, to nine o'clock in the Azores an hour later, and five days.
    assert ines.took == 8 * DAY + HOUR


async def test_who_has_no_address_is_looked_up(examples: Examples) -> None:
    """Nothing is sent to nobody: the owner is to find the address."""
    eilidh = await examples.walk(FLOW, "contact:131")
    assert (eilidh.ending, eilidh.mails) == ("completed", [])
    assert eilidh.tasks == [("Find an address for MacDonald", "aino")]


async def test_gaps_in_the_data_leave_no_gaps_in_the_texts(examples: Examples) -> None:
    """Without a first name, a zone, a score or an active owner the walk goes on, and reads well."""
    nameless = await examples.walk(FLOW, "contact:130", OPENED)
    assert (nameless.mails, nameless.tasks) == (
        ["Your demo, as you asked"],
        [("Call the new lead about the demo", "aino")],
    )
    zoneless = await examples.walk(FLOW, "contact:126")
    assert zoneless.ending == "completed"
    scoreless = await examples.walk(FLOW, "contact:112", OPENED)
    assert scoreless.properties["lead_score"] == 10
    orphan = await examples.walk(FLOW, "contact:133", OPENED)
    assert orphan.lines["call"] == "created a task, unassigned: the user is inactive"


async def test_who_buys_leaves_at_once(examples: Examples) -> None:
    """In the middle of the wait, before anybody calls."""
    buyer = await examples.walk(FLOW, "contact:101", Happening(DAY, goal={"lifecycle_stage": "customer"}))
    assert (buyer.ending, buyer.took, buyer.tasks) == ("goal", DAY, [])
