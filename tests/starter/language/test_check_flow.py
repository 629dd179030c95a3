from __future__ import annotations

import pytest

from activities.catalogue import Catalogue
from activities.effects import PropertyDefinition
from starter.language.compile import Checked, check_flow
from starter.language.definitions import Definitions
from starter.language.flow_file import MOST_MISTAKES, read
from starter.language.steps import every_step
from tests.computing import computes_within

CATALOGUE = Catalogue.load()
DEFINITIONS = Definitions(
    {
        "contact": {
            "firstname": PropertyDefinition("text"),
            "stage": PropertyDefinition("option", ("lead", "customer")),
            "renewal": PropertyDefinition("date"),
            "score": PropertyDefinition("number", read_only=True),
        },
        "company": {"industry": PropertyDefinition("text")},
    },
    lists=frozenset({"competitors"}),
    flows=frozenset({"welcome"}),
)


def flow(*steps: str, top: str = "") -> str:
    return f"flow: a\nobject: contact\n{top}steps:\n" + ("".join(f"  - {step}\n" for step in steps) or "  []")


def checked(*steps: str, top: str = "", draft: bool = False, definitions: Definitions | None = DEFINITIONS) -> Checked:
    return check_flow(flow(*steps, top=top), CATALOGUE, "a.yaml", draft=draft, definitions=definitions)


def branch(when: str) -> str:
    return f"{{do: branch, id: x, branches: [{{name: A, when: {when}}}], otherwise: []}}"


def set_stage(id_: str, value: str) -> str:
    return f"{{do: set_property, id: {id_}, property: stage, value: '{value}'}}"


BY_STAGE = "{do: branch_on_value, id: x, property: stage, branches: [{is: lead}], otherwise: []}"
WAIT = "{do: wait_for_event, id: later, any_of: [{event: e}], at_most: 1 day}"


@pytest.mark.parametrize(
    ("step", "code", "column", "hint"),
    [
        (branch("{property: stge, is: 1}"), "unknown_property", 63, "a contact has no property 'stge'; did you mean"),
        (branch("{not: {any: [{property: stge, is: lead}]}}"), "unknown_property", 76, "did you mean 'stage'?"),
        (branch("{list: competitor}"), "unknown_list", 59, "there is no list 'competitor'; did you mean"),
        (branch("{flow: welcom, is: active}"), "unknown_flow", 59, "there is no flow 'welcom'; did you mean"),
        (BY_STAGE.replace("stage", "stge"), "unknown_property", 44, "did you mean 'stage'?"),
        ("{do: delay_until, id: x, property: renewl}", "unknown_property", 40, "did you mean 'renewal'?"),
        ("{do: delay_until, id: x, property: stage}", "wrong_property_type", 40, "only a date or a datetime"),
        ("{do: set_property, id: x, property: stge, value: lead}", "unknown_property", 41, "did you mean 'stage'?"),
        ("{do: set_property, id: x, property: score, value: 3}", "read_only_property", 41, "no flow can set it"),
        (set_stage("x", "a {{ contact.firstnam }}"), "token_error", 58, "did you mean 'firstname'?"),
    ],
)
def test_names_are_checked_against_what_is_defined(step: str, code: str, column: int, hint: str) -> None:
    """A property, a list or a flow that is not there is told at its place; without definitions nobody can know."""
    (mistake,) = checked(step).mistakes
    assert (mistake.line, mistake.column, mistake.code) == (4, column, code)
    assert hint in mistake.message
    assert checked(step, definitions=None).mistakes == ()


def test_the_type_and_the_zone_are_checked_against_what_is_defined() -> None:
    """The object type of the flow, and the property that names a record's zone, are names as others."""
    assert [each.code for each in checked(top="settings: {timezone: record}\n").mistakes] == ["unknown_property"]
    text = flow().replace("contact", "contatc")
    (mistake,) = check_flow(text, CATALOGUE, definitions=DEFINITIONS).mistakes
    assert mistake.message == "no property is defined for records of the type 'contatc'; did you mean 'contact'?"


def test_flows_that_are_published_together_may_name_each_other() -> None:
    """A flow that is not there yet may be named where it is about to be."""
    step = branch("{flow: later, is: active}")
    assert checked(step, definitions=DEFINITIONS.with_flows(["later"])).mistakes == ()


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        (["{do: wait_for_event, id: w, any_of: [{event: paid}]}"], "wait_without_limit"),
        (["{do: branch, id: b, branches: [{name: A, when: {property: stage, is: lead}}]}"], "silent_end"),
        ([branch("{property: stage, is: custmer}")], "unknown_option"),
        (["{do: branch_on_value, id: b, property: stage, branches: [{is: leed}], otherwise: []}"], "unknown_option"),
    ],
)
def test_what_is_doubtful_is_a_warning(steps: list[str], code: str) -> None:
    """A flow with a doubt about it is a flow all the same."""
    found = checked(*steps)
    assert [each.code for each in found.warnings] == [code]
    assert found.flow is not None


