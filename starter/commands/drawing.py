"""`draw`: a picture of a flow, as Mermaid text or as SVG."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.output import count, told
from starter.commands.progress import busy
from workflows.model.errors import CallerError, FlowError

if TYPE_CHECKING:
    from starter.drawing.picture import Picture
    from workflows.model.flow import Flow

_STDOUT = "-"


def draw(
    what: Annotated[str, typer.Argument(metavar="FLOW|FILE", help="A flow's key, or a flow file.")],
    *,
    svg: Annotated[
        str | None, typer.Option("--svg", metavar="FILE", help="Draw an SVG picture into a file; - is standard output.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Show how many records came to each step, and stand there now.")
    ] = False,
) -> None:
    """Draw a flow: as Mermaid text, which GitHub and GitLab show as a picture, or as SVG.

    A key draws what is published, its current revision; a file needs no database.

    Examples:
        perdure draw welcome.yaml
        perdure draw welcome --live --svg welcome.svg
    """
    from starter.drawing.picture import picture
    from starter.language.flow_files import is_file_name

    if not is_file_name(what):
        with busy("counting the records in each step"):
            drawn = picture(*asyncio.run(_published(what, counted=live)))
    elif live:
        raise CallerError(f"{what} is a file, and no record stands in it; with --live name the flow's key")
    else:
        drawn = picture(_compiled(Path(what)))
    if svg is None:
        _write_mermaid(drawn)
    else:
        _write_svg(drawn, svg)


def _compiled(file: Path) -> Flow:
    from starter.language.contents import CONTENTS
    from starter.language.flow_files import check_files, sources
    from starter.settings import Settings

    (checked,) = check_files(sources([file]), Settings.load().catalogue())
    if checked.what not in ("flow", "sequence"):
        raise CallerError(f"{file} is {CONTENTS[checked.what].a}, and no flow to be drawn")
    if checked.found.flow is None:
        raise FlowError("a file with mistakes is not drawn:\n" + "\n".join(checked.lines))
    return checked.found.flow


async def _published(key: str, *, counted: bool) -> tuple[Flow, dict[str, int], dict[str, int]]:
    from starter.compose import connect_client
    from starter.drawing import standing
    from starter.overview import current

    async with connect_client() as client:
        flow = await current(client.pool, client.revisions, key)
        if not counted:
            return flow, {}, {}
        return flow, await standing.counts(client.pool, key), await standing.came(client.pool, key)


def _write_mermaid(picture: Picture) -> None:
    from starter.drawing.mermaid import mermaid, too_big

    text = mermaid(picture)
    typer.echo(text, nl=False)
    if too_big(picture, text):
        told("GitHub and GitLab show only smaller Mermaid texts than this one as a picture; --svg FILE draws it.")


def _write_svg(picture: Picture, to: str) -> None:
    from starter.drawing.svg import svg

    text = svg(picture)
    if to == _STDOUT:
        typer.echo(text, nl=False)
        return
    try:
        _put(Path(to), text)
    except OSError as error:
        raise CallerError(f"{to} cannot be written: {error.strerror}") from None
    steps = sum(box.id.startswith("step:") for box in picture.boxes)
    typer.echo(f"{picture.title}: {count(steps, 'step')} drawn in {to}.")


def _put(file: Path, text: str) -> None:
    """Write a file wholly or not at all; a pipe or a device as it comes."""
    from starter.language.rewriting import rewrite

    if file.is_file():
        rewrite(file, text)
    elif file.exists():
        file.write_text(text, encoding="utf-8")
    else:
        part = file.with_name(f".{file.name}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(file)


COMMANDS: dict[str, Callable[..., None]] = {"draw": draw}
