"""Associating records by hand, under a label or as the primary one, and ending that."""

from __future__ import annotations

from typing import Any

import asyncpg

from activities.action import Refused
from activities.effects import ByHand, Link
from activities.gateways.postgres_associations import tell
from activities.gateways.postgres_crm import PostgresCrm
from workflows.model.errors import CallerError
from workflows.model.records import RecordRef

MOST_LABEL = 80

# An association is stored once and read from both its ends.
_REMOVE = """
delete from association
 where ((from_type, from_id, to_type, to_id) = ($1, $2, $3, $4)
        or (from_type, from_id, to_type, to_id) = ($3, $4, $1, $2))
   and ($5::text is null or label = $5)
returning true
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
    try:
        async with pool.acquire() as connection, connection.transaction():
            return bool(await PostgresCrm(connection).associate(record, [Link(other, label, primary)], ByHand(who)))
    except Refused as error:
        raise CallerError(f"there is no record {error.note}, or it was deleted") from None


async def dissociate(pool: asyncpg.Pool[Any], record: RecordRef, other: RecordRef, label: str | None, who: str) -> bool:
    """End the association of two records under a label, or under all; give False where there was none."""
    _check(label or "")
    ends = record.type, record.id, other.type, other.id
    async with pool.acquire() as connection, connection.transaction():
        ended = bool(await connection.fetch(_REMOVE, *ends, label))
        if ended:
            await tell(connection, record, [(Link(other, label or ""), "removed")], ByHand(who))
    return ended


def _check(label: str) -> None:
    if len(label) > MOST_LABEL or not label.isprintable():
        raise CallerError(f"a label has at most {MOST_LABEL} characters, on one line")
