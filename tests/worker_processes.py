"""Workers as processes of their own, to be killed. Their queue is fixed, so they need their own Temporal server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.local.addresses import Addresses
from deploy.local.home import Home
from deploy.local.temporal import TemporalDevServer
from starter.worker_process import WorkerProcess
from tests.world import World

if TYPE_CHECKING:
    from pydantic import JsonValue

KILLED = -9


@asynccontextmanager
async def own_temporal(
    shared: Addresses, folder: Path, dynamic_config: Mapping[str, JsonValue] | None = None
) -> AsyncIterator[Addresses]:
    """Run a Temporal server beside the shared one; its addresses are those of the shared stack, with it in place."""
    server = TemporalDevServer(Home(folder), headless=True, in_memory=True, dynamic_config=dynamic_config)
    try:
        yield shared.model_copy(update={"temporal": await server.start()})
    finally:
        await server.stop()


def environment(world: World, **more: Any) -> dict[str, str]:
    """Give an environment in which nothing is set but where the world's servers are."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PERDURE_", "TEMPORAL_"))}
    return {
        **kept,
        "PERDURE_DATABASE_URL": world.dsn,
        "TEMPORAL_ADDRESS": world.addresses.temporal,
        "TEMPORAL_NAMESPACE": world.addresses.namespace,
        **more,
    }


@asynccontextmanager
async def worker_process(world: World, fault: str = "") -> AsyncIterator[WorkerProcess]:
    """Run a worker for a block. With a `fault`, a crash point's name, it kills itself -9 there, once in a world."""
    plan = {"PERDURE_FAULT": f"{fault}:{world.folder / fault}"} if fault else {}
    worker = WorkerProcess(environment(world, **plan), world.folder / "worker.log")
    await worker.start()
    try:
        yield worker
    finally:
        await worker.stop()
