"""Whose name a server runs under: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import UnsupportedError


@dataclass(frozen=True)
class Account:
    """A user and group to run a server as; the ones of this process where they are None."""

    uid: int | None = None
    gid: int | None = None

    @property
    def extra_groups(self) -> list[int] | None:
        """No other groups than the account's own: root's must not be handed on."""
        return None if self.uid is None else []

    def own(self, path: Path) -> None:
        """Make the account the owner of this one path, nothing above or below it."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def run(self, command: Sequence[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
        """Run a short command as this account and return what it said.

        Raises:
            OSError: the command is not there, or the account may not execute it.
        """
        return subprocess.run(
            command,
            cwd=folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            user=self.uid,
            group=self.gid,
            extra_groups=self.extra_groups,
        )

    def can_enter(self, folder: Path) -> bool:
        """Tell whether the account may pass through the folder and everything above it."""
        return self.run(["test", "-x", folder], Path("/")).returncode == 0


SELF = Account()


def of_owner(path: Path) -> Account:
    """Return the account of the path's owner: the one who may run a server on data that is there already."""
    owner = path.stat()
    return SELF if owner.st_uid == os.geteuid() else Account(owner.st_uid, owner.st_gid)


def for_postgres() -> Account:
    """Return the account for a new cluster: this process's user, or `nobody` where that is root.

    Raises:
        UnsupportedError: this process is root and the system has no user `nobody`.
    """
    if os.geteuid() != 0:
        return SELF
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        message = (
            "PostgreSQL refuses to run as root and this system has no user `nobody` to run it as; "
            "run as another user, or set PERDURE_DATABASE_URL to a PostgreSQL of your own."
        )
        raise UnsupportedError(message) from None
    return Account(nobody.pw_uid, nobody.pw_gid)
