"""Who sits at this machine: the name under which edits by hand are kept."""

from __future__ import annotations

from getpass import getuser


def who() -> str:
    """Name the user of this machine, and that the command line did it."""
    try:
        return f"{getuser()} (cli)"
    except (KeyError, OSError):  # a container's user may have no name
        return "cli"
