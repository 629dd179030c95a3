"""The CRM in our own PostgreSQL, inside the transaction of a visit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from activities.action import Refused
from activities.effects import Provenance, differ

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    from workflows.model.records import RecordRef

_READ = """
select r.properties, (select jsonb_object_agg(name, to_jsonb(p)) from property p
                       where p.object = r.type and p.name = any ($3)) as definitions
  from record r where r.type = $1 and r.id = $2 and r.archived_at is null for no key update
"""

# A value that was there before any history was kept opens it, so that nothing that ever was is forgotten.
_WRITE = """
with edited as (
  update record set properties = (properties || $3) - $4::text[], updated_at = clock_timestamp()
   where type = $1 and id = $2),
changes as (select change from jsonb_array_elements($5) as change),
kept as (
  insert into property_history (type, id, name, value, at, source)
  select $1, $2, change->>'name', change->'before', r.created_at, '{}'
    from changes, record r
   where r.type = $1 and r.id = $2 and change->'before' <> 'null' and not exists (
           select from property_history h where h.type = $1 and h.id = $2 and h.name = change->>'name')
   union all
  select $1, $2, change->>'name', change->'value', clock_timestamp(), change->'by' from changes)
insert into event (source, type, record_type, record_id, properties)
select 'perdure', 'property_changed', $1, $2, change from changes
"""


class PostgresCrm:
    """The records of one connection's transaction."""

    def __init__(self, connection: PoolConnectionProxy[Any]) -> None:
        """Read and write through `connection`."""
        self.connection = connection

    async def set_properties(
        self, record: RecordRef, values: Mapping[str, JsonValue], source: Provenance
    ) -> dict[str, JsonValue]:
        """See Crm."""
        row = await self.connection.fetchrow(_READ, record.type, record.id, list(values))
        if row is None:
            raise Refused("no_record", str(record))
        fits(values, row["definitions"] or {})
        before: dict[str, JsonValue] = {name: row["properties"].get(name) for name in values}
        changed = {name: value for name, value in values.items() if differ(value, before[name])}
        if changed:
            set_to = {name: value for name, value in changed.items() if value is not None}
            cleared = [name for name, value in changed.items() if value is None]
            changes = [
                {"name": name, "value": value, "before": before[name], "by": asdict(source)}
                for name, value in changed.items()
            ]
            await self.connection.execute(_WRITE, record.type, record.id, set_to, cleared, changes)
        return {name: before[name] for name in changed}


def fits(values: Mapping[str, JsonValue], definitions: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a property that is unknown or read-only, and a value that its type or its options do not take."""
    for name, value in values.items():
        definition = definitions.get(name)
        if definition is None:
            raise Refused("unknown_property", name)
        if definition["read_only"]:
            raise Refused("read_only_property", name)
        if value is not None and not _FITS[definition["type"]](value, definition["options"] or []):
            raise Refused("bad_value", f"{name} is a {definition['type']}; {value!r} is none")


def _is_date(value: JsonValue) -> bool:
    return isinstance(value, str) and _reads(date.fromisoformat, value)


def _is_datetime(value: JsonValue) -> bool:
    return isinstance(value, str) and _reads(datetime.fromisoformat, value)


def _reads(read: Any, value: str) -> bool:  # noqa: ANN401 - any reader of a string
    try:
        read(value)
    except ValueError:
        return False
    return True


_FITS: dict[str, Callable[[JsonValue, list[JsonValue]], bool]] = {
    "text": lambda value, _options: isinstance(value, str),
    "user": lambda value, _options: isinstance(value, str),
    "number": lambda value, _options: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value, _options: isinstance(value, bool),
    "date": lambda value, _options: _is_date(value),
    "datetime": lambda value, _options: _is_datetime(value),
    "option": lambda value, options: value in options,
    "options": lambda value, options: isinstance(value, list) and all(each in options for each in value),
}
