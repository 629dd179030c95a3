"""What each number of the contract must achieve, so that none is changed for another reason unseen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import accumulate, count, pairwise, takewhile

import pytest
from temporalio.common import RetryPolicy

from workflows.contract import (
    FALLBACK_RETRY,
    FALLBACK_TIMEOUT,
    HEARTBEAT,
    HEARTBEAT_TIMEOUT,
    LOCAL_RETRY,
    LOCAL_TIMEOUT,
    MOST_SIGNALS,
    WORKFLOW_TASK_TIMEOUT,
)

SIGNALS_OF_A_RUN = 10_000
"""The server ends a run that has been sent more."""

SUGGESTED_AT = 4_096
"""Events of a history at which the server suggests to continue as new."""

USUAL_TASK_TIMEOUT = timedelta(seconds=10)
"""The server's own default."""


def pauses(policy: RetryPolicy) -> Iterator[float]:
    """Give the seconds between the tries of a policy, in order."""
    most = (policy.maximum_interval or timedelta.max).total_seconds()
    tries = range(policy.maximum_attempts - 1) if policy.maximum_attempts else count()
    first, growth = policy.initial_interval.total_seconds(), policy.backoff_coefficient
    return (min(first * growth**number, most) for number in tries)


def tries_within(policy: RetryPolicy, seconds: float) -> list[float]:
    """Give when a policy tries again in an outage of so long, each try failing at once."""
    return list(takewhile(lambda moment: moment < seconds, accumulate(pauses(policy))))


@pytest.mark.parametrize("outage", [5, 30, 120, 600, 1_500])
def test_after_an_outage_all_goes_on_within_a_fifth_of_it(outage: float) -> None:
    """Whenever it ends, the next try comes a fifth of its length later, and a second, at most."""
    tried = tries_within(FALLBACK_RETRY, outage * 2)
    gaps = [later - earlier for earlier, later in pairwise(tried) if earlier < outage]
    assert max(gaps) <= outage / 5 + 1.01


def test_after_the_longest_outage_all_goes_on_within_minutes() -> None:
    """However long our database was away, the tries never end, and the next is five minutes off at most."""
    day = tries_within(FALLBACK_RETRY, 86_400)
    assert max(later - earlier for earlier, later in pairwise(day)) < 301
    assert not FALLBACK_RETRY.maximum_attempts


def test_a_long_outage_costs_few_tries() -> None:
    """A million enrollments that try again each second would keep the database down: a score of tries is enough."""
    assert len(tries_within(FALLBACK_RETRY, 60)) <= 15
    assert len(tries_within(FALLBACK_RETRY, 600)) <= 30
    assert len(tries_within(FALLBACK_RETRY, 3_600)) <= 45


def test_a_blink_of_the_database_costs_no_history() -> None:
    """Local tries outlast what is over in a second; what is not goes on as an ordinary activity soon."""
    local = list(pauses(LOCAL_RETRY))
    assert 0.5 <= sum(local) <= 1.5
    assert LOCAL_RETRY.maximum_attempts * LOCAL_TIMEOUT + timedelta(seconds=sum(local)) <= timedelta(seconds=20)
    assert FALLBACK_TIMEOUT > LOCAL_TIMEOUT


def test_a_local_try_ends_within_its_workflow_task() -> None:
    """One that hangs is given up no later than the server gives up the task that it runs in."""
    assert LOCAL_TIMEOUT <= WORKFLOW_TASK_TIMEOUT


def test_a_heartbeat_may_be_lost() -> None:
    """Of an effect that lives at least two are due before it is taken for dead; one that is dead is repeated soon."""
    assert 2 * HEARTBEAT < HEARTBEAT_TIMEOUT <= timedelta(seconds=10)


def test_a_dead_workers_task_is_missed_soon() -> None:
    """Half of what the server would wait by itself, and still enough for a task of several local activities."""
    assert timedelta(seconds=1) < WORKFLOW_TASK_TIMEOUT <= USUAL_TASK_TIMEOUT / 2


def test_an_enrollment_hands_over_long_before_the_server_ends_it() -> None:
    """As many signals again, four times, may come while it does; and the number is reached before the suggestion is."""
    assert 5 * MOST_SIGNALS <= SIGNALS_OF_A_RUN
    assert SUGGESTED_AT / 4 < MOST_SIGNALS < SUGGESTED_AT
