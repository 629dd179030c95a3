"""`associate`: who belongs to whom, two records at a time or a file of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.output import Json, as_json, count, told
from starter.commands.who import who
from workflows.model.errors import CallerError

if TYPE_CHECKING:
    from starter.crm.association_file import Associated

SHOWN = 20
"""Bad rows that are told one by one."""

BAD, STOPPED = 2, 130


def associate(  # noqa: PLR0913 - each is an option
    record: Annotated[str | None, typer.Argument(metavar="RECORD", help="The record, as contact:42.")] = None,
    other: Annotated[str | None, typer.Argument(metavar="OTHER", help="The other record, as company:7.")] = None,
    *,
    label: Annotated[str | None, typer.Option("--label", help="What the one is to the other, as billing.")] = None,
    primary: Annotated[bool, typer.Option("--primary", help="Make it the first of its type for RECORD.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="End it: under the label, or under all.")] = False,
    file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Those in a CSV or JSON Lines file; see above.")
    ] = None,
    json: Json = False,
) -> None:
    """Associate two records, or end that. An association is seen from both its ends.

    A file has the columns record and other, and may have label and primary (true or false). A second run changes
    nothing. Bad rows are told on standard error, and the exit status is 2 if there was any.

    Examples:
        perdure associate contact:42 company:7 --primary
        perdure associate contact:42 company:7 --remove
        perdure associate --from beside.csv
    """
    if file is not None:
        if record or label or primary or remove:
            raise CallerError("--from takes all of it from the file; leave the rest out")
        _tell(file, asyncio.run(_load(file)), json=json)
        return
    if record is None or other is None:
        raise CallerError("name two records, as `perdure associate contact:42 company:7`, or a file by --from")
    if primary and remove:
        raise CallerError("say one of --primary and --remove")
    done = asyncio.run(_associate(record, other, label, primary=primary, remove=remove))
    under = f" as {label!r}" if label else ""
    if remove and not done:
        raise CallerError(f"{record} and {other} are not associated{under}")
    if json:
        as_json({"record": record, "other": other, "label": label or "", "changed": done})
        return
    said = "associated no more" if remove else "associated" if done else "associated already"
    typer.echo(f"{record} and {other} are {said}{under}.")


async def _associate(record: str, other: str, label: str | None, *, primary: bool, remove: bool) -> bool:
    from starter.compose import connect_client

    async with connect_client() as client:
        if remove:
            return await client.dissociate(record, other, label, by=who())
        return await client.associate(record, other, label or "", primary=primary, by=who())


async def _load(path: Path) -> Associated:
    from starter import compose
    from starter.commands.progress import Progress
    from starter.crm.association_file import Associated, open_pairs, pairs, put_pair
    from starter.interrupts import interrupts
    from starter.settings import Settings

    file, done, by = open_pairs(path), Associated(), who()
    async with compose.database(Settings.load()) as pool:
        with interrupts() as stop, Progress("rows", sum(1 for _ in file.rows())) as progress:
            for pair in pairs(file):
                if stop.is_set():
                    done.stopped = True
                    break
                await put_pair(pool, pair, by, done)
                progress.at(done.rows)
    return done


def _tell(file: Path, done: Associated, *, json: bool) -> None:
    for row in done.bad[:SHOWN]:
        told(f"{file}:{row.line}: {row.reason}")
    if (more := len(done.bad) - SHOWN) > 0:
        told(f"... and {count(more, 'bad row')} more.")
    if json:
        bad = [{"line": row.line, "reason": row.reason} for row in done.bad]
        as_json({"made": done.made, "as_before": done.as_before, "bad_rows": bad, "stopped": done.stopped})
    else:
        left = f" {count(len(done.bad), 'bad row')} left out." if done.bad else ""
        typer.echo(f"{count(done.made, 'association')} made, {done.as_before:,} as before.{left}")
    if done.stopped:
        told("Stopped. Run the same command again to go on: what is associated stays so.")
        raise typer.Exit(STOPPED)
    if done.bad:
        raise typer.Exit(BAD)


COMMANDS: dict[str, Callable[..., None]] = {"associate": associate}
