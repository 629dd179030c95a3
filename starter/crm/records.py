"""Records as people look at them and edit them: what one is, what it was, and what it belongs to."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from pydantic import JsonValue

from activities.action import Refused
from activities.effects import ByHand, Clear, Edited, SetTo
from activities.gateways.postgres_crm import PostgresCrm
from starter.crm.consent import ConsentPage, consent_of
from starter.crm.notes import Note, notes_of
from starter.crm.tasks import Task, tasks_of
from starter.inspection import Summary, of_any_flow
from workflows.model.errors import CallerError, NotThere
from workflows.model.records import RecordRef

_RECORD = "select properties, source, created_at, updated_at, archived_at from record where type = $1 and id = $2"

_HISTORY = """
select name, value, at, source from property_history where type = $1 and id = $2 order by at desc, seq desc limit $3
"""

_BESIDE = """
select a.type, a.id, a.label, a.is_primary from (
  select to_type as type, to_id as id, label, is_primary from association where from_type = $1 and from_id = $2
  union all
  select from_type, from_id, label, is_primary from association where to_type = $1 and to_id = $2) as a
 join record r on r.type = a.type and r.id = a.id and r.archived_at is null
 order by a.type, a.is_primary desc, a.id, a.label limit $3
"""

_LISTS = "select m.list from list_member m join list l on l.key = m.list and l.object = $1 where m.id = $2 order by 1"

MOST_SHOWN = 100
"""Associations, notes, tasks and enrollments that are shown of a record, of each."""


@dataclass(frozen=True)
class Change:
    """A value that a property took, None where it was cleared, and where it came from."""

    name: str
    value: JsonValue
    at: datetime
    source: dict[str, JsonValue]


@dataclass(frozen=True)
class Associate:
    """A record that is associated with another, under a label where it has one."""

    record: RecordRef
    label: str
    is_primary: bool


@dataclass(frozen=True)
class Page:
    """All that is known of a record; the newest first where there may be many."""

    record: RecordRef
    properties: dict[str, JsonValue]
    source: dict[str, JsonValue]
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None
    history: tuple[Change, ...]
    associations: tuple[Associate, ...]
    lists: tuple[str, ...]
    notes: tuple[Note, ...]
    tasks: tuple[Task, ...]
    enrollments: tuple[Summary, ...]
    consent: ConsentPage | None = None
    """What a contact has agreed to and turned down."""


async def page_of(pool: asyncpg.Pool[Any], record: RecordRef, history: int) -> Page:
    """Give all that is known of a record, with so many lines of its history.

    Raise CallerError where there is no such record.
    """
    name = record.type, record.id
    row = await pool.fetchrow(_RECORD, *name)
    if row is None:
        raise NotThere(f"there is no record {record}")
    beside = await pool.fetch(_BESIDE, *name, MOST_SHOWN)
    return Page(
        record,
        **dict(row),
        history=tuple(Change(**dict(line)) for line in await pool.fetch(_HISTORY, *name, history)),
        associations=tuple(Associate(_ref(each), each["label"], each["is_primary"]) for each in beside),
        lists=tuple(each["list"] for each in await pool.fetch(_LISTS, *name)),
        notes=await notes_of(pool, record, MOST_SHOWN),
        tasks=await tasks_of(pool, record, MOST_SHOWN),
        enrollments=await of_any_flow(pool, record, MOST_SHOWN),
        consent=await consent_of(pool, record),
    )


def _ref(row: Mapping[str, Any]) -> RecordRef:
    return RecordRef.model_construct(type=row["type"], id=row["id"])


async def set_properties(
    pool: asyncpg.Pool[Any], record: RecordRef, values: Mapping[str, JsonValue], who: str, *, written: bool = False
) -> Edited:
    """Set properties of a record as a flow does, with their history and events; None clears one.

    Texts that are `written` by a person are read as the type of their property. Raise CallerError where there is no
    such record or property, where it is read-only, and where it does not take the value.
    """
    edits = {name: Clear() if value is None else SetTo(value, written) for name, value in values.items()}
    async with pool.acquire() as connection, connection.transaction():
        try:
            (edited,) = await PostgresCrm(connection).edit([record], edits, ByHand(who))
        except Refused as error:
            raise CallerError(await _reason(connection, record, values, error)) from None
    return edited


async def _reason(
    connection: PoolConnectionProxy[Any], record: RecordRef, values: Mapping[str, JsonValue], error: Refused
) -> str:
    """Say why an edit was refused, with the nearest name of a property that is not there."""
    defined = [
        row["name"] for row in await connection.fetch("select name from property where object = $1", record.type)
    ]
    match error.code:
        case "no_record":
            return f"there is no record {record}, or it was deleted"
        case "unknown_property":
            name = next(each for each in values if each not in defined)
            near = difflib.get_close_matches(name, defined, 1)
            return f"a {record.type} has no property {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
        case "read_only_property":
            return f"{error.note} is read-only"
        case _:
            return error.note or error.code
