"""The walk, on the virtual clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from activities.action import Refused, Retryable
from activities.catalogue import Catalogue
from activities.gate import GATE
from activities.ledger import Situation
from starter.simulate import Simulation
from tests.flows import branch, delay, end, flow, go_to, send_email, set_property, wait
from workflows.contract import MOST_DEFERRALS, Answer, Asleep, Step
from workflows.host import Adopted, Left, Resumed
from workflows.model.flow import Flow
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

ANNA = {"firstname": "Anna", "email": "anna@example.com"}


@pytest.fixture
def world() -> Simulation:
    """A world in memory."""
    return Simulation(Catalogue.load())


async def walk(world: Simulation, revision: Revision, **properties: str) -> tuple[str, list[tuple[str, str]]]:
    """Walk one record; give the ending and the ledger's lines."""
    world.publish(revision)
    record = world.record("contact:1", **{**ANNA, **properties})
    enrollment, ending = await world.walk(revision, record)
    rows = sorted((visit, row) for (name, visit), row in world.ledger.visits.items() if name == enrollment)
    return ending, [
        (row.node, row.visit.answer.line if row.visit.answer else "") for _, row in rows if row.kind != "moved"
    ]


async def test_a_flow_is_walked_node_by_node(world: Simulation) -> None:
    """An e-mail goes out, two days pass, and the property is set."""
    begin = world.clock
    ending, lines = await walk(
        world, flow("f", send_email("mail"), delay("two-days", "2 days"), set_property("p", "stage", "lead"))
    )
    assert ending == "completed"
    assert [node for node, _ in lines] == ["mail", "two-days", "p"]
    assert world.mailer.sent[0][1].subject == "Hello Anna"
    assert world.ledger.crm.records[RecordRef.parse("contact:1")]["stage"] == "lead"
    assert world.clock - begin == timedelta(days=2)


async def test_an_empty_flow_completes(world: Simulation) -> None:
    """A flow without steps ends at once."""
    assert (await walk(world, flow("f")))[0] == "completed"


@pytest.mark.parametrize(("stage", "wanted"), [("lead", "yes"), ("customer", "no")])
async def test_a_branch_takes_one_arm(world: Simulation, stage: str, wanted: str) -> None:
    """The first arm whose condition is met is taken, else the other."""
    drawn = flow(
        "f",
        branch("b", "no", Lead=({"property": "stage", "is": "lead"}, "yes")),
        set_property("yes", "took", "yes", edges={"next": None}),
        set_property("no", "took", "no"),
    )
    await walk(world, drawn, stage=stage)
    assert world.ledger.crm.records[RecordRef.parse("contact:1")]["took"] == wanted


async def test_an_event_ends_a_wait_and_its_properties_can_be_used(world: Simulation) -> None:
    """A later branch reads the outcome of the wait, and a token the event's own property."""
    drawn = flow(
        "f",
        wait("w", {"event": "form_submitted", "where": {"form": "demo"}}, at_most="7 days"),
        branch("b", None, Came=({"output": "w.happened", "is": True}, "p")),
        set_property("p", "city", "{{ outputs.w.city }}"),
    )
    anna = RecordRef.parse("contact:1")
    world.plan(timedelta(hours=1), lambda: world.happens("form_submitted", anna, form="other"))
    world.plan(timedelta(hours=2), lambda: world.happens("form_submitted", anna, form="demo", city="Oulu"))
    begin = world.clock
    await walk(world, drawn)
    assert world.ledger.crm.records[anna]["city"] == "Oulu"
    assert world.clock - begin == timedelta(hours=2)


async def test_a_wait_times_out(world: Simulation) -> None:
    """Without the event, the wait ends after `at_most`, and says so."""
    _, lines = await walk(world, flow("f", wait("w", "email_opened", at_most="7 days")))
    assert lines == [("w", "timed out")]


