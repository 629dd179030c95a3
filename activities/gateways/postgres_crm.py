"""The CRM in our own PostgreSQL, inside the transaction of a visit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from activities.action import Refused
from activities.effects import (
    Edit,
    Edited,
    EmailContent,
    Link,
    NewNote,
    NewRecord,
    NewTask,
    PropertyDefinition,
    Provenance,
    Source,
    User,
    Version,
)
from activities.gateways.postgres_archive import archive
from activities.gateways.postgres_associations import associate, matching
from activities.gateways.postgres_facts import ASSOCIATED
from activities.gateways.postgres_making import claims, create, create_note, definition, definitions_of
from activities.gateways.postgres_tasks import create_task, read_user
from activities.gateways.postgres_unique import NO_LOAD, claim
from activities.properties import edited
from workflows.model.records import Record, RecordRef

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

# The rows are locked in the one order in which all that edits many records locks them; keys never change, so that
# what is read under the lock cannot be in another.
_LOCK = f"""
with unloaded as materialized (
  select {NO_LOAD} from (
    select distinct object from property where object = any ($1) and name = any ($3) and is_unique order by 1) as u),
held as materialized (
  select r.type, r.id, r.properties
    from record r join unnest($1::text[], $2::text[]) as wanted (type, id) using (type, id)
   where r.archived_at is null and (select count(*) from unloaded) >= 0
   order by r.type collate "C", r.id collate "C" for no key update of r)
select h.type, jsonb_object_agg(h.id, h.properties) as records,
       (select jsonb_object_agg(p.name, to_jsonb(p)) from property p
         where p.object = h.type and p.name = any ($3)) as definitions,
       coalesce((select own_read_only from object_type where key = h.type), false) as own_read_only
  from held h group by h.type
"""

# A value that was there before any history was kept opens it, so that nothing that ever was is forgotten.
_WRITE = """
with edit as materialized (
  select n, e->>'type' as type, e->>'id' as id, e->'set' as set_to, e->'changes' as changes,
         array(select jsonb_array_elements_text(e->'clear')) as cleared
    from jsonb_array_elements($1) with ordinality as each (e, n)),
change as materialized (
  select edit.type, edit.id, c as told, c->>'name' as name, row_number() over (order by edit.n, c.n) as nth
    from edit, jsonb_array_elements(edit.changes) with ordinality as c (c, n)),
edited as (
  update record r set properties = (r.properties || edit.set_to) - edit.cleared, updated_at = clock_timestamp()
    from edit where r.type = edit.type and r.id = edit.id),
kept as (
  insert into property_history (type, id, name, value, at, source)
  select type, id, name, value, at, source from (
    select 0 as since, nth, c.type, c.id, name, told->'before' as value, r.created_at as at, '{}'::jsonb as source
      from change c join record r on r.type = c.type and r.id = c.id
     where told->'before' <> 'null' and not exists (
             select from property_history h where h.type = c.type and h.id = c.id and h.name = c.name)
     union all
    select 1, nth, type, id, name, told->'value', clock_timestamp(), $2 from change) as lines
   order by since, nth)
insert into event (source, type, record_type, record_id, properties)
select 'perdure', 'property_changed', type, id, told || jsonb_build_object('by', $2::jsonb) from change order by nth
"""

_READ = "select properties from record where type = $1 and id = $2 and archived_at is null"

_DEFINED = "select name, to_jsonb(p) as definition from property p where object = $1 and name = any ($2)"

_MADE_BY = "select source ->> 'flow' from record where type = $1 and id = $2"

_EMAIL = """
select key, name, subject, text, html, sender, kind, for_automation, subscription, marketing
  from email_content where key = $1
"""

# A property without a history has had its value for as long as the record is there.
_VERSIONS = """
select name, value, at, source from property_history where type = $1 and id = $2
 union all
select name, p.value, r.created_at, '{}'::jsonb from record r, jsonb_each(r.properties) as p (name, value)
 where r.type = $1 and r.id = $2 and r.archived_at is null and not exists (
         select from property_history h where h.type = $1 and h.id = $2 and h.name = p.name)
 order by name, at desc
