"""The worker of what is written by hand, with every setting of `worker.py`, so that only the code differs.

Run as `python -m tests.bench.hand_worker plain|style URL`, in the environment of a worker.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import timedelta
from typing import Any

import uvloop
from temporalio.client import Client as Temporal
from temporalio.converter import DataConverter
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker

from activities.gateways.http import WebGateway
from activities.gateways.postgres import PostgresSource, open_pool
from activities.gateways.postgres_ledger import PostgresLedger
from activities.gateways.smtp import SmtpMailer
from starter.compose import database_url, temporal_profile
from starter.doors import doors_into
from starter.reconcile import Reconciler
from starter.relay import Relay
from starter.router import Router
from starter.settings import Settings
from tests.bench import in_our_style, plain
from workflows.codec import RevisionCodec, Revisions
from workflows.converter import TracelessFailureConverter, payload_converter


async def serve_plain(settings: Settings, url: str) -> None:
    """Serve what is written on the plain SDK."""
    pool = await open_pool(database_url(settings), plans="force_generic_plan")
    temporal = await Temporal.connect(**temporal_profile(settings).to_client_connect_config())
    steps = plain.Steps(pool, _mailer(settings), _web(settings), url)
    async with _worker(temporal, plain.QUEUE, [plain.PlainJourney, plain.PlainGraph], steps.all):
        await _asked_to_stop().wait()


async def serve_style(settings: Settings, url: str) -> None:
    """Serve what is written in our style, with the loops that `worker.py` has beside it."""
    pool = await open_pool(database_url(settings), plans="force_generic_plan")
    revisions = Revisions(PostgresSource(await open_pool(database_url(settings), size=2, ready=0)))
    converter = DataConverter(
        payload_converter_class=payload_converter(revisions.known),
        payload_codec=RevisionCodec(revisions),
        failure_converter_class=TracelessFailureConverter,
    )
    profile = temporal_profile(settings).to_client_connect_config()
    temporal = await Temporal.connect(**profile, data_converter=converter)
    ledger = PostgresLedger(pool, doors_into(revisions))
    steps = in_our_style.LedgerSteps(ledger, _mailer(settings), _web(settings), url)
    stop = _asked_to_stop()
    relay = Relay(pool, temporal, revisions, task_queue=in_our_style.QUEUE)
    async with _worker(temporal, in_our_style.QUEUE, [in_our_style.ByHand], steps.all):
        loops = (Router(pool, revisions), relay, Reconciler(pool, temporal))
        await asyncio.gather(*(each.run(stop) for each in loops))


def _worker(temporal: Temporal, queue: str, workflows: list[type], activities: list[Any]) -> Worker:
    poller = PollerBehaviorAutoscaling(minimum=1, initial=5, maximum=50)
    return Worker(
        temporal,
        task_queue=queue,
        workflows=workflows,
        activities=activities,
        workflow_runner=UnsandboxedWorkflowRunner(),
        identity=str(os.getpid()),
        build_id="1",
        max_cached_workflows=2_000,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=3),
        workflow_task_poller_behavior=poller,
        activity_task_poller_behavior=poller,
    )


def _mailer(settings: Settings) -> SmtpMailer:
    assert settings.smtp is not None
    return SmtpMailer(settings.smtp)


def _web(settings: Settings) -> WebGateway:
    return WebGateway(settings.outbound.allowed)


def _asked_to_stop() -> asyncio.Event:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    return stop


def main() -> None:
    """Serve the way that the first argument names."""
    way, url = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run({"plain": serve_plain, "style": serve_style}[way](Settings.load(), url))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # as in worker.py
