from __future__ import annotations

from datetime import timedelta

import pytest

from tests.starter.examples.conftest import Examples, Happening

FLOW = "ticket-escalation"
DAY = timedelta(days=1)


def answered(days: float) -> Happening:
    return Happening(days * DAY, "ticket_answered")


@pytest.mark.parametrize(
    ("ticket", "first"),
    [("ticket:401", "at-once"), ("ticket:402", "in-turn"), ("ticket:403", "in-turn"), ("ticket:406", "as-usual")],
)
async def test_each_urgency_begins_in_its_own_way(examples: Examples, ticket: str, first: str) -> None:
    """Urgent at once, high and normal in their turn; one of no priority becomes normal."""
    walked = await examples.walk(FLOW, ticket, answered(0.5))
    assert (walked.ending, walked.path[1], walked.path[-1]) == ("completed", first, "calm")


async def test_an_answer_on_the_second_day_calms_it(examples: Examples) -> None:
    """It was escalated once, and is no more."""
    walked = await examples.walk(FLOW, "ticket:404", answered(1.5))
    assert (walked.path.count("escalate"), walked.path[-1]) == (1, "calm")
    assert "escalations" not in walked.properties
    assert (walked.took, walked.mails) == (1.5 * DAY, [])


async def test_after_three_days_the_head_of_support_has_it(examples: Examples) -> None:
    """Round and round: three escalations, then a task for the head, a word to the customer, the first owner kept."""
    walked = await examples.walk(FLOW, "ticket:404")
    assert (walked.ending, walked.took, walked.path.count("escalate")) == ("completed", 3 * DAY, 3)
    assert walked.tasks[-1] == ("Three days unanswered: Как сменить язык?", "mehmet")
    assert walked.properties["first_owner"] == "olena"
    assert [mail.to for _, mail in walked.world.mailer.sent] == ["dmytro.petrenko@example.com"]


async def test_a_ticket_without_owner_or_address_comes_to_its_end(examples: Examples) -> None:
    """Gaps are told on the path, and stop nothing."""
    ownerless = await examples.walk(FLOW, "ticket:408")
    assert ownerless.lines["in-turn"] == "created a task, unassigned: owner is empty"
    addressless = await examples.walk(FLOW, "ticket:412")
    assert (addressless.lines["apologise"], addressless.ending) == ("skipped: no_address", "completed")


async def test_a_ticket_that_is_closed_leaves(examples: Examples) -> None:
    """At once."""
    walked = await examples.walk(FLOW, "ticket:401", Happening(DAY / 2, goal={"status": "closed"}))
    assert (walked.ending, walked.path[-1]) == ("goal", "answered")
