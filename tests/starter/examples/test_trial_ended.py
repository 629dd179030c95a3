from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.starter.examples.conftest import Examples, Happening, Walked

DAY = timedelta(days=1)


async def followed(examples: Examples, contact: str, *happenings: Happening) -> Walked:
    """Let a contact enter the sequence by the flow, and walk it."""
    entering = await examples.walk("trial-ended", contact)
    (inside,) = [each for each in entering.world.ledger.enrollments.values() if each.flow.startswith("sequence-")]
    return await examples.walk(inside.flow, contact, *happenings, cause=inside.cause)


async def test_the_owner_writes_twice_and_calls(examples: Examples) -> None:
    """On business days at nine of the contact's own clock, here in Tokyo, and in the owner's name."""
    hiro = await followed(examples, "contact:108")
    assert (hiro.ending, hiro.path) == ("completed", ["hello", "rest", "last-word", "a-week", "call"])
    assert hiro.mails == ["How was it, 浩?", "Shall we talk, 浩?"]
    assert {mail.sender for _, mail in hiro.world.mailer.sent} == {"森 有紀 <yuki.mori@example.com>"}
    assert all(mail.text.endswith("森 有紀\n") for _, mail in hiro.world.mailer.sent)
    assert hiro.tasks == [("Call 浩 about the trial", "yuki")]
    # From a Monday evening in Tokyo to Thursday, and five business days on to the next one.
    ends = [hiro.world.ledger.visits[hiro.enrollment, visit].ended for visit in (2, 4)]
    assert ends == [datetime(2026, 1, 8, tzinfo=UTC), datetime(2026, 1, 15, tzinfo=UTC)]


async def test_who_answers_is_written_to_no_more(examples: Examples) -> None:
    """A reply ends it at once, and so does a meeting, and whoever wants no e-mail."""
    for event in ("email_replied", "meeting_booked", "unsubscribed"):
        walked = await followed(examples, "contact:108", Happening(DAY, event))
        assert (walked.ending, walked.took, walked.mails) == ("unenrolled", DAY, ["How was it, 浩?"])


async def test_without_an_owner_or_an_address_nobody_follows_up(examples: Examples) -> None:
    """An owner who has left and an address that is missing are told on the path."""
    orphan, addressless = [await examples.walk("trial-ended", f"contact:{number}") for number in (133, 131)]
    assert orphan.lines["follow-up"] == "failed: sender_inactive"
    assert addressless.lines["follow-up"] == "failed: no_address"
