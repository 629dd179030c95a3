"""The data folder: everything the embedded stack keeps, in one place that can be deleted as a whole."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

# A server run by root works as `nobody`, who must be able to pass through the folder, not to list it.
PASSABLE = 0o711
PRIVATE = 0o700


@dataclass(frozen=True)
class Home:
    """The layout of one data folder. Two folders are two independent stacks on the same machine."""

    path: Path

    def resolved(self) -> Home:
        """Return the same folder under its absolute name without symbolic links."""
        return Home(self.path.resolve())

    @property
    def postgres(self) -> Path:
        """The PostgreSQL cluster, its password and its locks."""
        return self.path / "postgres"

    @property
    def temporal(self) -> Path:
        """The Temporal dev server's SQLite file."""
        return self.path / "temporal"

    @property
    def logs(self) -> Path:
        """What the servers wrote, one file each."""
        return self.path / "logs"

    @property
    def ports(self) -> Path:
        """The remembered ports."""
        return self.path / "ports.json"

    @property
    def lock(self) -> Path:
        """The file that the running `up` holds locked for its whole life."""
        return self.path / "up.lock"

    @property
    def addresses(self) -> Path:
        """Where the running stack answers; there only while all of it is up."""
        return self.path / "up.json"

    def prepare(self) -> None:
        """Create the folders that are missing; existing ones keep their permissions."""
        through = PASSABLE if os.geteuid() == 0 else PRIVATE
        if not self.path.exists():
            self.path.mkdir(parents=True)
            self.path.chmod(through)
            # The folder holds a password and megabytes of data: it must not end up in the user's repository.
            (self.path / ".gitignore").write_text("*\n")
        for folder, mode in ((self.postgres, through), (self.temporal, PRIVATE), (self.logs, PRIVATE)):
            if not folder.exists():
                folder.mkdir(exist_ok=True)
                folder.chmod(mode)
