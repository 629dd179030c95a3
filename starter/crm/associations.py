"""Associating records by hand, under a label or as the primary one, and ending that."""

from __future__ import annotations

from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from starter.admission import lock
from workflows.model.errors import CallerError
from workflows.model.records import RecordRef

MOST_LABEL = 80

# An association is stored once and read from both its ends: whichever end it was made from, it is the same one.
_BETWEEN = """
((from_type, from_id, to_type, to_id) = ($1, $2, $3, $4) or (from_type, from_id, to_type, to_id) = ($3, $4, $1, $2))
"""

_ADD = f"""
insert into association (from_type, from_id, to_type, to_id, label)
select $1, $2, $3, $4, $5 where not exists (select from association where {_BETWEEN} and label = $5)
on conflict do nothing returning true
"""  # noqa: S608 - the pieces are constants of this file

_REMOVE = f"delete from association where {_BETWEEN} and ($5::text is null or label = $5) returning true"  # noqa: S608

_MAKE_PRIMARY = f"""
with wanted as (
  select a.ctid as row, {_BETWEEN} and label = $5 as is_it from association a
   where ((from_type, from_id, to_type) = ($1, $2, $3) or (to_type, to_id, from_type) = ($1, $2, $3))),
changed as (
  update association a set is_primary = w.is_it from wanted w where a.ctid = w.row and a.is_primary <> w.is_it
  returning true)
select exists (select from changed)
"""  # noqa: S608 - as above

_TELL = """
insert into event (source, type, record_type, record_id, properties)
select 'perdure', 'association_changed', type, id, jsonb_build_object(
       'record', other, 'label', $5::text, 'change', $6::text, 'by', $7::text)
  from (values ($1, $2, $3 || ':' || $4), ($3, $4, $1 || ':' || $2)) as ends (type, id, other)
"""


async def associate(  # noqa: PLR0913 - each is a part of what is asked
    pool: asyncpg.Pool[Any], record: RecordRef, other: RecordRef, label: str, who: str, *, primary: bool = False
) -> bool:
    """Associate two records, maybe under a label; `primary`: `other` becomes the first of its type for `record`.

    Both have an event `association_changed`, so that goals are asked anew. Give False where nothing was to do. Raise
    CallerError where one of them is not there.
    """
    if record == other:
        raise CallerError(f"{record} cannot be associated with itself")
    _check(label)
    ends = *_ends(record, other), label
    async with pool.acquire() as connection, connection.transaction():
        await _both(connection, record, other)
        added = bool(await connection.fetchval(_ADD, *ends))
        made_primary = primary and await connection.fetchval(_MAKE_PRIMARY, *ends)
        if added or made_primary:
            await connection.execute(_TELL, *ends, "added" if added else "made primary", who)
    return added or bool(made_primary)


async def dissociate(pool: asyncpg.Pool[Any], record: RecordRef, other: RecordRef, label: str | None, who: str) -> bool:
    """End the association of two records under a label, or under all; give False where there was none."""
    _check(label or "")
    ends = _ends(record, other)
    async with pool.acquire() as connection, connection.transaction():
        ended = bool(await connection.fetch(_REMOVE, *ends, label))
        if ended:
            await connection.execute(_TELL, *ends, label or "", "removed", who)
    return ended


def _check(label: str) -> None:
    if len(label) > MOST_LABEL or not label.isprintable():
        raise CallerError(f"a label has at most {MOST_LABEL} characters, on one line")


def _ends(record: RecordRef, other: RecordRef) -> tuple[str, str, str, str]:
    return record.type, record.id, other.type, other.id


async def _both(connection: PoolConnectionProxy[Any], *records: RecordRef) -> None:
    """Lock both records, so that one of them has one primary; raise CallerError where one is not there."""
    found = await lock(connection, records)
    for record in records:
        if record not in found:
            raise CallerError(f"there is no record {record}, or it was deleted")
