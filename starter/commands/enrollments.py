"""Enrollments: `enroll`, `unenroll`, `resolve`, `list`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.enrolling import FlowKey, enroll
from starter.commands.output import Json, as_json, as_table, told
from starter.commands.path import instant, show

if TYPE_CHECKING:
    from uuid import UUID

    from starter.inspection import Standing, Summary

Record = Annotated[str, typer.Argument(metavar="RECORD", help="The record, as contact:42.")]
Key = Annotated[str, typer.Option("--key", help="The enrollment key, where the flow's enrollments have one.")]

OPEN: tuple[Standing, ...] = ("accepted", "active", "asleep", "waiting", "held", "leaving")


class How(StrEnum):
    """How a parked enrollment goes on."""

    RETRY = "retry"
    SKIP = "skip"
    END = "end"


class Inside(StrEnum):
    """Whether an enrollment is still going on."""

    OPEN = "open"
    CLOSED = "closed"


def unenroll(
    flow: FlowKey,
    record: Record,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with the order.")] = "",
    key: Key = "",
) -> None:
    """Order a record out of a flow, at once, also in the middle of a sleep."""
    asyncio.run(_unenroll(flow, record, reason, key))
    typer.echo(f"{record} leaves {flow}.")


async def _unenroll(flow: str, record: str, reason: str, key: str) -> None:
    from starter import compose
    from starter.settings import Settings

    async with compose.client(Settings.load()) as client:
        await client.unenroll(flow, record, reason, key)


def resolve(
    how: Annotated[How, typer.Argument(metavar="HOW", help="Try the action again, skip it, or end the enrollment.")],
    what: Annotated[
        str, typer.Argument(metavar="FLOW|ENROLLMENT", help="A flow, with a record; or an enrollment's id.")
    ],
    record: Annotated[str | None, typer.Argument(metavar="RECORD", help="The record, as contact:42.")] = None,
    *,
    key: Key = "",
) -> None:
    """Decide on an enrollment that is parked after a failure."""
    enrollment = asyncio.run(_resolve(how, what, record, key))
    typer.echo(f"Enrollment {enrollment}: {how}.")


async def _resolve(how: How, what: str, record: str | None, key: str) -> UUID:
    from starter import compose
    from starter.settings import Settings

    async with compose.client(Settings.load()) as client:
        enrollment = (await client.describe(what, record, key)).summary.enrollment
        await client.resolve(enrollment, how.value)
        return enrollment


def list_(
    *,
    flow: Annotated[str | None, typer.Option("--flow", help="Only those in this flow.")] = None,
    state: Annotated[
        Inside | None, typer.Option("--state", help="Only those inside, or those that have ended.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 100,
    json: Json = False,
) -> None:
    """List enrollments, the newest first."""
    found = asyncio.run(_list(flow, state, limit))
    if json:
        as_json(found)
    elif not found:
        typer.echo("No enrollment." + ("" if flow else " `perdure enroll FLOW RECORD` makes one."))
    else:
        _print(found)
    if len(found) == limit:
        told(f"These are the newest {limit}; --limit shows more.")


async def _list(flow: str | None, state: Inside | None, limit: int) -> list[Summary]:
    from starter import compose
    from starter.settings import Settings

    async with compose.client(Settings.load()) as client:
        if state is not Inside.OPEN:
            return [*await client.list(flow, "ended" if state else None, limit)]
        found = [each for standing in OPEN for each in await client.list(flow, standing, limit)]
        return sorted(found, key=lambda each: each.accepted_at, reverse=True)[:limit]


def _print(found: list[Summary]) -> None:
    rows = []
    for each in found:
        state = each.ending or "" if each.standing == "ended" else each.standing
        times = instant(each.until), instant(each.accepted_at)
        rows.append((each.flow, str(each.record), state, each.node or "", *times, str(each.enrollment)))
    as_table(("Flow", "Record", "State", "At", "Until", "Entered", "Enrollment"), rows, last="Enrollment")


COMMANDS: dict[str, Callable[..., None]] = {
    "enroll": enroll,
    "unenroll": unenroll,
    "resolve": resolve,
    "show": show,
    "list": list_,
}
