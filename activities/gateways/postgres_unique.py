"""Properties whose values no two live records of a type share, as PostgreSQL compares them and keeps them so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from activities.action import Refused
from activities.gateways.postgres import storable
from activities.properties import compared

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    from workflows.model.records import RecordRef

# A load looks at a type as a whole, and all others at single values: they share the type, and it has it alone. It is
# held before any record is locked, for the order's sake.
LOAD_ALONE = "select pg_advisory_xact_lock(hashtext('perdure load'), hashtext($1))"
NO_LOAD = "pg_advisory_xact_lock_shared(hashtext('perdure load'), hashtext(object))"

# In one order for all, so that nobody waits in a ring.
_ALONE = """
select pg_advisory_xact_lock(hashtext('perdure unique'), key)
  from (select distinct hashtext(name) as key from unnest($1::text[]) as n (name) order by 1) as keys
"""

# A statement of its own: its snapshot must be taken after the locks are held.
_HELD = """
select r.id, c.value from unnest($1::text[], $2::text[]) as c (value, id)
  join record r on {value} = c.value and r.type = '{type}' and r.archived_at is null and r.id <> c.id
 order by c.value limit 1
"""


_OWN = f"""
with unloaded as materialized (
  select {NO_LOAD} from (select distinct object from property where object = $1 and is_unique) as u)
select (select count(*) from unloaded) as unloaded, jsonb_object_agg(p.name, r.properties -> p.name) as own
  from record r join property p on p.object = r.type and p.is_unique where r.type = $1 and r.id = $2
"""


class Claim(NamedTuple):
    """A value of a unique property, as it is compared, that a record is about to have."""

    type: str
    name: str
    text: str
    id: str


def unique_value(name: str, properties: str = "properties") -> str:
    """Write the value of a unique property in SQL, as it is compared: null where there is none."""
    quoted = name.replace("'", "''")
    return f"nullif(folded({properties} ->> '{quoted}'), '')"


async def claim(connection: PoolConnectionProxy[Any], claims: Iterable[Claim]) -> None:
    """Keep others from taking these values until the transaction ends.

    Raise Refused for one that another live record has, or two of these records want.
    """
    wanted: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for each in claims:
        other = wanted[each.type, each.name].setdefault(storable(each.text), each.id)
        if other != each.id:
            raise taken(each, other)
    if not wanted:
        return
    keys = [f"{type_}.{name}={text}" for (type_, name), by_text in wanted.items() for text in by_text]
    await connection.execute(_ALONE, keys)
    for (type_, name), by_text in wanted.items():
        query = _HELD.format(type=type_, value=unique_value(name, "r.properties"))
        if held := await connection.fetchrow(query, list(by_text), list(by_text.values())):
            raise taken(Claim(type_, name, held["value"], ""), held["id"])


async def claim_own(connection: PoolConnectionProxy[Any], record: RecordRef) -> None:
    """Claim what a deleted record has, so that it may come back."""
    row = await connection.fetchrow(_OWN, record.type, record.id)
    texts = {name: compared(value) for name, value in ((row and row["own"]) or {}).items()}
    await claim(connection, [Claim(record.type, name, text, record.id) for name, text in texts.items() if text])


def taken(each: Claim, by: str) -> Refused:
    """Make the refusal of a value that another record has."""
    return Refused("duplicate_value", f"{each.name} {each.text[:80]!r} is unique, and {each.type}:{by} has it already")