async def test_an_event_before_the_wait_does_not_count(world: Simulation) -> None:
    """Only what happens after the record reached the wait can end it."""
    world.plan(timedelta(days=1), lambda: world.happens("email_opened", RecordRef.parse("contact:1")))
    _, lines = await walk(world, flow("f", delay("d", "2 days"), wait("w", "email_opened", at_most="1 day")))
    assert lines[-1] == ("w", "timed out")


async def test_go_to_goes_round_until_a_branch_leads_out(world: Simulation) -> None:
    """A circle with a delay in it is walked until its branch is decided otherwise."""
    drawn = flow(
        "f",
        delay("d", "1 day"),
        branch("b", "again", Done=({"property": "ready", "is": "yes"}, "out")),
        go_to("again", "d"),
        end("out"),
    )
    anna = RecordRef.parse("contact:1")
    world.plan(timedelta(days=2, hours=1), lambda: world.ledger.crm.records[anna].update(ready="yes"))
    begin = world.clock
    await walk(world, drawn)
    assert world.clock - begin == timedelta(days=3)


async def test_a_goal_met_in_a_long_delay_ends_it_at_once(world: Simulation) -> None:
    """An order to leave does not wait for the delay to pass."""
    world.plan(timedelta(days=1), lambda: Left("goal"))
    begin = world.clock
    ending, _ = await walk(world, flow("f", delay("d", "30 days"), send_email("mail")))
    assert (ending, world.clock - begin, world.mailer.sent) == ("goal", timedelta(days=1), [])


async def test_a_failed_node_is_recorded_and_the_record_moves_on(world: Simulation) -> None:
    """`on_failure: continue` is HubSpot's rule, and the default."""
    world.mailer.answers = [Refused("bad_address")]
    ending, lines = await walk(world, flow("f", send_email("mail"), set_property("p", "stage", "lead")))
    assert (ending, lines) == ("completed", [("mail", "failed: bad_address"), ("p", "set stage")])


async def test_a_failed_node_can_stop_the_walk(world: Simulation) -> None:
    """`on_failure: stop` leaves the flow."""
    world.mailer.answers = [Refused("bad_address")]
    ending, lines = await walk(
        world, flow("f", send_email("mail", on_failure="stop"), set_property("p", "stage", "lead"))
    )
    assert (ending, [node for node, _ in lines]) == ("stopped", ["mail"])


async def test_a_failed_node_can_lead_elsewhere(world: Simulation) -> None:
    """`on_failure: go_to` takes the `failed` edge."""
    world.mailer.answers = [Refused("bad_address")]
    drawn = flow(
        "f",
        send_email("mail", on_failure="go_to", edges={"next": None, "failed": "p"}),
        set_property("p", "stage", "unreachable"),
    )
    _, lines = await walk(world, drawn)
    assert [node for node, _ in lines] == ["mail", "p"]


async def test_a_failed_node_can_be_parked_and_tried_again(world: Simulation) -> None:
    """A held visit that an operator retries is a visit of its own, and counts on from there."""
    world.mailer.answers = [Refused("bad_address")]
    world.plan(timedelta(hours=5), lambda: Resumed("retry"))
    _, lines = await walk(world, flow("f", send_email("mail", on_failure="park")))
    assert [line for _, line in lines] == ["failed: bad_address", "sent"]


async def test_an_effect_that_surely_was_not_done_is_tried_again(world: Simulation) -> None:
    """A server that is away is asked again after the back-off, in the same visit."""
    world.mailer.answers = [Retryable("smtp_away"), Retryable("smtp_away")]
    begin = world.clock
    _, lines = await walk(world, flow("f", send_email("mail")))
    assert ([node for node, _ in lines], len(world.mailer.sent)) == (["mail"], 1)
    assert world.clock - begin == timedelta(seconds=3)


async def test_an_off_flow_skips_its_actions_but_walks_on(world: Simulation) -> None:
    """Delays elapse and branches are decided; what acts is skipped."""
    revision = flow("f", send_email("mail"), delay("d", "1 day"), set_property("p", "stage", "lead"))
    world.publish(revision)
    world.ledger.flows["f"].is_on = False
    _, lines = await walk(world, revision)
    assert [line for _, line in lines] == ["skipped: the flow is off", "", "skipped: the flow is off"]


