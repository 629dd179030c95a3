from __future__ import annotations

import pytest

from activities.catalogue import Catalogue
from activities.effects import PropertyDefinition
from starter.language.compile import check_flow
from starter.language.definitions import Definitions

CATALOGUE = Catalogue.load()
DEFINITIONS = Definitions(
    {
        "contact": {"city": PropertyDefinition("text"), "born": PropertyDefinition("date")},
        "deal": {
            "title": PropertyDefinition("text"),
            "amount": PropertyDefinition("number"),
            "close_date": PropertyDefinition("date"),
            "stage": PropertyDefinition("option", ("new", "won")),
            "age": PropertyDefinition("number", read_only=True),
        },
        "company": {"domain": PropertyDefinition("text")},
    },
    others={"user": frozenset({"7"}), "team": frozenset({"sales"})},
)


def mistakes(step: str) -> list[tuple[str, str, str]]:
    """Check the step; give of each mistake what stands at its place, its code and what it says."""
    text = f"flow: a\nobject: contact\nsteps:\n  - {{do: delay, id: d, for: 1 day}}\n  - {{do: {step}, id: x}}\n"
    found = check_flow(text, CATALOGUE, "a", definitions=DEFINITIONS).mistakes
    lines = text.splitlines()
    return [(lines[each.line - 1][each.column - 1 :], each.code, each.message) for each in found]


@pytest.mark.parametrize(
    "step",
    [
        'create_record, type: deal, properties: {title: "{{ contact.city }}", amount: 5, stage: new}',
        "create_record, type: deal, properties: {title: {from: city}, close_date: {from: born}, amount: '12'}",
        "create_record, type: deal, properties: {close_date: {after: 3 days, on: [mon]}}, associate: [company]",
        "create_record, type: deal, itself: false, associate: [{type: company, of: a, label: b}]",
        "create_note, body: x, associate: [company/billing]",
        "associate_records, type: company, match: city, with: domain",
        "rotate_owner, users: ['7'], teams: [sales], property: city",
    ],
)
def test_what_goes_together_is_fine(step: str) -> None:
    """The properties of the new record are of its type, and what is copied is the enrolled one's."""
    assert mistakes(step) == []


@pytest.mark.parametrize(
    ("step", "at", "code", "hint"),
    [
        ("create_record, type: dael", "dael", "unknown_object", "did you mean 'deal'?"),
        ("create_record, type: deal, properties: {titel: x}", "x}", "unknown_property", "did you mean 'title'?"),
        ("create_record, type: deal, properties: {age: 1}", "1}", "read_only_property", "no flow can set it"),
        ("create_record, type: deal, properties: {stage: nwe}", "nwe", "unknown_option", "did you mean 'new'?"),
        ("create_record, type: deal, properties: {amount: much}", "much", "bad_value", "does not take 'much'"),
        ("create_record, type: deal, properties: {title: {from: cty}}", "cty", "unknown_property", "'city'"),
        ("create_record, type: deal, properties: {amount: {from: city}}", "city", "wrong_property_type", "is a text"),
        ("create_record, type: deal, properties: {amount: {after: 1 day}}", "{a", "wrong_property_type", "a moment"),
        ("create_record, type: deal, properties: {title: {from_output: no.it}}", "no.it", "unknown_step", ""),
        (
            'create_record, type: deal, properties: {title: "{{ contact.cty }}"}',
            "{{ contact.cty",
            "token_error",
            "city",
        ),
        ("create_record, type: deal, associate: [cmpany]", "cmpany", "unknown_object", "'company'"),
        ("create_record, type: deal, associate: [{type: cmpany}]", "cmpany", "unknown_object", "'company'"),
        ("create_record, type: deal, properties: {title: {}}", "{}", "bad_value", "give one of `from`"),
        ("associate_records, type: company, match: city, with: dmain", "dmain", "unknown_property", "'domain'"),
        ("associate_records, type: company", "{do", "bad_value", "give `type` and `match`, or `to_output`"),
        ("rotate_owner, users: ['8']", "'8'", "unknown_user", "no user '8'"),
        ("rotate_owner, teams: [sale]", "sale", "unknown_team", "did you mean 'sales'?"),
        ("rotate_owner, users: ['7'], property: born", "['7']", "wrong_property_type", "born is a date"),
        ("rotate_owner", "{do", "bad_value", "name `users` or `teams`"),
    ],
)
def test_what_does_not_is_told_at_its_place(step: str, at: str, code: str, hint: str) -> None:
    """What would fail in every run is refused before it is published."""
    ((there, what, message),) = mistakes(step)
    assert (what, there[: len(at)]) == (code, at), message
    assert hint in message
