"""Records and what happens to them: `load`, `event`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.loading import load
from starter.commands.output import Json, as_json
from workflows.model.errors import CallerError

if TYPE_CHECKING:
    from pydantic import JsonValue

    from starter.events import Receipt


def event(
    event_type: Annotated[str, typer.Argument(metavar="TYPE", help="What happened, as form_submitted.")],
    record: Annotated[str, typer.Argument(metavar="RECORD", help="To which record, as contact:42.")],
    *,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A property of the event; may be given again."),
    ] = None,
    id_: Annotated[
        str | None, typer.Option("--id", help="The event's id: the same event is taken once, however often it is told.")
    ] = None,
    json: Json = False,
) -> None:
    """Say that something happened to a record: it may enter flows, end waits, or reach a goal.

    Your CRM says such things over HTTP or from Python; this command is for trying flows, and for scripts. An event
    counts for the waits that are armed when it happens. With --id, telling it twice does no harm.

    Examples:
        perdure event form_submitted contact:42 --set form=demo-request
        perdure event payment_failed deal:7 --set amount=120.50 --id invoice-311
    """
    receipt = asyncio.run(_event(event_type, record, properties(set_ or []), id_))
    if json:
        as_json(receipt)
    else:
        typer.echo(f"{event_type} of {record} taken." if receipt.new else f"{event_type} of {record} was taken before.")


async def _event(event_type: str, record: str, values: dict[str, JsonValue], id_: str | None) -> Receipt:
    from starter.compose import connect_client

    async with connect_client() as client:
        return await client.publish_event(event_type, record, values, source="cli", id=id_)


def properties(pairs: list[str]) -> dict[str, JsonValue]:
    """Read `key=value` pairs; a value means what it would in a flow file. Raise CallerError for anything else."""
    from starter.language.yaml_pieces import scalar

    values: dict[str, JsonValue] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            message = f"--set {pair}: write KEY=VALUE, as --set form=demo-request"
            raise CallerError(message)
        values[key.strip()] = scalar(value)
    return values


COMMANDS: dict[str, Callable[..., None]] = {"load": load, "event": event}
