"""Where a data folder's cluster lies: inside it, or outside where the server's account cannot reach the inside."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from pathlib import Path

from deploy.local.account import Account
from deploy.local.errors import LocalServerError
from deploy.local.files import write_whole
from deploy.local.home import PASSABLE, Home
from deploy.local.say import Say

STATE = Path("/var/lib/perdure")
TEMPORARY = Path("/var/tmp")  # noqa: S108 - only where /var/lib cannot be written; the folder's owner is checked


def current(home: Home) -> Path:
    """Return the folder that holds, or would hold, the cluster, without creating anything."""
    try:
        return Path(_memory(home).read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return home.postgres


def choose(home: Home, account: Account, say: Say) -> Path:
    """Return the folder to make the cluster in, created and remembered.

    Only root ever needs one outside: it runs the server as `nobody`, who may not enter a private home.

    Raises:
        LocalServerError: no folder outside can be used, or the cluster inside can no longer be reached.
    """
    place = current(home)
    if place != home.postgres and place.is_dir():
        return place
    if account.can_enter(home.postgres):
        _memory(home).unlink(missing_ok=True)
        return home.postgres
    if (home.postgres / "data").exists():
        message = f"PostgreSQL's account can no longer enter {home.postgres}: a folder above it was made private."
        raise LocalServerError(message)
    place = _outside(home)
    write_whole(_memory(home), f"{place}\n")
    say(f"PostgreSQL's account cannot enter {home.postgres}; its data is in {place}.")
    return place


def remove(home: Home) -> None:
    """Delete the cluster, wherever it lies, with its password and the memory of its place."""
    place = current(home)
    if place != home.postgres:
        shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(home.postgres, ignore_errors=True)


def _memory(home: Home) -> Path:
    return home.postgres / "place"


def _outside(home: Home) -> Path:
    name = hashlib.sha256(str(home.path).encode()).hexdigest()[:16]
    try:
        STATE.mkdir(mode=0o755, exist_ok=True)
        return _private(STATE / name)
    except OSError:
        return _private(TEMPORARY / f"perdure-{name}")


def _private(place: Path) -> Path:
    if place.exists() or place.is_symlink():
        found = place.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            message = f"{place} belongs to another user; remove it, or name another folder in PERDURE_HOME."
            raise LocalServerError(message)
        # A data folder that was deleted and made anew: its password went with it, and fresh means fresh.
        shutil.rmtree(place)
    place.mkdir()
    place.chmod(PASSABLE)
    return place
