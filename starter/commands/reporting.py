"""The report of a flow: `stats`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.output import Json, as_json, as_table
from starter.commands.progress import busy

if TYPE_CHECKING:
    from starter.stats import Report, StepReport


def stats(
    flow: Annotated[str, typer.Argument(metavar="FLOW", help="The flow's key.")],
    *,
    json: Json = False,
) -> None:
    """Report on a flow: who entered and what became of them, each step's outcomes, e-mails opened, the goal rate.

    The goal rate is the share of all that entered who reached the goal after a marketing e-mail of the flow, as HubSpot
    counts it; those who were taken out by hand do not count. `perdure draw FLOW --live` puts the counts on a picture.

    Examples:
        perdure stats demo-request
        perdure stats demo-request --json
    """
    with busy("counting every visit"):
        found = asyncio.run(_report(flow))
    if json:
        as_json(found)
        return
    for line in _summary(found):
        typer.echo(line)
    rows = [
        (each.name, each.kind, f"{each.came:,}", f"{each.here:,}" if each.here else "", _told(each))
        for each in found.steps
    ]
    as_table(("Step", "Kind", "Came", "Here now", "What came of it"), rows)


async def _report(flow: str) -> Report:
    from starter.compose import connect_client
    from starter.stats import report

    async with connect_client() as client:
        return await report(client.pool, client.revisions, flow)


def _summary(found: Report) -> Iterator[str]:
    again = f" ({found.records:,} different records)" if found.records != found.entered else ""
    yield f"{found.name}: {found.entered:,} entered{again}, {found.active:,} are inside now."
    if found.endings:
        yield "Left: " + ", ".join(f"{count:,} {ending}" for ending, count in found.endings.items()) + "."
    for each in found.emails:
        shares = f"{each.opened:,} opened ({_share(each.opened, each.sent)}), {each.clicked:,} clicked"
        yield f"E-mail {each.email}, by {each.node}: sent to {each.sent:,}, {shares}."
    if found.goal:
        rate = f"{found.goal.converted:,} of them after a marketing e-mail: a goal rate of {found.goal.rate:.1%}"
        yield f"Goal: {found.goal.met:,} reached it, {rate}."


def _told(step: StepReport) -> str:
    ways = [f"{took:,} {way}" for way, took in step.ways.items()]
    states = (("done", step.done), ("skipped", step.skipped), ("failed", step.failed), ("unknown", step.unknown))
    return ", ".join(ways or [f"{count:,} {state}" for state, count in states if count])


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "0%"


COMMANDS: dict[str, Callable[..., None]] = {"stats": stats}
