"""One set of tests for both ledgers, so that the twin of dry runs and tests cannot differ from the real one."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from activities.ledger import VisitTaken
from tests.activities.ledger_bench import ANNA, OPENED, REPLIED, SECOND, Bench, in_postgres, now
from tests.until import until
from tests.world import World
from workflows.contract import Answer, Asleep, Step
from workflows.model.errors import EngineError


async def test_a_visit_is_judged_on_all_that_is_known(bench: Bench) -> None:
    """One look gives the flow, the record, what stands in its way, and no visit before there is one."""
    seen = await bench.ledger.look(bench.step(1))
    assert (seen.current, seen.ref, seen.facts.properties) == (bench.revision, ANNA, {"stage": "lead"})
    assert (seen.is_on, seen.paused, seen.closed, seen.leaving, seen.visit) == (True, False, False, None, None)
    assert abs(seen.now - now()) < 5 * SECOND


async def test_an_unknown_enrollment_is_an_error(bench: Bench) -> None:
    """A step of an enrollment that nobody accepted is never judged."""
    with pytest.raises(EngineError, match="there is no enrollment"):
        await bench.ledger.look(bench.step(1, enrollment=str(uuid.uuid4())))


async def test_a_decision_is_made_once(bench: Bench) -> None:
    """The second execution of a branch is told what the first decided, though it would decide otherwise."""
    assert await bench.ledger.decide(bench.step(1), "branch", Answer(edge="yes"), {"taken": "yes"}) == Answer(
        edge="yes"
    )
    assert await bench.ledger.decide(bench.step(1), "branch", Answer(edge="no"), {"taken": "no"}) == Answer(edge="yes")
    assert (await bench.ledger.look(bench.step(2))).facts.outputs == {"n": {"taken": "yes"}}


async def test_where_a_record_was_led_stands(bench: Bench) -> None:
    """Led into a newer revision before it began: a second execution is told the same one, and nothing is put out."""
    assert await bench.ledger.move(bench.step(1), "r2") == "r2"
    async with bench.ledger.turn(bench.step(1)) as turn:
        assert await turn.move(bench.step(1), "r3") == "r2"
    visit = await bench.visit(1)
    assert (visit.moved, visit.settled, visit.answer) == ("r2", None, None)
    assert (await bench.ledger.look(bench.step(2))).facts.outputs == {}


async def test_a_visit_that_has_begun_is_led_nowhere(bench: Bench) -> None:
    """Whoever finds it begun meanwhile is not told a revision: the question is asked again, and answered by the row."""
    await bench.ledger.settle(bench.step(1), "mail", Answer(line="sent"))
    with pytest.raises(EngineError, match="has begun meanwhile"):
        await bench.ledger.move(bench.step(1), "r2")
    assert (await bench.visit(1)).settled == Answer(line="sent")


async def test_a_row_never_answers_for_another_node(bench: Bench) -> None:
    """A walk that comes to another node under a number that is taken stops; a step that names no node may look."""
    await bench.ledger.settle(bench.step(1, "mail"), "mail", Answer(line="sent"))
    with pytest.raises(EngineError, match="was one to mail, not to p"):
        await bench.ledger.look(bench.step(1, "p"))
    with pytest.raises(EngineError, match="was one to mail, not to p"):
        async with bench.ledger.turn(bench.step(1, "p")):
            pass
    seen = (await bench.ledger.look(bench.step(1, ""))).visit
    assert seen is not None
    assert seen.settled == Answer(line="sent")


async def test_an_effect_is_settled_once(bench: Bench) -> None:
    """Whoever writes first is right; the other is told what was written."""
    first = Answer(line="sent")
    assert await bench.ledger.settle(bench.step(1), "mail", first, {"id": "a"}, "250 OK") == first
    assert await bench.ledger.settle(bench.step(1), "mail", Answer(line="failed: x"), None, "no") == first
    assert (await bench.ledger.look(bench.step(2))).facts.outputs == {"n": {"id": "a"}}


async def test_a_turn_on_a_settled_visit_is_taken(bench: Bench) -> None:
    """Neither an intent nor a second result is written over a result."""
    await bench.ledger.settle(bench.step(1), "mail", Answer(line="sent"))
    with pytest.raises(VisitTaken):
        async with bench.ledger.turn(bench.step(1)) as turn:
            await turn.settle(bench.step(1), "mail", Answer(line="again"))
    with pytest.raises(VisitTaken):
        async with bench.ledger.turn(bench.step(1)) as turn:
            await turn.intend(bench.step(1), "mail", "a2", {}, repeated=False)
    assert (await bench.visit(1)).settled == Answer(line="sent")


async def test_an_intent_is_frozen(bench: Bench) -> None:
    """A later attempt sends what the first would have sent, under its own name."""
    for attempt, content in (("a1", {"to": "old"}), ("a2", {"to": "new"})):
        async with bench.ledger.turn(bench.step(1)) as turn:
            await turn.intend(bench.step(1), "mail", attempt, content, repeated=attempt == "a2")
    visit = await bench.visit(1)
    assert (visit.state, visit.attempt, visit.content) == ("intent", "a2", {"to": "old"})
    assert visit.settled is None


async def test_only_the_newest_attempt_speaks(bench: Bench) -> None:
    """What an attempt that was given up says of itself later is not written; nor does a visit without a row mind."""
    await bench.ledger.note_attempt(bench.step(1), "a1", "unknown", "lost")
    async with bench.ledger.turn(bench.step(1)) as turn:
        await turn.intend(bench.step(1), "mail", "a2", {"to": "x"}, repeated=False)
    await bench.ledger.note_attempt(bench.step(1), "a1", "unknown", "lost")
    assert await bench.state(1) == "intent"
    await bench.ledger.note_attempt(bench.step(1), "a2", "retrying", "busy")
    assert await bench.state(1) == "retrying"
    await bench.ledger.note_attempt(bench.step(1), "a2", "unknown", "lost")
    assert await bench.state(1) == "retrying"
    await bench.ledger.settle(bench.step(1), "mail", Answer(line="sent"))
    await bench.ledger.note_attempt(bench.step(1), "a2", "unknown", "lost")
    assert await bench.state(1) == "done"


async def test_a_delay_is_registered_once_a_revision(bench: Bench) -> None:
    """Under the same revision the first end holds; an edited one registers it again; the ledger says which."""
    first, second = now() + 10 * SECOND, now() + 20 * SECOND
    assert (await bench.ledger.lie_down(bench.step(1), "delay", Asleep(why="delay", until=first))).until == first
    assert (await bench.ledger.lie_down(bench.step(1), "delay", Asleep(why="delay", until=second))).until == first
    edited = bench.step(1, revision="r2")
    assert (await bench.ledger.lie_down(edited, "delay", Asleep(why="delay", until=second))).until == second
    assert await bench.state(1) == "asleep"


async def test_a_delay_that_is_over_is_not_begun_again(bench: Bench) -> None:
    """A late execution under another revision finds the delay passed, and when."""
    await bench.ledger.lie_down(bench.step(1), "delay", Asleep(why="delay", until=now() - SECOND))
    await bench.ledger.decide(bench.step(2), "branch", Answer())
    late = bench.step(1, revision="r2")
    found = await bench.ledger.lie_down(late, "delay", Asleep(why="delay", until=now() + 9 * SECOND))
    assert found.until is not None
    assert found.until <= now()
    assert await bench.state(1) == "done"


async def test_a_fresh_delay_is_registered_without_a_look(bench: Bench) -> None:
    """Once, as any other; whoever comes second has to look, and finds the first."""
    fresh, wanted = bench.step(1, revision=bench.revision), Asleep(why="delay", until=now() + 10 * SECOND)
    assert await bench.ledger.lie_down_at_once(fresh, "delay", wanted, pinned=False) == wanted
    assert await bench.ledger.lie_down_at_once(fresh, "delay", wanted, pinned=False) is None
    visit = await bench.visit(1)
    assert (visit.state, visit.revision, visit.answer) == ("asleep", bench.revision, Answer(asleep=wanted))
    assert await bench.ledger.lie_down(fresh, "delay", Asleep(why="delay", until=now())) == wanted


async def test_only_a_look_tells_what_to_do_in_another_revision(bench: Bench) -> None:
    """Neither a sleep nor an end is written down under one that is not the flow's, unless it is pinned."""
    other, wanted = bench.step(1), Asleep(why="delay", until=now() + 10 * SECOND)
    assert await bench.ledger.lie_down_at_once(other, "delay", wanted, pinned=False) is None
    assert not await bench.ledger.close_at_once(other, "completed", pinned=False)
    assert (await bench.state(1), (await bench.ledger.look(other)).closed) == (None, False)
    assert await bench.ledger.lie_down_at_once(other, "delay", wanted, pinned=True) == wanted
    assert await bench.ledger.close_at_once(bench.step(2), "completed", pinned=True)
    assert (await bench.state(1), (await bench.ledger.look(other)).closed) == ("done", True)


