from __future__ import annotations

import pytest

from activities.action import Skipped
from activities.actions.unenroll_from_sequence import UnenrollFromSequence
from activities.fakes.flows import FakeDoors, FakeEnrollment
from activities.fakes.ledger import FakeLedger
from tests.activities.doing import ANNA, NOW, anna, doing


def inside() -> FakeLedger:
    flows = ("newsletter", "sequence-follow-up")
    return FakeLedger(lambda: NOW, enrollments={flow: FakeEnrollment(flow, ANNA, NOW) for flow in flows})


@pytest.mark.parametrize("sequence", [None, "follow-up"])
async def test_the_contact_is_ordered_out(sequence: str | None) -> None:
    """Of the one that is named, or of whichever it is in; other flows keep it."""
    there = inside()
    done = await UnenrollFromSequence(sequence=sequence).perform(doing(anna(), doors=FakeDoors(there)))
    assert (done.line, done.output) == ("left follow-up", {"sequence": "follow-up"})
    assert [each.leaving for each in there.enrollments.values()] == [None, "unenrolled"]


async def test_who_is_in_no_sequence_is_passed_over() -> None:
    """In another one than is named, in none, or about to leave."""
    there = inside()
    with pytest.raises(Skipped, match="not_in_sequence"):
        await UnenrollFromSequence(sequence="win-back").perform(doing(anna(), doors=FakeDoors(there)))
    there.enrollments["sequence-follow-up"].leaving = "unenrolled"
    with pytest.raises(Skipped, match="not_in_sequence"):
        await UnenrollFromSequence().perform(doing(anna(), doors=FakeDoors(there)))
