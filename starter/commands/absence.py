"""`absence`: who is away, so that no record is given to them in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.output import Json, as_json, as_table, count
from workflows.model.errors import CallerError

if TYPE_CHECKING:
    from starter.crm.absences import Absence


def absence(
    user: Annotated[str | None, typer.Argument(metavar="[USER]", help="The user's id.")] = None,
    *,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="The first day away, as 2026-07-01.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--until", metavar="DAY", help="The last day away; without it, one day.")
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Forget all absences of the user, or that from --from.")
    ] = False,
    json: Json = False,
) -> None:
    """List who is away and when, or say that a user is: `rotate_owner` passes over them on these days.

    Both days count, by the clock of the flow's zone.

    Examples:
        perdure absence 7 --from 2026-07-01 --until 2026-07-31
    """
    if user is None and (first or last or remove):
        raise CallerError("say which user, as `perdure absence 7 --from 2026-07-01`")
    if last and (remove or not first):
        raise CallerError("--until goes with --from, which says the first day")
    begins, ends = _day(first), _day(last or first)
    if user and remove:
        gone = asyncio.run(_remove(user, begins))
        as_json({"user": user, "removed": gone}) if json else typer.echo(f"{count(gone, 'absence')} forgotten.")
        return
    if user and begins and ends:
        asyncio.run(_put(user, begins, ends))
    found = asyncio.run(_absences(user))
    as_json(found) if json else _print(found)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CallerError(f"{text!r} is no day; write one as 2026-07-01") from None


async def _put(user: str, first: date, last: date) -> None:
    from starter import compose
    from starter.crm.absences import put
    from starter.settings import Settings

    async with compose.database(Settings.load()) as pool:
        await put(pool, user, first, last)


async def _remove(user: str, first: date | None) -> int:
    from starter import compose
    from starter.crm.absences import remove
    from starter.settings import Settings

    async with compose.database(Settings.load()) as pool:
        return await remove(pool, user, first)


async def _absences(user: str | None) -> list[Absence]:
    from starter import compose
    from starter.crm.absences import absences
    from starter.settings import Settings

    async with compose.database(Settings.load()) as pool:
        return await absences(pool, user)


def _print(found: list[Absence]) -> None:
    if not found:
        typer.echo("Nobody is away. `perdure absence USER --from DAY --until DAY` says that somebody is.")
        return
    rows = [(each.user, each.name, str(each.first_day), str(each.last_day)) for each in found]
    as_table(("User", "Name", "First day", "Last day"), rows)


COMMANDS: dict[str, Callable[..., None]] = {"absence": absence}
