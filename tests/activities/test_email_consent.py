"""An e-mail to contacts and what they have agreed to, asked at every attempt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from activities.action import Ambiguous, Retryable
from activities.consent import ConsentSettings
from activities.effects import MarketingStatus
from activities.fakes import FakeConsent, Said, fake_outside
from activities.links import NoLinks
from activities.performing import Again
from starter.simulate import Simulation
from tests.activities.mailing import WELCOME, parts, performed, simulation
from workflows.contract import Answer

HELLO: dict[str, Any] = {"subject": "Hi", "text": "Hello"}
OFFER: dict[str, Any] = {**HELLO, "subscription": "newsletter"}
OUT = Said("1", None, "opted_out")


@pytest.fixture
def world() -> Simulation:
    """Anna, and a deal with two contacts."""
    return simulation()


def consent(world: Simulation) -> FakeConsent:
    return world.ledger.store.consent


@pytest.mark.parametrize(
    ("step", "known", "code"),
    [
        (HELLO, {"words": [OUT]}, "unsubscribed"),
        (OFFER, {"words": [Said("1", "newsletter", "opted_out")]}, "unsubscribed"),
        (HELLO, {"bounced": {"1": "Anna@Example.com"}}, "bounced"),
        (OFFER, {"marketing": {"1": MarketingStatus(marketing=False)}}, "non_marketing"),
        ({**HELLO, "marketing": True}, {"marketing": {"1": MarketingStatus(marketing=False)}}, "non_marketing"),
        (OFFER, {"settings": ConsentSettings(legal_basis=True)}, "no_legal_basis"),
    ],
)
async def test_who_may_not_be_written_to_is_skipped(
    world: Simulation, step: dict[str, Any], known: dict[str, Any], code: str
) -> None:
    """The line says why, nothing is sent, and the record moves on."""
    for name, value in known.items():
        setattr(consent(world), name, value)
    assert await performed(world, "send_email", **step) == Answer(outcome="skipped", line=f"skipped: {code}")
    assert world.mailer.sent == []


@pytest.mark.parametrize(
    ("step", "known"),
    [
        (HELLO, {"words": [Said("1", "newsletter", "opted_out")]}),
        (HELLO, {"marketing": {"1": MarketingStatus(marketing=False)}, "settings": ConsentSettings(legal_basis=True)}),
        ({**OFFER, "marketing": False}, {"marketing": {"1": MarketingStatus(marketing=False)}}),
        (OFFER, {"words": [Said("1", "newsletter", "opted_in")], "bounced": {"1": "old@example.com"}}),
    ],
)
async def test_a_message_of_its_own_needs_no_marketing_contact(
    world: Simulation, step: dict[str, Any], known: dict[str, Any]
) -> None:
    """An e-mail of no subscription is one, as is one that says so; an old address that bounced is no hindrance."""
    for name, value in known.items():
        setattr(consent(world), name, value)
    assert await performed(world, "send_email", **step) == Answer(line="sent")


@pytest.mark.parametrize(
    ("published", "step", "asked"),
    [
        ({}, {}, (None, False)),
        ({"subscription": "newsletter", "marketing": True}, {}, ("newsletter", True)),
        ({"subscription": "newsletter", "marketing": False}, {}, ("newsletter", False)),
        ({"subscription": "newsletter", "marketing": False}, {"subscription": "offers"}, ("offers", True)),
        ({"subscription": "newsletter", "marketing": True}, {"marketing": False}, ("newsletter", False)),
    ],
)
async def test_a_published_email_says_what_it_is_of(
    world: Simulation, published: dict[str, Any], step: dict[str, Any], asked: tuple[str | None, bool]
) -> None:
    """What the step says comes first; the link to unsubscribe ends what it is of."""
    world.performer = replace(world.performer, outside=fake_outside(mail=world.mailer))
    world.ledger.crm.emails["welcome"] = replace(WELCOME, **published)
    assert await performed(world, "send_email", email="welcome", **step) == Answer(line="sent")
    [(_, sending)] = consent(world).sent.values()
    assert (sending.email, sending.subscription, sending.marketing) == ("welcome", *asked)
    link = world.mailer.sent[0][1].unsubscribe or ""
    assert link.endswith(f"/{asked[0]}" if asked[0] else world.mailer.sent[0][0])


async def test_each_of_several_is_judged_alone(world: Simulation) -> None:
    """Who opted out is left out, with the reason; the others get theirs."""
    consent(world).words.append(Said("101", None, "opted_out"))
    assert (await performed(world, "send_email", of="d", **HELLO)).line == "sent to 1 of 2, 1 skipped"
    assert [mail.to for _, mail in world.mailer.sent] == ["c102@example.com"]
    assert parts(world, "d")["contact:101"] == ("skipped", "unsubscribed")


async def test_an_opt_out_beats_a_send_that_is_tried_again(world: Simulation) -> None:
    """The server was busy for days, and the contact opted out meanwhile: nothing is sent."""
    world.mailer.answers = [Retryable("busy")]
    with pytest.raises(Again):
        await performed(world, "send_email", **HELLO)
    consent(world).words.append(OUT)
    assert await performed(world, "send_email", attempt="a2", **HELLO) == Answer(
        outcome="skipped", line="skipped: unsubscribed"
    )
    assert world.mailer.sent == []


async def test_where_it_may_have_been_sent_nobody_says_that_it_was_not(world: Simulation) -> None:
    """After a broken connection and an opt-out it is not sent again, and the outcome is unknown."""
    world.mailer.answers = [Ambiguous("broken")]
    with pytest.raises(Again):
        await performed(world, "send_email", **HELLO)
    consent(world).words.append(OUT)
    answer = await performed(world, "send_email", attempt="a2", **HELLO)
    assert (answer.outcome, "unsubscribed" in answer.line, world.mailer.sent) == ("unknown", True, [])


async def test_so_it_is_with_one_of_several(world: Simulation) -> None:
    """The part of which nobody knows stays unknown; one that is put off and then not wanted is skipped."""
    world.mailer.answers = [Ambiguous("broken"), Retryable("busy")]
    with pytest.raises(Again):
        await performed(world, "send_email", of="d", **HELLO)
    consent(world).words += [Said("101", None, "opted_out"), Said("102", None, "opted_out")]
    answer = await performed(world, "send_email", of="d", attempt="a2", **HELLO)
    assert (answer.outcome, world.mailer.sent) == ("unknown", [])
    assert parts(world, "d") == {
        "contact:101": ("unknown", "unsubscribed"),
        "contact:102": ("skipped", "unsubscribed"),
    }


async def test_the_same_email_once(world: Simulation) -> None:
    """Another visit skips it where the step says so, and sends it again where not."""
    assert (await performed(world, "send_email", email="welcome", once=True)).line == "sent"
    assert (await performed(world, "send_email", visit=2, email="welcome", once=True)).line == "skipped: already_sent"
    assert (await performed(world, "send_email", visit=3, email="welcome")).line == "sent"


async def test_a_loop_of_emails_ends_at_the_cap(world: Simulation) -> None:
    """A responder that answers every e-mail, and a flow that answers every answer."""
    lines = [(await performed(world, "send_email", visit=visit, **HELLO)).line for visit in range(1, 13)]
    assert lines == ["sent"] * 10 + ["skipped: too_many_emails"] * 2


async def test_a_subscription_that_is_gone_fails(world: Simulation) -> None:
    """Whatever publishing saw."""
    assert (await performed(world, "send_email", **{**HELLO, "subscription": "gone"})).line == (
        "failed: unknown_subscription"
    )


SAYS_HOW = replace(
    WELCOME, text="Enough? {{ links.unsubscribe }}", html='<a href="{{ links.unsubscribe }}">Enough?</a>'
)


async def test_a_published_email_may_show_the_link(world: Simulation) -> None:
    """Each recipient its own, the same that stands in the header."""
    world.performer = replace(world.performer, outside=fake_outside(mail=world.mailer))
    world.ledger.crm.emails["welcome"] = SAYS_HOW
    await performed(world, "send_email", of="d", email="welcome")
    told = [(mail.text, mail.html) for _, mail in world.mailer.sent]
    links = [mail.unsubscribe for _, mail in world.mailer.sent]
    assert told == [(f"Enough? {link}", f'<a href="{link}">Enough?</a>') for link in links]
    assert len({*links}) == 2


async def test_an_email_that_shows_a_link_is_not_sent_without_one(world: Simulation) -> None:
    """Where nobody can unsubscribe; people of one's own get it all the same."""
    world.performer = replace(world.performer, outside=fake_outside(mail=world.mailer, links=NoLinks()))
    world.ledger.crm.emails["welcome"] = SAYS_HOW
    assert (await performed(world, "send_email", email="welcome")).line == "failed: no_unsubscribe_link"
    assert (await performed(world, "send_internal_email", visit=2, email="welcome", to=["a@b.fi"])).line == "sent"
    assert world.mailer.sent[0][1].text == "Enough? #"
