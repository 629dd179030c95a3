"""The report of a load: a CSV file of the bad rows, each after its line and the reason, to be mended and loaded."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from starter.loading.rows import BadRow
from workflows.model.errors import CallerError

BESIDE = ("line", "reason")
"""Columns before those of the file; `--map line= --map reason=` leaves them out when the report is loaded."""


class Report:
    """Where bad rows are written as they are found."""

    def __init__(self, writer: csv.Writer) -> None:  # type: ignore[name-defined]  # typeshed's own name for it
        """Write through `writer`."""
        self.writer = writer

    def add(self, row: BadRow) -> None:
        """Write one row."""
        self.writer.writerow([row.line, row.reason, *row.cells])


@contextmanager
def report(path: Path, titles: Sequence[str], of: Path) -> Iterator[Report]:
    """Write a report for a block, over one that is there; raise CallerError where it cannot be written."""
    if path.exists() and path.samefile(of):
        raise CallerError(f"--report {path} is the file that is loaded")
    try:
        # What was no UTF-8 goes back as the bytes that it was.
        stream = path.open("w", encoding="utf-8", errors="surrogateescape", newline="")
    except OSError as error:
        raise CallerError(f"--report {path} cannot be written: {error.strerror}") from None
    with stream:
        writer = csv.writer(stream)
        writer.writerow([*BESIDE, *titles])
        yield Report(writer)
