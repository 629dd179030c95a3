"""Flows: `publish`, `on`, `off`, `pause`, `resume`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.output import Json, as_json, count
from workflows.model.errors import CallerError, FlowError

if TYPE_CHECKING:
    from uuid import UUID

    from starter.publish import Published
    from workflows.model.flow import Flow

FlowKey = Annotated[str, typer.Argument(metavar="FLOW", help="The flow's key, as demo-request.")]
Target = Annotated[str, typer.Argument(metavar="FLOW|ENROLLMENT", help="A flow's key, or the id of one enrollment.")]

_ENDINGS = (".yaml", ".yml")


def publish(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Flow files, or folders of them.")],
    *,
    check: Annotated[bool, typer.Option("--check", help="Only look for mistakes; needs no database.")] = False,
    json: Json = False,
) -> None:
    """Make flow files the current revisions of their flows; all of them, or none where any has a mistake."""
    flows = compiled(list(_files(paths)))
    if check:
        as_json([flow.key for flow in flows]) if json else typer.echo(f"{count(len(flows), 'flow')} without a mistake.")
        return
    published = asyncio.run(_publish(flows))
    if json:
        as_json(published)
        return
    for each in published:
        typer.echo(_worded(each))


def _worded(published: Published) -> str:
    if not published.new:
        return f"{published.flow} is at revision {published.number} already; nothing has changed."
    line = f"{published.flow} is at revision {published.number} now."
    if published.told:
        line += f" {count(published.told, 'record')} asleep in an edited step were told."
    return line if published.number > 1 else f"{line} It is off; `perdure on {published.flow}` lets records in."


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.suffix in _ENDINGS)
            if not inside:
                message = f"{path}: no flow file is in this folder; they end in {' or '.join(_ENDINGS)}"
                raise CallerError(message)
            yield from inside
        else:
            yield path


def compiled(files: list[Path]) -> list[Flow]:
    """Compile flow files; raise FlowError with the mistakes of all of them."""
    from activities.catalogue import Catalogue
    from starter.compile import compile_flow
    from starter.flow_file import FlowMistakes
    from starter.settings import Settings

    catalogue = Catalogue.load(*Settings.load().actions)
    flows: dict[str, tuple[Path, Flow]] = {}
    mistakes = []
    for file in files:
        try:
            flow = compile_flow(_text(file), catalogue, str(file))
        except FlowMistakes as error:
            mistakes.append(str(error))
            continue
        except FlowError as error:
            mistakes.append(f"{file}: {error}")
            continue
        other, _ = flows.setdefault(flow.key, (file, flow))
        if other is not file:
            mistakes.append(f"{file} and {other} are both the flow {flow.key!r}; give one another key")
    if mistakes:
        raise FlowError("nothing was published:\n" + "\n".join(mistakes))
    return [flow for _, flow in flows.values()]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        message = f"it cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        message = f"it is not UTF-8 (byte {error.start}); save it as UTF-8"
    raise FlowError(message)


async def _publish(flows: list[Flow]) -> list[Published]:
    from starter import compose
    from starter.publish import publish as publish_flow
    from starter.settings import Settings

    async with compose.client(Settings.load()) as client:
        return [await publish_flow(client.pool, flow, client.revisions) for flow in flows]


def on(flow: FlowKey) -> None:
    """Turn a flow on: it lets records in."""
    asyncio.run(_turn(flow, is_on=True))
    typer.echo(f"{flow} is on.")


def off(flow: FlowKey) -> None:
    """Turn a flow off: it lets nobody in, and those inside walk on with every action skipped."""
    asyncio.run(_turn(flow, is_on=False))
    typer.echo(f"{flow} is off.")


async def _turn(flow: str, *, is_on: bool) -> None:
    from starter import compose
    from starter.settings import Settings

    async with compose.client(Settings.load()) as client:
        await (client.turn_on(flow) if is_on else client.turn_off(flow))


def pause(target: Target) -> None:
    """Hold every record of a flow, or one enrollment, before its next action."""
    asyncio.run(_pause(_target(target)))
    typer.echo(f"{target} is paused; `perdure resume {target}` lets it go on.")


async def _pause(target: str | UUID) -> None:
    from starter import compose
    from starter.settings import Settings

    async with compose.client(Settings.load()) as client:
        await client.pause(target)


def resume(target: Target) -> None:
    """End a pause. Enrollments parked after a failure stay parked: see `resolve`."""
    told = asyncio.run(_resume(_target(target)))
    typer.echo(f"{target} goes on; {count(told, 'held record')} told.")


async def _resume(target: str | UUID) -> int:
    from starter import compose
    from starter.settings import Settings

    async with compose.client(Settings.load()) as client:
        return await client.resume(target)


def _target(text: str) -> str | UUID:
    from uuid import UUID

    try:
        return UUID(text)
    except ValueError:
        return text


COMMANDS: dict[str, Callable[..., None]] = {"publish": publish, "on": on, "off": off, "pause": pause, "resume": resume}
