"""The servers that tests share, and one fresh world a test."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from deploy.local.addresses import Addresses
from deploy.local.home import Home
from deploy.local.stack import Stack
from tests.world import World

# A fresh clone builds Hypothesis' table of characters within its first draw, and a busy machine is slow: neither is a
# defect of the code under test.
settings.register_profile("perdure", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("perdure")

# A run that is told to stop ends its servers, as one that is interrupted does.
signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Addresses]:
    """A real PostgreSQL and a real Temporal server, one of each for the whole run."""
    stack = Stack(Home(tmp_path_factory.mktemp("perdure")), durable=False, headless=True, in_memory=True)
    try:
        yield await stack.start()
    finally:
        await stack.destroy()


@pytest.fixture
async def world(stack: Addresses, tmp_path: Path) -> AsyncIterator[World]:
    """A migrated database, a task queue and a mailbox of the test's own."""
    async with World.open(stack, tmp_path) as world:
        yield world


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Path]:
    """A data folder whose stack is gone after the test."""
    home = tmp_path / "home"
    yield home
    stack = Stack(Home(home))
    await stack.end_leftovers()
    await stack.destroy()
