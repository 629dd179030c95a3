"""Flow files before they are published: `check`, `fmt`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starter.commands.output import Json, as_json, count, told
from starter.commands.progress import Progress

if TYPE_CHECKING:
    from starter.language.flow_files import CheckedFile
    from starter.language.formatting import Given

MISTAKES, WOULD_CHANGE = 2, 1

Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Flow files, or folders of them.")]
Draft = Annotated[bool, typer.Option("--draft", help="Let pieces be missing: placeholders, and fields of known kinds.")]


def check(paths: Paths, *, draft: Draft = False, json: Json = False) -> None:
    """Look for mistakes in flow files; each is told with file, line and column.

    It needs no database; `perdure publish` looks as well whether the properties, lists and flows named are there.

    Exit status: 0 without a mistake (warnings are none), 2 with one.

    Examples:
        perdure check flows/ welcome.yaml
        perdure check flows/ --draft
        perdure check welcome.yaml --json
    """
    from starter.language.flow_files import check_files, counted, find, sources
    from starter.settings import Settings

    catalogue = Settings.load().catalogue()
    given = sources(find(paths))
    with Progress("files", len(given)) as progress:
        files = check_files(given, catalogue, draft=draft, each=progress.at)
    mistakes, missing, warnings = counted(files)
    if json:
        findings_as_json(files)
    else:
        for line in (line for file in files for line in file.lines):
            typer.echo(line)
        notes = [count(missing, "missing piece")] if missing else []
        notes += [count(warnings, "warning")] if warnings else []
        beside = f" ({', '.join(notes)})" if notes else ""
        if mistakes:
            told(f"{count(mistakes, 'mistake')} in {_how_many(files)}{beside}.")
        else:
            typer.echo(f"{what_is_in(files)} without a mistake{beside}.")
    if mistakes:
        raise typer.Exit(MISTAKES)


def what_is_in(files: list[CheckedFile]) -> str:
    """Count in words what files are: flows, e-mails and so on."""
    from starter.language.contents import CONTENTS

    nouns = {"flow": "flow", **{key: kind.noun for key, kind in CONTENTS.items()}}
    found = [(sum(file.what == what for file in files), noun) for what, noun in nouns.items()]
    *but_last, last = [count(n, noun) for n, noun in found if n or (noun == "flow" and not files)]
    return f"{', '.join(but_last)} and {last}" if but_last else last


def _how_many(files: list[CheckedFile]) -> str:
    wrong = sum(bool(file.found.mistakes) for file in files)
    return f"{wrong:,} of {count(len(files), 'file')}" if wrong < len(files) else count(len(files), "file")


def findings_as_json(files: list[CheckedFile]) -> None:
    """Print all that was found in files."""
    as_json({"mistakes": [each for file in files for each in file.as_data]})


def fmt(
    paths: Paths,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit with 1 where something would change.")
    ] = False,
    json: Json = False,
) -> None:
    """Write the ids that steps lack into flow files; all else stays as it is, comments and quotes too.

    An id is made of the step's name, or else of its kind, and numbered where it is taken. It stays the step's for the
    life of the flow: look at them before you publish.

    Exit status: 0 done, 1 something would change (with --check), 2 a file cannot be read.

    Examples:
        perdure fmt flows/ --check
    """
    from starter.language.flow_file import FlowMistakes
    from starter.language.flow_files import find
    from workflows.model.errors import FlowError

    given: list[Given] = []
    refused: list[FlowError] = []
    files = find(paths)
    for file in files:
        try:
            given += _formatted(file, write=not check)
        except FlowError as error:
            refused.append(error)
    if json:
        mistakes = [each for one in refused if isinstance(one, FlowMistakes) for each in one.mistakes]
        as_json({"ids": given, "mistakes": mistakes})
    elif read := len(files) - len(refused):
        _tell(given, read, check=check)
    if refused:
        told("\n".join(map(str, refused)))
        raise typer.Exit(MISTAKES)
    if check and given:
        raise typer.Exit(WOULD_CHANGE)


def _formatted(file: Path, *, write: bool) -> list[Given]:
    from starter.language.flow_file import read_file
    from starter.language.formatting import with_ids
    from starter.language.rewriting import rewrite

    text, given = with_ids(read_file(file), str(file))
    if given and write:
        rewrite(file, text)
    return given


def _tell(given: list[Given], files: int, *, check: bool) -> None:
    for each in given:
        typer.echo(str(each))
    changed = len({each.file for each in given})
    if not given:
        typer.echo(f"{count(files, 'file')} with nothing to do: every step has its id.")
    elif check:
        typer.echo(f"{count(len(given), 'id')} would be written into {count(changed, 'file')}.")
    else:
        typer.echo(f"{count(len(given), 'id')} written into {count(changed, 'file')}.")


COMMANDS: dict[str, Callable[..., None]] = {"check": check, "fmt": fmt}
