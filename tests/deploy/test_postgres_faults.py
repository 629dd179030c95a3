"""The embedded PostgreSQL on a bad day: killed, frozen, orphaned, lied to by pid files."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest

from deploy.local import processes
from deploy.local.account import of_owner
from deploy.local.errors import StartFailedError
from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres
from tests.until import until

from .conftest import KeepUp, Query, Sandbox


@asynccontextmanager
async def _busy(dsn: str, statement: str) -> AsyncIterator[int]:
    """Run the statement in a connection of its own; give its backend once the server is at it."""
    connection, watch = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    running = asyncio.create_task(connection.execute(statement))
    backend = connection.get_server_pid()

    async def at_it() -> object:
        return await watch.fetchval(
            "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND state = 'active' AND query = $2", backend, statement
        )

    await until(at_it, what="the statement")
    await watch.close()
    yield backend
    with suppress(asyncpg.PostgresError, OSError):
        await asyncio.wait_for(running, 10)
    connection.terminate()


async def test_kill_9_of_the_whole_server(sandbox: Sandbox, query: Query) -> None:
    """A server killed with all its backends comes back with every committed row, on the same port."""
    postgres = sandbox.postgres(sandbox.home())
    before = await postgres.start()
    await query(before, "CREATE TABLE kept AS SELECT 1 AS one")
    postgres.kill9()
    with pytest.raises(ConnectionRefusedError):
        await query(before, "SELECT 1")
    assert await postgres.start() == before
    assert await query(before, "SELECT one FROM kept") == 1


async def test_kill_9_leaves_no_backend(sandbox: Sandbox) -> None:
    """`kill9` ends the backends too, also one in the middle of a statement."""
    postgres = sandbox.postgres(sandbox.home())
    async with _busy(await postgres.start(), "SELECT pg_sleep(60)") as backend:
        postgres.kill9()

        async def gone() -> bool:
            return not processes.is_alive(backend)

        await until(gone, what="the end of the backend")


async def test_kill_9_of_the_postmaster_alone(sandbox: Sandbox, query: Query) -> None:
    """A server whose main process was killed starts again, though its backends leave a little later."""
    postgres = sandbox.postgres(sandbox.home())
    # A backend that computes does not look whether its parent is alive.
    computing = "SELECT count(*) FROM generate_series(1, 5000000)"
    async with _busy(await postgres.start(), computing) as backend:
        assert postgres.pid
        os.kill(postgres.pid, signal.SIGKILL)
        assert await query(await postgres.start(), "SELECT 1") == 1
        assert not processes.is_alive(backend)


async def test_a_pause_and_a_resume(sandbox: Sandbox) -> None:
    """A paused server answers nothing, and after the resume the same connection goes on."""
    postgres = sandbox.postgres(sandbox.home())
    connection = await asyncpg.connect(await postgres.start())
    postgres.pause()
    answer = asyncio.create_task(connection.fetchval("SELECT 7"))
    _, pending = await asyncio.wait([answer], timeout=0.3)
    assert pending
    postgres.resume()
    assert await asyncio.wait_for(answer, 60) == 7
    await connection.close()


async def test_a_stop_of_a_paused_server(sandbox: Sandbox) -> None:
    """A paused server can be stopped."""
    postgres = sandbox.postgres(sandbox.home())
    await postgres.start()
    pid = postgres.pid
    postgres.pause()
    await postgres.stop()
    assert pid
    assert not processes.is_alive(pid)


async def test_an_immediate_stop(sandbox: Sandbox, query: Query) -> None:
    """An immediate stop is a crash: no committed row is lost."""
    postgres = sandbox.postgres(sandbox.home())
    dsn = await postgres.start()
    await query(dsn, "CREATE TABLE kept AS SELECT 1 AS one")
    await postgres.stop("immediate")
    assert await query(await postgres.start(), "SELECT one FROM kept") == 1


async def test_the_server_of_a_killed_parent_is_taken_over(sandbox: Sandbox, keep_up: KeepUp, query: Query) -> None:
    """After `kill -9` of the process that started it the server is found, used, and ended by the next one."""
    home = sandbox.home()
    keeper = await keep_up(home)
    await query(keeper.addresses.dsn, "CREATE TABLE kept AS SELECT 1 AS one")
    await keeper.kill9()
    postgres = sandbox.postgres(home)
    assert await postgres.start() == keeper.addresses.dsn
    assert await query(postgres.dsn, "SELECT one FROM kept") == 1
    pid = postgres.pid
    await postgres.stop()
    assert pid
    assert not processes.is_alive(pid)


async def test_a_paused_orphan_is_woken(sandbox: Sandbox, keep_up: KeepUp, query: Query) -> None:
    """A server that was frozen when its parent died is resumed by the next start."""
    home = sandbox.home()
    keeper = await keep_up(home)
    await keeper.kill9()
    orphan = sandbox.postgres(home)
    (pid,) = [int(line) for line in (orphan.data / "postmaster.pid").read_text().splitlines()[:1]]
    os.kill(pid, signal.SIGSTOP)
    assert await query(await orphan.start(), "SELECT 1") == 1
    assert orphan.pid == pid


async def test_stop_ends_what_another_process_left(sandbox: Sandbox, keep_up: KeepUp) -> None:
    """`stop` without a start ends the server of a killed parent."""
    home = sandbox.home()
    keeper = await keep_up(home)
    await keeper.kill9()
    postgres = sandbox.postgres(home)
    pid = int((postgres.data / "postmaster.pid").read_text().splitlines()[0])
    await postgres.stop()
    assert not processes.is_alive(pid)


async def _claim(postgres: EmbeddedPostgres, pid: int) -> None:
    """Stop the server and leave a pid file that names `pid`, as a reboot would."""
    await postgres.start()
    text = (postgres.data / "postmaster.pid").read_text()
    await postgres.stop()
    (postgres.data / "postmaster.pid").write_text("\n".join([str(pid), *text.splitlines()[1:]]) + "\n")


async def test_a_pid_file_of_a_dead_process(sandbox: Sandbox, query: Query) -> None:
    """A pid file whose process is gone does not keep the server from starting."""
    postgres = sandbox.postgres(sandbox.home())
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    await _claim(postgres, ended.pid)
    assert await query(await postgres.start(), "SELECT 1") == 1


async def test_a_pid_file_of_a_foreign_process(sandbox: Sandbox, query: Query) -> None:
    """A pid that belongs to another program by now is neither believed nor touched."""
    postgres = sandbox.postgres(sandbox.home())
    await postgres.start()
    account = of_owner(postgres.data)
    with subprocess.Popen(
        ["sleep", "60"], cwd="/", user=account.uid, group=account.gid, extra_groups=account.extra_groups
    ) as foreign:
        await _claim(postgres, foreign.pid)
        assert await query(await postgres.start(), "SELECT 1") == 1
        await postgres.stop()
        assert foreign.poll() is None
        foreign.kill()


async def test_a_start_killed_inside_initdb(sandbox: Sandbox, query: Query) -> None:
    """What a start left that was killed while it made the cluster is cleared away."""
    home = sandbox.home()
    home.prepare()
    (home.postgres / "new-half").mkdir()
    (home.postgres / "new-half" / "PG_VERSION").write_text("18\n")
    (home.postgres / "new-half.password").write_text("left")
    postgres = sandbox.postgres(home)
    assert await query(await postgres.start(), "SELECT 1") == 1
    if postgres.data.is_relative_to(home.path):
        assert sorted(home.postgres.glob("new-*")) == []


class LatePorts(Ports):
    """Ports on which another program starts to listen between the choice and the start, each time up to `losses`."""

    def __init__(self, sandbox: Sandbox, losses: int) -> None:
        """Lose the race for the first `losses` ports."""
        super().__init__(sandbox.home(), sandbox.said.append, {})
        self.losses = losses
        self.strangers: list[socket.socket] = []

    def take(self, name: str) -> int:
        """Return a port that is no longer free."""
        return self._lose(super().take(name))

    def move(self, name: str) -> int:
        """Return another, which may be lost as well."""
        return self._lose(super().move(name))

    def _lose(self, port: int) -> int:
        if len(self.strangers) < self.losses:
            stranger = socket.socket()
            stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            stranger.bind(("127.0.0.1", port))
            stranger.listen()
            self.strangers.append(stranger)
        return port


async def test_a_port_lost_during_the_start(sandbox: Sandbox, query: Query) -> None:
    """A port that is taken between the choice and the start is told and replaced."""
    ports = LatePorts(sandbox, losses=2)
    postgres = sandbox.kept(EmbeddedPostgres(sandbox.homes[0], ports, sandbox.said.append, durable=False))
    dsn = await postgres.start()
    assert await query(dsn, "SELECT 1") == 1
    assert sum("(postgres) is taken by another program" in line for line in sandbox.said) == len(ports.strangers)
    for stranger in ports.strangers:
        stranger.close()


async def test_a_failed_start_quotes_the_log(sandbox: Sandbox) -> None:
    """A server that cannot start says why, in the last lines of its log."""
    postgres = sandbox.postgres(sandbox.home())
    await postgres.start()
    await postgres.stop()
    with (postgres.data / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")
    with pytest.raises(StartFailedError, match="no_such_setting"):
        await postgres.start()
