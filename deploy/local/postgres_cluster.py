"""Making a database cluster: `initdb` into a draft that becomes the cluster only when it is whole."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from pathlib import Path

from deploy.local.account import SELF, Account, of_owner
from deploy.local.errors import LocalServerError
from deploy.local.files import write_whole
from deploy.local.postgres_binaries import WAY_OUT, major_version

ROLE = "perdure"
DRAFT = "new-"


def make(programs: Path, place: Path, account: Account, password_file: Path, *, durable: bool) -> None:
    """Make `place/data` with a fresh password, which is left in `password_file` for its owner only.

    Raises:
        LocalServerError: `initdb` failed; the message has its last words.
    """
    _clear_drafts(place)
    password = secrets.token_hex(16)
    write_whole(password_file, password)
    draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=place))
    account.own(draft)
    loan = draft.with_name(f"{draft.name}.password")
    try:
        # The account cannot read our own file, so it gets a copy for as long as initdb runs.
        write_whole(loan, password)
        account.own(loan)
        _initdb(programs, draft, account, loan, durable=durable)
        draft.rename(place / "data")
    finally:
        loan.unlink(missing_ok=True)
        shutil.rmtree(draft, ignore_errors=True)


def owner(data: Path) -> Account:
    """Return the account that must run the server on this cluster.

    Raises:
        LocalServerError: the cluster belongs to another user, or was made by another major version.
    """
    account = of_owner(data)
    if account != SELF and os.geteuid() != 0:
        message = f"{data} belongs to another user (uid {account.uid}); run as that user or as root, or delete it."
        raise LocalServerError(message)
    made_by = (data / "PG_VERSION").read_text().strip()
    if made_by != major_version():
        message = (
            f"{data} was made by PostgreSQL {made_by} and this is {major_version()}: "
            f"dump it with the old one, or delete it to start anew. {WAY_OUT}"
        )
        raise LocalServerError(message)
    return account


def password(password_file: Path) -> str:
    """Return the cluster's password.

    Raises:
        LocalServerError: the file is missing or may not be read.
    """
    try:
        return password_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        message = (
            f"The embedded PostgreSQL's password cannot be read from {password_file} ({error.strerror}): "
            "put the file back, or delete the data folder to start anew."
        )
        raise LocalServerError(message) from None


def _initdb(programs: Path, draft: Path, account: Account, loan: Path, *, durable: bool) -> None:
    command: list[str | Path] = [programs / "initdb", "-D", draft, "-U", ROLE, "-A", "scram-sha-256"]
    command += ["--pwfile", loan, "-E", "UTF8", "--locale=C", "--no-instructions"]
    answer = account.run(command if durable else [*command, "--no-sync"], draft)
    if answer.returncode != 0:
        last = "\n".join((answer.stdout + answer.stderr).splitlines()[-8:])
        message = f"initdb could not make a database cluster in {draft.parent}:\n{last}"
        raise LocalServerError(message)


def _clear_drafts(place: Path) -> None:
    """Remove what a start left that was killed inside `initdb`."""
    for left in place.glob(f"{DRAFT}*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
