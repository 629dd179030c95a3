"""The worker's composition root: settings -> gateways -> Temporal worker, router, relay and reconciler.

Run it by `perdure worker`, as many as you like: they share the work. Nobody imports this file.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import uvloop
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from activities.control import Control
from activities.dispatch import activities
from activities.faults import PlannedFault, no_fault
from activities.gateways.postgres_ledger import PostgresLedger
from activities.performing import Performer
from activities.purging import purging
from starter.compose import Connections, connect
from starter.doors import doors_into
from starter.outside import outside
from starter.publish import announce_left
from starter.reconcile import Reconciler
from starter.relay import Relay
from starter.rounds import Rounds
from starter.router import Router
from starter.schedules import schedule_purge
from starter.settings import Settings
from workflows.contract import TASK_QUEUE
from workflows.model.errors import CallerError, PerdureError

CACHED = 2_000
"""Enrollments kept in memory: the active ones must fit (64 kB each), sleepers are evicted at no cost but a replay."""

GRACE = timedelta(seconds=15)
"""How long an activity under way may take to end when the worker is told to stop; another worker does it again."""

STICKY = timedelta(seconds=3)
"""How long a task waits for the worker that has its enrollment in memory; once that one is dead, any other takes it."""


async def serve(settings: Settings, crash_point: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; what is under way is finished first."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with connect(settings) as connections, outside(settings, connections.pool) as world:
        ledger = PostgresLedger(connections.pool, doors_into(connections.revisions), settings.store)
        control = Control(ledger, connections.revisions, settings.clock_speed)
        async with _worker(connections, Performer(control, settings.catalogue(), world, crash_point)):
            await schedule_purge(connections.temporal)
            logging.getLogger("perdure").info("the worker is ready")
            await asyncio.gather(*_loops(connections, crash_point, stop))


def _worker(connections: Connections, performer: Performer) -> Worker:
    poller = PollerBehaviorAutoscaling(minimum=1, initial=5, maximum=50)
    return Worker(
        connections.temporal,
        task_queue=TASK_QUEUE,
        activities=[*activities(performer), purging(connections.pool)],
        identity=str(os.getpid()),  # the default, and a hash of all code as build id, would stand in every task
        build_id="1",
        max_cached_workflows=CACHED,
        sticky_queue_schedule_to_start_timeout=STICKY,
        workflow_task_poller_behavior=poller,
        activity_task_poller_behavior=poller,
        graceful_shutdown_timeout=GRACE,
    )


def _loops(
    connections: Connections, crash_point: Callable[[str], None], stop: asyncio.Event
) -> list[Coroutine[Any, Any, None]]:
    pool, temporal, revisions = connections.pool, connections.temporal, connections.revisions
    announcer = Rounds("the announcer", lambda: announce_left(pool, revisions), every=30)
    relay = Relay(pool, temporal, revisions, faults=crash_point)
    return [each.run(stop) for each in (Router(pool, revisions), relay, Reconciler(pool, temporal), announcer)]


def main() -> int:
    """Run the worker; return the exit status: 2 for a wrong setting, 1 when it could not serve."""
    plan = os.environ.pop("PERDURE_FAULT", "")
    try:
        settings = Settings.load()
        logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, PlannedFault(plan) if plan else no_fault))
    except PerdureError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the last word to whoever started us
        return 2 if isinstance(error, CallerError) else 1
    return 0


if __name__ == "__main__":
    status = main()
    # The SDK's native threads now and then abort at interpreter exit, after all is closed.
    sys.stdout.flush()
    os._exit(status)
