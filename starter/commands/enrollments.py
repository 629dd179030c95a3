"""Enrollments: `enroll`, `unenroll`, `resolve`, `list`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from starter.commands.enrolling import FlowKey, enroll
from starter.commands.output import Json, as_json, as_table, instant, told
from starter.commands.path import show
from starter.commands.progress import busy

if TYPE_CHECKING:
    from uuid import UUID

    from starter.inspection import Summary

Record = Annotated[str, typer.Argument(metavar="RECORD", help="The record, as contact:42.")]
Key = Annotated[str, typer.Option("--key", help="The enrollment key, where the flow's enrollments have one.")]


class How(StrEnum):
    """How a parked enrollment goes on."""

    RETRY = "retry"
    SKIP = "skip"
    END = "end"


class State(StrEnum):
    """What an enrollment may be doing."""

    OPEN = "open"
    CLOSED = "closed"
    ACCEPTED = "accepted"
    ACTIVE = "active"
    ASLEEP = "asleep"
    WAITING = "waiting"
    HELD = "held"
    LEAVING = "leaving"
    ENDED = "ended"


def unenroll(
    flow: FlowKey,
    record: Record,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with the order.")] = "",
    key: Key = "",
    json: Json = False,
) -> None:
    """Order a record out of a flow, at once, also in the middle of a sleep.

    What was done stays done; nothing more is. It may enter again as the flow's own rules say.

    Examples:
        perdure unenroll demo-request contact:42 --reason 'asked us by telephone'
    """
    enrollment = asyncio.run(_unenroll(flow, record, reason, key))
    if json:
        as_json({"flow": flow, "record": record, "enrollment": enrollment})
    else:
        typer.echo(f"{record} leaves {flow}.")


async def _unenroll(flow: str, record: str, reason: str, key: str) -> UUID:
    from starter.compose import connect_client

    async with connect_client() as client:
        return await client.unenroll(flow, record, reason, key)


def resolve(
    how: Annotated[How, typer.Argument(metavar="HOW", help="Try the action again, skip it, or end the enrollment.")],
    what: Annotated[
        str, typer.Argument(metavar="FLOW|ENROLLMENT", help="A flow, with a record; or an enrollment's id.")
    ],
    record: Annotated[str | None, typer.Argument(metavar="RECORD", help="The record, as contact:42.")] = None,
    *,
    key: Key = "",
    json: Json = False,
) -> None:
    """Decide on an enrollment that is parked after a failure.

    A step whose `on_failure` is `park` holds its record there until somebody looks. `perdure list --state held` finds
    them, `perdure show` tells what failed and why.

    Examples:
        perdure resolve retry demo-request contact:42
        perdure resolve skip 028bd6c6-d04e-4c99-b36a-261f5c1aa9d3
    """
    enrollment = asyncio.run(_resolve(how, what, record, key))
    as_json({"enrollment": enrollment, "how": how}) if json else typer.echo(f"Enrollment {enrollment}: {_TOLD[how]}.")


_TOLD = {How.RETRY: "the step is tried again", How.SKIP: "the step is skipped", How.END: "it ends here"}


async def _resolve(how: How, what: str, record: str | None, key: str) -> UUID:
    from starter.compose import connect_client

    async with connect_client() as client:
        enrollment = (await client.describe(what, record, key)).summary.enrollment
        await client.resolve(enrollment, how.value)
        return enrollment


def list_(  # noqa: PLR0913 - each is an option
    *,
    flow: Annotated[str | None, typer.Option("--flow", metavar="FLOW", help="Only those in this flow.")] = None,
    state: Annotated[
        State | None,
        typer.Option(
            "--state", help="Only those inside (open), those that have ended (closed), or those in one state."
        ),
    ] = None,
    node: Annotated[
        str | None,
        typer.Option(
            "--node", metavar="STEP", help="Only those that this step is not done with: they rest or act there."
        ),
    ] = None,
    record: Annotated[str | None, typer.Option("--record", metavar="RECORD", help="Only those of this record.")] = None,
    after: Annotated[
        str | None, typer.Option("--after", metavar="ENROLLMENT", help="Only those after this one: the next page.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1_000_000, help="At most so many.")] = 100,
    json: Json = False,
) -> None:
    """List enrollments, the newest first: where each stands, and until when.

    States: accepted (not started yet), active, asleep (in a delay), waiting (for an event), held (paused, or parked
    until `perdure resolve` decides), leaving, ended.

    Examples:
        perdure list --state held
        perdure list --flow demo-request --node two-days --limit 1000 --json
    """
    wanted = "ended" if state is State.CLOSED else state.value if state else None
    with busy("looking for enrollments"):
        found = asyncio.run(_list(limit, flow=flow, state=wanted, node=node, record=record, after=after))
    if json:
        as_json(found)
    else:
        _print(found, is_narrowed=any((flow, state, node, record, after)))
    if len(found) == limit:
        told(f"These are the newest {limit:,}; --limit shows more, --after {found[-1].enrollment} goes on.")


async def _list(limit: int, **wanted: Any) -> Sequence[Summary]:  # noqa: ANN401 - handed on
    from starter.compose import connect_client

    async with connect_client() as client:
        return await client.list(limit=limit, **wanted)


def _print(found: Sequence[Summary], *, is_narrowed: bool) -> None:
    if not found:
        typer.echo("No such enrollment." if is_narrowed else "No enrollment. `perdure enroll FLOW RECORD` makes one.")
        return
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
