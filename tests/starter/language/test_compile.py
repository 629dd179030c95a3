from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import pytest

from activities.action import Action, Text
from activities.catalogue import Catalogue
from starter.language.compile import compile_flow
from starter.language.flow_file import FlowMistakes
from workflows.model.conditions import Test as ValueTest
from workflows.model.flow import Flow
from workflows.model.nodes import Branch, Delay, Perform, WaitForEvent
from workflows.model.revision import Revision, canonical


class Call(Action):
    """Call somebody."""

    kind = "call"
    place = "outside"
    objects = ("contact",)
    outputs: ClassVar = {"answered": "Whether somebody did."}
    examples = ()
    number: Text
    level: Text | int | list[str] = 1
    tries: int = 3


NO_ID = "`id` is missing; a step keeps its id for the life of the flow, as `id: welcome` (`perdure fmt` adds it)"
DURATIONS = "write a number and a unit, as '2 days' or '1 hour 30 minutes'"
TOP = "flow, name, object, enroll, leave, goal, settings, steps"
CATALOGUE = Catalogue({"call": Call})

DEMO = """
flow: demo-request
object: contact
enroll:
  on:
    - {event: form_submitted, where: {form: demo-request, score: {greater_than: 3}}}
  again: on_trigger
leave: {on: [{event: unsubscribed}]}
goal: {property: lifecycle_stage, is: customer}
settings: {revisions: pin}
steps:
  - {do: call, id: ring, number: "1", on_failure: {go_to: last}, retry: {within: 2 hours}, timeout: 20 seconds}
  - {do: delay, id: two-days, for: 2 days}
  - do: wait_for_event
    id: opened
    any_of: [{event: email_opened, where: {email: demo-thanks}}]
    at_most: 7 days
  - do: branch
    id: was-it-opened
    branches:
      - name: Opened
        when: {output: opened.happened, is: true}
        steps:
          - {do: delay, id: breathe, for: 1 hour}
          - {do: go_to, id: again, to: two-days}
      - name: Never
        when: {property: gone, is: true}
        steps: [{do: end, id: out}]
      - {name: Empty, when: {output: ring.answered, is: true}}
    otherwise:
      - {do: delay, id: rest, for: 1 day}
  - {do: call, id: last, number: "2"}
"""


def flow(*steps: str, top: str = "") -> str:
    listed = "".join(f"  - {step}\n" for step in steps)
    return f"flow: a\nobject: contact\n{top}steps:\n{listed}"


def mistakes(text: str) -> list[str]:
    with pytest.raises(FlowMistakes) as refused:
        compile_flow(text, CATALOGUE, "a.yaml")
    return [str(mistake) for mistake in refused.value.mistakes]


@pytest.fixture(name="demo", scope="module")
def compiled() -> Flow:
    return compile_flow(DEMO, CATALOGUE)


def test_steps_become_nodes_with_edges(demo: Flow) -> None:
    """Every step leads to the next, a branch's last to what follows the branch, an empty arm straight there."""
    edges = {id_: node.edges for id_, node in demo.nodes.items()}
    assert demo.start == "ring"
    assert edges == {
        "ring": {"next": "two-days", "failed": "last"},
        "two-days": {"next": "opened"},
        "opened": {"next": "was-it-opened"},
        "was-it-opened": {"Opened": "breathe", "Never": "out", "Empty": "last", "otherwise": "rest"},
        "breathe": {"next": "again"},
        "again": {"next": "two-days"},
        "out": {},
        "rest": {"next": "last"},
        "last": {"next": None},
    }


def test_what_an_action_decides_is_frozen(demo: Flow) -> None:
    """Defaults of the action's fields and policies are written into the node; the step's own words win."""
    ring = demo.nodes["ring"]
    assert isinstance(ring, Perform)
    assert ring.config == {"number": "1", "level": 1, "tries": 3}
    assert (ring.place, ring.on_failure, ring.repeat) == ("outside", "go_to", "at_least_once")
    assert (ring.timeout, ring.retry.within, ring.retry.growth) == (timedelta(seconds=20), timedelta(hours=2), 2.0)


def test_control_steps_keep_their_settings(demo: Flow) -> None:
    """Lengths of time, events and conditions stand in the nodes."""
    rest, opened, which = (demo.nodes[id_] for id_ in ("two-days", "opened", "was-it-opened"))
    assert isinstance(rest, Delay)
    assert rest.for_ == timedelta(days=2)
    assert isinstance(opened, WaitForEvent)
    assert (opened.at_most, opened.any_of[0].event) == (timedelta(days=7), "email_opened")
    assert isinstance(which, Branch)
    assert [arm.name for arm in which.arms] == ["Opened", "Never", "Empty"]


def test_the_top_of_a_file_is_read(demo: Flow) -> None:
    """Key, object, triggers with their tests, goal and settings stand in the flow; its name is made from the key."""
    assert (demo.key, demo.name, demo.object) == ("demo-request", "Demo request", "contact")
    (trigger,) = demo.enroll.on
    assert isinstance(trigger.where["score"], ValueTest)
    assert (demo.enroll.again, demo.settings.revisions) == ("on_trigger", "pin")
    assert demo.goal is not None
    assert [each.event for each in demo.leave.on] == ["unsubscribed"]


