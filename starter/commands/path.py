"""`show`: where an enrollment stands, and the path it travelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from starter.commands.output import Json, as_json, as_table

if TYPE_CHECKING:
    from datetime import datetime

    from starter.inspection import Description, Summary, Visited


def show(
    what: Annotated[
        str, typer.Argument(metavar="FLOW|ENROLLMENT", help="A flow, with a record; or an enrollment's id.")
    ],
    record: Annotated[
        str | None, typer.Argument(metavar="RECORD", help="The record, as contact:42: its newest enrollment.")
    ] = None,
    *,
    key: Annotated[str, typer.Option("--key", help="The enrollment key, where the flow's enrollments have one.")] = "",
    json: Json = False,
) -> None:
    """Show where an enrollment stands and the path it travelled: each visit, what came of it, and when."""
    description, link = asyncio.run(_describe(what, record, key))
    if json:
        as_json({"enrollment": description.summary, "path": description.path, "web_ui": link})
    else:
        for line in heading(description.summary):
            typer.echo(line)
        if link:
            typer.echo(f"Web UI: {link}")
        print_path(description)


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
        return [*lines, f"Ended {instant(summary.closed_at)}: {summary.ending}."]
    place = f" in {summary.node!r}" if summary.node else ""
    until = f", until {instant(summary.until)} at the latest" if summary.until else ""
    words = _WORDS[summary.standing]
    paused = " It is paused; `perdure resume` ends that." if summary.paused else ""
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


_DATE = len("2026-01-31")


def print_path(description: Description) -> None:
    """Print the visits as a table."""
    if not description.path:
        typer.echo("It has not been anywhere yet.")
        return
    visits = description.path
    one_day = len({instant(v.began_at)[:_DATE] for v in visits}) == 1
    began = [instant(v.began_at)[_DATE + 1 if one_day else 0 :] for v in visits]
    rows = [(str(v.visit), v.node, v.kind, outcome(v), at, v.note) for v, at in zip(visits, began, strict=True)]
    as_table(("#", "Node", "Kind", "What came of it", f"When ({zone(visits[0].began_at)})", "Note"), rows)


def outcome(visit: Visited) -> str:
    """Say what came of a visit: its line, or its state while it is not over."""
    told = visit.line or visit.state if visit.state == "done" else f"{visit.state} {visit.line}".strip()
    return f"{told} (perhaps twice)" if visit.repeated else told


def instant(when: datetime | None) -> str:
    """Write an instant as the wall clock of this machine shows it, to the second; nothing for None."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M:%S") if when else ""


def zone(when: datetime) -> str:
    """Name the zone of this machine's wall clock."""
    return when.astimezone().tzname() or "local"
