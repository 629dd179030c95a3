from __future__ import annotations

import pytest

from workflows.model.errors import FlowError
from workflows.model.facts import NOTHING, Facts, Needs
from workflows.model.templates import MOST_MISTAKES
from workflows.model.tokens import TokenMistake, check, needs, render, roots

FACTS = Facts(
    properties={"firstname": "Anna", "owner": "u1", "account_manager": "u2"},
    outputs={"ask": {"answer": "yes"}},
    owners={
        "owner": {"id": "u1", "email": "bo@example.com", "name": "Bo van Berg"},
        "account_manager": {"id": "u2", "email": "cy@example.com", "name": "Cy", "lastname": "Ng"},
    },
    associated={
        "company": (Facts(properties={"name": "Acme"}), Facts(properties={"name": "Other"})),
        "company/parent": (Facts(properties={"name": "Holding"}),),
        "deal": (),
    },
    cause={"form": "demo-request"},
)
OWNER = "bo@example.com Bo van Berg Bo van Berg u1"
DEFINITIONS = {
    "contact": {"firstname", "lastname", "account_manager"},
    "company": {"name", "domain"},
    "subscription": {"plan"},
    "ghost": set[str](),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ contact.firstname }}", "Anna"),
        ("{{ company.name }}, {{ company/parent.name }}", "Acme, Holding"),
        ("{{ deal.name }}{{ quote.name }}{{ deal/x.name }}", ""),
        ("{{ owner.email }} {{ owner.name }} {{ owner.firstname }} {{ owner.lastname }} {{ owner.id }}", OWNER),
        ("{{ owner.account_manager.email }} {{ owner.account_manager.lastname }}", "cy@example.com Ng"),
        ("{{ owner.nobody.email }}", ""),
        ("{{ event.form }}{{ event.no }}", "demo-request"),
        ("{{ outputs.ask.answer }}", "yes"),
    ],
)
def test_each_root_is_filled_from_the_facts(text: str, expected: str) -> None:
    """The record, those around it, its users, its event and the outputs each have their word."""
    assert render(text, roots("contact", FACTS)) == expected


def test_an_associated_record_of_the_same_type_has_a_label() -> None:
    """The type alone is the enrolled record; with a label it is another one."""
    facts = Facts(properties={"name": "A"}, associated={"contact/boss": (Facts(properties={"name": "B"}),)})
    assert render("{{ contact.name }}{{ contact/boss.name }}", roots("contact", facts)) == "AB"


def test_days_are_those_of_the_zone() -> None:
    """A moment is shown by the clocks of the zone that is asked for."""
    facts = {"contact": {"at": "2026-12-24T22:30:00Z"}}
    assert render("{{ contact.at | date('%d') }}", facts, zone="Europe/Helsinki") == "25"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Hi", NOTHING),
        ("{{ contact.a }} {{ outputs.b.c }}", NOTHING),
        ("{{ event.form }}", Needs(cause=True)),
        ("{{ owner.email }} {{ owner.boss.email }} {{ owner.name }}", Needs(owners=frozenset({"owner", "boss"}))),
        ("{{ deal.a }} {{ company/parent.b }}", Needs(associated={"company/parent": NOTHING, "deal": NOTHING})),
    ],
)
def test_a_text_names_what_it_needs(text: str, wanted: Needs) -> None:
    """What stands beside the record is read only for the texts that name it."""
    assert needs(text, "contact") == wanted


def test_a_broken_text_needs_nothing_but_mending() -> None:
    """A text that cannot be read says so when its needs are asked for."""
    with pytest.raises(FlowError):
        needs("{{ contact", "contact")


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("{{ contact.anything }} {{ outputs.ask.answer }} {{ owner.email }} {{ event.x }} {{ deal.x }}", []),
        ("{{ owner.anyone.firstname }} {{ company/parent.name }}", []),
        ("Hi {{ contat.firstname }}", ["1:4: 'contat' is not known here; did you mean 'contact'?"]),
        ("{{ subscription.plan }}", ["1:1: 'subscription' is not known here; there are {types}"]),
        ("{{ zzz.name }}", ["1:1: 'zzz' is not known here; there are {types}"]),
        (
            "{{ outputs.aks.x }}\n{{ z.b }}",
            [
                "1:1: no step has the id 'aks'; did you mean 'ask'?",
                "2:1: 'z' is not known here; there are {types}",
            ],
        ),
        ("{{ owner.emial }}", ["1:1: a user has no 'emial'; did you mean 'email'?"]),
        ("{{ owner/boss.email }}", ["1:1: 'owner' takes no label after a /; only an associated record does"]),
        (
            "{{ zzz.a }} {{ contact }} {{ zzz.a }}",
            [
                "1:1: 'zzz' is not known here; there are {types}",
                "1:13: 'contact' is no name of a value; write TYPE.property, as contact.firstname, in '{{ contact }}'",
                "1:27: 'zzz' is not known here; there are {types}",
            ],
        ),
    ],
)
def test_publishing_checks_the_names(text: str, mistakes: list[str]) -> None:
    """A root or step that the flow does not have is found at its place, with the nearest name."""
    types = "contact, company, deal, ticket, quote, owner, event, outputs"
    found = [str(mistake) for mistake in check(text, "contact", ("ask", "tell"))]
    assert found == [each.replace("{types}", types) for each in mistakes]


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("{{ contact.firstname }} {{ company.name }} {{ subscription.plan }} {{ ghost.x }}", []),
        ("{{ owner.email }} {{ owner.account_manager.email }}", []),
        ("{{ contact.fristname }}", ["1:1: a contact has no 'fristname'; did you mean 'firstname'?"]),
        ("{{ company/parent.nmae }}", ["1:1: a company has no 'nmae'; did you mean 'name'?"]),
        ("{{ contact.zzz }}", ["1:1: a contact has no 'zzz'"]),
        (
            "{{ owner.acount_manager.email }}",
            ["1:1: a contact has no 'acount_manager'; did you mean 'account_manager'?"],
        ),
        (
            "{{ deal.x }}",
            ["1:1: 'deal' is not known here; there are contact, company, subscription, ghost, owner, event, outputs"],
        ),
    ],
)
def test_publishing_checks_the_properties_that_are_defined(text: str, mistakes: list[str]) -> None:
    """Where the properties of the types are known, one that a type does not have is found."""
    assert [str(mistake) for mistake in check(text, "contact", (), DEFINITIONS)] == mistakes


def test_publishing_checks_the_outputs_of_steps() -> None:
    """Where a step says what it puts out, another key is a mistake."""
    steps = {"ask": ("answer",), "other": None}
    assert check("{{ outputs.ask.answer }} {{ outputs.other.x }}", "contact", steps) == []
    [mistake] = check("{{ outputs.ask.anwser }}", "contact", steps)
    assert mistake == TokenMistake(1, 1, "the step 'ask' has no 'anwser'; did you mean 'answer'?")


def test_publishing_checks_the_places_in_html() -> None:
    """A token that cannot stand where it does is a mistake in HTML, and none in a plain text."""
    text = "<p>{{ zzz.a }}</p>\n<script>{{ contact.a }}</script>"
    assert len(check(text, "contact", ())) == 1
    assert [(mistake.line, mistake.column) for mistake in check(text, "contact", (), html=True)] == [(1, 4), (2, 9)]


def test_mistakes_are_bounded() -> None:
    """A text full of mistakes is told of the first ones."""
    assert len(check("{{ zzz.a }}" * 500, "contact", (), html=True)) == MOST_MISTAKES
    assert len(check("<p {{ zzz.a }}>" * 15, "contact", (), html=True)) == MOST_MISTAKES
