"""Lists: `lists`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from starter.commands.output import Json, as_json, as_table

if TYPE_CHECKING:
    from starter.lists import ListStanding


def lists(*, json: Json = False) -> None:
    """List the lists: static ones, to which people and flows put records, and active ones, which follow a condition.

    A list is a file whose top key is `list`, published as flows are; with a `condition` it is active.

    Examples:
        perdure lists
        perdure lists --json
    """
    found = asyncio.run(_standing())
    if json:
        as_json(found)
        return
    if not found:
        typer.echo("There is no list yet; a file with the top key `list` defines one.")
        return
    rows = [(each.key, each.name, each.object, each.kind, f"{each.members:,}") for each in found]
    as_table(("List", "Name", "Object", "Kind", "Records"), rows)


async def _standing() -> list[ListStanding]:
    from starter.compose import connect_client
    from starter.lists import standing

    async with connect_client() as client:
        return await standing(client.pool)


COMMANDS: dict[str, Callable[..., None]] = {"lists": lists}
