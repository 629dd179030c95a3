"""E-mail to people who work with the CRM."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from activities.action import Refused
from activities.actions.notify_email import NotifyEmail
from activities.catalogue import complete
from starter.simulate import Simulation
from tests.activities.mailing import parts, performed, row, simulation
from workflows.contract import Answer

TOLD: dict[str, Any] = {"subject": "{{ contact.firstname }}", "body": "<p>Call <b>{{ contact.firstname }}</b></p>"}


@pytest.fixture
def world() -> Simulation:
    """Anna, whose owner is user 7, and two colleagues of whom one is deactivated."""
    return simulation()


async def test_all_who_are_named_are_told_once(world: Simulation) -> None:
    """Users, active members of teams, owners and addresses; who is named twice gets one."""
    named: dict[str, Any] = {
        "users": ["7"],
        "teams": ["sales"],
        "owners": ["owner"],
        "to": ["x@acme.example", "BEA@acme.example"],
    }
    assert (await performed(world, "notify_email", **named, **TOLD)).line == "sent to 3 of 4, 1 skipped"
    assert [mail.to for _, mail in world.mailer.sent] == ["ann@acme.example", "bea@acme.example", "x@acme.example"]
    assert {(mail.subject, mail.text, mail.html) for _, mail in world.mailer.sent} == {
        ("Anna", "Call Anna", "<p>Call <b>Anna</b></p>")
    }
    assert [mail.unsubscribe for _, mail in world.mailer.sent] == [None] * 3
    assert parts(world)["BEA@acme.example"] == ("skipped", "same_address")
    assert len({key for key, _ in world.mailer.sent}) == 3


async def test_who_is_left_out_is_recorded(world: Simulation) -> None:
    """An empty owner, a deactivated user, one and a team that are gone: the others are told."""
    named: dict[str, Any] = {"users": ["8", "9", "99"], "teams": ["none"], "owners": ["backup"]}
    assert (await performed(world, "notify_email", **named, **TOLD)).line == "sent to 1 of 5, 4 skipped"
    assert parts(world) == {
        "user 8": ("done", "250 OK queued as " + world.mailer.sent[0][0]),
        "user 9": ("skipped", "inactive_user"),
        "user 99": ("skipped", "unknown_user"),
        "team none": ("skipped", "unknown_team"),
        "backup": ("skipped", "no_user"),
    }


async def test_an_empty_owner_alone_is_skipped(world: Simulation) -> None:
    """The record moves on."""
    assert await performed(world, "notify_email", owners=["backup"], **TOLD) == Answer(
        outcome="skipped", line="skipped: no_user"
    )


async def test_one_is_no_part(world: Simulation) -> None:
    """It costs what any e-mail costs; a sender comes out of its tokens."""
    answer = await performed(world, "notify_email", owners=["owner"], sender="{{ contact.assistant }}", **TOLD)
    assert (answer.line, world.ledger.begun) == ("sent", {})
    [(key, mail)] = world.mailer.sent
    assert (mail.sender, row(world).output) == (
        "bo@example.com",
        {"sent": 1, "skipped": 0, "failed": 0, "unknown": 0, "message_id": key, "to": "ann@acme.example"},
    )


async def test_it_counts_for_no_contact(world: Simulation) -> None:
    """Nobody is marketed to: no consent is asked, and nothing is written down for the day's most."""
    await performed(world, "notify_email", owners=["owner"], **TOLD)
    assert world.ledger.store.consent.sent == {}


async def test_the_mailers_verdict_passes(world: Simulation) -> None:
    """What the server turns down fails."""
    world.mailer.answers = [Refused("recipient_refused", "550")]
    assert (await performed(world, "notify_email", owners=["owner"], **TOLD)).line == "failed: recipient_refused"


@pytest.mark.parametrize(
    "config",
    [
        TOLD,
        {"owners": ["owner"], "subject": "x"},
        {"owners": ["owner"], "body": "x"},
        {"to": ["Ann <ann@acme.example>"], **TOLD},
        {"to": ["a@b.example, c@d.example"], **TOLD},
    ],
)
def test_wrong_settings_are_refused(config: dict[str, object]) -> None:
    """A step says whom, and what; an address is one plain address."""
    with pytest.raises(ValidationError):
        complete(NotifyEmail, config)
