"""The embedded PostgreSQL on a quiet day: what a start gives, and what it keeps."""

from __future__ import annotations

import asyncio
import shutil
import stat

import asyncpg
import pytest

from deploy.local.errors import LocalServerError, NoAddressError
from deploy.local.home import Home
from deploy.local.postgres import EmbeddedPostgres

from .conftest import Query, Sandbox

HIDDEN = stat.S_IRWXG | stat.S_IRWXO


async def test_a_start_gives_a_database(postgres: EmbeddedPostgres, query: Query) -> None:
    """After a fresh start the database `perdure` takes queries at the given URL, in UTC."""
    assert await query(postgres.dsn, "SELECT current_database()") == "perdure"
    assert await query(postgres.dsn, "SHOW timezone") == "UTC"


async def test_only_the_password_opens_it(postgres: EmbeddedPostgres, home: Home, query: Query) -> None:
    """A user of the same machine without the password is refused."""
    secret = (home.postgres / "password").read_text()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await query(postgres.dsn.replace(secret, "guess"), "SELECT 1")


def test_the_password_is_private(home: Home) -> None:
    """The file with the password can be read by its owner only, and no copy of it is left."""
    secret = (home.postgres / "password").read_text()
    holders = [file for file in home.path.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]
    assert holders == [home.postgres / "password"]
    assert not stat.S_IMODE(holders[0].stat().st_mode) & HIDDEN


async def test_it_listens_on_loopback_only(postgres: EmbeddedPostgres, query: Query) -> None:
    """Nothing but 127.0.0.1 leads to the server, no Unix socket either."""
    assert await query(postgres.dsn, "SHOW listen_addresses") == "127.0.0.1"
    assert await query(postgres.dsn, "SHOW unix_socket_directories") == ""


def test_it_does_not_run_as_root(postgres: EmbeddedPostgres) -> None:
    """The server's data and process belong to somebody else than root, whoever starts it."""
    assert postgres.data.stat().st_uid != 0
    assert postgres.pid in [int(line) for line in (postgres.data / "postmaster.pid").read_text().splitlines()[:1]]


async def test_a_stop_keeps_all(sandbox: Sandbox, query: Query) -> None:
    """After a stop and a start the rows are there, at the same URL."""
    postgres = sandbox.postgres(sandbox.home())
    before = await postgres.start()
    await query(before, "CREATE TABLE kept AS SELECT 42 AS answer")
    await postgres.stop()
    after = await postgres.start()
    assert after == before
    assert await query(after, "SELECT answer FROM kept") == 42


async def test_a_second_start_changes_nothing(postgres: EmbeddedPostgres) -> None:
    """Starting a running server answers with the running one."""
    first, pid = postgres.dsn, postgres.pid
    assert await postgres.start() == first
    assert postgres.pid == pid


async def test_durability_is_a_choice(sandbox: Sandbox, postgres: EmbeddedPostgres, query: Query) -> None:
    """The server waits for the disk unless a test says that it need not; commits wait for the log in both."""
    durable = await sandbox.postgres(sandbox.home(), durable=True).start()
    for dsn, fsync in ((durable, "on"), (postgres.dsn, "off")):
        assert await query(dsn, "SHOW fsync") == fsync
        assert await query(dsn, "SHOW synchronous_commit") == "on"


async def test_a_long_path(sandbox: Sandbox, query: Query) -> None:
    """A data folder deeper than a Unix socket's name may be long works."""
    home = sandbox.home("/".join(["deep" * 10] * 4))
    assert len(str(home.path)) > 108
    assert await query(await sandbox.postgres(home).start(), "SELECT 1") == 1


async def test_several_folders_at_once(sandbox: Sandbox, query: Query) -> None:
    """Servers of different folders start at the same moment and know nothing of each other."""
    servers = [sandbox.postgres(sandbox.home(name)) for name in ("one", "two", "a folder")]
    urls = await asyncio.gather(*[server.start() for server in servers])
    assert len(set(urls)) == len(servers)
    await query(urls[0], "CREATE TABLE mine ()")
    assert await query(urls[1], "SELECT to_regclass('mine')") is None


async def test_two_starts_of_one_folder(sandbox: Sandbox) -> None:
    """Two that start the same fresh folder at the same moment get the same server."""
    home = sandbox.home()
    first, second = sandbox.postgres(home), sandbox.postgres(home)
    assert len(set(await asyncio.gather(first.start(), second.start()))) == 1
    assert first.pid == second.pid


async def test_a_deleted_folder_starts_fresh(sandbox: Sandbox, query: Query) -> None:
    """Deleting the data folder deletes the data, also where they lie outside of it."""
    home = sandbox.home()
    postgres = sandbox.postgres(home)
    await query(await postgres.start(), "CREATE TABLE old ()")
    await postgres.stop()
    shutil.rmtree(home.path)
    assert await query(await sandbox.postgres(home).start(), "SELECT to_regclass('old')") is None


async def test_destroy_leaves_nothing(sandbox: Sandbox) -> None:
    """A destroyed server leaves no data, inside the folder or outside."""
    home = sandbox.home()
    postgres = sandbox.postgres(home)
    await postgres.start()
    data = postgres.data
    await postgres.destroy()
    assert not data.exists()
    assert not home.postgres.exists()


async def test_another_version_is_refused(sandbox: Sandbox) -> None:
    """Data of another major version is left untouched, and the user is told what to do."""
    postgres = sandbox.postgres(sandbox.home())
    await postgres.start()
    await postgres.stop()
    (postgres.data / "PG_VERSION").write_text("12\n")
    with pytest.raises(LocalServerError, match=r"made by PostgreSQL 12 .* PERDURE_DATABASE_URL"):
        await postgres.start()


async def test_a_lost_password_is_told(sandbox: Sandbox) -> None:
    """Without its password file the cluster cannot be used, and the message names the file."""
    home = sandbox.home()
    postgres = sandbox.postgres(home)
    await postgres.start()
    await postgres.stop()
    (home.postgres / "password").unlink()
    with pytest.raises(LocalServerError, match=str(home.postgres / "password")):
        await postgres.start()


async def test_the_users_environment_stays_out(sandbox: Sandbox, query: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    """PG* and locale variables of the user's shell change nothing."""
    for name, value in {"PGPORT": "1", "PGSSLMODE": "verify-full", "PGDATA": "/nowhere", "LC_ALL": "xx_XX"}.items():
        monkeypatch.setenv(name, value)
    assert await query(await sandbox.postgres(sandbox.home()).start(), "SELECT 1") == 1


def test_no_address_before_the_start(sandbox: Sandbox) -> None:
    """A server that was not started has no URL."""
    with pytest.raises(NoAddressError):
        _ = EmbeddedPostgres(sandbox.home()).dsn
