"""`show`: where an enrollment stands, and the path it travelled."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from starter.commands.drawn_path import ENDINGS, drawn, outcome
from starter.commands.output import Json, as_json, instant, zone
from starter.commands.timeline import Timeline

if TYPE_CHECKING:
    from starter.inspection import Description, Summary

__all__ = ["outcome", "show"]

Last = Annotated[
    int, typer.Option("--last", metavar="N", min=1, help="Draw at most so many visits, the last ones; JSON has all.")
]


def show(
    what: Annotated[
        str, typer.Argument(metavar="FLOW|ENROLLMENT", help="A flow, with a record; or an enrollment's id.")
    ],
    record: Annotated[
        str | None, typer.Argument(metavar="RECORD", help="The record, as contact:42: its newest enrollment.")
    ] = None,
    *,
    key: Annotated[str, typer.Option("--key", help="The enrollment key, where the flow's enrollments have one.")] = "",
    last: Last = 100,
    json: Json = False,
) -> None:
    """Show where an enrollment stands, and draw the path it travelled.

    Each visit to a step is a mark on the line: when it was, what came of it and why, and how long the record rested
    there. The last mark is where it is now, until when, and what you can do about it.

    Marks: ● done, ◆ a way was taken, ◷ rested, ✗ failed, - skipped, ? unknown or tried again, ▶ now, ■ ended.

    Examples:
        perdure show demo-request contact:42
        perdure show 028bd6c6-d04e-4c99-b36a-261f5c1aa9d3 --json
    """
    description, link = asyncio.run(_describe(what, record, key))
    if json:
        found = {"enrollment": description.summary, "path": description.path, "reason": description.reason}
        as_json({**found, "web_ui": link})
        return
    for line in heading(description.summary):
        typer.echo(line)
    if link:
        typer.echo(f"Web UI: {link}")
    typer.echo("")
    Timeline().write(drawn(description.summary, description.path, description.reason, datetime.now(UTC), shown=last))


async def _describe(what: str, record: str | None, key: str) -> tuple[Description, str | None]:
    from starter import compose
    from starter.settings import Settings

    settings = Settings.load()
    async with compose.client(settings) as client:
        description = await client.describe(what, record, key)
    return description, enrollment_link(compose.web_ui(settings), description.summary)


def enrollment_link(web_ui: str | None, summary: Summary) -> str | None:
    """Give the link to an enrollment in the Web UI, where there is one."""
    return f"{web_ui}/workflows/{quote(summary.workflow_id, safe='')}" if web_ui else None


def heading(summary: Summary) -> list[str]:
    """Say in words where an enrollment stands."""
    name = f"{summary.record} in {summary.flow}" + (f" ({summary.key})" if summary.key else "")
    entered = f"entered {instant(summary.accepted_at)} {zone(summary.accepted_at)} ({summary.cause or 'by a trigger'})"
    lines = [f"{name}, revision {summary.revision}: {entered}, enrollment {summary.enrollment}"]
    if summary.standing == "ended":
        ending = ENDINGS.get(summary.ending or "", summary.ending)
        return [*lines, f"Ended {instant(summary.closed_at)}: {ending}."]
    place = f" in {summary.node!r}" if summary.node else ""
    until = f", until {instant(summary.until)} at the latest" if summary.until else ""
    words = _WORDS[summary.standing]
    target = summary.enrollment if summary.own_pause else summary.flow
    paused = f" It is paused; `perdure resume {target}` ends that." if summary.paused else ""
    if paused and summary.standing == "held":
        words = "held"  # by the pause, and perhaps by nothing else
    return [*lines, f"Now: {words}{place}{until}.{paused}"]


_WORDS = {
    "accepted": "accepted, not started yet",
    "active": "on its way",
    "asleep": "asleep",
    "waiting": "waiting for an event",
    "held": "held until an operator decides",
    "leaving": "leaving",
}
