from __future__ import annotations

import pytest

from activities.catalogue import Catalogue
from activities.effects import PropertyDefinition
from starter.language.compile import Checked, check_flow
from starter.language.definitions import Definitions
from workflows.model.nodes import Perform

CATALOGUE = Catalogue.load()
DEFINITIONS = Definitions(
    {
        "contact": {
            "city": PropertyDefinition("text"),
            "score": PropertyDefinition("number"),
            "age": PropertyDefinition("number", read_only=True),
            "born": PropertyDefinition("date"),
            "stage": PropertyDefinition("option", ("lead", "customer")),
            "topics": PropertyDefinition("options", ("red", "green")),
        },
        "company": {"name": PropertyDefinition("text"), "founded": PropertyDefinition("date")},
    }
)


def checked(step: str, definitions: Definitions | None = DEFINITIONS) -> Checked:
    text = f"flow: a\nobject: contact\nsteps:\n  - {{do: delay, id: d, for: 1 day}}\n  - {step}\n"
    return check_flow(text, CATALOGUE, "a.yaml", definitions=definitions)


@pytest.mark.parametrize(
    "step",
    [
        "{do: set_property, id: x, property: stage, value: lead}",
        "{do: set_property, id: x, property: stage, value: '{{ contact.city }}'}",
        "{do: set_property, id: x, property: score, value: '12'}",
        "{do: set_property, id: x, property: topics, value: red, how: append}",
        "{do: set_property, id: x, property: born, now: true}",
        "{do: set_property, id: x, property: founded, now: true, on: company}",
        "{do: set_property, id: x, property: name, from: city, on: {type: company, label: employer}}",
        "{do: set_property, id: x, property: city, from: age}",
        "{do: copy_property, id: x, from: born, to: founded, on: company/employer}",
        "{do: copy_property, id: x, from: stage, to: topics, how: append}",
        "{do: clear_property, id: x, property: name, on: company}",
        "{do: adjust_property, id: x, property: score, by: -2.5}",
    ],
)
def test_properties_that_go_together_are_fine(step: str) -> None:
    """Of the enrolled record, and of those associated with it."""
    found = checked(step)
    assert (found.mistakes, found.warnings) == ((), ())


@pytest.mark.parametrize(
    ("step", "code", "column", "hint"),
    [
        ("{do: set_property, id: x, property: name, value: a}", "unknown_property", 41, "a contact has no property"),
        ("{do: clear_property, id: x, property: city, on: company}", "unknown_property", 43, "a company has no"),
        ("{do: clear_property, id: x, property: nme, on: company}", "unknown_property", 43, "did you mean 'name'?"),
        ("{do: clear_property, id: x, property: name, on: compnay}", "unknown_object", 53, "did you mean 'company'?"),
        ("{do: clear_property, id: x, property: name, on: {type: deal}}", "unknown_object", 60, "type 'deal'"),
        ("{do: clear_property, id: x, property: age}", "read_only_property", 43, "no flow can set it"),
        ("{do: adjust_property, id: x, property: age, by: 1}", "read_only_property", 44, "no flow can set it"),
        ("{do: copy_property, id: x, from: cty, to: city}", "unknown_property", 38, "did you mean 'city'?"),
        ("{do: copy_property, id: x, from: city, to: age}", "read_only_property", 48, "no flow can set it"),
        ("{do: set_property, id: x, property: stage, value: leed}", "unknown_option", 55, "did you mean 'lead'?"),
        ("{do: set_property, id: x, property: stage, value: 3}", "bad_value", 55, "stage is a option"),
        ("{do: set_property, id: x, property: score, value: much}", "bad_value", 55, "does not take 'much'"),
        ("{do: set_property, id: x, property: topics, value: [red, blue]}", "unknown_option", 56, "a list"),
        ("{do: set_property, id: x, property: city, now: true}", "wrong_property_type", 52, "date or datetime"),
        (
            "{do: set_property, id: x, property: city, value: a, how: append}",
            "wrong_property_type",
            62,
            "city is a text",
        ),
        ("{do: set_property, id: x, property: score, from: city}", "wrong_property_type", 54, "not copied into score"),
        (
            "{do: copy_property, id: x, from: city, to: founded, on: company}",
            "wrong_property_type",
            38,
            "city is a text",
        ),
        (
            "{do: adjust_property, id: x, property: city, by: 1}",
            "wrong_property_type",
            54,
            "number, and city is a text",
        ),
    ],
)
def test_properties_that_do_not_go_together_are_told(step: str, code: str, column: int, hint: str) -> None:
    """What would surely fail in every run is refused before it is published; without definitions nobody can know."""
    (mistake,) = checked(step).mistakes
    assert (mistake.line, mistake.column, mistake.code) == (5, column, code)
    assert hint in mistake.message
    assert checked(step, None).mistakes == ()


@pytest.mark.parametrize(
    ("output", "code"), [("never.was", "unknown_step"), ("d.was", "unknown_output"), ("x.value", "output_too_late")]
)
def test_an_output_to_copy_comes_from_a_step_before(output: str, code: str) -> None:
    """As those that stand in texts."""
    (mistake,) = checked(f"{{do: copy_property, id: x, from_output: {output}, to: city}}").mistakes
    assert (mistake.column, mistake.code) == (45, code)


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("{do: set_property, id: x, property: city}", "bad_value"),
        ("{do: set_property, id: x, property: city, value: a, from: city}", "bad_value"),
        ("{do: set_property, id: x, property: city, from_: city}", "unknown_key"),
        ("{do: set_property, id: x, property: city, vlaue: Oulu}", "unknown_key"),
        ("{do: adjust_property, id: x, property: score, by: true}", "wrong_type"),
        ("{do: copy_property, id: x, from: city}", "missing_key"),
    ],
)
def test_a_step_says_what_it_copies_and_where_to(step: str, code: str) -> None:
    """One source, and a target."""
    assert [each.code for each in checked(step, None).mistakes] == [code]


def test_a_step_is_published_under_the_keys_of_its_file() -> None:
    """What is called `from` in the file is called so in the revision."""
    flow = checked("{do: copy_property, id: x, from: city, to: name, on: {type: company}}").flow
    assert flow is not None
    node = flow.node("x")
    assert isinstance(node, Perform)
    assert node.config == {
        "from": "city",
        "from_output": None,
        "to": "name",
        "on": {"type": "company", "label": ""},
        "how": "replace",
        "if_empty": "keep",
    }
