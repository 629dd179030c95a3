"""Sequences: `sequences`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from starter.commands.output import Json, as_json, as_table

if TYPE_CHECKING:
    from starter.sequences import SequenceStanding

_TITLES = ("Sequence", "Name", "Revision", "State", "Inside", "Finished", "Replied", "Booked", "Left")


def sequences(*, json: Json = False) -> None:
    """List the sequences: who is inside, who finished, replied or booked a meeting, and who left for another reason.

    A sequence is a file whose top key is `sequence`, published as flows are, and it is on from then. Contacts enter it
    by the step `enroll_in_sequence` of a flow. It runs as the flow `sequence-KEY`: that is its name for the commands
    that show, pause or turn off flows.

    Examples:
        perdure sequences
        perdure sequences --json
    """
    found = asyncio.run(_standing())
    if json:
        as_json(found)
        return
    if not found:
        typer.echo("There is no sequence yet; a file with the top key `sequence` defines one.")
        return
    rows = [
        (each.key, each.name, str(each.revision), "on" if each.is_on else "off", *map("{:,}".format, _counts(each)))
        for each in found
    ]
    as_table(_TITLES, rows)


def _counts(each: SequenceStanding) -> tuple[int, ...]:
    return each.inside, each.finished, each.replied, each.booked, each.left_otherwise


async def _standing() -> list[SequenceStanding]:
    from starter.compose import connect_client
    from starter.sequences import standing

    async with connect_client() as client:
        return await standing(client.pool)


COMMANDS: dict[str, Callable[..., None]] = {"sequences": sequences}
