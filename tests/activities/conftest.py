"""The benches on which the tests of both ledgers run."""

from __future__ import annotations

import pytest

from tests.activities.ledger_bench import Bench, in_memory, in_postgres
from tests.world import World


@pytest.fixture(params=["postgres", "fake"])
def servers(request: pytest.FixtureRequest) -> World | None:
    """The real servers, or none."""
    world: World | None = request.getfixturevalue("world") if request.param == "postgres" else None
    return world


@pytest.fixture
async def bench(servers: World | None) -> Bench:
    """The same bench on PostgreSQL and in memory."""
    return await in_postgres(servers) if servers else in_memory()
