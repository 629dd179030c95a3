"""What commands print: sentences for people, JSON for programs, and the option that chooses."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
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


def colours() -> bool:
    """Tell whether standard output shows colours: a terminal does, unless NO_COLOR says otherwise."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def instant(when: datetime | None) -> str:
    """Write an instant as the wall clock of this machine shows it, to the second; nothing for None."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M:%S") if when else ""


def zone(when: datetime) -> str:
    """Name the zone of this machine's wall clock."""
    return when.astimezone().tzname() or "local"


_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def span(length: timedelta) -> str:
    """Write how long something took, by its two largest units: `2 days 3 hours`, `12 seconds`."""
    left = max(0, round(length.total_seconds()))
    words: list[str] = []
    for unit, seconds in _UNITS:
        number, left = divmod(left, seconds)
        if number or words:
            words.append(count(number, unit) if number else "")
        if len(words) == 2:  # noqa: PLR2004 - the two largest
            break
    return " ".join(filter(None, words)) or "0 seconds"
