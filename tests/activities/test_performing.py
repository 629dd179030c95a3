from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, Literal

import pytest
from pydantic import Field

from activities.action import Action, Ambiguous, Do, Done, Html, Refused, Retryable, Skipped, Text, tokens_of
from activities.catalogue import Catalogue
from activities.effects import Provenance
from activities.fakes.flows import FakeEnrollment
from activities.fakes.ledger import FakeLedger, FakeTurn, FakeVisit
from activities.ledger import Output
from activities.performing import Again, Performer
from activities.rendering import rendered
from starter.simulate import Simulation
from tests.flows import flow, send_email, set_property
from workflows.contract import MOST_DEFERRALS, OUTPUT_BYTES, Answer, Asleep, Step
from workflows.model.facts import NOTHING, Facts, Needs
from workflows.model.nodes import Perform
from workflows.model.records import RecordRef
from workflows.model.tokens import OUTPUT_BYTES as TEXT_BYTES

ANNA = RecordRef.parse("contact:1")


class Act(Action):
    """Do what the test says."""

    kind: ClassVar = "act"
    place: ClassVar = "outside"
    examples: ClassVar = ("{do: act, id: a}",)
    does: ClassVar[list[Done | Exception]] = []
    keys: ClassVar[list[str]] = []

    short: Text = Field("", max_length=20)
    page: Html | None = None
    both: Text | int | None = None
    plain: str = ""

    async def perform(self, do: Do) -> Done:
        """Do it."""
        self.keys.append(do.key)
        did = self.does.pop(0)
        if isinstance(did, Exception):
            raise did
        return did


def act(place: str = "outside", config: dict[str, Any] | None = None, **fields: Any) -> Perform:
    plain = {"id": "a", "name": "Act", "edges": {}, "kind": "act", "config": config or {}, "place": place}
    return Perform.model_validate({**plain, **fields})


@pytest.fixture
def world() -> Simulation:
    """A record, and the shipped actions beside one that does as it is told."""
    Act.does.clear()
    Act.keys.clear()
    world = Simulation(Catalogue({**Catalogue.load(), "act": Act}))
    world.record(str(ANNA), firstname="Anna", email="anna@example.com")
    return world


def inside(world: Simulation, node: Perform, **fields: Any) -> Step:
    """Publish a flow of one node, with a record inside; give the step."""
    revision = flow("f", node, **fields)
    world.publish(revision)
    world.ledger.enrollments.setdefault("e", FakeEnrollment("f", ANNA, world.clock))
    return Step(enrollment="e", revision=revision.hash, node=node.id, visit=1)


def row(world: Simulation) -> FakeVisit:
    return world.ledger.visits["e", 1]


def performing_on(world: Simulation, ledger: type[FakeLedger]) -> Performer:
    """Give the performer on a ledger of another kind, with the same rows."""
    return replace(world.performer, control=replace(world.control, ledger=ledger(**vars(world.ledger))))


@pytest.mark.parametrize("place", ["outside", "store"])
async def test_a_visit_is_done_once(world: Simulation, place: str) -> None:
    """A second execution, which would do it otherwise, is told what the first came to."""
    Act.does += [Done(line="did it", output={"n": 1}, note="for people"), Done(line="did it again")]
    step = inside(world, act(place))
    assert await world.performer.perform(step, "a1") == Answer(line="did it")
    assert await world.performer.perform(step, "a2") == Answer(line="did it")
    assert (row(world).output, row(world).note, len(Act.keys)) == ({"n": 1}, "for people", 1)


