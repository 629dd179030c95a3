from __future__ import annotations

import pytest

from starter.demo.counting import Counting, Inside, Place
from tests.flows import delay, flow, send_email, wait
from tests.starter.conftest import Office
from workflows.model.nodes import WaitForEvent


async def test_people_are_counted_where_they_came_and_where_they_are(office: Office) -> None:
    """Of two in a delay one goes on to a wait; it is over when both have left."""
    revision = flow(office.world.key("f"), delay("nap", "1 day"), wait("w", "replied", at_most="1 day"))
    await office.on(revision)
    counting = Counting(office.world.pool, revision.flow)
    assert not (await counting.inside()).over
    first, second = [
        await office.inside(revision.flow.key, await office.world.record(f"contact:{number}")) for number in (1, 2)
    ]
    await office.asleep(first, "nap")
    await office.visit(second.enrollment, 1, "nap", second.revision)
    node = revision.flow.node("w")
    assert isinstance(node, WaitForEvent)
    await office.waiting(second, node, 2)
    assert await counting.places() == [Place("nap", 2, 1), Place("w", 1, 1)]
    assert await counting.longest() == second.enrollment
    for each in (first, second):
        await office.close(each.enrollment)
    assert ((await counting.inside()).over, await counting.endings()) == (True, {"completed": 2})


async def test_what_is_being_sent_is_seen(office: Office) -> None:
    """A visit that has begun outside and is not settled spares the worker."""
    revision = flow(office.world.key("f"), send_email("mail"))
    await office.on(revision)
    admitted = await office.inside(revision.flow.key, await office.world.record("contact:1"))
    counting = Counting(office.world.pool, revision.flow)
    await office.visit(admitted.enrollment, 1, "mail", admitted.revision, "send_email")
    assert not await counting.is_outside()
    await office.world.pool.execute("update visit set state = 'intent' where enrollment = $1", admitted.enrollment)
    assert await counting.is_outside()


@pytest.mark.parametrize(("entered", "inside", "unrouted"), [(0, 0, 0), (3, 1, 0), (3, 0, 2)])
def test_it_is_not_over_before_everybody_has_left(entered: int, inside: int, unrouted: int) -> None:
    """Nor while events wait that may let somebody in."""
    assert not Inside(entered, inside, unrouted).over
