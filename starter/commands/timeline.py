"""A timeline, drawn with letters: a mark for each thing that happened, its time before it and its words behind it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import typer

from starter.commands.output import colours, instant, zone

_PLAIN = str.maketrans({"●": "*", "◆": "<", "◷": "z", "✗": "x", "○": "o", "■": "#", "▶": ">", "│": "|", "┊": ":"})
_DATE = len("2026-01-31 ")
_CLOCK = len("12:00:00")


class Mark(NamedTuple):
    """A sign on the line, and its colour on a terminal."""

    sign: str
    colour: str | None = None


DONE, DECIDED, RESTED = Mark("●", "green"), Mark("◆", "cyan"), Mark("◷", "blue")
SKIPPED, FAILED, UNKNOWN = Mark("-", "yellow"), Mark("✗", "red"), Mark("?", "yellow")
ENTERED, ENDED, HERE = Mark("○"), Mark("■"), Mark("▶", "magenta")
ON, OFF = Mark("│"), Mark("┊")

_DECIDING = frozenset({"branch", "branch_on_value", "split"})
_RESTING = frozenset({"delay", "delay_until", "wait_for_event"})
_BY_OUTCOME = {"skipped": SKIPPED, "failed": FAILED, "unknown": UNKNOWN}


def mark_of(kind: str, outcome: str | None, *, rested: bool = False) -> Mark:
    """Give the mark of a visit to a step of a kind."""
    if outcome in _BY_OUTCOME:
        return _BY_OUTCOME[outcome]
    if kind in _DECIDING:
        return DECIDED
    return RESTED if rested or kind in _RESTING else DONE


def decides(kind: str) -> bool:
    """Tell whether a step of this kind takes one of several ways."""
    return kind in _DECIDING


@dataclass(frozen=True)
class Row:
    """One line of the drawing: when, the mark, and what is said, in columns or in one that takes the whole line."""

    at: datetime | None
    mark: Mark
    said: Sequence[str]


class Timeline:
    """Prints rows, with a line for each new day; in ASCII where the output takes nothing else."""

    def __init__(self) -> None:
        """Begin at the top."""
        self.day = ""

    def write(self, rows: Sequence[Row]) -> None:
        """Print rows under those that were printed before."""
        for line in self.lines(rows):
            typer.echo(line if _takes(line) else line.translate(_PLAIN))

    def lines(self, rows: Sequence[Row]) -> Iterator[str]:
        """Give the lines of rows, their columns one below the other."""
        table = [row.said for row in rows if len(row.said) > 1]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)][:-1]
        for row in rows:
            clock = instant(row.at)
            if row.at is not None and clock[:_DATE] != self.day:
                self.day = clock[:_DATE]
                yield f"{self.day}{zone(row.at)}"
            *columns, last = row.said
            told = "  ".join([*(f"{text:<{width}}" for text, width in zip(columns, widths, strict=False)), last])
            yield f"  {clock[_DATE:]:<{_CLOCK}}  {_painted(row.mark)}  {told}".rstrip()


def _painted(mark: Mark) -> str:
    return typer.style(mark.sign, fg=mark.colour) if mark.colour and colours() else mark.sign


def _takes(line: str) -> bool:
    try:
        line.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
