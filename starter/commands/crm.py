"""Looking at records and editing them by hand: `record`, `set`, `complete`, `users`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.consent import show
from starter.commands.output import Json, as_json, as_table, count, instant, told, zone
from starter.commands.who import who
from workflows.model.errors import CallerError

if TYPE_CHECKING:
    from pydantic import JsonValue

    from activities.effects import Edited
    from starter.crm.records import Page
    from starter.crm.users import Member
    from starter.loading.rows import BadRow

Record = Annotated[str, typer.Argument(metavar="RECORD", help="The record, as contact:42.")]


def record(
    record: Record,
    *,
    history: Annotated[
        int, typer.Option("--history", metavar="N", min=0, max=1_000_000, help="At most so many lines of its history.")
    ] = 20,
    json: Json = False,
) -> None:
    """Show a record: its properties and what they were, its associations, lists, tasks and enrollments.

    Examples:
        perdure record contact:42
        perdure record contact:42 --history 200 --json
    """
    page = asyncio.run(_page(record, history))
    if json:
        as_json(page)
    else:
        _print_page(page, history)


async def _page(record: str, history: int) -> Page:
    from starter.compose import connect_client

    async with connect_client() as client:
        return await client.record(record, history)


def _print_page(page: Page, history: int) -> None:
    by = f" by {source(page.source)}" if page.source else ""
    typer.echo(f"{page.record}, made {instant(page.created_at)}{by}, last changed {instant(page.updated_at)}")
    if page.archived_at:
        typer.echo(f"Deleted {instant(page.archived_at)}.")
    _table(
        "Properties", ("Property", "Value"), [(name, _value(each)) for name, each in sorted(page.properties.items())]
    )
    more = f" (--history shows more than {history})" if len(page.history) == history else ""
    lines = [(instant(each.at), each.name, _value(each.value), source(each.source)) for each in page.history]
    _table(f"History, the newest first{more}", (f"When ({zone(page.updated_at)})", "Property", "Value", "By"), lines)
    beside = [(str(each.record), each.label, "primary" if each.is_primary else "") for each in page.associations]
    _table("Associations", ("Record", "Label", ""), beside)
    if page.lists:
        typer.echo(f"\nLists: {', '.join(page.lists)}")
    if page.consent:
        typer.echo("\nConsent")
        show(page.consent)
    notes = [
        (instant(each.created_at), "pinned" if each.pinned else "", _value(each.body), source(each.source))
        for each in page.notes
    ]
    _table("Notes", ("Written", "", "What", "By"), notes)
    tasks = [
        (
            each.subject,
            each.kind,
            each.assignee or "nobody",
            *map(instant, (each.due_at, each.completed_at)),
            str(each.id),
        )
        for each in page.tasks
    ]
    _table("Tasks", ("Title", "Type", "Of", "Due", "Completed", "Task"), tasks)
    enrollments = [
        (each.flow, each.ending or each.standing, each.node or "", instant(each.accepted_at), str(each.enrollment))
        for each in page.enrollments
    ]
    _table("Enrollments", ("Flow", "State", "At", "Entered", "Enrollment"), enrollments)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        typer.echo(f"\n{title}")
        as_table(columns, rows)


def _value(value: JsonValue) -> str:
    from pydantic_core import to_json

    from starter.language.words import MOST_SHOWN

    text = value if isinstance(value, str) else "" if value is None else to_json(value).decode()
    line = " ".join(text.split())
    return line if len(line) <= MOST_SHOWN else f"{line[: MOST_SHOWN - 3]}..."


def source(source: Mapping[str, JsonValue]) -> str:
    """Say where a value came from."""
    if "flow" in source:
        return f"flow {source['flow']}, step {source.get('node')}"
    if "load" in source:
        return f"load of {source['load']}"
    return str(source.get("who") or "before there was a history")


def set_(
    record: Record,
    pairs: Annotated[
        list[str], typer.Argument(metavar="PROPERTY=VALUE...", help="What to set; an empty value clears the property.")
    ],
    *,
    json: Json = False,
) -> None:
    """Set properties of a record by hand, as a flow does: with their history, and events that flows see.

    A value is read as the type of its property; several options are separated by semicolons.

    Examples:
        perdure set contact:42 stage=lead score=7 nickname=
        perdure set contact:42 'interests=sailing;chess'
    """
    values: dict[str, JsonValue] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise CallerError(f"{pair}: write PROPERTY=VALUE, as stage=lead")
        values[name.strip()] = value if value.strip() else None
    edited = asyncio.run(_set(record, values))
    if json:
        as_json(edited)
        return
    for name in edited.changed:
        now = edited.after[name]
        before = f" (before: {_value(edited.before[name])})" if edited.before[name] is not None else ""
        typer.echo(f"{name} is {'empty' if now is None else _value(now)} now{before}.")
    if not edited.changed:
        typer.echo("Nothing changed; it was so already.")


async def _set(record: str, values: dict[str, JsonValue]) -> Edited:
    from starter.client import ref
    from starter.compose import connect_client
    from starter.crm.records import set_properties

    async with connect_client() as client:
        return await set_properties(client.pool, ref(record), values, who(), written=True)


def complete(
    task: Annotated[str, typer.Argument(metavar="TASK", help="The task's id, which `record` gives.")],
    *,
    json: Json = False,
) -> None:
    """Complete a task: each of its records has the event `task_completed`, which ends the waits that look for it.

    Examples:
        perdure complete 5f0c2d0e-6f1b-4a3e-9a53-2f8f9d0c1b7a
    """
    new = asyncio.run(_complete(task))
    as_json({"task": task, "new": new}) if json else typer.echo("Completed." if new else "It was completed before.")


async def _complete(task: str) -> bool:
    from starter.compose import connect_client

    async with connect_client() as client:
        return await client.complete_task(task, by=who())


def users(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A CSV file with the columns id and email; see below."),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """List the users, or put those of a file in, new or over what is there.

    The file may also have the columns name, phone, active and seat (true or false), and team: several by semicolons,
    the primary one first. Bad rows are told on standard error, and the exit status is 2 if there was any.

    Examples:
        perdure users
        perdure users people.csv
    """
    if file is None:
        found = asyncio.run(_everyone())
        as_json([{**vars(each.user), "teams": each.teams} for each in found]) if json else _print_users(found)
        return
    good, bad = asyncio.run(_load_users(file))
    as_json({"users": good, "bad_rows": bad}) if json else typer.echo(f"{count(good, 'user')} put in.")
    for row in bad:
        told(f"{file}:{row.line}: {row.reason}")
    if bad:
        raise typer.Exit(2)


async def _everyone() -> list[Member]:
    from starter import compose
    from starter.crm.users import everyone
    from starter.settings import Settings

    async with compose.database(Settings.load()) as pool:
        return await everyone(pool)


async def _load_users(file: Path) -> tuple[int, list[BadRow]]:
    from starter import compose
    from starter.crm.users import load_users
    from starter.settings import Settings

    async with compose.database(Settings.load()) as pool:
        return await load_users(pool, file)


def _print_users(found: list[Member]) -> None:
    if not found:
        typer.echo("No user. `perdure users FILE` puts some in.")
        return
    rows = []
    for each in found:
        user = each.user
        marks = [word for word, holds in (("inactive", not user.active), ("no seat", not user.seat)) if holds]
        rows.append((user.id, user.email, user.name, ", ".join(marks), ", ".join(each.teams)))
    as_table(("User", "Address", "Name", "", "Teams"), rows)


COMMANDS: dict[str, Callable[..., None]] = {
    "record": record,
    "set": set_,
    "complete": complete,
    "users": users,
}
