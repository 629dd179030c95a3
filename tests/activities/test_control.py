from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.catalogue import Catalogue
from activities.control import failure, first_match
from activities.fakes.flows import FakeEnrollment
from starter.simulate import Simulation
from tests.flows import branch, delay, delay_until, flow, send_email, wait
from workflows.contract import Answer, Step
from workflows.model.nodes import EventMatch
from workflows.model.records import Event, RecordRef
from workflows.model.revision import Revision

ANNA = RecordRef.parse("contact:1")
DRAWN = flow(
    "f",
    branch("b", "d", Lead=({"property": "stage", "is": "lead"}, "w")),
    delay("d", "2 days"),
    wait("w", {"event": "replied", "where": {"mood": "good"}}, at_most="7 days", next="mail"),
    send_email("mail", on_failure="stop"),
)
EDITED = flow("f", branch("b", "mail", Lead=({"property": "stage", "is": "lead"}, "mail")), send_email("mail"))
DAY = timedelta(days=1)
RAW = {"signal": "event", "number": 1}


@pytest.fixture
def world() -> Simulation:
    """A record inside a flow."""
    world = Simulation(Catalogue.load())
    world.publish(DRAWN)
    world.record(str(ANNA), stage="lead", email="anna@example.com")
    world.ledger.enrollments["e"] = FakeEnrollment("f", ANNA, world.clock)
    return world


def step(world: Simulation, node: str, visit: int = 1, revision: Revision = DRAWN, **fields: Any) -> Step:
    plain = Step(enrollment="e", revision=revision.hash, node=node, visit=visit, entered=world.clock)
    return plain.model_copy(update=fields)


async def test_a_branch_is_decided_once(world: Simulation) -> None:
    """The record changes after the decision: a second execution is told the first, with its reasons kept."""
    assert (await world.control.branch(step(world, "b"))).edge == "Lead"
    world.ledger.crm.records[ANNA]["stage"] = "customer"
    assert (await world.control.branch(step(world, "b"))).edge == "Lead"
    assert (await world.control.branch(step(world, "b", 2))).edge == "otherwise"
    world.publish(EDITED)
    world.ledger.enrollments["e"].leaving = "goal"
    assert (await world.control.branch(step(world, "b"))).edge == "Lead"
    output = world.ledger.visits["e", 1].output
    assert output == {"taken": "Lead", "because": {"Lead": "stage is lead: yes, it is lead"}}


@pytest.mark.parametrize("node", ["b", "d", "w"])
async def test_a_newer_revision_is_met_before_anything_is_done(world: Simulation, node: str) -> None:
    """A fresh visit under a superseded revision leads to the newer one, and nothing else is written."""
    world.publish(EDITED)
    ask = {"b": world.control.branch, "d": world.control.delay, "w": world.control.arm_wait}[node]
    answer = await ask(step(world, node))
    assert answer.revision is not None
    assert answer.revision.hash == EDITED.hash
    assert [row.kind for row in world.ledger.visits.values()] == ["moved"]


@pytest.mark.parametrize("node", ["b", "d", "w", ""])
async def test_a_second_execution_goes_where_the_first_was_led(world: Simulation, node: str) -> None:
    """The edit is taken back between the two: what was done in it since is not forgotten, so it is gone to again."""
    questions = {"b": world.control.branch, "d": world.control.delay, "w": world.control.arm_wait}
    ask, asked = questions.get(node, world.control.finish), step(world, node, ending="completed")
    world.publish(EDITED)
    first = await ask(asked)
    world.publish(DRAWN)
    assert await ask(asked) == first
    assert first.revision is not None
    assert (first.revision.hash, world.ledger.enrollments["e"].ending) == (EDITED.hash, None)


async def test_what_is_decided_as_drawn_stays_in_its_revision(world: Simulation) -> None:
    """A branch that the edit deleted is decided under the revision that drew it."""
    world.publish(EDITED)
    assert (await world.control.branch(step(world, "b", as_drawn=True))).edge == "Lead"


@pytest.mark.parametrize("node", ["b", "d", "w"])
async def test_who_was_ordered_to_leave_leaves(world: Simulation, node: str) -> None:
    """Every question of a fresh visit looks for an order to leave first."""
    world.ledger.enrollments["e"].leaving = "goal"
    ask = {"b": world.control.branch, "d": world.control.delay, "w": world.control.arm_wait}[node]
    assert (await ask(step(world, node))).leave == "goal"


