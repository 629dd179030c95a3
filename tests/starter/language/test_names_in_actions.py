from __future__ import annotations

from dataclasses import replace

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
    emails={"hello": True},
    others={
        "user": frozenset({"7"}),
        "team": frozenset({"sales"}),
        "subscription": frozenset({"news"}),
        "sequence": frozenset({"chase"}),
        "static_list": frozenset({"vip"}),
    },
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
        "{do: create_task, id: a, title: x, assign_to: {user: '{{ contact.owner }}'}}",
        "{do: enroll_in_sequence, id: a, sequence: chase, sender: {user: '7'}}",
        '{do: notify_email, id: a, users: ["7"], teams: [sales], owners: [owner], subject: x, body: y}',
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
        ("{do: notify_email, id: a, owners: [owner, ownr], subject: x, body: y}", "unknown_property", "owner"),
        ("{do: create_task, id: a, title: x, assign_to: {user: '8'}}", "unknown_user", "there is no user '8'"),
        ("{do: enroll_in_sequence, id: a, sequence: chase, sender: {user: '8'}}", "unknown_user", "no user '8'"),
        ("{do: enroll_in_sequence, id: a, sequence: chaser}", "unknown_sequence", "did you mean 'chase'?"),
        ("{do: add_to_list, id: a, list: vop}", "unknown_static_list", "did you mean 'vip'?"),
        ("{do: rotate_owner, id: a, users: ['8']}", "unknown_user", "there is no user '8'"),
        ("{do: notify_email, id: a, users: ['8'], subject: x, body: y}", "unknown_user", "there is no user '8'"),
        ("{do: notify_email, id: a, teams: [sale], subject: x, body: y}", "unknown_team", "did you mean 'sales'?"),
        ("{do: send_internal_email, id: a, email: hey, to: [a@b.fi]}", "unknown_email", "did you mean 'hello'?"),
        ("{do: set_subscription, id: a, subscription: new, state: opted_in}", "unknown_subscription", "'news'?"),
        ("{do: create_task, id: a, title: '{{ contact.fistname }}'}", "token_error", "did you mean 'firstname'?"),
    ],
)
def test_what_is_not_there_is_told_with_the_nearest(step: str, code: str, message: str) -> None:
    """At publish, not when the first record comes by."""
    ((found, said),) = told(step)
    assert (found, message in said) == (code, True), (found, said)


def test_a_task_in_another_crm_is_for_its_users() -> None:
    """Whom we need not know: the task is made there."""
    text = "flow: f\nobject: contact\nsteps:\n  - {do: create_task, id: a, title: x, assign_to: {user: '8'}}\n"
    assert check_flow(text, Catalogue.load(crm_joins=False), definitions=KNOWN).mistakes == ()


def test_without_definitions_nothing_is_known() -> None:
    """A file that is checked away from the database is not refused for what may be there."""
    assert told("{do: enroll_in_flow, id: a, flow: anything}", None) == []


def test_flows_that_are_published_together_may_name_each_other() -> None:
    """The other one is not there yet, and will be."""
    assert told("{do: enroll_in_flow, id: a, flow: other}", KNOWN.with_flows(["other"])) == []


@pytest.mark.parametrize(
    "step",
    [
        "{do: set_subscription, id: a, subscription: news, state: opted_in}",
        "{do: set_marketing_status, id: a, status: marketing}",
        "{do: send_internal_email, id: a, email: hello, to: [a@b.fi]}",
    ],
)
def test_what_is_for_contacts_only_is_refused_elsewhere(step: str) -> None:
    """In a flow for another type."""
    known = replace(KNOWN, properties={**KNOWN.properties, "deal": {}})
    text = f"flow: f\nname: F\nobject: deal\nsteps:\n  - {step}\n"
    [mistake] = check_flow(text, CATALOGUE, definitions=known).mistakes
    assert "contact" in mistake.message
