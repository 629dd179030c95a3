"""Published flows: `flows`, `on`, `off`, `pause`, `resume`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.output import Json, as_json, as_table, count, instant
from starter.commands.progress import busy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from starter.client import Client
    from starter.language.differences import Difference
    from starter.overview import Published, Standing

FlowKey = Annotated[str, typer.Argument(metavar="FLOW", help="The flow's key, as demo-request.")]
Target = Annotated[str, typer.Argument(metavar="FLOW|ENROLLMENT", help="A flow's key, or the id of one enrollment.")]

MOST_TOLD = 3
"""Differences that the table of revisions tells of each; `diff` tells all."""


def flows(
    flow: Annotated[str | None, typer.Argument(metavar="[FLOW]", help="A flow, to see its revisions.")] = None,
    *,
    json: Json = False,
) -> None:
    """List the flows: how each stands, how many records are inside, and how many ever entered.

    With a flow, its revisions, and what each changed. States: on, off, paused, draft.

    Examples:
        perdure flows
        perdure flows demo-request
    """
    if flow is None:
        with busy("counting the records of every flow"):
            standings = asyncio.run(_standings())
        as_json([{**vars(each), "state": each.state} for each in standings]) if json else _print(standings)
    else:
        history = asyncio.run(_history(flow))
        as_json([{**vars(one), "differences": told} for one, told in history]) if json else _print_history(history)


def _print(standings: list[Standing]) -> None:
    if not standings:
        typer.echo("No flow. `perdure publish FILE` makes one.")
        return
    rows = [
        (
            *(each.key, each.name, each.object or "", str(each.revision or ""), each.state),
            *(f"{each.inside:,}", f"{each.ever:,}", instant(each.published_at)),
        )
        for each in standings
    ]
    as_table(("Flow", "Name", "Object", "Revision", "State", "Inside", "Ever", "Published"), rows, last="Name")


def _print_history(history: list[tuple[Published, Sequence[Difference]]]) -> None:
    rows = []
    for one, told in history:
        more = [f"and {len(told) - MOST_TOLD} more"] if len(told) > MOST_TOLD else []
        lines = "; ".join([*map(str, told[:MOST_TOLD]), *more])
        number = f"{one.number} (current)" if one.is_current else str(one.number)
        rows.append((number, instant(one.published_at), one.hash, lines))
    as_table(("Revision", "Published", "Hash", "What it changed"), rows, last="Hash")


async def _standings() -> list[Standing]:
    from starter import overview
    from starter.compose import connect_client

    async with connect_client() as client:
        return await overview.standings(client.pool)


async def _history(flow: str) -> list[tuple[Published, Sequence[Difference]]]:
    from starter import overview
    from starter.compose import connect_client

    async with connect_client() as client:
        found = await overview.revisions_of(client.pool, flow)
        if not found:
            await overview.check_published(client.pool, flow)
        return [(one, await _changes(client, one, old)) for one, old in zip(found, [*found[1:], None], strict=True)]


async def _changes(client: Client, new: Published, old: Published | None) -> Sequence[Difference]:
    from starter.language.differences import difference

    if old is None:
        return ()
    return difference((await client.revisions.get(old.hash)).flow, (await client.revisions.get(new.hash)).flow)


def on(flow: FlowKey, *, json: Json = False) -> None:
    """Turn a flow on: it lets records in, by its triggers and by `perdure enroll`.

    Records that are inside already do their actions again; what was skipped while it was off stays skipped.

    Examples:
        perdure on demo-request
    """
    asyncio.run(_turn(flow, is_on=True))
    as_json({"flow": flow, "is_on": True}) if json else typer.echo(f"{flow} is on.")


def off(flow: FlowKey, *, json: Json = False) -> None:
    """Turn a flow off: it lets nobody in, and those inside walk on with every action skipped.

    Delays and waits still pass. To hold everybody where they are, `perdure pause` the flow instead.

    Examples:
        perdure off demo-request
    """
    asyncio.run(_turn(flow, is_on=False))
    as_json({"flow": flow, "is_on": False}) if json else typer.echo(f"{flow} is off.")


async def _turn(flow: str, *, is_on: bool) -> None:
    from starter.compose import connect_client

    async with connect_client() as client:
        await (client.turn_on(flow) if is_on else client.turn_off(flow))


def pause(target: Target, *, json: Json = False) -> None:
    """Hold every record of a flow, or one enrollment, before its next action.

    Delays and waits pass meanwhile; what is due then is done after `perdure resume`.

    Examples:
        perdure pause demo-request
        perdure pause 028bd6c6-d04e-4c99-b36a-261f5c1aa9d3
    """
    asyncio.run(_pause(_target(target)))
    if json:
        as_json({"target": target, "paused": True})
    else:
        typer.echo(f"{target} is paused; `perdure resume {target}` lets it go on.")


async def _pause(target: str | UUID) -> None:
    from starter.compose import connect_client

    async with connect_client() as client:
        await client.pause(target)


def resume(target: Target, *, json: Json = False) -> None:
    """End a pause: those whom it holds go on at once.

    Enrollments that were parked after a failure stay parked; `perdure resolve` decides on them.

    Examples:
        perdure resume demo-request
        perdure resume 028bd6c6-d04e-4c99-b36a-261f5c1aa9d3
    """
    told = asyncio.run(_resume(_target(target)))
    if json:
        as_json({"target": target, "paused": False, "told": told})
    else:
        typer.echo(f"{target} goes on; {count(told, 'held record')} told.")


async def _resume(target: str | UUID) -> int:
    from starter.compose import connect_client

    async with connect_client() as client:
        return await client.resume(target)


def _target(text: str) -> str | UUID:
    from uuid import UUID

    try:
        return UUID(text)
    except ValueError:
        return text


COMMANDS: dict[str, Callable[..., None]] = {"flows": flows, "on": on, "off": off, "pause": pause, "resume": resume}
