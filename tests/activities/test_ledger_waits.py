"""Which events count for a wait, and who ends it: the same on both ledgers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.activities.ledger_bench import HAPPENED, OPENED, REPLIED, SECOND, Bench, end, now
from tests.until import until
from workflows.contract import Answer, Asleep
from workflows.model.errors import EngineError


async def test_an_event_after_arming_counts(bench: Bench) -> None:
    """What the record does while the wait is armed ends it, of the types looked for, oldest first."""
    assert await bench.ledger.arm(bench.step(1), "wait", (REPLIED, OPENED), None) == Asleep(why="wait")
    await bench.logged("clicked")
    assert await bench.counted(1) == []
    await bench.logged("opened")
    await bench.logged("replied")
    assert await bench.counted(1) == ["opened", "replied"]
    assert await bench.state(1) == "asleep"


async def test_an_event_since_the_previous_visit_counts(bench: Bench) -> None:
    """Between the end of the previous visit and the arming no event is lost; before it, none counts."""
    await bench.logged("opened")
    await bench.ledger.settle(bench.step(1), "mail", Answer())
    await bench.logged("replied")
    await bench.ledger.arm(bench.step(2), "wait", (REPLIED, OPENED), None)
    assert await bench.counted(2) == ["replied"]


async def test_the_first_visit_counts_from_the_enrollment(bench: Bench) -> None:
    """A wait that is the first step looks back to the moment the record was accepted, no further."""
    await bench.logged("opened", ago=60)
    await bench.logged("replied")
    await bench.ledger.arm(bench.step(1), "wait", (REPLIED, OPENED), None)
    assert await bench.counted(1) == ["replied"]


async def test_a_delay_that_was_left_early_ends_when_it_was_left(bench: Bench) -> None:
    """Its planned end lies ahead: what happens after it was left counts all the same."""
    await bench.ledger.lie_down(bench.step(1), "delay", Asleep(why="delay", until=now() + 3600 * SECOND))
    await bench.ledger.arm(bench.step(2), "wait", (REPLIED,), None)
    await bench.logged()
    assert await bench.counted(2) == ["replied"]


async def test_a_wait_that_was_left_ends_when_it_was_left(bench: Bench) -> None:
    """What happened during a wait that an edit has deleted does not end the wait behind it."""
    await bench.ledger.arm(bench.step(1), "wait", (OPENED,), None)
    await bench.logged()
    await bench.ledger.arm(bench.step(2), "wait", (REPLIED,), None)
    assert await bench.counted(2) == []
    assert (await bench.counted(1), await bench.state(1)) == ([], "done")


async def test_when_it_occurred_decides_where_the_source_says_so(bench: Bench) -> None:
    """An old event that is told late does not count, though it came while the wait was armed."""
    await bench.ledger.settle(bench.step(1), "mail", Answer())
    await bench.ledger.arm(bench.step(2), "wait", (REPLIED, OPENED), None)
    await bench.logged("opened", occurred_ago=60)
    assert await bench.counted(2) == []
    await bench.logged("replied", occurred_ago=0)
    assert await bench.counted(2) == ["replied"]


async def test_an_event_after_the_deadline_does_not_count(bench: Bench) -> None:
    """In time is when it occurred, or came where nobody says."""
    asleep = await bench.ledger.arm(bench.step(1), "wait", (REPLIED, OPENED), 60)
    assert timedelta(seconds=55) < end(asleep) - now() < timedelta(seconds=65)
    await bench.logged("opened", ago=-120)
    assert await bench.counted(1) == []
    await bench.logged("replied", ago=-120, occurred_ago=-30)
    assert await bench.counted(1) == ["replied"]


async def test_an_edited_wait_is_counted_from_its_first_arming(bench: Bench) -> None:
    """Armed again under an edited revision, its deadline moves, its beginning does not, and it looks for the new."""
    first = await bench.ledger.arm(bench.step(1), "wait", (OPENED,), 60)
    await bench.logged()
    second = await bench.ledger.arm(bench.step(1, revision="r2"), "wait", (REPLIED,), 90)
    assert abs(end(second) - end(first) - 30 * SECOND) < timedelta(milliseconds=100)
    assert await bench.counted(1) == ["replied"]
    assert (await bench.visit(1)).revision == "r2"


async def test_whoever_ends_a_wait_first_is_right(bench: Bench) -> None:
    """Event or deadline: the second is told how the first ended it, and arming again finds it over."""
    await bench.ledger.arm(bench.step(1), "wait", (REPLIED,), 60)
    assert await bench.ledger.wake(bench.step(1), HAPPENED, {"happened": True}) == HAPPENED
    assert await bench.ledger.wake(bench.step(1), Answer(line="timed out"), {"happened": False}) == HAPPENED
    assert await bench.ledger.arm(bench.step(1), "wait", (REPLIED,), 60) is None
    assert await bench.counted(1) == []
    assert (await bench.ledger.look(bench.step(2))).facts.outputs == {"n": {"happened": True}}


async def test_a_wait_ends_when_its_event_came(bench: Bench) -> None:
    """What came between the event and the late notice of it counts for the next wait; the event itself does not."""
    await bench.ledger.arm(bench.step(1), "wait", (OPENED,), None)
    await bench.logged("opened")
    await bench.logged("replied")
    (opened,) = await bench.ledger.counting(bench.step(1))
    await bench.ledger.wake(bench.step(1), HAPPENED, {"happened": True}, opened)
    await bench.ledger.arm(bench.step(2), "wait", (OPENED, REPLIED), None)
    assert await bench.counted(2) == ["replied"]


async def test_a_wait_that_timed_out_ends_at_its_deadline(bench: Bench) -> None:
    """What came between the deadline and the late notice of it counts for the next wait; what came before does not."""
    await bench.ledger.settle(bench.step(1), "mail", Answer())
    asleep = await bench.ledger.arm(bench.step(2), "wait", (OPENED,), 0.05)
    await bench.logged("opened")
    await until(lambda: bench.ledger.is_due(bench.step(2)), what="the deadline")
    await bench.logged("replied")
    await bench.ledger.wake(bench.step(2), Answer(line="timed out"), {"happened": False})
    await bench.ledger.arm(bench.step(3), "wait", (OPENED, REPLIED), None)
    assert end(asleep) < now()
    assert await bench.counted(3) == ["replied"]


async def test_a_wait_that_never_was_cannot_end(bench: Bench) -> None:
    """To end a visit that has no row is our own mistake."""
    with pytest.raises(EngineError):
        await bench.ledger.wake(bench.step(1), HAPPENED, {})


async def test_a_wait_that_was_left_unanswered_takes_the_answer_it_is_given(bench: Bench) -> None:
    """The walk went past it: it is never armed again, and a second execution is not stuck on the missing answer."""
    await bench.ledger.arm(bench.step(1), "wait_for_event", (REPLIED,), None)
    await bench.ledger.close(bench.step(1), "unenrolled")
    assert await bench.ledger.arm(bench.step(1), "wait_for_event", (REPLIED,), None) is None
    assert await bench.ledger.wake(bench.step(1), Answer(line="timed out"), {}) == Answer(line="timed out")