async def test_whoever_was_led_elsewhere_ends_nowhere_else(bench: Bench) -> None:
    """Though the flow is edited back since."""
    await bench.ledger.move(bench.step(1, revision=bench.revision), "r2")
    asked, wanted = bench.step(1, revision=bench.revision), Asleep(why="delay", until=now())
    assert await bench.ledger.lie_down_at_once(asked, "delay", wanted, pinned=False) is None
    assert not await bench.ledger.close_at_once(asked, "completed", pinned=False)


async def test_nobody_lies_down_in_what_is_closed(bench: Bench) -> None:
    """The look that follows says that it is."""
    asked, wanted = bench.step(1, revision=bench.revision), Asleep(why="delay", until=now())
    await bench.ledger.close(asked, "goal")
    assert await bench.ledger.lie_down_at_once(asked, "delay", wanted, pinned=False) is None
    assert await bench.state(1) is None


async def test_the_first_ending_stands(bench: Bench) -> None:
    """Closed once, the enrollment's sleeps and waits are forgotten, and no later ending is written over it."""
    await bench.ledger.arm(bench.step(1), "wait", (REPLIED,), 60)
    await bench.ledger.close(bench.step(1), "goal")
    await bench.ledger.close(bench.step(1), "completed")
    await bench.logged()
    assert (await bench.ledger.look(bench.step(2))).closed
    assert (await bench.counted(1), await bench.state(1)) == ([], "done")


