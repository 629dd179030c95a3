"""The database's schema: numbered SQL files, each applied once, in order, by whoever comes first.

A file runs in one transaction with the row that says it ran. A file whose first line is `-- no-transaction` runs
outside of one (for `create index concurrently`): it holds one statement, which must bear being run twice.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg

import deploy
from workflows.model.errors import CallerError, EngineError

FOLDER = Path(deploy.__file__).parent / "schema"
LOCK = 0x5045524455524500
"""Key of the advisory lock that one migrator holds: "PERDURE" in ASCII."""

LOOKS = "`perdure doctor` looks."
"""Where to go on from when a service does not answer."""

CONNECT_WITHIN = 10.0
"""Seconds to wait for the database before saying that it is away."""

NO_TRANSACTION = "-- no-transaction"
_NAME = re.compile(r"(\d{3})_[a-z0-9_]+\.sql")
_TABLE = """
create table if not exists schema_version (
  version    integer primary key,
  sha256     text not null,
  applied_at timestamptz not null default clock_timestamp()
)
"""


class SchemaError(CallerError):
    """The numbered files and the database do not fit together; the message names the file and the way out."""


@dataclass(frozen=True)
class Migration:
    """One numbered file."""

    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """The hash by which an edit is noticed."""
        return sha256(self.sql.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        """Whether the file runs in a transaction."""
        return not self.sql.startswith(NO_TRANSACTION)


@dataclass(frozen=True)
class Standing:
    """Where a database stands: the version it is at, and the files still to be applied."""

    version: int
    pending: tuple[Migration, ...]


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """Read the numbered files; raise SchemaError for a name without a number, a gap or a number used twice."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        if not (match := _NAME.fullmatch(path.name)):
            message = f"{path}: a schema file is called NNN_what_it_does.sql, as 003_lists.sql; rename it."
            raise SchemaError(message)
        # A checkout with other line endings is no edit.
        found.append(Migration(int(match[1]), path.name, path.read_bytes().decode().replace("\r\n", "\n")))
    for expected, migration in enumerate(found, 1):
        if migration.version != expected:
            message = f"{folder / migration.name}: number {expected:03} comes next; number the files without a gap."
            raise SchemaError(message)
    return found


def _silent(_line: str) -> None:
    return


async def migrate(dsn: str, folder: Path = FOLDER, say: Callable[[str], None] = _silent) -> list[Migration]:
    """Apply what is still to be applied, and return it. Several may do so at once; the others wait for the first.

    Use a direct URL: the lock does not hold behind a pool that shares sessions between transactions.

    Raises:
        SchemaError: a file that was applied has been edited, or the files are not numbered one by one.
        EngineError: the database is away, or a file failed; nothing of that file was kept.
    """
    files = migrations(folder)
    async with _session(dsn) as session:
        if not await session.fetchval("select pg_try_advisory_lock($1)", LOCK):
            say("another migration is at work; waiting for it")
            await session.execute("select pg_advisory_lock($1)", LOCK)
        await session.execute(_TABLE)
        pending = _pending(files, await _applied(session))
        for migration in pending:
            say(f"applying {migration.name}")
            await _apply(session, migration)
    return pending


async def standing(dsn: str, folder: Path = FOLDER) -> Standing:
    """Tell where the database stands, and change nothing. Raises as `migrate` does."""
    files = migrations(folder)
    async with _session(dsn) as session:
        begun = await session.fetchval("select to_regclass('schema_version') is not null")
        applied = await _applied(session) if begun else {}
    return Standing(len(applied), tuple(_pending(files, applied)))


def place(dsn: str) -> str:
    """Name the database of a URL without its user and password."""
    return dsn.partition("://")[2].rpartition("@")[2].partition("?")[0] or "the database"


@asynccontextmanager
async def _session(dsn: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    try:
        session = await asyncpg.connect(
            dsn, timeout=CONNECT_WITHIN, server_settings={"application_name": "perdure migrate"}
        )
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise unreachable(dsn, error) from None
    try:
        yield session
    finally:
        await session.close()  # which gives the lock back


def unreachable(dsn: str, error: Exception) -> EngineError | CallerError:
    """Word an error of connecting: the caller's when the database refused them, ours when it does not answer."""
    told = str(error) or type(error).__name__
    if isinstance(error, asyncpg.PostgresError) and not isinstance(error, asyncpg.CannotConnectNowError):
        return CallerError(f"PostgreSQL at {place(dsn)} refused the connection: {told}. Check PERDURE_DATABASE_URL.")
    if isinstance(error, ValueError | asyncpg.InterfaceError) and not isinstance(error, OSError):
        return CallerError(f"PERDURE_DATABASE_URL cannot be used: {told}.")
    return EngineError(f"PostgreSQL at {place(dsn)} does not answer ({told}). Is it up? {LOOKS}")


async def _applied(session: asyncpg.Connection[Any]) -> dict[int, str]:
    rows = await session.fetch("select version, sha256 from schema_version order by version")
    return {row["version"]: row["sha256"] for row in rows}


def _pending(files: Sequence[Migration], applied: dict[int, str]) -> list[Migration]:
    if (newest := max(applied, default=0)) > len(files):
        message = f"The database is at version {newest}, this release knows {len(files)}: use the newer release."
        raise SchemaError(message)
    for migration in files:
        if applied.get(migration.version, migration.sha256) != migration.sha256:
            message = (
                f"{migration.name} has been edited since it was applied to this database. "
                f"Put it back as it was, and make the change in a new file {len(files) + 1:03}_....sql."
            )
            raise SchemaError(message)
        if migration.version < newest and migration.version not in applied:
            message = f"schema_version lacks {migration.version} but has {newest}: its rows were changed by hand."
            raise SchemaError(message)
    return [migration for migration in files if migration.version not in applied]


async def _apply(session: asyncpg.Connection[Any], migration: Migration) -> None:
    try:
        if migration.in_transaction:
            async with session.transaction():
                # asyncpg stumbles over a script of comments alone: there is always a statement, which does nothing.
                await session.execute(f"{migration.sql}\n; select")
                await _remember(session, migration)
        else:
            await session.execute(migration.sql)
            await _remember(session, migration)
    except asyncpg.PostgresError as error:
        kept = (
            "nothing of it was kept" if migration.in_transaction else "it ran outside a transaction: look what it left"
        )
        message = f"{migration.name} failed: {error}; {kept}."
        raise EngineError(message) from error


async def _remember(session: asyncpg.Connection[Any], migration: Migration) -> None:
    await session.execute(
        "insert into schema_version (version, sha256) values ($1, $2)", migration.version, migration.sha256
    )