async def test_a_delay_counts_from_its_entry(world: Simulation) -> None:
    """However late it is registered, it ends two days after the record entered it."""
    begin = world.clock
    asked = step(world, "d")
    world.clock += timedelta(hours=5)
    answer = await world.control.delay(asked)
    assert answer.asleep is not None
    assert (answer.asleep.why, answer.asleep.until) == ("delay", begin + timedelta(days=2))


@pytest.mark.parametrize(("node", "question"), [("d", "delay"), ("w", "arm_wait")])
async def test_what_happened_while_falling_asleep_is_seen(world: Simulation, node: str, question: str) -> None:
    """The sleep is registered, and then the order to leave or the edit is found, which had not seen the sleep."""
    ask = getattr(world.control, question)
    await ask(step(world, node))
    world.publish(EDITED)
    answer = await ask(step(world, node))
    assert answer.revision is not None
    assert answer.revision.hash == EDITED.hash
    world.ledger.enrollments["e"].leaving = "unenrolled"
    assert (await ask(step(world, node))).leave == "unenrolled"


async def test_an_event_before_the_search_is_found_by_the_search(world: Simulation) -> None:
    """What came since the previous visit ends the wait as it is armed."""
    world.happens("replied", ANNA, mood="good", text="Yes")
    assert await world.control.arm_wait(step(world, "w")) == Answer(happened=True, line="happened")
    found = world.ledger.visits["e", 1].output
    assert found == {"mood": "good", "text": "Yes", "happened": True, "event": "replied"}


async def test_an_event_in_time_wins_over_the_deadline(world: Simulation) -> None:
    """The time is out and the letter is late: the log knows that it happened."""
    assert (await world.control.arm_wait(step(world, "w"))).asleep
    world.clock += timedelta(days=1)
    world.happens("replied", ANNA, mood="good")
    world.clock += timedelta(days=7)
    assert (await world.control.disarm_wait(step(world, "w"))).happened


async def test_a_wait_without_its_event_times_out(world: Simulation) -> None:
    """Another event, and the right one with a wrong property, do not count."""
    await world.control.arm_wait(step(world, "w"))
    world.happens("opened", ANNA, mood="good")
    world.happens("replied", ANNA, mood="bad")
    world.clock += timedelta(days=7)
    assert await world.control.disarm_wait(step(world, "w")) == Answer(line="timed out")
    assert world.ledger.visits["e", 1].output == {"happened": False}


async def test_the_walk_that_would_end_looks_for_an_edit(world: Simulation) -> None:
    """The enrollment is closed only where no newer revision leads on; an order to leave looks for none."""
    world.publish(EDITED)
    assert (await world.control.finish(step(world, "", 9, ending="completed"))).revision is not None
    assert world.ledger.enrollments["e"].ending is None
    assert await world.control.finish(step(world, "", 9, ending="goal")) == Answer()
    assert world.ledger.enrollments["e"].ending == "goal"


@pytest.mark.parametrize(("state", "outcome"), [("intent", "unknown"), ("unknown", "unknown"), ("retrying", "failed")])
async def test_giving_up_says_whether_it_may_have_been_done(world: Simulation, state: str, outcome: str) -> None:
    """An attempt that never came back may have reached the provider; one that failed for sure has not."""
    asked = step(world, "mail")
    async with world.ledger.turn(asked) as turn:
        await turn.intend(asked, "send_email", "a", {}, repeated=False)
    row = world.ledger.visits["e", 1]
    row.visit = row.visit.model_copy(update={"state": state})
    answer = await world.control.give_up(asked)
    assert (answer.outcome, answer.leave) == (outcome, "stopped")
    assert await world.control.give_up(asked) == answer


async def test_giving_up_what_was_done_finds_it_done(world: Simulation) -> None:
    """The last attempt had settled the visit, and only its answer was lost."""
    asked = step(world, "mail")
    await world.ledger.settle(asked, "send_email", Answer(line="sent"))
    assert await world.control.give_up(asked) == Answer(line="sent")


async def test_a_straight_event_is_logged_and_judged(world: Simulation) -> None:
    """An event sent to the enrollment itself ends its wait, by way of the log; a second execution adds none."""
    await world.control.arm_wait(step(world, "w"))
    text = json.dumps({"type": "replied", "properties": {"mood": "good"}})
    asked = step(world, "w", raw={**RAW, "args": [text]})
    assert (await world.control.record_event(asked)).happened
    assert (await world.control.record_event(asked)).happened
    assert [event.type for event in world.ledger.events] == ["replied"]


