"""Enrollments: `enroll`, `unenroll`, `resolve`, `list`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.output import Json, as_json, as_table, count, told
from starter.commands.path import instant, show
from workflows.model.errors import CallerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from starter.admission import Admission, Refusal
    from starter.client import Client
    from starter.csv_file import BadRow
    from starter.inspection import Standing, Summary

FlowKey = Annotated[str, typer.Argument(metavar="FLOW", help="The flow's key, as demo-request.")]
Record = Annotated[str, typer.Argument(metavar="RECORD", help="The record, as contact:42.")]
Key = Annotated[str, typer.Option("--key", help="The enrollment key, where the flow's enrollments have one.")]

CAUSE = "cli"
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


def enroll(
    flow: FlowKey,
    records: Annotated[list[str] | None, typer.Argument(metavar="RECORD...", help="Records, as contact:42.")] = None,
    *,
    file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE.csv", help="The records of a CSV file, as `load` names them.")
    ] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Every record of the flow's object type.")] = False,
    json: Json = False,
) -> None:
    """Let records into a flow by hand, under its entry rules.

    The exit status is 2 where a record that was named, or a row of the file, did not get in.
    """
    if [bool(records), file is not None, everyone].count(True) != 1:
        message = "say whom to enroll, one way: records, --from FILE.csv, or --all"
        raise CallerError(message)
    admissions, bad = asyncio.run(_enroll(flow, records or [], file))
    refused = _refusals(admissions)
    if json:
        as_json({"admitted": [a for a in admissions if a not in refused], "refused": refused, "bad_rows": bad})
    else:
        typer.echo(f"{count(len(admissions) - len(refused), 'record')} of {len(admissions):,} entered {flow}.")
        _tell(refused, each=bool(records))
    for row in bad:
        told(f"{file}:{row.line}: {row.reason}")
    if bad or (refused and not everyone):
        raise typer.Exit(2)


def _refusals(admissions: Sequence[Admission]) -> list[Refusal]:
    from starter.admission import Refusal

    return [each for each in admissions if isinstance(each, Refusal)]


def _tell(refused: list[Refusal], *, each: bool) -> None:
    if each:
        for refusal in refused:
            named = str(refusal.record) in refusal.sentence
            told(f"{refusal.sentence}." if named else f"{refusal.record}: {refusal.sentence}.")
        return
    first = {refusal.code: refusal.sentence for refusal in reversed(refused)}
    for code, number in Counter(refusal.code for refusal in refused).most_common():
        told(f"{number:,} did not: {code} (as: {first[code]}).")


async def _enroll(flow: str, records: list[str], file: Path | None) -> tuple[Sequence[Admission], list[BadRow]]:
    from starter import compose
    from starter.settings import Settings
    from workflows.model.records import RecordRef

    async with compose.client(Settings.load()) as client:
        if records:
            return await client.enroll(flow, [RecordRef.parse(each) for each in records], cause=CAUSE), []
        bad: list[BadRow] = []
        found = await _all(client, flow) if file is None else _named(file, await _object(client, flow), bad)
        return await client.enroll(flow, found, cause=CAUSE), bad


def _named(file: Path, object_type: str, bad: list[BadRow]) -> list[str]:
    from starter.csv_file import BadRow, record_names

    names = []
    for each in record_names(file, object_type):
        bad.append(each) if isinstance(each, BadRow) else names.append(str(each))
    return names


async def _all(client: Client, flow: str) -> list[str]:
    object_type = await _object(client, flow)
    rows = await client.pool.fetch(
        "select id from record where type = $1 and archived_at is null order by id", object_type, timeout=60
    )
    return [f"{object_type}:{row['id']}" for row in rows]


async def _object(client: Client, flow: str) -> str:
    current = await client.pool.fetchval("select current from flow where key = $1", flow)
    if current is None:
        await client.list(flow, limit=1)  # which says that there is no such flow, and the nearest name
    return (await client.revisions.get(current)).flow.object


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