async def test_a_record_that_was_deleted_leaves(world: Simulation) -> None:
    """The gate finds the record gone."""
    world.plan(timedelta(hours=1), world.ledger.crm.records.clear)
    ending, _ = await walk(world, flow("f", delay("d", "1 day"), send_email("mail")))
    assert ending == "record_gone"


def edited(world: Simulation, after: timedelta, new: Revision, *, wakes: bool) -> None:
    """Publish an edit while the record sleeps; `wakes` when the edit touches the step slept in."""

    def act() -> Adopted | None:
        world.publish(new)
        return Adopted(world.revisions.known.setdefault(new.hash, new)) if wakes else None

    world.plan(after, act)


async def test_a_longer_delay_is_counted_from_its_entry(world: Simulation) -> None:
    """After one of two days the delay becomes three: two more days pass."""
    edited(world, timedelta(days=1), flow("f", delay("d", "3 days")), wakes=True)
    begin = world.clock
    await walk(world, flow("f", delay("d", "2 days")))
    assert world.clock - begin == timedelta(days=3)


async def test_a_delay_made_shorter_than_elapsed_ends_at_once(world: Simulation) -> None:
    """After two of five days the delay becomes one: the record goes on."""
    edited(world, timedelta(days=2), flow("f", delay("d", "1 day")), wakes=True)
    begin = world.clock
    await walk(world, flow("f", delay("d", "5 days")))
    assert world.clock - begin == timedelta(days=2)


async def test_a_deleted_delay_is_left_at_once(world: Simulation) -> None:
    """The record goes on with what follows."""
    edited(world, timedelta(days=1), flow("f", set_property("p", "stage", "lead")), wakes=True)
    begin = world.clock
    ending, lines = await walk(world, flow("f", delay("d", "5 days"), set_property("p", "stage", "lead")))
    assert (ending, lines[-1], world.clock - begin) == ("completed", ("p", "set stage"), timedelta(days=1))


async def test_a_deleted_wait_is_left_at_once(world: Simulation) -> None:
    """The record goes on with what follows."""
    edited(world, timedelta(days=1), flow("f", set_property("p", "stage", "lead")), wakes=True)
    begin = world.clock
    _, lines = await walk(world, flow("f", wait("w", "email_opened"), set_property("p", "stage", "lead")))
    assert (lines[-1], world.clock - begin) == (("p", "set stage"), timedelta(days=1))


async def test_a_sleeper_meets_the_steps_added_behind_its_delay(world: Simulation) -> None:
    """The new step after the delay is done, though nothing woke the sleeper for it."""
    edited(
        world,
        timedelta(days=1),
        flow("f", delay("d", "5 days"), send_email("new"), set_property("p", "stage", "lead")),
        wakes=False,
    )
    _, lines = await walk(world, flow("f", delay("d", "5 days"), set_property("p", "stage", "lead")))
    assert [node for node, _ in lines] == ["d", "new", "p"]


async def test_a_sleeper_meets_steps_added_at_the_end(world: Simulation) -> None:
    """A walk that would end looks for a newer drawing once more."""
    edited(world, timedelta(days=1), flow("f", delay("d", "5 days"), send_email("new")), wakes=False)
    ending, lines = await walk(world, flow("f", delay("d", "5 days")))
    assert (ending, [node for node, _ in lines]) == ("completed", ["d", "new"])


async def test_a_deleted_action_is_passed_over(world: Simulation) -> None:
    """The e-mail that was deleted while the record slept is not sent."""
    edited(world, timedelta(days=1), flow("f", delay("d", "5 days"), set_property("p", "stage", "lead")), wakes=False)
    _, lines = await walk(
        world, flow("f", delay("d", "5 days"), send_email("mail"), set_property("p", "stage", "lead"))
    )
    assert [node for node, _ in lines] == ["d", "p"]


