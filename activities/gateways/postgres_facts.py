"""What conditions and tokens need beside a record, read for many records in one statement a level of association."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from activities.gateways.postgres_lists import active_lists, on_active_lists
from workflows.model.facts import Facts, Needs, Past, standings
from workflows.model.records import Event, RecordRef

if TYPE_CHECKING:
    from datetime import datetime

    from asyncpg.pool import PoolConnectionProxy

# A property without a history has had its value for as long as the record is there.
_BESIDE = """
select w.n,
       (select jsonb_object_agg(name, values) from (
          select wanted.name, coalesce(
                   (select jsonb_agg(jsonb_build_object('value', h.value, 'at', h.at) order by h.at, h.seq)
                      from property_history h where h.type = r.type and h.id = r.id and h.name = wanted.name),
                   case when r.properties ? wanted.name then jsonb_build_array(
                     jsonb_build_object('value', r.properties -> wanted.name, 'at', r.created_at)) end) as values
            from unnest($3::text[]) as wanted (name)) as past
         where values is not null) as history,
       (select jsonb_object_agg(wanted.name, to_jsonb(u))
          from unnest($4::text[]) as wanted (name) join crm_user u on u.id = r.properties ->> wanted.name) as owners,
       (select jsonb_agg(m.list) from list_member m join list l on l.key = m.list and l.object = r.type
         where m.id = r.id and m.list = any ($5)) as lists,
       (select jsonb_agg(jsonb_build_object('flow', e.flow, 'ending', e.ending))
          from enrollment e where e.type = r.type and e.record = r.id and e.flow = any ($6)) as flows,
       (select jsonb_agg(jsonb_build_object('id', ev.id, 'type', ev.type, 'properties', ev.properties, 'at', ev.at,
                                            'occurred_at', ev.occurred_at) order by ev.at, ev.seq)
          from event ev where ev.record_type = r.type and ev.record_id = r.id and ev.type = any ($7)) as events
  from unnest($1::text[], $2::text[]) with ordinality as w (type, id, n)
  join record r on r.type = w.type and r.id = w.id
 order by w.n
"""

# An association is stored once and read from both its ends. The primary one comes first, and then the order is fixed.
ASSOCIATED = """
select w.n, r.id, r.properties
  from unnest($1::text[], $2::text[]) with ordinality as w (type, id, n)
  join lateral (
    select to_id as id, is_primary from association
     where from_type = w.type and from_id = w.id and to_type = $3 and ($4 = '' or label = $4)
    union all
    select from_id, is_primary from association
     where to_type = w.type and to_id = w.id and from_type = $3 and ($4 = '' or label = $4)) as a on true
  join record r on r.type = $3 and r.id = a.id and r.archived_at is null
 group by w.n, r.type, r.id
 order by w.n, bool_or(a.is_primary) desc, r.id
"""


async def informed(connection: PoolConnectionProxy[Any], ref: RecordRef, facts: Facts, needs: Needs) -> Facts:
    """Add to one record's facts what is needed beside it."""
    if needs.is_plain:
        return facts
    (whole,) = await all_informed(connection, [ref], [facts], needs)
    return whole


async def all_informed(
    connection: PoolConnectionProxy[Any], refs: Sequence[RecordRef], facts: Sequence[Facts], needs: Needs
) -> list[Facts]:
    """Add to the facts of records, in their order, what is needed beside them."""
    known = list(facts)
    if needs.is_plain or not refs:
        return known
    types, ids = [ref.type for ref in refs], [ref.id for ref in refs]
    if _asks_beside(needs):
        asked = [list(each) for each in (needs.history, needs.owners, needs.lists, needs.flows, needs.events)]
        for row in await connection.fetch(_BESIDE, types, ids, *asked):
            n = row["n"] - 1
            known[n] = known[n].model_copy(update=_beside(refs[n], row))
        if needs.lists and (active := await active_lists(connection, needs.lists)):
            joined = await on_active_lists(connection, refs, active, known[0].now)
            known = [
                each.model_copy(update={"lists": each.lists | theirs})
                for each, theirs in zip(known, joined, strict=True)
            ]
    for name, theirs in needs.associated.items():
        found = await _associated(connection, refs, name, theirs, known[0].now)
        known = [
            each.model_copy(update={"associated": {**each.associated, name: tuple(found[n])}})
            for n, each in enumerate(known)
        ]
    return known


def _asks_beside(needs: Needs) -> bool:
    return bool(needs.history or needs.owners or needs.lists or needs.flows or needs.events)


async def _associated(
    connection: PoolConnectionProxy[Any], refs: Sequence[RecordRef], name: str, needs: Needs, now: datetime
) -> list[list[Facts]]:
    """Give the associated records of each, by what `Needs` calls them: `company`, or `company/LABEL`."""
    type_, _, label = name.partition("/")
    rows = await connection.fetch(ASSOCIATED, [ref.type for ref in refs], [ref.id for ref in refs], type_, label)
    theirs = [RecordRef.model_construct(type=type_, id=row["id"]) for row in rows]
    plain = [Facts(properties=row["properties"], now=now) for row in rows]
    found: list[list[Facts]] = [[] for _ in refs]
    for row, each in zip(rows, await all_informed(connection, theirs, plain, needs), strict=True):
        found[row["n"] - 1].append(each)
    return found


def _beside(ref: RecordRef, row: Mapping[str, Any]) -> dict[str, object]:
    history = {name: tuple(Past(**past) for past in values) for name, values in (row["history"] or {}).items()}
    return {
        "history": history,
        "owners": row["owners"] or {},
        "lists": frozenset(row["lists"] or ()),
        "flows": standings((each["flow"], each["ending"]) for each in row["flows"] or ()),
        "events": tuple(Event(record=ref, **event) for event in row["events"] or ()),
    }
