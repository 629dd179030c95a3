"""An e-mail to the contacts of a record, on the real ledger and a real worker."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from activities.actions.send_email import SendEmail
from activities.catalogue import complete
from activities.control import Control
from activities.effects import EmailContent
from activities.gateways.postgres import open_pool
from activities.gateways.postgres_ledger import PostgresLedger
from starter.emails import save
from tests.flows import flow, send_email
from tests.until import until
from tests.world import World
from workflows.contract import Step
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

WELCOME = EmailContent(
    "welcome",
    "Welcome",
    "Hi {{ contact.firstname }}",
    "{{ company.name }}, {{ owner.name }}, {{ deal.name }}, {{ event.form }}",
    html="<p>{{ contact.firstname }}",
)


def of_deals(world: World, **config: Any) -> Revision:
    """Draw a flow for deals that sends an e-mail."""
    node = send_email("mail").model_copy(update={"config": complete(SendEmail, config)})
    drawn = flow(world.key("deals"), node, enroll={"on": [{"event": "asked"}]}).flow
    return Revision.of(drawn.model_copy(update={"object": "deal"}))


async def deal(world: World, contacts: int) -> RecordRef:
    """Put a deal with so many contacts in the CRM, of whom the second is primary and has a company and an owner."""
    ref = await world.record("deal:1", name="Big")
    await world.pool.execute("insert into crm_user (id, email, name) values ('u1', 'bo@example.com', 'Bo Berg')")
    await world.record("company:1", name="Acme")
    for number in range(1, contacts + 1):
        owner = {"owner": "u1"} if number == 2 else {}
        await world.record(f"contact:{number}", firstname=f"<C{number}>", email=f"c{number}@example.com", **owner)
        await associate(world, "deal:1", f"contact:{number}", is_primary=number == 2)
    await associate(world, "contact:2", "company:1")
    return ref


async def associate(world: World, one: str, other: str, *, is_primary: bool = False) -> None:
    ends = (*one.split(":"), *other.split(":"))
    await world.pool.execute(
        "insert into association (from_type, from_id, to_type, to_id, is_primary) values ($1, $2, $3, $4, $5)",
        *(*ends, is_primary),
    )


async def test_each_contact_is_written_to_by_its_own_facts(world: World) -> None:
    """What a published e-mail wants beside a recipient is read for each of them, and the walk costs what any costs."""
    record = await deal(world, 3)
    async with world.pool.acquire() as connection:
        await save(connection, WELCOME)
    revision = await world.publish(of_deals(world, email="welcome"))
    async with world.serving():
        await world.client.publish_event("asked", record, {"form": "fair"})
        enrollment = await until(lambda: world.pool.fetchval("select id::text from enrollment"), what="the enrollment")
        assert await world.ended(enrollment) == "completed"
    assert [(mail.to, mail.subject, mail.text, mail.html) for _, mail in world.mailer.sent] == [
        ("c2@example.com", "Hi <C2>", "Acme, Bo Berg, Big, fair", "<p>&lt;C2&gt;"),
        ("c1@example.com", "Hi <C1>", ", , Big, fair", "<p>&lt;C1&gt;"),
        ("c3@example.com", "Hi <C3>", ", , Big, fair", "<p>&lt;C3&gt;"),
    ]
    [visit] = await world.visits(enrollment)
    assert visit["answer"]["line"] == "sent to 3 of 3"
    assert visit["output"] == {"sent": 3, "skipped": 0, "failed": 0, "unknown": 0}
    history = await world.history(revision, record)
    assert len(history.events) == 6 + 6


async def test_one_recipient_costs_two_short_transactions(world: World) -> None:
    """The look, consent under its lock, the intent, and later what came of it."""
    anna = await world.record("contact:1", email="anna@example.com", firstname="Anna")
    revision = await world.publish(flow(world.key("one"), send_email("mail")))
    enrollment = await world.enroll(revision, anna)
    pool = await open_pool(world.dsn, size=1)
    seen: list[str] = []
    try:
        performer = replace(world.performer(), control=Control(PostgresLedger(pool), world.revisions))
        async with pool.acquire() as connection:
            connection.add_query_logger(lambda query: seen.append(query.query.split()[0].lower()))
        step = Step(enrollment=enrollment, revision=revision.hash, node="mail", visit=1)
        assert (await performer.perform(step, "a1")).line == "sent"
    finally:
        await pool.close()
    assert seen == ["begin;", "select", "select", "with", "commit;", "with"]


async def test_who_opted_out_is_left_out_of_several(world: World) -> None:
    """The others get theirs, and only they are written down as sent to."""
    record = await deal(world, 3)
    await world.pool.execute("insert into subscription (key, name) values ('newsletter', 'Newsletter')")
    await world.client.publish_event("unsubscribed", "contact:1", {"subscription": "newsletter"})
    revision = await world.publish(of_deals(world, subject="Hi", text="News", subscription="newsletter"))
    async with world.serving():
        enrollment = await world.enroll(revision, record)
        assert await world.ended(enrollment) == "completed"
    assert await world.path(enrollment) == [("mail", "sent to 2 of 3, 1 skipped")]
    assert [mail.to for _, mail in world.mailer.sent] == ["c2@example.com", "c3@example.com"]
    part = await world.pool.fetchrow("select state, note from visit_part where part = 'contact:1'")
    assert tuple(part or ()) == ("skipped", "unsubscribed: ")
    rows = await world.pool.fetch("select contact, marketing, subscription from email_out order by contact")
    assert [tuple(row) for row in rows] == [("2", True, "newsletter"), ("3", True, "newsletter")]
