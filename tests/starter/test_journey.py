from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from starter.language.compile import compile_flow
from starter.publish import publish
from tests.until import until
from tests.world import running

if TYPE_CHECKING:
    from tests.starter.conftest import Office

FLOW = """
flow: {key}
object: contact
enroll: {{on: [{{event: form_submitted, where: {{form: demo}}}}]}}
goal: {{property: stage, is: customer}}
steps:
  - do: wait_for_event
    id: opened
    any_of: [{{event: email_opened, where: {{clicks: {{greater_than: 1}}}}}}]
    at_most: {at_most}
  - do: branch
    id: which
    branches:
      - name: Opened
        when: {{output: opened.clicks, greater_than: 2}}
        steps: [{{do: set_property, id: keen, property: mood, value: keen}}]
    otherwise: [{{do: delay, id: rest, for: 30 days}}]
"""


async def publish_text(office: Office, key: str, at_most: str = "7 days") -> None:
    compiled = compile_flow(FLOW.format(key=key, at_most=at_most), office.world.catalogue)
    await publish(office.world.pool, compiled, office.world.revisions)
    await office.client.turn_on(key)


@pytest.fixture(name="key")
async def house(office: Office) -> AsyncIterator[str]:
    """A published flow, a record, and everything that walks it."""
    key = office.world.key("journey")
    await publish_text(office, key)
    await office.world.record("contact:1", stage="lead", mood="calm")
    async with office.world.worker(), running(office.router().run, office.relay().run):
        await office.client.publish_event("form_submitted", "contact:1", {"form": "demo"})
        await until(lambda: office.client.list(key, "waiting"), what="the wait")
        yield key


async def ending(office: Office, key: str) -> str | None:
    (summary,) = await office.client.list(key)
    return summary.ending


async def test_an_event_starts_a_flow_and_another_leads_it_on(office: Office, key: str) -> None:
    """A form starts the walk; an opened e-mail ends the wait, and its properties decide the branch."""
    for clicks in (1, 3):
        await office.client.publish_event("email_opened", "contact:1", {"clicks": clicks})
    assert await until(lambda: ending(office, key)) == "completed"
    described = await office.client.describe(key, "contact:1")
    assert [each.node for each in described.path] == ["opened", "which", "keen"]
    assert described.path[0].output == {"happened": True, "event": "email_opened", "clicks": 3}


async def test_a_goal_ends_a_long_sleep_at_once(office: Office, key: str) -> None:
    """An edit of the record that reaches the goal ends a wait of seven days."""
    await office.world.pool.execute("update record set properties = properties || $1", {"stage": "customer"})
    await office.client.publish_event("property_changed", "contact:1", {"name": "stage"})
    assert await until(lambda: ending(office, key)) == "goal"


async def test_unenrolling_ends_a_long_sleep_at_once(office: Office, key: str) -> None:
    """An operator's order reaches a record in the middle of its wait."""
    await office.client.unenroll(key, "contact:1")
    assert await until(lambda: ending(office, key)) == "unenrolled"


async def test_an_edit_reaches_a_sleeper(office: Office, key: str) -> None:
    """Publishing a shorter wait ends one that began under the longer."""
    await publish_text(office, key, at_most="1 second")
    await until(lambda: office.client.list(key, "asleep"), what="the delay after the wait")