async def test_the_latest_output_of_a_node_is_read(bench: Bench) -> None:
    """Of a node visited twice the later output counts; a visit that put out nothing hides none."""
    await bench.ledger.settle(bench.step(1, "a"), "mail", Answer(), {"n": 1})
    await bench.ledger.settle(bench.step(2, "b"), "mail", Answer(), {"n": 2})
    await bench.ledger.settle(bench.step(3, "a"), "mail", Answer(), {"n": 3})
    await bench.ledger.settle(bench.step(4, "a"), "mail", Answer(), None)
    assert (await bench.ledger.look(bench.step(5))).facts.outputs == {"a": {"n": 3}, "b": {"n": 2}}


def sent(**fields: Any) -> dict[str, Any]:
    return {"source": "shop", "id": "1", "type": "replied", "properties": {"n": 1}, "occurred_at": None, **fields}


async def test_an_event_is_logged_once_by_source_and_id(bench: Bench) -> None:
    """A second execution adds nothing; the same id of another source is another event."""
    await bench.ledger.arm(bench.step(1), "wait", (REPLIED,), None)
    for event in (sent(), sent(), sent(source="bank"), sent(id="2")):
        assert await bench.ledger.record_event(bench.step(1), event)
    found = await bench.ledger.counting(bench.step(1))
    assert [(event.record, event.properties) for event in found] == [(ANNA, {"n": 1})] * 3


@pytest.mark.parametrize("other", [{"properties": {"n": 2}}, {"type": "opened"}])
async def test_an_event_whose_name_is_taken_is_said_to_be_another(bench: Bench, other: dict[str, Any]) -> None:
    """What its source called by one id is two different things: the first stands, and the second is not logged."""
    await bench.ledger.arm(bench.step(1), "wait", (REPLIED, OPENED), None)
    assert await bench.ledger.record_event(bench.step(1), sent())
    assert not await bench.ledger.record_event(bench.step(1), sent(**other))
    assert [event.properties for event in await bench.ledger.counting(bench.step(1))] == [{"n": 1}]


