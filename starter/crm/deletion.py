"""Deleting records by hand, and restoring them."""

from __future__ import annotations

from typing import Any

import asyncpg

from activities.action import Refused
from activities.effects import ByHand
from activities.gateways.postgres_archive import RESTORABLE, archive, restore
from workflows.model.errors import CallerError
from workflows.model.records import RecordRef

_DELETED = "select archived_at from record where type = $1 and id = $2"


async def delete_record(pool: asyncpg.Pool[Any], record: RecordRef, who: str) -> None:
    """Delete a record; it leaves its flows. Raise CallerError where there is none."""
    async with pool.acquire() as connection, connection.transaction():
        if not await archive(connection, record, ByHand(who)):
            message = f"there is no record {record}, or it was deleted already"
            raise CallerError(message)


async def restore_record(pool: asyncpg.Pool[Any], record: RecordRef, who: str) -> None:
    """Restore a deleted record; it does not return into the flows that it left. Raise CallerError, saying why not."""
    async with pool.acquire() as connection, connection.transaction():
        try:
            if await restore(connection, record, ByHand(who)):
                return
        except Refused as error:
            raise CallerError(f"{record} cannot be restored: {error.note}") from None
        row = await connection.fetchrow(_DELETED, record.type, record.id)
    if row is None:
        message = f"there is no record {record}: it never was, or it was deleted more than {RESTORABLE.days} days ago"
    elif row["archived_at"] is None:
        message = f"{record} is not deleted"
    else:
        message = f"{record} was deleted more than {RESTORABLE.days} days ago and cannot be restored any more"
    raise CallerError(message)