async def test_two_strangers_may_both_count_from_one(world: Simulation) -> None:
    """Equal ids that name no source are of two events, one for each enrollment: both are logged, and both count."""
    bert = world.record("contact:2", stage="lead")
    world.ledger.enrollments["b"] = FakeEnrollment("f", bert, world.clock)
    raw = {**RAW, "args": ['{"type": "replied", "id": "1", "properties": {"mood": "good"}}']}
    for enrollment in ("e", "b"):
        asked = step(world, "w", enrollment=enrollment)
        await world.control.arm_wait(asked)
        assert (await world.control.record_event(asked.model_copy(update={"raw": raw}))).happened
    assert [event.record for event in world.ledger.events] == [ANNA, bert]
    assert world.ledger.refused == []


async def test_another_content_under_a_name_that_is_taken_is_put_aside(world: Simulation) -> None:
    """Its source says that it is the event before, and it is not: it is kept for a person, and ends no wait."""
    await world.control.arm_wait(step(world, "w"))
    for mood in ("bad", "good"):
        event = {"type": "replied", "source": "shop", "id": "1", "properties": {"mood": mood}}
        asked = step(world, "w", raw={**RAW, "args": [json.dumps(event)]})
        assert await world.control.record_event(asked) == Answer()
    assert [event.properties for event in world.ledger.events] == [{"mood": "bad"}]
    assert [reason for _, reason in world.ledger.refused] == ["another event has its source and id"]


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["{}", "{}"],
        ["nonsense"],
        ["[]"],
        ['"text"'],
        ["{}"],
        ['{"type": "Not A Type"}'],
        ['{"type": "replied", "invented": 1}'],
        ['{"type": "replied", "occurred_at": "yesterday"}'],
        ['{"type": "replied", "occurred_at": "2026-01-31T09:00:00"}'],
        ['{"type": "replied", "id": "a\\u0000b"}'],
        ["[" * 100_000],
        ['{"type": "replied", "properties": ' + '{"a":' * 5_000],
        ["\x00"],
        ["\ufffd\ufffd"],
    ],
    ids=lambda args: repr(args)[:40],
)
async def test_a_straight_event_that_is_none_is_put_aside(world: Simulation, args: list[str]) -> None:
    """Whatever a stranger sends: it is kept with a reason for a person to look at, and the walk goes on."""
    await world.control.arm_wait(step(world, "w"))
    assert await world.control.record_event(step(world, "w", raw={**RAW, "args": args})) == Answer()
    [(kept, reason)] = world.ledger.refused
    assert (kept, bool(reason), world.ledger.events) == ({**RAW, "args": args}, True, [])


async def test_a_signal_of_another_name_is_put_aside(world: Simulation) -> None:
    """Only `event` brings events."""
    raw = {"signal": "evnt", "args": ['{"type": "replied"}'], "number": 1}
    assert await world.control.record_event(step(world, "w", raw=raw)) == Answer()
    assert [reason for _, reason in world.ledger.refused] == ["there is no signal 'evnt'"]


@pytest.mark.parametrize(
    ("policy", "edge", "leave", "held"),
    [
        ("continue", "next", None, False),
        ("stop", "next", "stopped", False),
        ("go_to", "failed", None, False),
        ("park", "next", None, True),
    ],
)
def test_a_failure_goes_as_its_policy_says(policy: str, edge: str, leave: str | None, held: bool) -> None:
    """Move on, leave, take the other way, or be held: with the same line and outcome."""
    answer = failure(policy, "bad_address")
    assert (answer.edge, answer.leave, answer.asleep is not None) == (edge, leave, held)
    assert (answer.outcome, answer.line) == ("failed", "failed: bad_address")
    assert failure(policy, "lost", unsure=True).outcome == "unknown"


