"""Making a contact one for marketing, and none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from activities.action import Done
from activities.actions.set_marketing_status import SetMarketingStatus
from activities.catalogue import complete
from activities.consent import ConsentSettings
from activities.fakes import FakeConsent
from tests.activities.doing import anna, doing
from tests.flows import flow
from tests.world import World
from workflows.model.nodes import Perform


async def set_to(consent: FakeConsent, status: Any) -> Done:
    return await SetMarketingStatus(status=status).perform(doing(anna(), consent=consent, zone="Europe/Helsinki"))


async def test_in_at_once_and_out_on_the_first() -> None:
    """Out is pending until the first of next month in the flow's zone, and in takes it back."""
    consent = FakeConsent(clock=lambda: datetime(2026, 1, 31, 23, tzinfo=UTC))
    done = [await set_to(consent, status) for status in ("marketing", "non_marketing", "non_marketing", "marketing")]
    pending = {"status": "pending", "from": "2026-02-28T22:00:00+00:00"}
    assert [each.output for each in done] == [
        {"status": "marketing", "from": None},
        pending,
        pending,
        {"status": "marketing", "from": None},
    ]
    assert [each.line for each in done][:2] == ["marketing", "non-marketing from 2026-02-28 22:00 UTC"]


async def test_who_is_none_stays_none() -> None:
    """There is nothing to wait for."""
    consent = FakeConsent(settings=ConsentSettings(marketing_by_default=False))
    assert (await set_to(consent, "non_marketing")).output == {"status": "non_marketing", "from": None}


@pytest.mark.parametrize("config", [{}, {"status": "pending"}])
def test_wrong_settings_are_refused(config: dict[str, object]) -> None:
    """It is one or the other."""
    with pytest.raises(ValidationError):
        complete(SetMarketingStatus, config)


async def test_on_a_real_worker(world: World) -> None:
    """The day stands in the contact's row."""
    config = complete(SetMarketingStatus, {"status": "non_marketing"})
    fields = {"id": "out", "name": "Out", "edges": {}, "kind": "set_marketing_status", "place": "store"}
    revision = await world.publish(flow(world.key("out"), Perform.model_validate({**fields, "config": config})))
    contact = await world.record("contact:1")
    async with world.serving():
        enrollment = await world.enroll(revision, contact)
        assert await world.ended(enrollment) == "completed"
    row = await world.pool.fetchrow("select * from contact_standing")
    [visit] = await world.visits(enrollment)
    assert row is not None
    assert (row["marketing"], visit["output"]["from"]) == (True, row["marketing_until"].isoformat())
