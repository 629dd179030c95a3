"""Associating records in PostgreSQL, and finding those that match."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from activities.action import Refused
from activities.effects import ByHand, Link, Source
from activities.gateways.postgres import storable
from activities.gateways.postgres_unique import unique_value
from workflows.model.operators import folded
from workflows.model.records import RecordRef

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

# In the one order in which all that locks many records locks them.
_LOCK = """
select r.type, r.id from record r join unnest($1::text[], $2::text[]) as w (type, id) using (type, id)
 where r.archived_at is null order by r.type collate "C", r.id collate "C" for no key update of r
"""

# An association is stored once and read from both its ends: whichever end it was made from, it is the same one.
_ADD = """
insert into association (from_type, from_id, to_type, to_id, label)
select $1, $2, w.type, w.id, w.label from unnest($3::text[], $4::text[], $5::text[]) as w (type, id, label)
 where not exists (
         select from association a where a.label = w.label and (
                (a.from_type, a.from_id, a.to_type, a.to_id) = ($1, $2, w.type, w.id)
             or (a.from_type, a.from_id, a.to_type, a.to_id) = (w.type, w.id, $1, $2)))
    on conflict do nothing
returning to_type || ':' || to_id as record, label
"""

_MAKE_PRIMARY = """
with wanted as (
  select ctid as row, label = $5 and (
         (from_type, from_id, to_type, to_id) = ($1, $2, $3, $4)
      or (from_type, from_id, to_type, to_id) = ($3, $4, $1, $2)) as is_it
    from association
   where (from_type, from_id, to_type) = ($1, $2, $3) or (to_type, to_id, from_type) = ($1, $2, $3)),
changed as (
  update association a set is_primary = w.is_it from wanted w where a.ctid = w.row and a.is_primary <> w.is_it
  returning true)
select exists (select from changed)
"""

_TELL = """
insert into event (source, type, record_type, record_id, properties)
select 'perdure', 'association_changed', ends.type, ends.id, jsonb_build_object(
       'record', ends.other, 'label', w.label, 'change', w.change, 'by', $7::jsonb)
  from unnest($3::text[], $4::text[], $5::text[], $6::text[]) with ordinality as w (type, id, label, change, n)
 cross join lateral (values (1, $1::text, $2::text, w.type || ':' || w.id), (2, w.type, w.id, $1 || ':' || $2))
    as ends (nth, type, id, other)
 order by w.n, ends.nth
"""

_MATCHING = """
select id from record where type = '{type}' and archived_at is null and {value} = any ($1)
 order by id collate "C" limit $2
"""

_DEFINED = """
select exists (select from property where object = $1 and name = $2) as property,
       exists (select from property where object = $1) or exists (select from object_type where key = $1) as type
"""


async def associate(
    connection: PoolConnectionProxy[Any], record: RecordRef, links: Sequence[Link], source: Source
) -> int:
    """Associate a record with others, and tell both ends of what is new; give how many links that is."""
    if not links:
        return 0
    await lock(connection, [record, *(link.record for link in links)])
    ends = [link.record.type for link in links], [link.record.id for link in links], [link.label for link in links]
    added = {(row["record"], row["label"]) for row in await connection.fetch(_ADD, record.type, record.id, *ends)}
    told: list[tuple[Link, str]] = []
    for link in links:
        primary = link.primary and await _make_primary(connection, record, link)
        if (str(link.record), link.label) in added:
            added.remove((str(link.record), link.label))
            told.append((link, "added"))
        elif primary:
            told.append((link, "made primary"))
    await tell(connection, record, told, source)
    return len(told)


async def _make_primary(connection: PoolConnectionProxy[Any], record: RecordRef, link: Link) -> bool:
    other = link.record
    return bool(await connection.fetchval(_MAKE_PRIMARY, record.type, record.id, other.type, other.id, link.label))


async def tell(
    connection: PoolConnectionProxy[Any], record: RecordRef, changes: Sequence[tuple[Link, str]], source: Source
) -> None:
    """Log for both ends of each association what became of it."""
    if changes:
        told = [(link.record.type, link.record.id, link.label, change) for link, change in changes]
        by = source.who if isinstance(source, ByHand) else asdict(source)
        await connection.execute(_TELL, record.type, record.id, *map(list, zip(*told, strict=True)), by)


async def lock(connection: PoolConnectionProxy[Any], records: Iterable[RecordRef]) -> None:
    """Lock records; raise Refused for one that is not there."""
    wanted = list(dict.fromkeys(records))
    if not wanted:
        return
    rows = await connection.fetch(_LOCK, [each.type for each in wanted], [each.id for each in wanted])
    found = {(row["type"], row["id"]) for row in rows}
    for each in wanted:
        if (each.type, each.id) not in found:
            raise Refused("no_record", str(each))


async def matching(
    connection: PoolConnectionProxy[Any], object_type: str, name: str, texts: Collection[str], most: int
) -> list[RecordRef]:
    """Find the live records of a type whose property is one of some texts, in whatever case."""
    defined = await connection.fetchrow(_DEFINED, object_type, name)
    if defined is None or not defined["type"]:
        raise Refused("unknown_object_type", object_type)
    if not defined["property"]:
        raise Refused("unknown_property", name)
    query = _MATCHING.format(type=object_type, value=unique_value(name))
    rows = await connection.fetch(query, [storable(folded(text)) for text in texts], most)
    return [RecordRef(type=object_type, id=row["id"]) for row in rows]