def test_the_first_event_wins_not_the_first_match(world: Simulation) -> None:
    """Of two events looked for, the older ends the wait."""
    events = [Event(id=name, type=name, record=ANNA, at=world.clock) for name in ("opened", "replied")]
    looked_for = (EventMatch(event="replied"), EventMatch(event="opened"))
    found = first_match(looked_for, events)
    assert found is events[0]


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
async def test_a_moment_out_of_the_calendar_is_refused(world: Simulation, moment: str) -> None:
    """In UTC it has no year that can be read back, and every later look at the wait would fail on it."""
    body = json.dumps({"type": "replied", "occurred_at": moment})
    await world.control.record_event(step(world, "w", raw={**RAW, "args": [body]}))
    assert world.ledger.events == []
    assert len(world.ledger.refused) == 1


def until_flow(**fields: Any) -> Revision:
    return flow("f", delay_until("u", **fields), send_email("mail"), settings={"timezone": {"zone": "Europe/Helsinki"}})


def arrived(world: Simulation, revision: Revision, **properties: Any) -> Step:
    """Have the record stand at the delay; by the clock it is Monday, 5 January 2026, 11:00 in Helsinki."""
    world.publish(revision)
    world.ledger.crm.records[ANNA].update(properties)
    return step(world, "u", revision=revision)


async def test_a_delay_until_a_day_and_time_is_in_the_zone_of_the_flow(world: Simulation) -> None:
    """At exactly eleven on a Monday, the next Monday at eleven is a week away."""
    answer = await world.control.delay_until(arrived(world, until_flow(on=["mon"], at="11:00")))
    assert answer.asleep is not None
    assert answer.asleep.until == world.clock + 7 * DAY


async def test_a_delay_until_is_computed_once(world: Simulation) -> None:
    """A second execution, a minute past the time, sleeps to the first one's end."""
    asked = arrived(world, until_flow(at="11:01"))
    first = await world.control.delay_until(asked)
    world.clock += timedelta(minutes=2)
    assert await world.control.delay_until(asked) == first


async def test_a_late_answer_still_counts_from_the_entry(world: Simulation) -> None:
    """The database was away while the time came: the record goes on, and does not wait for another day."""
    asked = arrived(world, until_flow(at="11:01"))
    world.clock += timedelta(minutes=2)
    answer = await world.control.delay_until(asked)
    assert answer.asleep is not None
    assert answer.asleep.until == world.clock - timedelta(minutes=1)


async def test_an_edited_delay_until_is_computed_anew(world: Simulation) -> None:
    """From now, so that it lies ahead; a sleeper whose date an edit has made past goes on."""
    await world.control.delay_until(arrived(world, until_flow(at="23:00")))
    world.clock += timedelta(hours=3)
    answer = await world.control.delay_until(arrived(world, until_flow(at="13:00")))
    assert answer.asleep is not None
    assert answer.asleep.until == datetime(2026, 1, 6, 11, 0, tzinfo=UTC)
    gone = await world.control.delay_until(arrived(world, until_flow(date="2026-01-04")))
    assert (gone.asleep, gone.leave, gone.line) == (None, None, "no date to wait for")


@pytest.mark.parametrize(
    ("fields", "value", "leave"),
    [
        ({"date": "2026-01-04"}, None, None),
        ({"date": "2026-01-04", "if_past": "end"}, None, "completed"),
        ({"property": "renewal", "days": -3}, "2026-01-07", None),
        ({"property": "renewal", "if_past": "end"}, "2026-01-04", "completed"),
        ({"property": "renewal"}, None, None),
        ({"property": "renewal", "if_empty": "end"}, None, "completed"),
        ({"property": "renewal", "if_empty": "end"}, "soon", "completed"),
    ],
)
async def test_a_date_that_is_past_or_empty_is_not_waited_for(
    world: Simulation, fields: dict[str, Any], value: str | None, leave: str | None
) -> None:
    """The record goes on, or leaves where the step says so, and the same again when it is asked again."""
    asked = arrived(world, until_flow(**fields), renewal=value)
    answer = await world.control.delay_until(asked)
    assert (answer.asleep, answer.leave) == (None, leave)
    world.ledger.crm.records[ANNA]["renewal"] = "2027-01-01"
    assert await world.control.delay_until(asked) == answer


async def test_a_date_property_is_a_day_of_the_calendar(world: Simulation) -> None:
    """Three days before it, at ten in Helsinki, whatever the day was stored as in UTC."""
    answer = await world.control.delay_until(
        arrived(world, until_flow(property="renewal", days=-3, at="10:00"), renewal="2026-03-30")
    )
    assert answer.asleep is not None
    assert answer.asleep.until == datetime(2026, 3, 27, 8, 0, tzinfo=UTC)
