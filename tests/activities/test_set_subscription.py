"""Opting a contact in and out by a flow."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from activities.action import Done, Refused, Skipped
from activities.actions.set_subscription import SetSubscription
from activities.catalogue import complete
from activities.consent import ConsentSettings
from activities.fakes import FakeConsent, Said
from tests.activities.doing import anna, doing
from tests.flows import flow, wait
from tests.world import World
from workflows.model.nodes import Perform

TYPES = {"newsletter": "email"}


async def chosen(consent: FakeConsent, state: Any, **fields: Any) -> Done:
    action = SetSubscription(subscription="newsletter", state=state, **fields)
    return await action.perform(doing(anna(), consent=consent))


async def test_it_opts_in_and_out() -> None:
    """The line says what it is now, and whether it was so before."""
    consent = FakeConsent(TYPES)
    done = [await chosen(consent, state) for state in ("opted_in", "opted_in", "opted_out")]
    assert [each.line for each in done] == ["opted in", "opted in already", "opted out"]
    assert [each.output for each in done] == [
        {"changed": True, "state": "opted_in"},
        {"changed": False, "state": "opted_in"},
        {"changed": True, "state": "opted_out"},
    ]


async def test_who_opted_out_itself_is_not_opted_in() -> None:
    """Nor whom an opt-out of all keeps out."""
    for subscription in ("newsletter", None):
        consent = FakeConsent(TYPES, words=[Said("1", subscription, "opted_out")])
        with pytest.raises(Skipped, match="opted_out_by_contact"):
            await chosen(consent, "opted_in", legal_basis="consent_with_notice")
        assert len(consent.words) == 1


async def test_what_cannot_be_is_refused() -> None:
    """A type that is gone, and an opt-in without the legal basis that is demanded."""
    with pytest.raises(Refused, match="unknown_subscription"):
        await chosen(FakeConsent({"offers": "email"}), "opted_in")
    strict = FakeConsent(TYPES, settings=ConsentSettings(legal_basis=True))
    with pytest.raises(Refused, match="no_legal_basis"):
        await chosen(strict, "opted_in")
    assert (await chosen(strict, "opted_in", legal_basis="performance_of_contract")).line == "opted in"


@pytest.mark.parametrize("config", [{"state": "opted_in"}, {"subscription": "a"}, {"subscription": "a", "state": "in"}])
def test_wrong_settings_are_refused(config: dict[str, object]) -> None:
    """It says which, and what it is to be."""
    with pytest.raises(ValidationError):
        complete(SetSubscription, config)


async def test_on_a_real_worker(world: World) -> None:
    """The word is kept with its flow and step, and told as an event; what the contact says then stands against it."""
    await world.pool.execute("insert into subscription (key, name) values ('newsletter', 'Newsletter')")
    anna = await world.record("contact:1", firstname="Anna")

    def step(node: str, **config: Any) -> Perform:
        whole = complete(SetSubscription, {"subscription": "newsletter", **config})
        fields = {"id": node, "name": node, "edges": {}, "kind": "set_subscription", "config": whole, "place": "store"}
        return Perform.model_validate(fields)

    said = "{{ contact.firstname }} at the fair"
    revision = await world.publish(
        flow(
            world.key("consent"),
            step("in", state="opted_in", legal_basis="consent_with_notice", explanation=said),
            wait("gone", {"event": "unsubscribed"}),
            step("again", state="opted_in"),
        )
    )
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        await world.at(enrollment, "gone", "asleep")
        await world.client.publish_event("unsubscribed", anna, {"subscription": "newsletter"})
        assert await world.ended(enrollment) == "completed"
    assert await world.path(enrollment) == [
        ("in", "opted in"),
        ("gone", "happened"),
        ("again", "skipped: opted_out_by_contact"),
    ]
    row = await world.pool.fetchrow("select basis, explanation, by_whom, source from consent order by seq limit 1")
    assert row is not None
    assert (row["basis"], row["explanation"], row["by_whom"]) == ("consent_with_notice", "Anna at the fair", "flow")
    assert (row["source"]["node"], row["source"]["enrollment"]) == ("in", enrollment)
    changed = await world.pool.fetchval("select properties from event where type = 'subscription_changed'")
    assert (changed["subscription"], changed["state"]) == ("newsletter", "opted_in")
