"""A server's log: appended to over the starts, kept from growing without end, quoted when a start fails."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

LARGEST = 8 * 2**20


class LogFile:
    """One server's log file; remembers where the present start begins."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._start = path.stat().st_size if path.exists() else 0

    def open(self) -> BinaryIO:
        """Open the file for the server to append to; a file over 8 MiB is set aside first."""
        if self.path.exists() and self.path.stat().st_size > LARGEST:
            self.path.replace(self.path.with_name(f"{self.path.name}.1"))
        stream = self.path.open("ab")
        self._start = stream.tell()
        return stream

    def text(self) -> str:
        """Return what the server wrote since it was started."""
        try:
            with self.path.open("rb") as stream:
                stream.seek(self._start)
                return stream.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def quoted(self, message: str, lines: int = 12) -> str:
        """Return the message with the last lines that the server wrote since it was started."""
        last = self.text().splitlines()[-lines:]
        return "\n".join([f"{message} The end of {self.path}:", *last]) if last else message
