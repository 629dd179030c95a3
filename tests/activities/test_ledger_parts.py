"""The parts of a visit's effect: one set of tests for both ledgers."""

from __future__ import annotations

import pytest

from activities.ledger import PartRow, PartState
from tests.activities.ledger_bench import ANNA, Bench
from workflows.contract import Answer
from workflows.model.facts import NOTHING
from workflows.model.records import Record


async def begun(bench: Bench, *parts: str, attempt: str = "a1") -> None:
    """Let an attempt intend a visit, and these parts of it."""
    async with bench.ledger.turn(bench.step(1)) as turn:
        await turn.intend(bench.step(1), "mail", attempt, {"parts": []}, repeated=False)
    for part in parts:
        assert await bench.ledger.intend_part(bench.step(1), part, attempt, None)


async def test_a_part_is_intended_and_settled(bench: Bench) -> None:
    """Each has a row of its own, which says whose intent it was and what it came to."""
    await begun(bench, "contact:1", "contact:2")
    await bench.ledger.settle_part(bench.step(1), "contact:1", "a1", "done", "250 OK")
    assert await bench.ledger.parts(bench.step(1)) == {
        "contact:1": PartRow(state="done", attempt="a1", note="250 OK"),
        "contact:2": PartRow(state="intent", attempt="a1"),
    }
    assert await bench.ledger.parts(bench.step(2)) == {}


@pytest.mark.parametrize("state", ["done", "failed", "skipped"])
async def test_a_part_that_is_over_is_not_begun_again(bench: Bench, state: PartState) -> None:
    """Neither another attempt nor a later word changes what it came to."""
    await begun(bench, "p")
    await bench.ledger.settle_part(bench.step(1), "p", "a1", state, "first")
    assert not await bench.ledger.intend_part(bench.step(1), "p", "a2", "a1")
    for late in ("done", "failed", "unknown", "retrying"):
        await bench.ledger.settle_part(bench.step(1), "p", "a1", late, "late")
    assert await bench.ledger.parts(bench.step(1)) == {"p": PartRow(state=state, attempt="a1", note="first")}


async def test_an_attempt_begins_no_part_that_another_has_taken(bench: Bench) -> None:
    """Whoever looked before the other intended is refused: it is not the one that goes on."""
    await begun(bench, "p")
    assert not await bench.ledger.intend_part(bench.step(1), "p", "a2", None)
    assert not await bench.ledger.intend_part(bench.step(1), "p", "a2", "a0")
    assert await bench.ledger.intend_part(bench.step(1), "p", "a2", "a1")
    assert (await bench.ledger.parts(bench.step(1)))["p"].attempt == "a2"


async def test_only_the_newest_attempt_says_that_a_part_is_not_over(bench: Bench) -> None:
    """An old one may still say that it has done it, for then it is done."""
    await begun(bench, "p")
    await bench.ledger.intend_part(bench.step(1), "p", "a2", "a1")
    for state in ("retrying", "unknown"):
        await bench.ledger.settle_part(bench.step(1), "p", "a1", state, "late")
    assert (await bench.ledger.parts(bench.step(1)))["p"].state == "intent"
    await bench.ledger.settle_part(bench.step(1), "p", "a1", "done")
    assert (await bench.ledger.parts(bench.step(1)))["p"].state == "done"


async def test_a_part_that_may_be_done_twice_stays_flagged(bench: Bench) -> None:
    """A third attempt, which repeats nothing of its own, does not take the flag away."""
    await begun(bench, "p", "q")
    assert await bench.ledger.intend_part(bench.step(1), "p", "a2", "a1", repeated=True)
    await bench.ledger.settle_part(bench.step(1), "p", "a2", "retrying", "busy")
    assert await bench.ledger.intend_part(bench.step(1), "p", "a3", "a2")
    rows = await bench.ledger.parts(bench.step(1))
    assert (rows["p"].repeated, rows["p"].note, rows["q"].repeated) == (True, "", False)


async def test_no_part_is_begun_of_a_visit_that_is_over(bench: Bench) -> None:
    """Whoever has given the visit up has said what it came to."""
    await begun(bench, "p")
    await bench.ledger.settle(bench.step(1), "mail", Answer(outcome="failed", line="failed: gave_up"))
    assert not await bench.ledger.intend_part(bench.step(1), "q", "a1", None)
    assert not await bench.ledger.intend_part(bench.step(1), "p", "a2", "a1")
    assert list(await bench.ledger.parts(bench.step(1))) == ["p"]


async def test_no_note_jams_a_part(bench: Bench) -> None:
    """What PostgreSQL cannot hold is written as near as can be."""
    await begun(bench, "p")
    await bench.ledger.settle_part(bench.step(1), "p", "a1", "done", "lone \udcff and \x00")
    assert (await bench.ledger.parts(bench.step(1)))["p"].state == "done"


async def test_other_records_are_looked_at_in_the_turn(bench: Bench) -> None:
    """Their facts come in their order, with the ledger's clock; what is not asked for is not read."""
    records = [Record(ref=ANNA, properties={"n": number}) for number in (1, 2)]
    async with bench.ledger.turn(bench.step(1)) as turn:
        found = await turn.informed(records, NOTHING)
        assert {facts.now for facts in found} == {turn.situation.now}
    assert [facts.properties["n"] for facts in found] == [1, 2]
    assert found[0].associated == {}
