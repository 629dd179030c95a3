from __future__ import annotations

import pytest

from activities.catalogue import Catalogue
from activities.effects import PropertyDefinition
from starter.language.compile import check_flow
from starter.language.definitions import Definitions

CATALOGUE = Catalogue.load()
TEXT = PropertyDefinition("text")
KNOWN = Definitions(
    {"contact": {"owner": TEXT, "firstname": TEXT}, "company": {"name": TEXT}},
    flows=frozenset({"onboarding", "newsletter"}),
)


def told(step: str, definitions: Definitions | None = KNOWN) -> list[tuple[str, str]]:
    """Give the codes and messages of what is wrong with a step."""
    text = f"flow: f\nname: F\nobject: contact\nsteps:\n  - {step}\n"
    return [(each.code, each.message) for each in check_flow(text, CATALOGUE, definitions=definitions).mistakes]


@pytest.mark.parametrize(
    "step",
    [
        "{do: enroll_in_flow, id: a, flow: newsletter}",
        "{do: create_task, id: a, title: x, assign_to: owner, associate: [company, company/billing]}",
        '{do: create_task, id: a, title: x, assign_to: {user: "7"}, due: {after: 3 days, on: [mon], at: "09:00"}}',
    ],
)
def test_what_is_defined_is_found(step: str) -> None:
    """Flows, types and the property that names the user."""
    assert told(step) == []


@pytest.mark.parametrize(
    ("step", "code", "message"),
    [
        ("{do: enroll_in_flow, id: a, flow: newsleter}", "unknown_flow", "did you mean 'newsletter'?"),
        ("{do: create_task, id: a, title: x, assign_to: ownr}", "unknown_property", "did you mean 'owner'?"),
        ("{do: create_task, id: a, title: x, associate: [compny]}", "unknown_object", "did you mean 'company'?"),
        ("{do: create_task, id: a, title: x, due: {after: 3}}", "bad_value", "3 of what?"),
        ("{do: create_task, id: a, title: x, due: {after: 3 days, att: '9'}}", "unknown_key", "did you mean 'at'?"),
        ("{do: create_task, id: a, title: '{{ contact.fistname }}'}", "token_error", "did you mean 'firstname'?"),
    ],
)
def test_what_is_not_there_is_told_with_the_nearest(step: str, code: str, message: str) -> None:
    """At publish, not when the first record comes by."""
    ((found, said),) = told(step)
    assert (found, message in said) == (code, True), (found, said)


def test_without_definitions_nothing_is_known() -> None:
    """A file that is checked away from the database is not refused for what may be there."""
    assert told("{do: enroll_in_flow, id: a, flow: anything}", None) == []


def test_flows_that_are_published_together_may_name_each_other() -> None:
    """The other one is not there yet, and will be."""
    assert told("{do: enroll_in_flow, id: a, flow: other}", KNOWN.with_flows(["other"])) == []
