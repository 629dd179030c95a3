"""Taking an event into the log, once by its source and id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from pydantic import JsonValue
from pydantic_core import from_json, to_json

from workflows.model.errors import CallerError, Conflict, NotThere
from workflows.model.records import RecordRef

MOST_BYTES = 256 * 1024
"""Largest properties of an event; a file belongs elsewhere, with its address in the event."""

AHEAD = timedelta(minutes=5)
"""How far in the future a source's clock may be."""

_EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
"""Before it, a moment with an offset may have no date in UTC."""

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_TYPE = re.compile(r"[a-z][a-z0-9_.]{0,79}")

_TAKE = """
with known as (select type, id from record where type = $4 and id = $5),
taken as (
  insert into event (source, source_id, type, record_type, record_id, properties, occurred_at)
  select $1, $2, $3, type, id, $6, $7 from known
  on conflict (source, source_id) do nothing returning id)
select (select id from taken) as id, exists (select from known) as is_known
"""

_TAKEN_BEFORE = """
select id, (type, record_type, record_id, properties, occurred_at)
           is not distinct from ($3::text, $4::text, $5::text, $6::jsonb, $7::timestamptz) as is_same
  from event where source = $1 and source_id = $2
"""


@dataclass(frozen=True)
class Receipt:
    """The event's id in the log; `new` is False when the same event had been taken before."""

    event: UUID
    new: bool


async def take_event(  # noqa: PLR0913 - an event has these parts
    pool: asyncpg.Pool[Any],
    type_: str,
    record: RecordRef,
    properties: Mapping[str, JsonValue],
    *,
    source: str,
    source_id: str | None,
    occurred_at: datetime | None,
) -> Receipt:
    """Write an event; raise CallerError when it is malformed, or another was taken under its id."""
    body = dict(properties)
    _check(type_, body, source, source_id, occurred_at)
    row = (source, source_id or str(uuid4()), type_, record.type, record.id, body, occurred_at)
    try:
        taken = await pool.fetchrow(_TAKE, *row)
    except (asyncpg.DataError, UnicodeError) as error:
        raise CallerError(f"the event cannot be stored: {error}") from None
    if taken is not None and taken["id"] is not None:
        return Receipt(taken["id"], new=True)
    before = await pool.fetchrow(_TAKEN_BEFORE, *row)
    if before is None:
        raise NotThere(f"there is no record {record}; create it before its events")
    if not before["is_same"]:
        raise Conflict(
            f"another event of the source {source!r} has the id {source_id!r}; an event never changes, give a new id"
        )
    return Receipt(before["id"], new=False)


def _check(
    type_: str, properties: dict[str, JsonValue], source: str, source_id: str | None, occurred_at: datetime | None
) -> None:
    if not _TYPE.fullmatch(type_):
        raise CallerError(f"{type_[:80]!r} is no event type; write small letters, digits, _ and ., as form_submitted")
    if not 0 < len(source) <= 80 or (source_id is not None and not 0 < len(source_id) <= 200):  # noqa: PLR2004 - said below
        raise CallerError("an event's source is 1 to 80 characters long, its id 1 to 200")
    try:
        text = to_json(properties, inf_nan_mode="strings")
        from_json(text)  # nested deeper than this reads, it could be stored and never be judged
    except ValueError as error:
        raise CallerError(f"the event's properties are not JSON: {error}") from None
    _check_storable(properties)
    if (size := len(text)) > MOST_BYTES:
        raise CallerError(f"the event's properties take {size} bytes; at most {MOST_BYTES} are taken")
    if occurred_at is None:
        return
    if occurred_at.tzinfo is None:
        raise CallerError("occurred_at needs a time zone, as 2026-01-31T09:00:00+00:00")
    if occurred_at > datetime.now(UTC) + AHEAD:
        raise CallerError(f"occurred_at {occurred_at.isoformat()} lies in the future; check the clock of {source!r}")
    if occurred_at < _EARLIEST:
        raise CallerError(f"occurred_at {occurred_at.isoformat()} lies outside the calendar")


def _check_storable(properties: dict[str, JsonValue]) -> None:
    """Refuse what PostgreSQL cannot hold: our pool would write it as near as can be, and a caller must know."""
    text = to_json(properties)
    try:
        from_json(text, allow_inf_nan=False)
    except ValueError:
        raise CallerError("the event cannot be stored: a property is no finite number") from None
    if _NUL.search(text):
        raise CallerError("the event cannot be stored: a property holds a NUL character")
