"""A release that raises the code version: what sleeps meanwhile replays, and continues as new at its next sleep."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial

import pytest
from temporalio.client import WorkflowHistory

from tests.flows import delay, flow
from tests.replay.test_replay import replayer, stored
from tests.until import until
from tests.world import World
from workflows import contract
from workflows.contract import State


def test_an_input_that_names_no_code_is_of_the_first_version() -> None:
    """Payloads leave defaults out, so the default must never follow the constant."""
    assert State.model_fields["code"].default == 1


async def test_the_corpus_replays_under_a_later_code_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sleep that stands in history is slept: it is too late to continue as new there."""
    monkeypatch.setattr(contract, "CODE_VERSION", contract.CODE_VERSION + 1)

    async def corpus() -> AsyncIterator[WorkflowHistory]:
        for name, data in stored().items():
            yield WorkflowHistory.from_json(name, json.dumps(data))

    results = await replayer().replay_workflows(corpus(), raise_on_replay_failure=False)
    assert results.replay_failures == {}


async def test_a_sleeper_of_an_earlier_version_continues_as_new_at_its_next_sleep(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asleep when the release comes, it wakes under it, and the sleep after that begins a run of the new version."""
    revision = await world.publish(flow(world.key("release"), delay("first", "2 seconds"), delay("second", "30 days")))
    anna = await world.record("contact:1")
    async with world.serving():
        await world.enroll(revision, anna)
        await world.asleep(revision, anna, "first")
    before = (await world.handle(revision, anna).describe()).run_id
    monkeypatch.setattr(contract, "CODE_VERSION", contract.CODE_VERSION + 1)

    async def run_of_its_own() -> bool:
        return (await world.handle(revision, anna).describe()).run_id != before

    async with world.serving():
        await until(run_of_its_own, what="a run of the new version")
        state = await until(partial(world.asleep, revision, anna, "second"))
        assert state.code == contract.CODE_VERSION
