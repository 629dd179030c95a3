"""Deleting records, restoring them within 90 days, and the purge after that."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.effects import NewTask, User
from activities.gateways.postgres_archive import purge
from activities.gateways.postgres_crm import PostgresCrm
from starter.crm.deletion import delete_record, restore_record
from starter.crm.records import set_properties
from starter.schedules import schedule_purge
from tests.activities.doing import SOURCE
from tests.flows import delay, flow
from tests.until import until
from tests.world import World
from workflows.model.errors import CallerError
from workflows.model.records import RecordRef

ANNA, BO = RecordRef.parse("contact:1"), RecordRef.parse("contact:2")


async def long_deleted(world: World, record: RecordRef, age: timedelta = timedelta(days=91)) -> None:
    query = "update record set archived_at = clock_timestamp() - $3::interval where type = $1 and id = $2"
    await world.pool.execute(query, record.type, record.id, age)


async def test_a_deleted_record_leaves_its_flows_at_once(world: World) -> None:
    """Also in the middle of a long sleep."""
    revision = await world.publish(flow(world.key("rest"), delay("long", "30 days")))
    record = await world.record("contact:1")
    async with world.serving():
        enrollment = await world.enroll(revision, record)
        await world.asleep(revision, record)
        await delete_record(world.pool, record, "bo")
        assert await world.ended(enrollment) == "record_gone"


async def test_a_restored_record_is_there_and_does_not_resume(world: World) -> None:
    """What it was is kept; the events tell the story."""
    record = await world.record("contact:1", firstname="Anna")
    await delete_record(world.pool, record, "bo")
    await restore_record(world.pool, record, "bo")
    assert await world.properties(record) == {"firstname": "Anna"}
    rows = await world.pool.fetch("select type, properties->'by'->>'who' as by from event order by seq")
    assert [tuple(row) for row in rows] == [("record_deleted", "bo"), ("record_restored", "bo")]


async def test_what_cannot_be_deleted_or_restored_is_told(world: World) -> None:
    """Each with its reason."""
    record = await world.record("contact:1")
    with pytest.raises(CallerError, match="is not deleted"):
        await restore_record(world.pool, record, "bo")
    await delete_record(world.pool, record, "bo")
    with pytest.raises(CallerError, match="deleted already"):
        await delete_record(world.pool, record, "bo")
    await long_deleted(world, record)
    with pytest.raises(CallerError, match="more than 90 days ago and cannot"):
        await restore_record(world.pool, record, "bo")
    with pytest.raises(CallerError, match="there is no record contact:9"):
        await restore_record(world.pool, RecordRef.parse("contact:9"), "bo")


async def test_the_purge_takes_away_what_is_kept_about_the_deleted(world: World) -> None:
    """And nothing of those who may still be restored, or of tasks that are about others, too."""
    anna, bo = await world.record("contact:1", firstname="Anna"), await world.record("contact:2", firstname="Bo")
    async with world.pool.acquire() as connection:
        crm = PostgresCrm(connection)
        await crm.create_task(NewTask("Only Anna", (anna,), SOURCE), "k1")
        await crm.create_task(NewTask("Both", (anna, bo), SOURCE), "k2")
    for record in (anna, bo):
        await set_properties(world.pool, record, {"firstname": "X"}, "bo")
        await delete_record(world.pool, record, "bo")
    await long_deleted(world, anna)
    await long_deleted(world, bo, timedelta(days=89))
    assert await purge(world.pool) == 1
    assert await purge(world.pool) == 0
    left = [
        await world.pool.fetchval(f"select string_agg(distinct {column}, ',') from {table}")
        for table, column in (("record", "id"), ("property_history", "id"), ("event", "record_id"), ("task", "subject"))
    ]
    assert left == ["2", "2", "2", "Both"]


_KEPT_ABOUT = {
    "email_sent": "insert into email_sent (enrollment, visit, contact, flow, node, email, marketing) "
    "values (gen_random_uuid(), 1, $1, 'f', 'a', 'letter', true)",
    "contact_standing": "insert into contact_standing (contact, bounced_address) values ($1, 'anna@example.com') "
    "on conflict (contact) do update set bounced_address = excluded.bounced_address",
    "text_message": "insert into text_message (effect, phone, type, id) "
    "values ('e' || $1, '+14155550101', 'contact', $1)",
    "text_received": "insert into text_received (sid, phone, text) values ('SM' || $1, '+14155550101', 'I am Anna')",
    "event": "insert into event (source, type, record_type, record_id, properties) "
    "values ('twilio', 'sms_received', 'contact', $1, jsonb_build_object('sid', 'SM' || $1))",
    "event_refused": "insert into event_refused (raw, reason) "
    "values (jsonb_build_object('record_type', 'contact', 'record_id', $1::text), 'no JSON')",
    "note": "with n as (insert into note (body) values ('Anna') returning id) "
    "insert into note_record (note, type, id) select id, 'contact', $1 from n",
    "notification": "insert into notification (member, title, record_type, record_id, effect) "
    "values ('7', 'Anna', 'contact', $1, 'e' || $1)",
}


async def test_the_purge_leaves_what_protects_the_person_alone(world: World) -> None:
    """E-mails, texts, notes and notices go with the contact; what it turned down or agreed to stays, as the proof."""
    await world.client.put_user(User("7", "bo@acme.example"))
    for record in (await world.record("contact:1"), await world.record("contact:2")):
        said = "insert into event (type, record_type, record_id) values ('unsubscribed', 'contact', $1)"
        for query in (said, *_KEPT_ABOUT.values()):
            await world.pool.execute(query, record.id)
    await world.pool.execute("insert into text_opt_out (phone, why) values ('+14155550101', 'STOP')")
    await delete_record(world.pool, ANNA, "bo")
    await long_deleted(world, ANNA)
    assert await purge(world.pool) == 1
    left = {table: await world.pool.fetchval(f"select count(*) from {table}") for table in _KEPT_ABOUT}
    assert left == {**dict.fromkeys(_KEPT_ABOUT, 1), "event": 2}, "what is Bo's"
    assert await world.pool.fetchval("select array_agg(contact order by contact) from consent") == ["1", "2"]
    assert await world.pool.fetchval("select count(*) from text_opt_out") == 1


async def test_temporal_starts_the_purge_by_its_schedule(world: World) -> None:
    """Two workers that begin make one schedule."""
    record = await world.record("contact:1")
    await delete_record(world.pool, record, "bo")
    await long_deleted(world, record)
    name = f"purge-{world.name}"  # workers of other tests have made the one of that server
    handle = world.temporal.get_schedule_handle(name)
    try:
        assert [await schedule_purge(world.temporal, world.queue, name) for _ in range(2)] == [True, False]
        async with world.worker():
            await handle.trigger()
            gone = "select not exists (select from record where id = '1')"
            await until(lambda: world.pool.fetchval(gone), what="the purge")
    finally:
        await handle.delete()
