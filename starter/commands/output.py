"""What commands print: sentences for people, JSON for programs, and the option that chooses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 1_000

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def as_json(value: object) -> None:
    """Print a value, which may hold dataclasses, ids and times, as JSON."""
    from pydantic_core import to_json

    typer.echo(to_json(value, indent=2).decode())


def as_table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, last: str = "") -> None:
    """Print a table: each row on one line for a pipe, within its width for a terminal.

    Where a terminal is too narrow, the column `last` is left out; it is the one that programs want.
    """
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDE)
    print_table(console, titles, list(rows), last=last)


def print_table(console: Console, titles: Sequence[str], rows: Sequence[Sequence[str]], *, last: str = "") -> None:
    """Print a table on a console, as `as_table` does."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Column, Table
    from rich.text import Text

    def table(shown: Sequence[int]) -> Table:
        made = Table(*(Column(titles[n], overflow="fold") for n in shown), box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for row in rows:
            made.add_row(*(Text(row[n]) for n in shown))
        return made

    columns = range(len(titles))
    whole = table(columns)
    if console.measure(whole, options=console.options.update(width=WIDE)).maximum <= console.width:
        console.print(whole)
    else:
        console.print(table([n for n in columns if titles[n] != last]))


def told(line: str) -> None:
    """Tell something beside the data, on standard error."""
    typer.echo(line, err=True)


def count(number: int, noun: str) -> str:
    """Write a number of things: `1 record`, `2 records`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
