"""The one Temporal adapter: every kind of action and every question of the engine as an activity of that name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.performing import Again, Performer
from workflows import contract
from workflows.contract import FALLBACK_RETRY, HEARTBEAT, Answer, Step
from workflows.model.errors import PerdureError

if TYPE_CHECKING:
    from activities.control import Control

Activity = Callable[[Step], Awaitable[Answer]]


def activities(performer: Performer) -> list[Activity]:
    """Give all activities of a worker."""
    control = performer.control
    engine = [_activity(name, question) for name, question in questions(control).items()]

    async def perform(step: Step) -> Answer:
        info = activity.info()
        work = performer.perform(step, sha256(info.task_token).hexdigest()[:8])
        return await (work if info.is_local else _alive(work))

    return [*engine, *(_activity(kind, perform) for kind in performer.catalogue)]


def questions(control: Control) -> dict[str, Activity]:
    """Give the engine's own questions by name."""
    return {
        contract.BRANCH: control.branch,
        contract.BRANCH_ON_VALUE: control.branch_on_value,
        contract.SPLIT: control.split,
        contract.DELAY: control.delay,
        contract.DELAY_UNTIL: control.delay_until,
        contract.ARM_WAIT: control.arm_wait,
        contract.DISARM_WAIT: control.disarm_wait,
        contract.RECORD_EVENT: control.record_event,
        contract.GIVE_UP: control.give_up,
        contract.FINISH: control.finish,
    }


async def _alive(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Do an effect outside with heartbeats. An order to leave, which they bring, does not cut a sending in half.

    A worker that shuts down does: the ledger knows that nobody knows.
    """
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.wait({task}, timeout=HEARTBEAT.total_seconds())
        except asyncio.CancelledError:
            if activity.is_worker_shutdown():
                task.cancel()
                raise
        if not task.done():
            activity.heartbeat()
    return task.result()


def _activity(name: str, answer: Activity) -> Activity:
    @activity.defn(name=name)
    async def run(step: Step) -> Answer:
        try:
            return await answer(step)
        except Again as again:
            raise ApplicationError(again.code, type="Again", next_retry_delay=again.after) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again, and only its class enters history
            # The text of an error may quote a value of the record; the worker's log has it, history has its class.
            activity.logger.warning("%s failed and is tried again", name, exc_info=not _is_ours(error))
            raise ApplicationError(
                f"{name}: {type(error).__name__}",
                type=type(error).__name__,
                next_retry_delay=_own_pause(),
                category=ApplicationErrorCategory.BENIGN,  # said above, and the SDK would add a trace a try
            ) from None

    return run


def _own_pause() -> timedelta | None:
    """Give how long to wait after trouble of our own: a node's policy is for its provider, not for our database.

    A local activity keeps its three quick tries.
    """
    info = activity.info()
    if info.is_local or FALLBACK_RETRY.maximum_interval is None:
        return None
    growth: float = FALLBACK_RETRY.backoff_coefficient ** min(info.attempt - 1, 64)
    return min(FALLBACK_RETRY.initial_interval * growth, FALLBACK_RETRY.maximum_interval)


def _is_ours(error: Exception) -> bool:
    return isinstance(error, PerdureError | OSError | TimeoutError)