async def test_a_logged_event_says_when_it_occurred(bench: Bench) -> None:
    """The time that the source gives is kept, and judged by."""
    await bench.ledger.settle(bench.step(1), "mail", Answer())
    await bench.ledger.arm(bench.step(2), "wait", (REPLIED,), None)
    await bench.ledger.record_event(bench.step(2), sent(occurred_at="2020-01-31T09:00:00+00:00"))
    assert await bench.counted(2) == []
    soon = now() + SECOND
    await bench.ledger.record_event(bench.step(2), sent(id="2", occurred_at=soon.isoformat()))
    assert [event.occurred_at for event in await bench.ledger.counting(bench.step(2))] == [soon]


NUL = "a\x00b\\u0000"


async def test_no_value_jams_the_ledger(bench: Bench) -> None:
    """What PostgreSQL cannot hold, a zero byte or a number that is none, is written as near as can be."""
    odd: dict[str, Any] = {"text": NUL, NUL: [float("nan"), float("inf")], "slash": "\\", "huge": 10**400}
    step = bench.step(1)
    await bench.ledger.refuse_event(step, {"signal": NUL, "args": [NUL, "\\u0000"]}, f"no: {NUL}")
    async with bench.ledger.turn(step) as turn:
        await turn.intend(step, "mail", "a", odd, repeated=False)
    await bench.ledger.note_attempt(step, "a", "unknown", f"lone \udcff and {NUL}")
    await bench.ledger.settle(step, "mail", Answer(line="sent"), odd, f"lone \udcff and {NUL}")
    outputs = (await bench.ledger.look(bench.step(2))).facts.outputs["n"]
    assert outputs["slash"] == "\\"
    assert str(outputs["text"]).endswith("b\\u0000")


async def test_two_turns_at_once_come_to_one_result(world: World) -> None:
    """Both saw no result; the second to write waits for the first, is told so, and rolls back what it did."""
    bench = await in_postgres(world)
    step = bench.step(1)
    async with bench.ledger.turn(step) as first:
        await first.settle(step, "mail", Answer(line="first"))
        second = asyncio.ensure_future(_second(bench, step))
        await until(lambda: _blocked(world), what="the second turn's wait for the first")
        assert not second.done()
    with pytest.raises(VisitTaken):
        await second
    assert (await bench.visit(1)).settled == Answer(line="first")


async def _second(bench: Bench, step: Step) -> None:
    async with bench.ledger.turn(step) as turn:
        assert turn.situation.visit is None
        await turn.settle(step, "mail", Answer(line="second"))


async def _blocked(world: World) -> bool:
    blocked = (
        "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
    )
    return bool(await world.pool.fetchval(blocked))


async def test_two_executions_of_a_delay_at_once_sleep_alike(world: World) -> None:
    """The second began before the first had committed: it is told the end all the same, not a sleep without one."""
    bench = await in_postgres(world)
    planned = now() + 60 * SECOND
    async with world.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(
            "insert into visit (enrollment, visit, node, kind, revision, state, ended_at)"
            " values ($1, 1, 'n', 'delay', 'r1', 'asleep', $2)",
            *(bench.enrollment, planned),
        )
        late = bench.ledger.lie_down(bench.step(1), "delay", Asleep(why="delay", until=planned + SECOND))
        second = asyncio.ensure_future(late)
        await until(lambda: _blocked(world), what="the second execution's wait for the first")
        await transaction.commit()
    assert (await second).until == planned


async def test_an_attempt_does_not_intend_over_one_that_it_has_not_seen(bench: Bench) -> None:
    """Two attempts look before either has intended: the second is refused, and will see an intent when it returns."""
    async with bench.ledger.turn(bench.step(1)) as late:
        async with bench.ledger.turn(bench.step(1)) as first:
            await first.intend(bench.step(1), "send_email", "a", {}, repeated=False)
        with pytest.raises(VisitTaken):
            await late.intend(bench.step(1), "send_email", "b", {}, repeated=False)
    assert (await bench.visit(1)).attempt == "a"