@pytest.mark.parametrize(
    "steps",
    [
        ["{do: wait_for_event, id: w, any_of: [{event: paid}], at_most: 1 day}"],
        ["{do: branch, id: b, branches: [{name: A, when: {property: stage, is: lead}}]}", "{do: end, id: out}"],
        [branch("{property: stage, is_any_of: [Lead, customer]}")],
    ],
)
def test_what_is_plain_is_no_warning(steps: list[str]) -> None:
    """A wait with a limit, a branch with something behind it, and options in any case are beyond doubt."""
    assert checked(*steps).warnings == ()


DRAFT = [
    "{do: placeholder, id: call, note: somebody calls}",
    "{do: send_email, id: mail, subject: Hello}",
    "{do: delay, id: rest}",
    "{do: delay_until, id: day}",
    "{do: branch, id: which, branches: [{name: A, steps: [{do: wait_for_event, id: w}]}]}",
    "{do: go_to, id: again}",
]


def test_a_draft_may_lack_what_is_still_to_come() -> None:
    """Placeholders and fields that are missing are told as such, each at its step; a draft is no flow."""
    found = checked(*DRAFT, draft=True)
    assert found.mistakes == ()
    assert found.flow is None
    assert [f"{each.code} {each.path}: {each.message}" for each in found.missing] == [
        "placeholder steps[0]: a step is still to come here: somebody calls",
        "missing_key steps[1]: `text` is still missing",
        "missing_key steps[2]: `for` is still missing",
        f"missing_key steps[3]: {until_when()}",
        "missing_key steps[4].branches[0]: `when` is still missing",
        "missing_key steps[4].branches[0].steps[0]: `any_of` is still missing",
        "missing_key steps[5]: `to` is still missing",
    ]


def until_when() -> str:
    return 'until when? Give `on: [tue, thu]` and/or `at: "11:00"`; `date: 2026-12-24`; or `property: renewal_date`'


def test_what_is_no_draft_may_lack_nothing() -> None:
    """The same places are mistakes where the flow is to be published, and what is wrong is wrong in a draft, too."""
    assert [each.path for each in checked(*DRAFT).mistakes] == [
        each.path for each in checked(*DRAFT, draft=True).missing
    ]
    wrong = checked("{do: delay, id: rest, for: 3}", "{do: dlay, id: x}", draft=True)
    assert [each.code for each in wrong.mistakes] == ["bad_duration", "unknown_action"]


def test_a_draft_that_lacks_nothing_is_a_flow() -> None:
    """With the last placeholder gone, a draft is what will be published."""
    assert (
        checked("{do: delay, id: rest, for: 3 days}", draft=True).flow
        == checked("{do: delay, id: rest, for: 3 days}").flow
    )


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("    text: |\n      Hi {{ contact.firstname }},\n\n        and {{ contact.nme }}", 9, 13),
        ("    text: >-\n      Hi\n      there {{ contact.nme }}", 8, 13),
        ("    text: 'it''s {{ contact.nme }}'", 6, 18),
        ('    text: "\\u00e9\\t{{ contact.firstname }}{{ contact.nme }}"', 6, 43),
        ("    text: Hi {{ contact.nme }}", 6, 14),
        ("    text: Hi\n      you {{ contact.nme }}", 7, 11),
        ('    text: "\\x7b{ contact.nme }}"', 6, 11),
    ],
)
def test_a_token_is_told_at_its_own_place(text: str, line: int, column: int) -> None:
    """In a block, in quotes and over several lines, the place is that of the token in the file, else of the text."""
    (mistake,) = checked(f"do: send_email\n    id: m\n{text}\n    subject: Hello").mistakes
    assert (mistake.line, mistake.column, mistake.code) == (line, column, "token_error")


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (set_stage("a", "{{ outputs.b.value }}"), set_stage("b", "lead"), "output_too_late"),
        ("{do: delay, id: b, for: 1 day}", set_stage("a", "{{ outputs.b.x }}"), "unknown_output"),
        (set_stage("b", "lead"), set_stage("a", "{{ outputs.b.vale }}"), "unknown_output"),
        (branch("{output: later.happened, is: true}"), WAIT, "output_too_late"),
    ],
)
def test_an_output_comes_from_a_step_before(first: str, second: str, code: str) -> None:
    """An output of a step that puts out no such thing, or cannot have come before, would never be there."""
    assert [each.code for each in checked(first, second).mistakes] == [code]


def test_an_output_may_come_from_an_earlier_round() -> None:
    """In a circle, a step comes before those that stand above it."""
    steps = [
        branch("{output: later.happened, is: true}"),
        WAIT,
        "{do: go_to, id: again, to: x}",
    ]
    assert checked(*steps).mistakes == ()


