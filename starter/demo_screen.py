"""What `perdure demo` shows: where everybody is while they walk, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import asyncpg

from starter.commands.path import outcome
from starter.inspection import by_id, path
from workflows.model.flow import Flow

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

BAR = 24

_SUMS = """
select count(*) as people,
       count(*) filter (where e.ending = 'completed') as completed,
       count(*) filter (where exists (select from visit v where v.enrollment = e.id and v.kind = 'send_email'
                                         and v.answer->>'line' = 'sent')) as mailed,
       count(*) filter (where r.properties->>'lead_status' = 'interested') as interested,
       count(*) filter (where r.properties->>'lead_status' = 'quiet') as quiet
  from enrollment e join record r on r.type = e.type and r.id = e.record where e.id = any ($1)
"""


class Place(NamedTuple):
    """A step of the flow: how many came to it, and how many are there now."""

    node: str
    came: int = 0
    here: int = 0

    def __str__(self) -> str:
        return f"{self.node} {self.came}" + (f" ({self.here} there)" if self.here else "")


Watch = Callable[[list[Place]], None]


@contextmanager
def watching(console: Console, people: int) -> Iterator[Watch]:
    """Show the steps for a block: as bars on a terminal, else a line whenever something has changed."""
    if not console.is_terminal:
        yield _Teller(console)
        return
    from rich.live import Live

    with Live(console=console, auto_refresh=False) as live:
        yield lambda places: live.update(_bars(places, people), refresh=True)


class _Teller:
    """Prints the steps that somebody has come to, when it is not what was printed last."""

    def __init__(self, console: Console) -> None:
        self.console, self.told = console, ""

    def __call__(self, places: list[Place]) -> None:
        line = ", ".join(str(place) for place in places if place.came)
        if line != self.told:
            self.told = line
            self.console.print(f"  {line}")


def _bars(places: Sequence[Place], people: int) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table("Step", "", "Came", "There now", box=SIMPLE_HEAD)
    for place in places:
        came = round(BAR * place.came / people)
        here = round(BAR * place.here / people)
        bar = f"[green]{'█' * (came - here)}[/][yellow]{'█' * here}[/][dim]{'·' * (BAR - came)}[/]"
        table.add_row(place.node, bar, str(place.came), str(place.here or ""))
    return table


async def report(pool: asyncpg.Pool[Any], flow: Flow, ids: Sequence[UUID], mails: Path, console: Console) -> None:
    """Say in words what became of everybody, as the database has it, and show the path of one."""
    sums = await pool.fetchrow(_SUMS, ids)
    if sums is None:
        return
    console.print(f"\n{sums['people']} people entered {flow.name!r}, {sums['completed']} walked it to its end.")
    console.print(f"  {sums['mailed']} were sent an e-mail. Nothing left this machine: the e-mails are in {mails}")
    console.print(
        f"  {sums['interested']} opened it in time and are marked interested, {sums['quiet']} did not: quiet."
    )
    first = await by_id(pool, ids[0])
    console.print(f"\nThe path of {first.record}, each step decided and done once:")
    for visit in await path(pool, first.enrollment):
        console.print(f"  {visit.visit:>2}  {visit.node:<16} {visit.kind:<16} {outcome(visit)}")
