"""Deleting records, restoring them, and what is deleted for good in the end."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from activities.gateways.postgres_unique import claim_own

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    from activities.effects import Source
    from workflows.model.records import RecordRef

RESTORABLE = timedelta(days=90)
"""How long a deleted record can be restored, as in HubSpot; then a purge takes it away."""

AT_ONCE = 1000
"""Records that a purge takes away in one transaction."""

PURGE_SECONDS = 300.0
"""How long one such transaction may take: of a record that came by often there may be thousands of visits."""

_TOLD = """
insert into event (source, type, record_type, record_id, properties)
select 'perdure', $3, $1, id, jsonb_build_object('by', $4::jsonb) from changed returning 1
"""
_ARCHIVE = f"""
with changed as (
  update record set archived_at = clock_timestamp() where type = $1 and id = $2 and archived_at is null returning id)
{_TOLD}
"""
_RESTORE = f"""
with changed as (
  update record set archived_at = null, updated_at = clock_timestamp()
   where type = $1 and id = $2 and archived_at > clock_timestamp() - $5::interval returning id)
{_TOLD}
"""

# What a deleted person's data is kept in: the record, its associations (by cascade), its history, memberships, events,
# what was mailed and texted, notifications, notes and tasks that were about it alone, and the visits of its
# enrollments. What it agreed to and turned down stays (`consent`), and numbers that want no texts: they are the proof,
# they protect the person where the record or the number comes back, and all that they name is an id or a number.
_PURGE = """
with gone as materialized (
  select type, id from record where archived_at <= clock_timestamp() - $1::interval limit $2 for update skip locked),
past as (delete from property_history h using gone g where h.type = g.type and h.id = g.id),
members as (
  delete from list_member m using gone g, list l where l.key = m.list and l.object = g.type and m.id = g.id),
events as (
  delete from event e using gone g where e.record_type = g.type and e.record_id = g.id
  returning e.type, e.properties->>'sid' as sid),
heard as (delete from text_received r using events e where e.type = 'sms_received' and r.sid = e.sid),
texted as (delete from text_message m using gone g where m.type = g.type and m.id = g.id),
mailed as (delete from email_sent s using gone g where g.type = 'contact' and s.contact = g.id),
standing as (delete from contact_standing s using gone g where g.type = 'contact' and s.contact = g.id),
strange as (
  delete from event_refused f using gone g
   where f.raw->>'record_type' = g.type and f.raw->>'record_id' = g.id
      or f.enrollment in (select id from enrollment e where e.type = g.type and e.record = g.id)),
walks as (delete from enrollment e using gone g where e.type = g.type and e.record = g.id and e.closed_at is not null),
tasks as (
  delete from task t using task_record r, gone g where r.task = t.id and r.type = g.type and r.id = g.id
     and not exists (select from task_record o where o.task = t.id and (o.type, o.id) <> (g.type, g.id))),
notes as (
  delete from note n using note_record r, gone g where r.note = n.id and r.type = g.type and r.id = g.id
     and not exists (select from note_record o where o.note = n.id and (o.type, o.id) <> (g.type, g.id))),
notices as (delete from notification n using gone g where n.record_type = g.type and n.record_id = g.id),
records as (delete from record r using gone g where r.type = g.type and r.id = g.id)
select count(*) from gone
"""


async def archive(connection: PoolConnectionProxy[Any], record: RecordRef, source: Source) -> bool:
    """Delete a record, restorably; tell whether it was there."""
    name = record.type, record.id
    return await connection.fetchval(_ARCHIVE, *name, "record_deleted", asdict(source)) is not None


async def restore(connection: PoolConnectionProxy[Any], record: RecordRef, source: Source) -> bool:
    """Restore a record that was deleted less than RESTORABLE ago; tell whether there was one.

    Raise Refused where another record has a unique value of it meanwhile.
    """
    await claim_own(connection, record)
    name = record.type, record.id
    return await connection.fetchval(_RESTORE, *name, "record_restored", asdict(source), RESTORABLE) is not None


async def purge(pool: asyncpg.Pool[Any], older_than: timedelta = RESTORABLE) -> int:
    """Take away for good the records that were deleted so long ago, with what is kept about them; give how many."""
    purged = 0
    while found := await pool.fetchval(_PURGE, older_than, AT_ONCE, timeout=PURGE_SECONDS):
        purged += found
    return purged
