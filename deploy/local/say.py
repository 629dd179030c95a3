"""How the launcher tells the user one line; a caller may pass a function of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable

Say = Callable[[str], None]


def to_stderr(line: str) -> None:
    """Write the line to standard error, where it does not mix with a command's output."""
    sys.stderr.write(f"{line}\n")
