"""What has once run goes on: stored histories replay on today's code, offline, and fresh workers continue sleepers."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from workflows.codec import FolderSource, Revisions
from workflows.plugin import PerdurePlugin

HISTORIES = Path(__file__).parent / "histories"
REVISIONS = Path(__file__).parent / "revisions"

# Literals on purpose: these stand in histories that outlive any release, so a constant must not be able to move them.
LOCAL_ACTIVITIES = {
    *("branch", "branch_on_value", "split", "delay", "delay_until", "arm_wait", "disarm_wait"),
    *("record_event", "give_up", "finish", "set_property"),
}
ACTIVITIES = {"send_email", "delay"}
SIGNALS = {"deliver", "event", "leave", "resume"}
UPDATES = {"adopt"}

Poison = Callable[[list[dict[str, Any]]], None]


def replayer() -> Replayer:
    """Make a replayer that knows no server: the plugin of every worker, its revisions from the folder."""
    return Replayer(workflows=[], plugins=[PerdurePlugin(Revisions(FolderSource(REVISIONS)))])


def stored() -> dict[str, dict[str, Any]]:
    """Read the corpus, by name."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(HISTORIES.glob("*.json"))}


def payloads(data: Any) -> Iterator[str]:
    """Give the decoded text of every payload."""
    if isinstance(data, dict):
        if isinstance(data.get("data"), str):
            yield b64decode(data["data"]).decode()
        for value in data.values():
            yield from payloads(value)
    if isinstance(data, list):
        for value in data:
            yield from payloads(value)


def named(attributes: str, key: str) -> set[str]:
    """Give the names that the corpus holds in the attributes of one kind of event."""
    found = [e[attributes][key] for data in stored().values() for e in data["events"] if attributes in e]
    return {each["name"] if isinstance(each, dict) else each for each in found}


async def test_every_stored_history_replays_offline_in_the_sandbox() -> None:
    """One pass over the whole corpus, with nothing but the files."""

    async def corpus() -> AsyncIterator[WorkflowHistory]:
        for name, data in stored().items():
            yield WorkflowHistory.from_json(name, data)

    results = await replayer().replay_workflows(corpus(), raise_on_replay_failure=False)
    assert results.replay_failures == {}


def test_the_corpus_has_every_activity_signal_and_update() -> None:
    """By their names in histories, which may never change."""
    markers = {json.loads(each)["activity_type"] for each in payloads(stored()) if '"activity_type"' in each}
    assert markers == LOCAL_ACTIVITIES
    assert named("activityTaskScheduledEventAttributes", "activityType") == ACTIVITIES
    assert named("workflowExecutionSignaledEventAttributes", "signalName") == SIGNALS
    accepted = [
        e for data in stored().values() for e in data["events"] if "workflowExecutionUpdateAcceptedEventAttributes" in e
    ]
    names = {e["workflowExecutionUpdateAcceptedEventAttributes"]["acceptedRequest"]["input"]["name"] for e in accepted}
    assert names == UPDATES


def test_the_corpus_names_no_machine_and_nobody() -> None:
    """No address, no first name, no path, no process."""
    text = json.dumps(stored()) + "\n".join(payloads(stored()))
    assert not re.findall(r"[\w.]+@[\w.]+|Anna|(?<!\w)/\w+/\w+", text)


def swap(events: list[dict[str, Any]]) -> None:
    """Swap the delay's answer with that of the branch after it."""
    markers = [e["markerRecordedEventAttributes"] for e in events if "markerRecordedEventAttributes" in e]
    markers[0]["details"], markers[1]["details"] = markers[1]["details"], markers[0]["details"]


def rename(events: list[dict[str, Any]]) -> None:
    """Rename the e-mail's activity type."""
    scheduled = next(e for e in events if "activityTaskScheduledEventAttributes" in e)
    scheduled["activityTaskScheduledEventAttributes"]["activityType"]["name"] = "send_letter"


@pytest.mark.parametrize("poison", [swap, rename])
async def test_a_poisoned_history_does_not_replay(poison: Poison) -> None:
    """The check can fail: another order, or another name, is another walk."""
    data = stored()["mail_delay_branch"]
    poison(data["events"])
    with pytest.raises(NondeterminismError):
        await replayer().replay_workflow(WorkflowHistory.from_json("poisoned", data))


async def test_the_sandbox_loads_nothing_anew_but_the_workflow_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is passed through, whole: loaded for every run, it cost ten times the run's own CPU."""
    loaded: list[str] = []
    load = SourceFileLoader.exec_module

    def noted(loader: SourceFileLoader, module: ModuleType) -> None:
        loaded.append(module.__name__)
        load(loader, module)

    history = WorkflowHistory.from_json("once", stored()["mail_delay_branch"])
    await replayer().replay_workflow(history)
    monkeypatch.setattr(SourceFileLoader, "exec_module", noted)
    await replayer().replay_workflow(history)
    own = {f"workflows{each}" for each in ("", ".enrollment", ".host", ".interpreter", ".purging", ".waiting")}
    assert {name for name in loaded if name.startswith("workflows")} == own
