from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from uuid import UUID

from rich.console import Console

from starter.commands.output import print_table
from starter.commands.path import heading
from starter.inspection import Summary
from workflows.model.records import RecordRef

NARROW, BROAD = 80, 160
TITLES = ("Flow", "Record", "State", "At", "Until", "Entered", "Enrollment")
ROW = (
    *("demo-request", "contact:101", "completed", "mark-quiet", "", "2026-11-24 00:15:11"),
    "9134fc56-e368-48f4-871c-7962232da5d6",
)


def printed(width: int) -> list[str]:
    """Print the table on a terminal of this width."""
    console = Console(file=StringIO(), width=width, force_terminal=True, color_system=None, highlight=False)
    print_table(console, TITLES, [ROW], last="Enrollment")
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


def test_a_narrow_terminal_shows_a_row_on_a_line() -> None:
    """Where there is no room for it the last column is left out, and nothing is folded."""
    lines = [line for line in printed(NARROW) if "contact" in line]
    assert [line.split() for line in lines] == [
        ["demo-request", "contact:101", "completed", "mark-quiet", "2026-11-24", "00:15:11"]
    ]


def test_a_broad_terminal_shows_every_column() -> None:
    """Where there is room, the last column is there."""
    assert any(ROW[-1] in line for line in printed(BROAD))


def test_a_record_held_by_a_pause_waits_for_no_operator() -> None:
    """A paused record is said to be paused, with the command that ends it."""
    when = datetime(2026, 1, 1, tzinfo=UTC)
    summary = Summary(
        enrollment=UUID(int=1),
        flow="demo-request",
        record=RecordRef.parse("contact:101"),
        key="",
        revision=1,
        standing="held",
        paused=True,
        node="mark-quiet",
        until=None,
        accepted_at=when,
        closed_at=None,
        ending=None,
        cause="cli",
    )
    assert heading(summary)[1] == "Now: held in 'mark-quiet'. It is paused; `perdure resume demo-request` ends that."