@pytest.mark.parametrize("place", ["outside", "store"])
@pytest.mark.parametrize(
    ("policy", "onward"),
    [
        ("continue", ("next", None, None)),
        ("stop", ("next", "stopped", None)),
        ("go_to", ("failed", None, None)),
        ("park", ("next", None, "held")),
    ],
)
async def test_a_refused_effect_goes_as_its_policy_says(
    world: Simulation, place: str, policy: str, onward: tuple[str, str | None, str | None]
) -> None:
    """The code enters history, the note stays in the ledger, and the record goes on as `on_failure` says."""
    Act.does.append(Refused("bad_thing", "quotes Anna"))
    edges = {"next": None, "failed": None} if policy == "go_to" else {}
    answer = await world.performer.perform(inside(world, act(place, on_failure=policy, edges=edges)), "a1")
    assert (answer.outcome, answer.line) == ("failed", "failed: bad_thing")
    assert (answer.edge, answer.leave, answer.asleep and answer.asleep.why) == onward
    assert row(world).note == "quotes Anna"


@pytest.mark.parametrize("policy", ["continue", "stop"])
async def test_a_skipped_effect_is_no_failure(world: Simulation, policy: str) -> None:
    """What is not for this record is passed over, whatever the policy for failures."""
    Act.does.append(Skipped("no_address"))
    answer = await world.performer.perform(inside(world, act(on_failure=policy)), "a1")
    assert answer == Answer(outcome="skipped", line="skipped: no_address")


async def test_a_retryable_effect_is_tried_again_with_the_same_key(world: Simulation) -> None:
    """It was surely not done: the attempt says when to come again, and the next one does it under the same key."""
    Act.does += [Retryable("busy", "421 Anna", timedelta(minutes=5)), Done(line="did it")]
    step = inside(world, act(repeat="at_most_once"))
    with pytest.raises(Again) as caught:
        await world.performer.perform(step, "a1")
    assert (caught.value.code, caught.value.after, str(caught.value)) == ("busy", timedelta(minutes=5), "busy")
    assert (row(world).visit.state, row(world).note) == ("retrying", "busy: 421 Anna")
    assert await world.performer.perform(step, "a2") == Answer(line="did it")
    assert len(set(Act.keys)) == 1


@pytest.mark.parametrize(
    ("repeat", "answer", "times"),
    [
        ("at_least_once", Answer(line="did it"), 2),
        ("at_most_once", Answer(outcome="unknown", line="unknown: an earlier attempt may have done it"), 1),
    ],
)
async def test_an_ambiguous_effect_is_repeated_only_where_it_may_be(
    world: Simulation, repeat: str, answer: Answer, times: int
) -> None:
    """Nobody knows whether it was done: done again under the same key, or left and said to be unknown."""
    Act.does += [Ambiguous("lost"), Done(line="did it")]
    step = inside(world, act(repeat=repeat))
    with pytest.raises(Again):
        await world.performer.perform(step, "a1")
    assert row(world).visit.state == "unknown"
    assert await world.performer.perform(step, "a2") == answer
    assert (len(Act.keys), len(set(Act.keys))) == (times, 1)


async def test_a_worker_that_died_in_the_act_leaves_the_effect_ambiguous(world: Simulation) -> None:
    """An intent without a result is as an answer that was lost."""
    Act.does += [RuntimeError("a bug"), Done(line="did it")]
    step = inside(world, act(repeat="at_most_once"))
    with pytest.raises(RuntimeError):
        await world.performer.perform(step, "a1")
    assert (await world.performer.perform(step, "a2")).outcome == "unknown"
    assert len(Act.keys) == 1


async def test_a_later_attempt_sends_what_the_first_would_have_sent(world: Simulation) -> None:
    """The content is frozen: the same key never stands for two different e-mails."""
    world.mailer.answers = [Retryable("busy")]
    step = inside(world, send_email("mail"))
    with pytest.raises(Again):
        await world.performer.perform(step, "a1")
    world.ledger.crm.records[ANNA]["firstname"] = "Berta"
    await world.performer.perform(step, "a2")
    assert [mail.subject for _, mail in world.mailer.sent] == ["Hello Anna"]


@pytest.mark.parametrize("place", ["outside", "store"])
@pytest.mark.parametrize(
    ("output", "note"), [({"text": "x" * OUTPUT_BYTES}, "too large"), ({"text": object()}, "not JSON")]
)
async def test_an_output_that_cannot_be_kept_is_left_out(
    world: Simulation, place: str, output: dict[str, Any], note: str
) -> None:
    """The effect is done, so it is not done again: only what it put out is not there, and the line says so."""
    Act.does.append(Done(line="did it", output=output))
    answer = await world.performer.perform(inside(world, act(place)), "a1")
    assert answer.outcome == "done"
    assert answer.line.startswith("did it; its output is")
    assert note in answer.line
    assert not row(world).output


