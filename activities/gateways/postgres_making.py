"""Making records and notes in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from activities.action import Refused
from activities.effects import Edited, NewNote, NewRecord, PropertyDefinition
from activities.gateways.postgres import storable
from activities.gateways.postgres_associations import associate, lock
from activities.gateways.postgres_unique import NO_LOAD, Claim, claim
from activities.properties import edited, unique_texts
from workflows.model.records import RecordRef

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

_ASK = f"""
with unloaded as materialized (
  select {NO_LOAD} from (
    select distinct object from property where object = $1 and name = any ($2) and is_unique) as u)
select (select count(*) from unloaded) as unloaded,
       exists (select from object_type where key = $1) or exists (select from property where object = $1) as is_known,
       coalesce((select own_read_only from object_type where key = $1), false) as own_read_only,
       (select jsonb_object_agg(p.name, to_jsonb(p)) from property p
         where p.object = $1 and p.name = any ($2)) as definitions
"""

_MADE = "select id from record where type = $1 and effect = $2"

_CREATE = """
with made as (
  insert into record (type, id, properties, source, effect) values ($1, $2, $3, $4, $5)
  on conflict do nothing returning type, id, properties),
kept as (
  insert into property_history (type, id, name, value, source)
  select type, id, p.key, p.value, $4 from made, jsonb_each(properties) as p),
told as (
  insert into event (source, type, record_type, record_id, properties)
  select 'perdure', 'record_created', type, id, jsonb_build_object('by', $4::jsonb) from made)
select id from made
"""

_NOTE = """
with made as (
  insert into note (body, pinned, source, effect) values ($1, $2, $3, $4)
  on conflict (effect) do nothing returning id),
named as (
  insert into note_record (note, type, id)
  select made.id, r.type, r.id from made, unnest($5::text[], $6::text[]) as r (type, id) on conflict do nothing)
select id from made union all select id from note where effect = $4 limit 1
"""


async def create(connection: PoolConnectionProxy[Any], new: NewRecord, key: str) -> RecordRef:
    """Make a record once for its key, with its history, its event and its associations."""
    if (earlier := await connection.fetchval(_MADE, new.type, key)) is not None:
        return RecordRef(type=new.type, id=earlier)
    made = await _checked(connection, new)
    await lock(connection, [link.record for link in new.links])
    await claim(connection, claims(*made))
    properties = {name: value for name, value in made[0].after.items() if value is not None}
    ref = made[0].record
    if not await connection.fetchval(_CREATE, ref.type, ref.id, properties, asdict(new.source), key):
        return RecordRef(type=new.type, id=await connection.fetchval(_MADE, new.type, key))
    await associate(connection, ref, new.links, new.source)
    return ref


async def _checked(
    connection: PoolConnectionProxy[Any], new: NewRecord
) -> tuple[Edited, Mapping[str, PropertyDefinition]]:
    """Give what the record will be, with a new id, and the definitions of its properties; raise Refused."""
    row = await connection.fetchrow(_ASK, new.type, list(new.properties))
    if row is None or not row["is_known"]:
        raise Refused("unknown_object_type", new.type)
    if row["own_read_only"]:
        raise Refused("own_read_only", f"no flow makes a {new.type}")
    definitions = definitions_of(row)
    return edited(RecordRef(type=new.type, id=str(uuid4())), {}, new.properties, definitions), definitions


async def create_note(connection: PoolConnectionProxy[Any], note: NewNote, key: str) -> str:
    """Make a note once for its key; give its id."""
    ends = [ref.type for ref in note.records], [ref.id for ref in note.records]
    return str(await connection.fetchval(_NOTE, storable(note.body), note.pinned, asdict(note.source), key, *ends))


def claims(each: Edited, definitions: Mapping[str, PropertyDefinition]) -> list[Claim]:
    """Give the values of unique properties that a record is about to have."""
    texts = unique_texts(each, definitions)
    return [Claim(each.record.type, name, text, each.record.id) for name, text in texts.items()]


def definitions_of(row: Mapping[str, Any]) -> dict[str, PropertyDefinition]:
    """Read the definitions of properties from a row that has them by name."""
    return {name: definition(each) for name, each in (row["definitions"] or {}).items()}


def definition(row: Mapping[str, Any]) -> PropertyDefinition:
    """Read the definition of a property."""
    return PropertyDefinition(row["type"], tuple(row["options"] or ()), row["read_only"], row["is_unique"])