async def test_a_deleted_branch_is_decided_as_it_was_drawn(world: Simulation) -> None:
    """When the node that led to the branch is gone too, its verdict still tells where to go on."""
    arms = {"Lead": ({"property": "stage", "is": "lead"}, "yes")}
    old = flow(
        "f",
        delay("d", "5 days"),
        branch("b", "no", **arms),
        set_property("yes", "took", "yes", edges={"next": None}),
        set_property("no", "took", "no"),
    )
    new = flow(
        "f",
        branch("other", "yes", Never=({"property": "stage", "is": "nothing"}, "no")),
        set_property("yes", "took", "yes", edges={"next": None}),
        set_property("no", "took", "no"),
    )
    edited(world, timedelta(days=1), new, wakes=True)
    _, lines = await walk(world, old, stage="lead")
    assert [node for node, _ in lines] == ["d", "b", "yes"]


async def test_an_arm_that_is_gone_leads_where_it_led(world: Simulation) -> None:
    """The edge taken is not in the new drawing: its old target is, and the record goes there."""
    old = flow(
        "f",
        branch("b", "no", Lead=({"property": "stage", "is": "lead"}, "rest")),
        delay("rest", "1 day", next="yes"),
        set_property("yes", "took", "yes", edges={"next": None}),
        set_property("no", "took", "no"),
    )
    new = flow(
        "f",
        branch("b", "no", Customer=({"property": "stage", "is": "customer"}, "yes")),
        set_property("yes", "took", "yes", edges={"next": None}),
        set_property("no", "took", "no"),
    )
    edited(world, timedelta(hours=1), new, wakes=True)
    _, lines = await walk(world, old, stage="lead")
    assert [node for node, _ in lines] == ["b", "rest", "yes"]


async def test_a_record_whose_way_ahead_was_deleted_ends_with_the_reason(world: Simulation) -> None:
    """Nothing that lay ahead exists any more."""
    edited(world, timedelta(days=1), flow("f", send_email("another")), wakes=True)
    ending, _ = await walk(world, flow("f", delay("d", "5 days"), set_property("p", "stage", "lead")))
    assert ending == "edited_away"


async def test_a_pinned_enrollment_keeps_its_revision(world: Simulation) -> None:
    """`revisions: pin`: the edit is for those who enter later."""
    pin = {"settings": {"revisions": "pin"}}
    edited(world, timedelta(days=1), flow("f", delay("d", "5 days"), send_email("new"), **pin), wakes=False)
    _, lines = await walk(world, flow("f", delay("d", "5 days"), set_property("p", "stage", "lead"), **pin))
    assert [node for node, _ in lines] == ["d", "p"]


@pytest.fixture
def opening(world: Simulation) -> Iterator[list[datetime]]:
    """A further check at the gate: not before the one instant in the list."""
    opens: list[datetime] = []

    def not_before(situation: Situation, _flow: Flow, step: Step) -> Answer | None:
        asked = max(situation.now, step.deferred_until or situation.now)
        return Answer(asleep=Asleep(why="deferred", until=opens[0]), line="deferred") if asked < opens[0] else None

    GATE.append(not_before)
    yield opens
    GATE.remove(not_before)


async def test_a_deferred_node_sleeps_and_asks_again(world: Simulation, opening: list[datetime]) -> None:
    """The gate says not before T: the next try, at T, is a visit of its own."""
    opening.append(world.clock + timedelta(hours=14))
    _, lines = await walk(world, flow("f", send_email("mail")))
    assert lines == [("mail", "deferred"), ("mail", "sent")]
    assert world.clock == opening[0]


async def test_a_node_that_is_deferred_for_ever_is_held(world: Simulation) -> None:
    """After 20 deferrals an operator decides: the allowed hours leave no room."""
    soon = timedelta(minutes=1)
    GATE.insert(0, lambda situation, _flow, _step: Answer(asleep=Asleep(why="deferred", until=situation.now + soon)))
    world.plan(timedelta(hours=1), lambda: Resumed("end"))
    try:
        ending, lines = await walk(world, flow("f", send_email("mail")))
    finally:
        del GATE[0]
    assert (ending, len(lines), lines[-1][1]) == ("stopped", MOST_DEFERRALS + 1, "deferred 20 times")
