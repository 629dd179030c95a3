"""`diff`: what changed between a file and what is published, or between two revisions, in words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.flow_checks import MISTAKES, findings_as_json
from starter.commands.output import Json, as_json
from workflows.model.errors import CallerError, FlowError

if TYPE_CHECKING:
    from starter.client import Client
    from starter.language.differences import Difference
    from starter.overview import Published
    from workflows.model.flow import Flow

DIFFERENT = 1


@dataclass(frozen=True)
class Compared:
    """Two drawings of a flow, by the names they have in sentences, and their differences; None: there is no old one."""

    flow: str
    old: str | None
    new: str
    differences: Sequence[Difference]


def diff(
    what: Annotated[str, typer.Argument(metavar="FLOW|FILE", help="A flow's key, or a flow file.")],
    old: Annotated[
        int | None, typer.Argument(metavar="[REV]", help="The revision to compare with; else the current one.")
    ] = None,
    new: Annotated[int | None, typer.Argument(metavar="[REV]", help="A second revision, to compare two.")] = None,
    *,
    json: Json = False,
) -> None:
    """Tell in words how a file differs from what is published, or how two revisions of a flow differ.

    Of a flow without revisions, the current one is compared with the one before it; with one, with the current one.

    Exit status: 0 the same, 1 different, 2 a mistake.

    Examples:
        perdure diff welcome.yaml
        perdure diff welcome
        perdure diff welcome 3 5
    """
    from starter.language.flow_files import is_file_name

    if is_file_name(what) and new is not None:
        message = f"{what} is a file: name one revision to compare it with, or the flow's key and two revisions"
        raise CallerError(message)
    flow = _compiled(Path(what), json=json) if is_file_name(what) else None
    compared = asyncio.run(_with_file(flow, what, old) if flow else _of_revisions(what, old, new))
    if json:
        as_json(compared)
    else:
        _print(compared)
    if compared.differences or compared.old is None:
        raise typer.Exit(DIFFERENT)


def _print(compared: Compared) -> None:
    if compared.old is None:
        typer.echo(f"{compared.flow} is not published yet: all of it is new.")
    elif not compared.differences:
        typer.echo(f"{compared.new} is the same as {compared.old}.")
    else:
        typer.echo(f"{compared.flow}: {compared.new} differs from {compared.old}.")
    for each in compared.differences:
        typer.echo(f"  {each}")


def _compiled(file: Path, *, json: bool) -> Flow:
    from starter.language.contents import CONTENTS
    from starter.language.flow_files import check_files, sources
    from starter.settings import Settings

    (checked,) = check_files(sources([file]), Settings.load().catalogue())
    if checked.what not in ("flow", "sequence"):
        raise CallerError(f"{file} is {CONTENTS[checked.what].a}; only flows are compared")
    if checked.found.flow is not None:
        return checked.found.flow
    if json:
        findings_as_json([checked])
        raise typer.Exit(MISTAKES)
    raise FlowError("a file with mistakes is compared with nothing:\n" + "\n".join(checked.lines))


async def _with_file(flow: Flow, file: str, number: int | None) -> Compared:
    from starter.compose import connect_client
    from starter.language.differences import difference
    from starter.overview import revisions_of

    async with connect_client() as client:
        revisions = await revisions_of(client.pool, flow.key)
        if not revisions and number is None:
            return Compared(flow.key, None, file, ())
        old = _current(revisions) if number is None else _numbered(flow.key, revisions, number)
        return Compared(flow.key, _named(old), file, difference(await _flow(client, old), flow))


async def _of_revisions(key: str, first: int | None, second: int | None) -> Compared:
    from starter.compose import connect_client
    from starter.language.differences import difference
    from starter.overview import check_published, revisions_of

    async with connect_client() as client:
        revisions = await revisions_of(client.pool, key)
        if not revisions:
            await check_published(client.pool, key)
        new = _current(revisions) if second is None else _numbered(key, revisions, second)
        old = _before(key, revisions, new) if first is None else _numbered(key, revisions, first)
        found = difference(await _flow(client, old), await _flow(client, new))
        return Compared(key, _named(old), _named(new), found)


async def _flow(client: Client, revision: Published) -> Flow:
    return (await client.revisions.get(revision.hash)).flow


def _named(revision: Published) -> str:
    return f"revision {revision.number}"


def _current(revisions: Sequence[Published]) -> Published:
    return next(each for each in revisions if each.is_current)


def _numbered(key: str, revisions: Sequence[Published], number: int) -> Published:
    found = next((each for each in revisions if each.number == number), None)
    if found is None:
        there_are = f"there are 1 to {revisions[0].number}" if revisions else "it is not published yet"
        raise CallerError(f"{key} has no revision {number}; {there_are}")
    return found


def _before(key: str, revisions: Sequence[Published], new: Published) -> Published:
    older = [each for each in revisions if each.number < new.number]
    if not older:
        raise CallerError(f"{key} is at its first revision; name a file, or the revision to compare with")
    return older[0]


COMMANDS: dict[str, Callable[..., None]] = {"diff": diff}
