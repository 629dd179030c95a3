"""`draw`: a picture of a flow, as Mermaid text or as SVG."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.output import count, told
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
    counts: Annotated[
        bool, typer.Option("--counts", help="Show how many records stand in each step now; for published flows.")
    ] = False,
) -> None:
    """Draw a flow: as Mermaid text, which GitHub and GitLab show as a picture, or as SVG.

    A key draws what is published, its current revision; a file needs no database.

    For example: perdure draw welcome.yaml, or: perdure draw welcome --counts --svg welcome.svg
    """
    from starter.drawing.picture import picture

    if not _is_file(what):
        drawn = picture(*asyncio.run(_published(what, counted=counts)))
    elif counts:
        raise CallerError(f"{what} is a file, and no record stands in it; with --counts name the flow's key")
    else:
        drawn = picture(_compiled(Path(what)))
    if svg is None:
        _write_mermaid(drawn)
    else:
        _write_svg(drawn, svg)


def _is_file(what: str) -> bool:
    return what.endswith((".yaml", ".yml", ".json")) or "/" in what or Path(what).is_file()


def _compiled(file: Path) -> Flow:
    from starter.language.flow_files import check_files, sources
    from starter.settings import Settings

    (checked,) = check_files(sources([file]), Settings.load().catalogue())
    if checked.what == "email":
        raise CallerError(f"{file} is an e-mail, and no flow to be drawn")
    if checked.found.flow is None:
        raise FlowError("a file with mistakes is not drawn:\n" + "\n".join(checked.lines))
    return checked.found.flow


async def _published(key: str, *, counted: bool) -> tuple[Flow, dict[str, int]]:
    from starter import compose
    from starter.drawing import standing
    from starter.settings import Settings

    async with compose.client(Settings.load()) as client:
        flow = await standing.current(client.pool, client.revisions, key)
        return flow, await standing.counts(client.pool, key) if counted else {}


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