"""

_IS_TYPE = """
select exists (select from object_type where key = $1) or exists (select from property where object = $1)
"""


class PostgresCrm:
    """The records of one connection's transaction."""

    def __init__(self, connection: PoolConnectionProxy[Any]) -> None:
        """Read and write through `connection`."""
        self.connection = connection

    async def edit(self, records: Sequence[RecordRef], edits: Mapping[str, Edit], source: Source) -> list[Edited]:
        """See Crm."""
        refs = list(dict.fromkeys(records))
        types = await self._locked(refs, list(edits))
        defined = {type_: definitions_of(row) for type_, row in types.items()}
        done = [edited(ref, _held(ref, types, source), edits, defined[ref.type]) for ref in refs]
        await claim(self.connection, [each for one in done for each in claims(one, defined[one.record.type])])
        if changed := [_written(each) for each in done if each.changed]:
            await self.connection.execute(_WRITE, changed, asdict(source))
        return done

    async def read(self, record: RecordRef) -> Record | None:
        """See Crm."""
        properties = await self.connection.fetchval(_READ, record.type, record.id)
        return None if properties is None else Record(ref=record, properties=properties)

    async def associated(self, record: RecordRef, object_type: str, label: str = "") -> list[Record]:
        """See Crm."""
        rows = await self.connection.fetch(ASSOCIATED, [record.type], [record.id], object_type, label)
        if not rows and not await self.connection.fetchval(_IS_TYPE, object_type):
            raise Refused("unknown_object_type", object_type)
        return [Record(ref=RecordRef(type=object_type, id=row["id"]), properties=row["properties"]) for row in rows]

    async def definitions(self, object_type: str, names: Collection[str]) -> Mapping[str, PropertyDefinition]:
        """See Crm."""
        rows = await self.connection.fetch(_DEFINED, object_type, list(names))
        return {row["name"]: definition(row["definition"]) for row in rows}

    async def versions(self, record: RecordRef) -> dict[str, list[Version]]:
        """See Crm."""
        found: dict[str, list[Version]] = {}
        for row in await self.connection.fetch(_VERSIONS, record.type, record.id):
            found.setdefault(row["name"], []).append(Version(row["value"], row["at"], row["source"]))
        return found

    async def create_task(self, task: NewTask, key: str) -> str:
        """See Crm."""
        return await create_task(self.connection, task, key)

    async def create_note(self, note: NewNote, key: str) -> str:
        """See Crm."""
        return await create_note(self.connection, note, key)

    async def create(self, new: NewRecord, key: str) -> RecordRef:
        """See Crm."""
        return await create(self.connection, new, key)

    async def archive(self, record: RecordRef, source: Source) -> bool:
        """See Crm."""
        return await archive(self.connection, record, source)

    async def flow_that_made(self, record: RecordRef) -> str | None:
        """See Crm."""
        made: str | None = await self.connection.fetchval(_MADE_BY, record.type, record.id)
        return made

    async def associate(self, record: RecordRef, links: Sequence[Link], source: Source) -> int:
        """See Crm."""
        return await associate(self.connection, record, links, source)

    async def matching(self, object_type: str, name: str, texts: Collection[str], most: int) -> list[RecordRef]:
        """See Crm."""
        return await matching(self.connection, object_type, name, texts, most)

    async def user(self, user: str) -> User | None:
        """See Crm."""
        return await read_user(self.connection, user)

    async def email_content(self, key: str) -> EmailContent | None:
        """See Crm."""
        row = await self.connection.fetchrow(_EMAIL, key)
        return None if row is None else EmailContent(**row)

    async def _locked(self, records: Sequence[RecordRef], names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Lock records; give what they are, and what their types say of the properties named, by type."""
        ends = [ref.type for ref in records], [ref.id for ref in records]
        return {row["type"]: row for row in await self.connection.fetch(_LOCK, *ends, names)}


def _held(ref: RecordRef, types: Mapping[str, Mapping[str, Any]], source: Source) -> Mapping[str, JsonValue]:
    """Give the properties of a record that is locked, and may be edited."""
    of_type = types.get(ref.type)
    if of_type is None or ref.id not in of_type["records"]:
        raise Refused("no_record", str(ref))
    if of_type["own_read_only"] and isinstance(source, Provenance):
        raise Refused("own_read_only", f"no flow edits a {ref.type} itself")
    properties: Mapping[str, JsonValue] = of_type["records"][ref.id]
    return properties


def _written(each: Edited) -> dict[str, JsonValue]:
    now = {name: each.after[name] for name in each.changed}
    return {
        "type": each.record.type,
        "id": each.record.id,
        "set": {name: value for name, value in now.items() if value is not None},
        "clear": [name for name, value in now.items() if value is None],
        "changes": [{"name": name, "value": value, "before": each.before[name]} for name, value in now.items()],
    }
