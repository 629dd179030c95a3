"""How far long work has come, on standard error: a bar on a terminal, a line every few seconds elsewhere.

What takes less than a second shows nothing.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from starter.commands.output import told

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

EVERY = 5.0
"""Seconds between two lines."""

QUICK = 1.0
"""Seconds after which a terminal shows something."""


class Progress:
    """Shows work on so many things of a kind while a block lasts."""

    def __init__(self, things: str, total: int, *, every: float = EVERY) -> None:
        """Show nothing yet: what is quick needs no progress."""
        self.things, self.total, self.every = things, total, every
        self.began = self.last = time.monotonic()
        self.bar: Bar | None = None

    def __enter__(self) -> Self:
        """Begin."""
        self.began = self.last = time.monotonic()
        if sys.stderr.isatty():
            self.bar = _bar()
            self.bar.add_task(self.things, total=self.total)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Clear the bar away."""
        if self.bar:
            self.bar.stop()

    def at(self, done: int) -> None:
        """Show that so many are done."""
        if self.bar:
            if time.monotonic() - self.began >= QUICK:
                self.bar.start()
            self.bar.update(self.bar.task_ids[0], completed=done)
        elif (now := time.monotonic()) - self.last >= self.every:
            self.last = now
            rate = done / max(now - self.began, 0.001)
            told(f"{done:,} of {self.total:,} {self.things}, {rate:,.0f} a second")


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Bar(*columns, console=Console(stderr=True), transient=True)


@contextmanager
def busy(doing: str) -> Iterator[None]:
    """Show on a terminal that something is being done of which nobody knows how far it is."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    status = Console(stderr=True).status(doing)
    later = threading.Timer(QUICK, status.start)
    later.daemon = True
    later.start()
    try:
        yield
    finally:
        later.cancel()
        later.join()
        status.stop()