def test_a_name_is_made_from_the_id(demo: Flow) -> None:
    """A step without a name is called after its id."""
    assert demo.nodes["was-it-opened"].name == "Was it opened"


def test_a_compiled_flow_reads_back_as_it_is(demo: Flow) -> None:
    """What is stored has the same hash when it is read and written once more."""
    text = canonical(demo)
    assert canonical(Revision.read(text).flow) == text


def test_all_mistakes_are_told_in_one_run() -> None:
    """A file with a mistake in each part is answered with all of them, each with its place."""
    text = """flow: Nice Flow
object: contact
colour: red
enroll: {on: [{event: seen, when: {a: 1}}], again: sometimes}
steps:
  - {do: dlay, id: one, for: 1 day}
  - {do: delay, id: two, for: two days}
  - {do: delay, for: 1 day}
  - {do: call, id: two, numbr: "1"}
  - {do: go_to, id: five, to: oen}
"""
    assert mistakes(text) == [
        "a.yaml:1:7 flow: 'Nice Flow' is not allowed; write small letters, digits and -, as demo-request",
        f"a.yaml:3:1 colour: this key is not known here; there are {TOP}",
        "a.yaml:4:29 enroll.on[0].when: this key is not known here; did you mean 'where'?",
        "a.yaml:4:52 enroll.again: 'sometimes' is not known here; it is one of never, on_trigger, always",
        "a.yaml:6:10 steps[0].do: nothing is called 'dlay'; did you mean 'delay'?",
        "a.yaml:7:31 steps[1].for: 'two days' is not a duration; " + DURATIONS,
        f"a.yaml:8:5 steps[2]: {NO_ID}",
        "a.yaml:9:20 steps[3].id: the id 'two' is taken by steps[1]; each step needs one of its own",
        "a.yaml:9:25 steps[3].numbr: this key is not known here; did you mean 'number'?",
        "a.yaml:10:31 steps[4].to: there is no step 'oen'; did you mean 'one'?",
    ]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        pytest.param(
            flow("{do: end, id: out}", "{do: delay, id: rest, for: 1 day}"),
            "a.yaml:5:5 steps[1]: no path from the start leads here; 'out' before it ends the walk",
            id="a step that nothing leads to",
        ),
        pytest.param(
            flow("{do: go_to, id: round, to: round}"),
            "a.yaml:4:5 steps[0]: these steps go round in a circle without a delay or a wait: round -> round",
            id="a circle without rest",
        ),
        pytest.param(
            flow("{do: branch, id: which, branches: [{name: A, when: {output: opend.happened, is: true}}]}"),
            "a.yaml:4:65 steps[0].branches[0].when.output: there is no step 'opend'; there are which",
            id="an output of no step",
        ),
        pytest.param(
            flow(
                "{do: call, id: ring, number: '1'}",
                "{do: branch, id: which, branches: [{name: A, when: {output: ring.anwsered, is: true}}]}",
            ),
            "a.yaml:5:65 steps[1].branches[0].when.output: 'ring' has no output 'anwsered'; did you mean 'answered'?",
            id="no output of a step",
        ),
        pytest.param(
            flow("{do: call, id: ring, number: '1'}").replace("contact", "deal"),
            "a.yaml:4:10 steps[0].do: call serves records of the type contact, and this flow is for deal",
            id="an action for other records",
        ),
        pytest.param(
            flow("{do: wait_for_event, id: w, any_of: [{event: paid, where: {sum: {greater_thn: 3}}}]}"),
            "a.yaml:4:70 steps[0].any_of[0].where.sum.greater_thn: this key is not known here;"
            " did you mean 'greater_than'?",
            id="a misspelt test",
        ),
        pytest.param(
            flow("{do: branch, id: b, branches: [{name: otherwise, when: {property: a, is: 1}}]}"),
            "a.yaml:4:43 steps[0].branches[0].name: the name 'otherwise' is taken; each branch needs one of its own",
            id="a branch named as an edge of ours",
        ),
        pytest.param(
            flow("{do: delay, id: rest, for: 1 day}", top="goal: {output: rest.x, is: 1}\n"),
            "a.yaml:3:16 goal.output: a goal is met by the record alone; outputs of steps cannot stand in it",
            id="a goal on an output",
        ),
        pytest.param(
            flow("{do: call, id: ring, number: '1', on_failure: explode}"),
            "a.yaml:4:51 steps[0].on_failure: 'explode' is not known here; it is continue, stop, park or {go_to: STEP}",
            id="an unknown policy",
        ),
        pytest.param(
            flow("{do: delay, id: rest, for: 1 day}", top="enroll: {suppress: {list: competitors}}\n"),
            "a.yaml:3:10 enroll.suppress: this key is not known here; there are on, again",
            id="a key that is not built yet",
        ),
        pytest.param(
            flow("{do: branch, id: b, branches: []}"),
            "a.yaml:4:35 steps[0].branches: at least one branch is needed, as `{name: ..., when: ..., steps: [...]}`",
            id="a branch without branches",
        ),
        pytest.param(
            flow("{do: delay, id: Rest, for: 1 day}"),
            "a.yaml:4:21 steps[0].id: 'Rest' is not allowed; write small letters, digits, - and _, as two-days",
            id="an id in capitals",
        ),
        pytest.param(
            flow("{do: delay, id: rest, for: 1 day}", top="name: ''\n"),
            "a.yaml:3:7 name: must not be empty",
            id="an empty name",
        ),
        pytest.param(
            flow("{do: delay, id: rest, for: 1 day}").replace("flow: a", "flow:"),
            "a.yaml:1:6 flow: must be text, and there is nothing",
            id="no flow key",
        ),
        pytest.param(
            flow("{do: branch, id: b, branches: [{name: A, when: {any: [{property: a, is: 1, is_not: 2}]}}]}"),
            "a.yaml:4:59 steps[0].branches[0].when.any[0]: give exactly one operator, not 2: is, is_not",
            id="two operators",
        ),
        pytest.param(
            flow("{do: call, id: ring, number: 'to {{ firstname }}'}"),
            "a.yaml:4:38 steps[0].number: 'firstname' is no name of a value; write TYPE.property, as contact.firstname,"
            " in '{{ firstname }}'",
            id="a token of no record",
        ),
        pytest.param(
            flow("{do: call, id: ring, number: 'to {{ ring.answered }}'}"),
            "a.yaml:4:38 steps[0].number: 'ring' is a step; what it puts out is written outputs.ring.answered",
            id="a token of a step without outputs before it",
        ),
        pytest.param(
            flow("{do: call, id: ring, number: 'to {{ steps.ring.answered }}'}"),
            "a.yaml:4:38 steps[0].number: 'steps.ring.answered' is no name of a value; write TYPE.property, as "
            "contact.firstname, or outputs.STEP.key, in '{{ steps.ring.answered }}'",
            id="a token of three parts",
        ),
        pytest.param(
            flow("{do: call, id: ring, number: '1', level: 'as {{ outputs.rng.answered }}'}"),
            "a.yaml:4:50 steps[0].level: there is no step 'rng'; did you mean 'ring'?",
            id="a token of no step",
        ),
        pytest.param(
            flow("{do: call, id: ring, number: '1', level: {a: 1}}"),
            "a.yaml:4:46 steps[0].level: must be text or a whole number or a list, not keys and values",
            id="a value of no kind that the field takes",
        ),
        pytest.param(
            flow("{do: delay, id: rest, for: 2}"),
            "a.yaml:4:32 steps[0].for: 2 of what? Write a number and a unit, as '2 days' or '2 hours'",
            id="a length of time without a unit",
        ),
        pytest.param(
            flow("{do: call, id: ring, number: '1', retry: {frist: 1 hour}}"),
            "a.yaml:4:47 steps[0].retry.frist: this key is not known here; did you mean 'first'?",
            id="a misspelt key of the retries",
        ),
        pytest.param(
            flow("{do: delay, id: rest, for: 1 day}", top="goal: {property: stage, is: lead, contians: x}\n"),
            "a.yaml:3:35 goal.contians: this key is not known here; did you mean 'contains'?",
            id="a misspelt test of a property",
        ),
        pytest.param(
            flow("{do: branch, id: b, branches: [{name: A, when: {property: a, is_any_of: FI}}]}"),
            "a.yaml:4:77 steps[0].branches[0].when.is_any_of: must be a list, as [a, b]",
            id="an operator that wants another value",
        ),
        pytest.param(
            flow("{do: branch, id: b, branches: [{name: A, when: {event: e, where: {form: {iss: x}}}}]}"),
            "a.yaml:4:78 steps[0].branches[0].when.where.form.iss: this key is not known here; did you mean 'is'?",
            id="a misspelt test of an event in a condition",
        ),
        pytest.param(
            flow("{do: end, id: e}", top="leave: {om: [{event: e}]}\n"),
            "a.yaml:3:9 leave.om: this key is not known here; did you mean 'on'?",
            id="a word beside what makes a record leave",
        ),
        pytest.param("- 1\n", "a.yaml:1:1 a flow is written as keys and values, not as a list", id="a list"),
        pytest.param(
            flow("rest"), "a.yaml:4:5 steps[0]: a step is written as `{do: ..., id: ...}`, not as 'rest'", id="a word"
        ),
    ],
)
def test_a_mistake_is_told_at_its_place(text: str, mistake: str) -> None:
    """Each kind of mistake is the only one told, with line, column, path and what to do."""
    assert mistakes(text) == [mistake]


def test_a_flow_of_500_steps_compiles_quickly_enough_to_be_no_limit() -> None:
    """HubSpot's largest flows have about 500 steps; that many in a row make no trouble."""
    steps = [f"{{do: delay, id: s{number}, for: 1 hour}}" for number in range(500)]
    assert len(compile_flow(flow(*steps), CATALOGUE).nodes) == 500