@pytest.mark.parametrize("place", ["outside", "store"])
@pytest.mark.parametrize(
    ("config", "value", "code"),
    [
        ({"short": "{{ contact.firstname }}"}, "x" * 21, "bad_value"),
        ({"page": "{{ contact.firstname }}{{ contact.firstname }}"}, "x" * (TEXT_BYTES // 2 + 1), "template_too_large"),
    ],
)
async def test_a_value_that_breaks_the_content_fails_the_visit(
    world: Simulation, place: str, config: dict[str, Any], value: str, code: str
) -> None:
    """Trying again would not help: the visit has failed before anything was done, as its policy says."""
    world.ledger.crm.records[ANNA]["firstname"] = value
    answer = await world.performer.perform(inside(world, act(place, config, on_failure="stop")), "a1")
    assert (answer.outcome, answer.line, answer.leave) == ("failed", f"failed: {code}", "stopped")
    assert Act.keys == []
    assert value not in row(world).note


async def test_a_broken_template_fails_the_visit(world: Simulation) -> None:
    """A text that a later release no longer reads is no reason to try for days."""
    answer = await world.performer.perform(inside(world, act(config={"short": "{{ contact"})), "a1")
    assert (answer.outcome, answer.line) == ("failed", "failed: bad_template")


async def test_an_edit_and_its_visit_are_one(world: Simulation) -> None:
    """A step in our store writes the property and says from where."""
    step = inside(world, set_property("p", "greeting", "Dear {{ contact.firstname }}"))
    assert await world.performer.perform(step, "a1") == Answer(line="set greeting")
    assert world.ledger.crm.records[ANNA]["greeting"] == "Dear Anna"
    assert world.ledger.crm.changes == [(ANNA, "greeting", "Dear Anna", Provenance("f", step.revision, "p", "e"))]


async def test_the_gate_stands_before_the_act(world: Simulation) -> None:
    """A flow that is off skips, one that is paused holds, and nothing is done."""
    step = inside(world, act())
    world.ledger.flows["f"].is_on = False
    assert (await world.performer.perform(step, "a1")).outcome == "skipped"
    world.ledger.visits.clear()
    world.ledger.flows["f"].paused = True
    answer = await world.performer.perform(step, "a1")
    assert answer.asleep is not None
    assert (answer.asleep.why, Act.keys) == ("held", [])


async def test_an_attempt_under_way_precedes_a_pause(world: Simulation) -> None:
    """What may have been done is brought to its end; the pause waits for the next step."""
    Act.does += [Ambiguous("lost"), Done(line="did it")]
    step = inside(world, act())
    with pytest.raises(Again):
        await world.performer.perform(step, "a1")
    world.ledger.flows["f"].paused = True
    assert await world.performer.perform(step, "a2") == Answer(line="did it")


async def test_a_newer_revision_is_met_before_the_act(world: Simulation) -> None:
    """A fresh visit goes on in the newer drawing; one that has begun is finished in its own."""
    Act.does += [Retryable("busy"), Done(line="did it")]
    step = inside(world, act())
    newer = flow("f", act(), send_email("mail"))
    world.publish(newer)
    answer = await world.performer.perform(step, "a1")
    assert answer.revision is not None
    assert (answer.revision.hash, Act.keys) == (newer.hash, [])
    world.publish(flow("f", act()))
    begun = step.model_copy(update={"visit": 2})
    with pytest.raises(Again):
        await world.performer.perform(begun, "a1")
    world.publish(newer)
    assert await world.performer.perform(begun, "a2") == Answer(line="did it")


async def test_a_second_execution_goes_where_the_first_was_led(world: Simulation) -> None:
    """Published, walked on in, and taken back before the task was done: the effect stays one."""
    edit = set_property("p", "stage", "{{ contact.stage }}+")
    drawn, edited = flow("f", edit), flow("f", set_property("q", "other", "x"), edit)
    world.ledger.crm.records[ANNA]["stage"] = "new"
    asked = inside(world, edit)
    assert asked.revision == drawn.hash
    world.publish(edited)
    there = [asked.model_copy(update={"revision": edited.hash, "node": n, "visit": v}) for n, v in (("q", 2), ("p", 3))]
    walk = [asked, *there]
    first = [await world.performer.perform(step, "a1") for step in walk]
    world.publish(drawn)
    assert [await world.performer.perform(step, "a2") for step in walk] == first
    assert first[0].revision is not None
    assert first[0].revision.hash == edited.hash
    assert world.ledger.crm.records[ANNA]["stage"] == "new+"


def edited_meanwhile(publish: Callable[[], None]) -> type[FakeLedger]:
    """Make a ledger at which a flow is published between what the gate saw and the commit of the visit."""

    class Edited(FakeLedger):
        @asynccontextmanager
        async def turn(self, step: Step, needs: Needs = NOTHING) -> AsyncIterator[FakeTurn]:
            async with super().turn(step, needs) as turn:
                yield turn
                publish()

    return Edited


@pytest.mark.parametrize("why", ["held", "deferred"])
async def test_an_edit_while_the_gate_stops_a_record_is_seen(
    world: Simulation, monkeypatch: pytest.MonkeyPatch, why: Literal["held", "deferred"]
) -> None:
    """Its publisher did not find the sleep, which was not committed yet: the look after the commit finds the edit."""
    stopped = Answer(asleep=Asleep(why=why, until=world.clock + timedelta(hours=1)), line="stopped")
    monkeypatch.setattr("activities.performing.GATE", [lambda _situation, _flow, _step: stopped])
    newer = flow("f", send_email("mail"))
    step = inside(world, act())
    performer = performing_on(world, edited_meanwhile(lambda: world.publish(newer)))
    answer = await performer.perform(step, "a1")
    assert (answer.asleep, answer.revision and answer.revision.hash) == (stopped.asleep, newer.hash)
    assert row(world).visit.answer == stopped


class Blinking(FakeLedger):
    """A ledger whose database is away the first time that a visit is to be settled."""

    away = True

    async def settle(
        self, step: Step, kind: str, answer: Answer, output: Output | None = None, note: str = ""
    ) -> Answer:
        """Be away."""
        if self.away:
            self.away = False
            raise ConnectionError
        return await super().settle(step, kind, answer, output, note)


async def test_a_refusal_is_written_down_although_the_database_blinks(
    world: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only this attempt knows that it was surely not done; given up, the next one would have to say unknown."""
    monkeypatch.setattr("activities.performing.WRITE_PAUSE", 0)
    Act.does.append(Refused("bad_address"))
    step = inside(world, act(repeat="at_most_once"))
    assert (await performing_on(world, Blinking).perform(step, "a1")).line == "failed: bad_address"
    assert row(world).visit.state == "done"


def test_tokens_are_found_on_fields_and_on_arms_of_unions() -> None:
    """Fields marked as text or HTML take tokens, others do not."""
    assert {name: mark.html for name, mark in tokens_of(Act).items()} == {"short": False, "page": True, "both": False}


def test_values_are_escaped_where_the_field_is_html() -> None:
    """A value is put in as it stands into text, escaped into HTML, and not at all into a plain field."""
    config = dict.fromkeys(("short", "page", "both", "plain"), "{{ contact.x }}")
    assert rendered(Act, {**config, "n": 1}, "contact", Facts(properties={"x": "<b>"})) == {
        "short": "<b>",
        "page": "&lt;b&gt;",
        "both": "<b>",
        "plain": "{{ contact.x }}",
        "n": 1,
    }


def test_deferrals_have_a_limit() -> None:
    """Twenty times is once too often to be put off: the allowed hours leave no room."""
    assert MOST_DEFERRALS == 20
