"""The notes of a record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import JsonValue

from workflows.model.records import RecordRef

_NOTES = """
select n.id, n.body, n.pinned, n.source, n.created_at from note_record r join note n on n.id = r.note
 where r.type = $1 and r.id = $2 order by n.pinned desc, n.created_at desc limit $3
"""


@dataclass(frozen=True)
class Note:
    """A note of a record; `body` is HTML."""

    id: UUID
    body: str
    pinned: bool
    source: dict[str, JsonValue]
    created_at: datetime


async def notes_of(pool: asyncpg.Pool[Any], record: RecordRef, limit: int) -> tuple[Note, ...]:
    """Give the notes of a record: first those that are pinned, of each the newest first."""
    return tuple(Note(**dict(row)) for row in await pool.fetch(_NOTES, record.type, record.id, limit))