def test_a_surely_misspelt_step_is_checked_as_what_was_meant() -> None:
    """So that its other mistakes are told in the same run, also those of the steps inside."""
    found = checked(
        "{do: brnach, id: b, branches: [{name: A, when: {property: stge, is: x}, steps: [{do: delay, id: d}]}]}"
    )
    assert [each.code for each in found.mistakes] == ["unknown_action", "unknown_property", "missing_key"]


def nested(levels: int) -> str:
    lines = ["flow: a", "object: contact", "steps:"]
    for level in range(levels):
        pad = "    " * level
        lines += [f"{pad}- do: branch", f"{pad}  id: b{level}", f"{pad}  otherwise: []", f"{pad}  branches:"]
        lines += [f"{pad}  - name: A", f"{pad}    when: {{property: p, is: 1}}", f"{pad}    steps:"]
    return "\n".join([*lines, "    " * levels + "- {do: end, id: last}"])


def test_branches_may_stand_in_64_others() -> None:
    """No deeper, and that is told at the step, not by a stack that overflows."""
    assert check_flow(nested(63), CATALOGUE).mistakes == ()
    (mistake,) = check_flow(nested(64), CATALOGUE).mistakes
    assert (mistake.code, mistake.line) == ("too_deep", 3 + 64 * 7 + 1)
    deep = [check_flow(nested(100), CATALOGUE), check_flow(flow(branch("{not: " * 300 + "}" * 300)), CATALOGUE)]
    assert [each.code for found in deep for each in found.mistakes] == ["too_deep", "too_deep"]


def test_ten_thousand_steps_compile_in_a_few_seconds() -> None:
    """The largest flow there may be is compiled in time that grows with its size; one step more is refused."""
    steps = [f"{{do: delay, id: s{number}, for: 1 hour}}" for number in range(10_001)]
    with computes_within(6):
        whole = check_flow(flow(*steps[:-1]), CATALOGUE)
        assert whole.flow is not None
    (mistake,) = check_flow(flow(*steps), CATALOGUE).mistakes
    assert (mistake.code, mistake.line) == ("too_many_steps", 10_004)


def test_a_hundred_thousand_steps_are_refused_at_once() -> None:
    """A file above the limit of its size is not even looked into; one of many small steps is given up early."""
    with computes_within(4):
        (large,) = check_flow(
            flow(*[f"{{do: delay, id: s{n}, for: 1 day}}" for n in range(100_000)]), CATALOGUE
        ).mistakes
        (many,) = check_flow(flow(*["{do: end}"] * 70_000), CATALOGUE).mistakes
        assert (large.code, many.code) == ("flow_too_large", "flow_too_large")


def test_ten_thousand_misspelt_names_are_told_in_a_few_seconds() -> None:
    """To look for what was meant among thousands of names, thousands of times, is bounded; so is what is told."""
    with computes_within(6):
        found = check_flow(flow(*[f"{{do: go_to, id: s{n}, to: s{n}x}}" for n in range(10_000)]), CATALOGUE)
    assert len(found.mistakes) == MOST_MISTAKES + 1
    assert found.mistakes[0].message == "there is no step 's0x'; did you mean 's0'?"
    assert found.mistakes[-1].code == "more_mistakes"


def rest(number: int) -> str:
    return f"{{do: delay, id: d{number}, for: 1 day}}"


def test_64_diamonds_are_compiled_at_once() -> None:
    """2^64 paths are no more work than their steps."""
    steps = [
        f"{{do: branch, id: b{n}, branches: [{{name: A, when: {{property: p, is: 1}}, steps: [{rest(n)}]}}]}}"
        for n in range(64)
    ]
    with computes_within(1):
        assert check_flow(flow(*steps, "{do: end, id: out}"), CATALOGUE).flow is not None


def test_each_step_of_a_file_is_found_in_its_order() -> None:
    """Steps inside branches stand between those around them, as they do in the file."""
    inner = "{steps: [{id: b}, {id: c, otherwise: [{id: d}]}]}"
    data = read(f"steps: [{{id: a, branches: [{inner}], otherwise: [{{id: e}}]}}, {{id: f}}]", "a.yaml").data
    assert [step["id"] for _, step in every_step(data)] == list("abcdef")


def test_a_file_may_be_json() -> None:
    """The same flow in JSON is the same flow."""
    yaml = "flow: a\nobject: contact\nsteps: [{do: delay, id: rest, for: 1 day}]\n"
    json = '{"flow": "a", "object": "contact", "steps": [{"do": "delay", "id": "rest", "for": "1 day"}]}'
    assert check_flow(yaml, CATALOGUE, "a.yaml").flow == check_flow(json, CATALOGUE, "a.json").flow
