"""A real server of the API on loopback, over a database of the test's own, and a caller with a key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest

from starter.api.server import serving
from starter.settings import Settings, variables
from tests.world import World

KEY = "k" * 40
SIGNING_KEY = "s" * 40

Serve = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@dataclass
class Api:
    """The server, a caller of it with a key, and the world behind it."""

    world: World
    caller: httpx.AsyncClient

    async def events(self) -> list[tuple[str, str]]:
        """Give the events in the log, each as its record and type, in order."""
        rows = await self.world.pool.fetch("select record_type, record_id, type from event order by seq")
        return [(f"{row['record_type']}:{row['record_id']}", row["type"]) for row in rows]


@pytest.fixture
def serve(world: World, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Serve the test's world under the settings given, each a variable without its prefix."""
    for name in variables():
        monkeypatch.delenv(name, raising=False)

    @asynccontextmanager
    async def served(key: str | None = KEY, **given: str) -> AsyncIterator[httpx.AsyncClient]:
        standard = {"DATABASE_URL": world.dsn, "API__PORT": "0", "API__KEYS": KEY}
        for name, value in (standard | given).items():
            monkeypatch.setenv(f"PERDURE_{name}", value)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with (
            serving(Settings.load()) as address,
            httpx.AsyncClient(base_url=address, headers=headers, trust_env=False) as caller,
        ):
            yield caller

    return served


@pytest.fixture
async def api(world: World, serve: Serve) -> AsyncIterator[Api]:
    """The API with one key, and links that it signs."""
    async with serve(PUBLIC_URL="https://crm.example.com", SIGNING_KEY=SIGNING_KEY) as caller:
        yield Api(world, caller)
