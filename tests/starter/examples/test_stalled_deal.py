from __future__ import annotations

from datetime import timedelta

import pytest

from tests.starter.examples.conftest import Examples, Happening

FLOW = "stalled-deal"
DAY = timedelta(days=1)
DONE = Happening(DAY, "task_completed", {"step": "ask-owner"})
STAGE = Happening(2 * DAY, "property_changed", {"name": "stage", "value": "negotiation"})


@pytest.mark.parametrize("moved", [DONE, STAGE])
async def test_an_owner_who_moves_rescues_the_deal(examples: Examples, moved: Happening) -> None:
    """Whether they complete the task or change the stage: nobody is written to, and the deal is fresh again."""
    deal = await examples.walk(FLOW, "deal:301", moved)
    assert (deal.ending, deal.path[-1], deal.took, deal.mails) == ("completed", "touched", moved.after, [])
    assert deal.tasks == [("Timber yard in Oulu stands still: what is the next step?", "aino")]
    assert deal.properties["last_activity"] != "2025-03-04"


async def test_everybody_on_the_other_side_is_written_to(examples: Examples) -> None:
    """Each contact of the deal gets the letter that the deal drew, and a reply comes to its owner."""
    deal = await examples.walk(FLOW, "deal:301", Happening(6 * DAY, "email_replied"))
    assert (deal.ending, deal.path[-1]) == ("completed", "answer")
    sent_to = {mail.to for _, mail in deal.world.mailer.sent}
    assert sent_to == {"anna.virtanen@example.com", "emilia.kovacs@example.com"}
    assert len({*deal.mails}) == 1
    assert deal.tasks[-1] == ("They replied: Timber yard in Oulu", "aino")


async def test_both_letters_are_drawn(examples: Examples) -> None:
    """Of fifteen deals some get the question and some the workshop."""
    paths = [(await examples.walk(FLOW, f"deal:{number}")).path for number in range(301, 309)]
    assert {step for path in paths for step in path if step in ("question", "workshop")} == {"question", "workshop"}


@pytest.mark.parametrize(("deal", "told"), [("deal:302", True), ("deal:303", False), ("deal:305", False)])
async def test_a_silent_deal_is_at_risk(examples: Examples, deal: str, told: bool) -> None:
    """After fifteen days it is marked; of a large one the head of sales is told, of one without an amount not."""
    walked = await examples.walk(FLOW, deal)
    assert (walked.ending, walked.took, walked.properties["at_risk"]) == ("completed", 15 * DAY, True)
    assert ("tell-head" in walked.path) is told


async def test_a_deal_without_a_contact_walks_on(examples: Examples) -> None:
    """Nobody can be written to; the step says so, and the rest is done."""
    deal = await examples.walk(FLOW, "deal:315")
    assert {deal.lines[step] for step in deal.path if step in ("question", "workshop")} == {"skipped: no_contact"}
    assert (deal.ending, deal.properties["at_risk"]) == ("completed", True)


async def test_a_deal_that_is_won_leaves(examples: Examples) -> None:
    """At once, before a letter is written."""
    deal = await examples.walk(FLOW, "deal:301", Happening(3 * DAY, goal={"stage": "won"}))
    assert (deal.ending, deal.mails) == ("goal", [])
