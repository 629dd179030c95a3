"""What the demo shows while people walk: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from starter.demo.counting import Inside, Place

if TYPE_CHECKING:
    from rich.console import Console, Group

BAR = 24

EVERY = 2.0
"""Seconds between two lines where there is no screen to draw on."""


class Look(NamedTuple):
    """One look at the flow: the day by its clock, the seconds since it began, the steps, and who is inside."""

    day: float
    seconds: float
    places: Sequence[Place]
    inside: Inside


Watch = Callable[[Look], None]


@contextmanager
def watching(console: Console) -> Iterator[Watch]:
    """Show the steps for a block."""
    if not console.is_terminal:
        yield _Teller(console)
        return
    from rich.live import Live

    with Live(console=console, auto_refresh=False) as live:
        yield lambda look: live.update(_bars(look), refresh=True)


class _Teller:
    """Prints a line every few seconds: where people are, and how many have left."""

    def __init__(self, console: Console) -> None:
        self.console, self.due = console, 0.0

    def __call__(self, look: Look) -> None:
        if not look.inside.entered or (look.seconds < self.due and not look.inside.over):
            return
        self.due = look.seconds + EVERY
        here = ", ".join(f"{place.here} in {place.node}" for place in look.places if place.here)
        self.console.print(f"  day {look.day:>4.1f}: {here or 'nobody at a step'}; {look.inside.left}")


def _bars(look: Look) -> Group:
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table

    table = Table("Step", "", "Came", "There now", box=SIMPLE_HEAD)
    people = max(look.inside.entered, 1)
    for place in look.places:
        came = round(BAR * place.came / people)
        here = min(came, max(round(BAR * place.here / people), 1 if place.here else 0))
        bar = f"[green]{'█' * (came - here)}[/][yellow]{'█' * here}[/][dim]{'·' * (BAR - came)}[/]"
        table.add_row(place.node, bar, str(place.came or ""), str(place.here or ""))
    return Group(table, f"  Day {look.day:.1f} of the flow: {look.inside.inside} inside, {look.inside.left}.")
