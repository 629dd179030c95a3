"""`perdure serve` as a process, and its start and end."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import httpx
import pytest

from starter.api.server import serving
from starter.settings import Settings
from tests.until import until
from tests.world import World
from workflows.model.errors import CallerError

ROOT = Path(__file__).parents[3]
EVENT = {"id": "1", "type": "paid", "record": "contact:1"}


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


async def test_the_command_serves_until_it_is_told_to_stop(world: World, tmp_path: Path) -> None:
    """`perdure serve` says where it is ready, answers, and ends at SIGTERM with status 0."""
    port = free_port()
    environment = {"PERDURE_DATABASE_URL": world.dsn, "PERDURE_API__PORT": str(port), "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "starter", "serve"],
        cwd=tmp_path,
        env=environment,
        stderr=asyncio.subprocess.PIPE,
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as caller:

        async def is_ready() -> bool:
            try:
                return (await caller.get("/readyz")).status_code == 200
            except httpx.TransportError:
                return False

        await until(is_ready, within=20, what="the API")
    process.terminate()
    _, told = await process.communicate()
    assert process.returncode == 0
    assert f"INFO the API is ready at http://127.0.0.1:{port}" in told.decode()
    assert "GET /readyz 200" in told.decode()


async def test_what_is_under_way_is_answered_before_the_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is told to stop takes no more, and answers what it has taken."""
    await world.record("contact:1")
    monkeypatch.setenv("PERDURE_DATABASE_URL", world.dsn)
    monkeypatch.setenv("PERDURE_API__PORT", "0")
    async with world.pool.acquire() as connection, httpx.AsyncClient(trust_env=False) as caller:
        async with serving(Settings.load()) as address:
            held = connection.transaction()
            await held.start()
            await connection.execute("lock table event")
            posted = asyncio.create_task(caller.post(f"{address}/v1/events", json=EVENT))
            await until(lambda: _waits(world), within=10, what="the request in the database")
            asyncio.get_running_loop().call_later(0.3, lambda: asyncio.ensure_future(held.commit()))
        assert (await posted).status_code == 201
        with pytest.raises(httpx.TransportError):
            await caller.get(f"{address}/healthz")


async def _waits(world: World) -> bool:
    waiting = "select exists (select from pg_locks where not granted and relation = 'event'::regclass)"
    return bool(await world.pool.fetchval(waiting))


async def test_a_port_that_is_taken_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user is told which setting to change."""
    monkeypatch.setenv("PERDURE_DATABASE_URL", world.dsn)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("PERDURE_API__PORT", str(taken.getsockname()[1]))
        with pytest.raises(CallerError, match=r"cannot be listened on .* Set another PERDURE_API__PORT"):
            async with serving(Settings.load()):
                pass
