"""How long an activity waits after trouble of our own, such as a database that is away."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.dispatch import _activity
from workflows.contract import FALLBACK_RETRY, Answer, Step

STEP = Step(enrollment="e", revision="r", node="n", visit=1)


async def away(step: Step) -> Answer:
    raise ConnectionRefusedError


async def failed(attempt: int, *, is_local: bool) -> ApplicationError:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=attempt, is_local=is_local)
    with pytest.raises(ApplicationError) as caught:
        await environment.run(_activity("send_email", away), STEP)
    return caught.value


async def test_pauses_are_a_fifth_of_the_time_gone_by() -> None:
    """However the node's own policy grows, our database is looked for again soon after it is back."""
    gone = timedelta(0)
    for attempt in range(1, 30):
        pause = (await failed(attempt, is_local=False)).next_retry_delay
        assert pause is not None
        assert pause <= timedelta(seconds=1) + gone / 5 + timedelta(milliseconds=1)
        gone += pause
    assert gone > timedelta(minutes=15)


async def test_a_long_outage_costs_one_try_in_five_minutes() -> None:
    """The pause stops growing."""
    assert (await failed(100_000, is_local=False)).next_retry_delay == FALLBACK_RETRY.maximum_interval


async def test_a_local_activity_keeps_its_quick_tries() -> None:
    """Its pauses are those of its own three tries."""
    assert (await failed(2, is_local=True)).next_retry_delay is None
