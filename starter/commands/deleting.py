"""Deleting and restoring records: `delete`, `restore`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

import typer

from starter.commands.output import Json, as_json
from starter.commands.who import who

Record = Annotated[str, typer.Argument(metavar="RECORD", help="The record, as contact:42.")]


def delete(record: Record, *, json: Json = False) -> None:
    """Delete a record: it leaves all flows at once, and can be restored for 90 days.

    After that a purge, which Temporal starts once a day, deletes for good what is kept about it: its history, events,
    e-mails, texts, notes and enrollments. What it agreed to and turned down stays under its id, as the proof.

    Examples:
        perdure delete contact:42
    """
    asyncio.run(_delete(record))
    if json:
        as_json({"record": record, "deleted": True})
    else:
        typer.echo(f"{record} is deleted. `perdure restore {record}` brings it back within 90 days.")


async def _delete(record: str) -> None:
    from starter.client import ref
    from starter.compose import connect_client
    from starter.crm.deletion import delete_record

    async with connect_client() as client:
        await delete_record(client.pool, ref(record), who())


def restore(record: Record, *, json: Json = False) -> None:
    """Restore a record that was deleted in the last 90 days. It does not return into the flows that it left.

    Examples:
        perdure restore contact:42
    """
    asyncio.run(_restore(record))
    as_json({"record": record, "deleted": False}) if json else typer.echo(f"{record} is there again.")


async def _restore(record: str) -> None:
    from starter.client import ref
    from starter.compose import connect_client
    from starter.crm.deletion import restore_record

    async with connect_client() as client:
        await restore_record(client.pool, ref(record), who())


COMMANDS: dict[str, Callable[..., None]] = {"delete": delete, "restore": restore}
