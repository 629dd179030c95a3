"""A published e-mail to addresses of one's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from activities.actions.send_internal_email import SendInternalEmail
from activities.catalogue import complete
from starter.simulate import Simulation
from tests.activities.mailing import WELCOME, parts, performed, simulation
from workflows.contract import Answer


@pytest.fixture
def world() -> Simulation:
    """Anna, who has an assistant, and a published e-mail."""
    return simulation()


async def test_it_goes_to_addresses_and_to_those_in_properties(world: Simulation) -> None:
    """What it says is of the enrolled contact, wherever it goes; nobody can unsubscribe the contact by it."""
    to: dict[str, Any] = {"to": ["x@acme.example"], "properties": ["assistant"]}
    assert await performed(world, "send_internal_email", email="welcome", **to) == Answer(line="sent to 2 of 2")
    assert [(mail.to, mail.subject, mail.text, mail.unsubscribe) for _, mail in world.mailer.sent] == [
        ("x@acme.example", "Hi Anna", "You are Anna", None),
        ("bo@example.com", "Hi Anna", "You are Anna", None),
    ]
    assert world.ledger.store.consent.sent == {}


async def test_a_property_without_an_address_is_recorded(world: Simulation) -> None:
    """An empty one is skipped, one that holds something else fails; the others get theirs."""
    answer = await performed(
        world, "send_internal_email", email="welcome", properties=["assistant", "none", "firstname", "email"]
    )
    assert answer.line == "sent to 2 of 4, 1 skipped, 1 failed"
    assert (parts(world)["none"], parts(world)["firstname"]) == (("skipped", "no_address"), ("failed", "bad_address"))


async def test_an_empty_property_alone_is_skipped(world: Simulation) -> None:
    """The record moves on."""
    assert await performed(world, "send_internal_email", email="welcome", properties=["none"]) == Answer(
        outcome="skipped", line="skipped: no_address"
    )


@pytest.mark.parametrize(("published", "code"), [(None, "unknown_email"), (False, "not_for_automation")])
async def test_an_email_that_no_flow_may_send(world: Simulation, published: bool | None, code: str) -> None:
    """One that is gone, or not for automation."""
    if published is None:
        del world.ledger.crm.emails["welcome"]
    else:
        world.ledger.crm.emails["welcome"] = replace(WELCOME, for_automation=published)
    assert (await performed(world, "send_internal_email", email="welcome", to=["a@b.fi"])).line == f"failed: {code}"


@pytest.mark.parametrize("config", [{"email": "welcome"}, {"to": ["a@b.fi"]}, {"email": "welcome", "to": ["nobody"]}])
def test_wrong_settings_are_refused(config: dict[str, object]) -> None:
    """A step says what, and to whom."""
    with pytest.raises(ValidationError):
        complete(SendInternalEmail, config)
