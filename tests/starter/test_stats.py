"""The report of a flow, over enrollments that were really walked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from starter.stats import Report, report
from tests.flows import branch, delay, flow, send_email, set_property
from tests.starter.conftest import Perdure
from tests.world import World
from workflows.model.errors import CallerError

INTERESTED: dict[str, Any] = {"property": "stage", "is": "interested"}


async def walked(world: World) -> tuple[str, Report]:
    """Three contacts: one is mailed and reaches the goal, one has no address, one sleeps."""
    drawn = flow(
        world.key("report"),
        branch("who", "rest", hot=(INTERESTED, "mail")),
        send_email("mail"),
        set_property("mark", "stage", "customer", edges={"next": None}),
        delay("rest", "30 days"),
        goal={"property": "stage", "is": "customer"},
    )
    revision = await world.publish(drawn)
    people = [("1", "interested", "a@example.com"), ("2", "interested", ""), ("3", "new", "c@example.com")]
    async with world.serving():
        for id_, stage, email in people:
            record = await world.record(f"contact:{id_}", stage=stage, email=email)
            enrollment = await world.enroll(revision, record)
            await (world.asleep(revision, record) if id_ == "3" else world.ended(enrollment))
    await world.client.publish_event("email_opened", "contact:1", {"email": "mail"})
    return revision.flow.key, await report(world.pool, world.revisions, revision.flow.key)


async def test_a_flow_is_reported_on(world: World, perdure: Perdure) -> None:
    """Who entered, what each step came to, which way they went, who opened, and who reached the goal."""
    key, found = await walked(world)
    assert (found.entered, found.active, found.endings) == (3, 1, {"completed": 2})
    steps = {each.node: each for each in found.steps}
    assert [*steps] == ["who", "mail", "mark", "rest"]
    assert steps["who"].ways == {"hot": 2, "otherwise": 1}
    assert (steps["mail"].came, steps["mail"].done, steps["mail"].skipped) == (2, 1, 1)
    assert (steps["rest"].came, steps["rest"].here) == (1, 1)
    assert [(each.node, each.sent, each.opened, each.clicked) for each in found.emails] == [("mail", 1, 1, 0)]
    assert found.goal is not None
    assert (found.goal.met, found.goal.converted) == (2, 0)  # the e-mail was no marketing
    await world.pool.execute("update email_sent set marketing = true")
    again = json.loads((await perdure("stats", key, "--json")).out)
    assert again["goal"] == {"met": 2, "converted": 1, "rate": pytest.approx(1 / 3)}
    told = (await perdure("stats", key)).out
    for line in ("3 entered, 1 are inside now", "sent to 1, 1 opened (100%)", "a goal rate of 33.3%"):
        assert line in told


async def test_a_flow_that_is_not_there_is_told(world: World) -> None:
    """With where to look."""
    with pytest.raises(CallerError, match="no flow is called 'nothing'"):
        await report(world.pool, world.revisions, "nothing")
