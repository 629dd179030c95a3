"""The walk on a real Temporal server and a real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

from tests.flows import branch, delay, flow, send_email, set_property, wait
from tests.until import until
from tests.world import World
from workflows.model.policy import Retry


async def test_a_flow_is_walked_to_its_end(world: World) -> None:
    """An e-mail, a delay, a wait that times out, a branch on it and an edit, each once and in order."""
    revision = flow(
        world.key("welcome"),
        send_email("mail"),
        delay("pause", "0.2 seconds"),
        wait("opened", "email_opened", at_most="0.2 seconds"),
        branch("b", "p", Came=({"output": "opened.happened", "is": True}, None)),
        set_property("p", "stage", "lead"),
    )
    anna = await world.record("contact:1", firstname="Anna", email="anna@example.com", stage="new")
    await world.publish(revision)
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        assert await world.ended(enrollment) == "completed"
    assert await world.path(enrollment) == [
        ("mail", "sent"),
        ("pause", ""),
        ("opened", "timed out"),
        ("b", "took otherwise"),
        ("p", "set stage"),
    ]
    assert [mail.subject for _, mail in world.mailer.sent] == ["Hello Anna"]
    assert (await world.properties(anna))["stage"] == "lead"


async def test_an_event_of_the_crm_ends_a_wait(world: World) -> None:
    """Published, routed, relayed and seen, its property usable in a later step."""
    revision = flow(
        world.key("wait"),
        wait("w", {"event": "replied", "where": {"mood": "good"}}),
        set_property("p", "said", "{{ outputs.w.text }}"),
    )
    anna = await world.record("contact:1", said="")
    await world.publish(revision)
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        await world.at(enrollment, "w", "asleep")
        await world.client.publish_event("replied", anna, {"mood": "bad", "text": "No"})
        await world.client.publish_event("replied", anna, {"mood": "good", "text": "Yes"})
        assert await world.ended(enrollment) == "completed"
    assert (await world.properties(anna))["said"] == "Yes"


async def test_an_order_to_leave_ends_a_month_of_delay_at_once(world: World) -> None:
    """Unenrolled in the middle of a 30-day delay."""
    revision = flow(world.key("leave"), delay("month", "30 days"), send_email("mail"))
    anna = await world.record("contact:1", email="anna@example.com")
    await world.publish(revision)
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        await world.at(enrollment, "month", "asleep")
        await world.client.unenroll(revision.flow.key, anna)
        assert await world.ended(enrollment) == "unenrolled"
    assert world.mailer.sent == []


async def test_an_event_signalled_straight_is_logged_and_judged(world: World) -> None:
    """Raw JSON by a Temporal signal, without a router; what cannot be read is kept for a person."""
    revision = flow(world.key("raw"), wait("w", "replied"))
    anna = await world.record("contact:1")
    await world.publish(revision)
    async with world.serving():
        enrollment = await world.enroll(revision, anna)
        await world.at(enrollment, "w", "asleep")
        handle = world.handle(revision, anna)
        await handle.signal("event", args=["no", "event"])
        await handle.signal("event", {"type": "replied", "id": "1", "source": "phone", "properties": {"text": "Hi"}})
        assert await world.ended(enrollment) == "completed"
    visit = (await world.visits(enrollment))[0]
    assert visit["output"] == {"happened": True, "event": "replied", "text": "Hi"}
    assert await world.pool.fetchval("select count(*) from event_refused") == 1


async def test_an_edited_delay_wakes_its_sleeper(world: World) -> None:
    """A month that becomes a moment: the publish finds the sleeper and the adopt update wakes it."""
    key = world.key("edit")
    anna = await world.record("contact:1", stage="new")
    old = await world.publish(flow(key, delay("d", "30 days"), set_property("p", "stage", "old")))
    async with world.serving():
        enrollment = await world.enroll(old, anna)
        await world.at(enrollment, "d", "asleep")
        await world.publish(flow(key, delay("d", "0.1 seconds"), set_property("p", "stage", "edited")))
        assert await world.ended(enrollment) == "completed"
    assert (await world.properties(anna))["stage"] == "edited"


async def test_a_paused_enrollment_is_held_until_it_is_resumed(world: World) -> None:
    """Held at the gate, on no timer; a resume lets it try again as a visit of its own."""
    revision = await world.publish(flow(world.key("pause"), delay("d", "0.1 seconds"), send_email("mail")))
    anna = await world.record("contact:1", email="anna@example.com")
    await world.client.pause(revision.flow.key)
    async with world.serving():
        enrollment = await world.enroll(revision, anna)

        async def held() -> bool:
            return ("mail", "paused") in await world.path(enrollment)

        await until(held)
        assert world.mailer.sent == []
        await world.client.resume(revision.flow.key)
        assert await world.ended(enrollment) == "completed"
    assert len(world.mailer.sent) == 1


async def test_a_first_pause_longer_than_the_most_is_no_trouble(world: World) -> None:
    """`retry: {first: 1 hour}` beside the action's own `most`: the server would refuse the activity again and again."""
    retry = Retry(first=timedelta(hours=1), most=timedelta(minutes=10))
    revision = await world.publish(flow(world.key("retry"), send_email("mail", retry=retry)))
    anna = await world.record("contact:1", email="anna@example.com")
    async with world.serving():
        assert await world.ended(await world.enroll(revision, anna), within=8) == "completed"
    assert len(world.mailer.sent) == 1
