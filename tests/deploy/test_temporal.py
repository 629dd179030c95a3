"""The embedded Temporal dev server: ready when it says so, and still there after a kill."""

from __future__ import annotations

import asyncio
import os
import signal
import urllib.request

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from deploy.local import processes
from deploy.local.errors import NoAddressError, StartFailedError

from .conftest import KeepUp, Sandbox


async def _registered(address: str) -> set[str]:
    client = await Client.connect(address)
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    return {name for name, kind in answer.custom_attributes.items() if kind == keyword}


async def test_ready_means_usable(sandbox: Sandbox) -> None:
    """Right after the start an execution can be started and counted."""
    client = await Client.connect(await sandbox.temporal(sandbox.home()).start())
    await client.start_workflow("Nothing", id="first", task_queue="none")
    assert (await client.get_workflow_handle("first").describe()).status is WorkflowExecutionStatus.RUNNING


async def test_a_kill_loses_nothing(sandbox: Sandbox) -> None:
    """What the server acknowledged before `kill -9` is there after the next start, at the same address."""
    temporal = sandbox.temporal(sandbox.home())
    before = await temporal.start()
    client = await Client.connect(before)
    handle = await client.start_workflow("Nothing", id="kept", task_queue="none")
    await handle.signal("hello")
    temporal.kill9()
    assert await temporal.start() == before
    again = (await Client.connect(before)).get_workflow_handle("kept")
    kinds = [event.WhichOneof("attributes") async for event in again.fetch_history_events()]
    assert "workflow_execution_signaled_event_attributes" in kinds


async def test_search_attributes_outlive_starts(sandbox: Sandbox) -> None:
    """The three search attributes are there after the first start and after a second on the same file."""
    temporal = sandbox.temporal(sandbox.home())
    wanted = {"PerdureFlow", "PerdureRecord", "PerdureRevision"}
    assert await _registered(await temporal.start()) >= wanted
    await temporal.stop()
    assert await _registered(await temporal.start()) >= wanted


async def test_in_memory_leaves_no_file(sandbox: Sandbox) -> None:
    """A server in memory writes no database and starts empty."""
    home = sandbox.home()
    temporal = sandbox.temporal(home, in_memory=True)
    client = await Client.connect(await temporal.start())
    await client.start_workflow("Nothing", id="gone", task_queue="none")
    await temporal.stop()
    client = await Client.connect(await temporal.start())
    with pytest.raises(RPCError, match="not found"):
        await client.get_workflow_handle("gone").describe()
    assert list(home.temporal.glob("*.db*")) == []


async def test_the_web_ui_answers(sandbox: Sandbox) -> None:
    """The Web UI is served at the address given."""
    temporal = sandbox.temporal(sandbox.home(), headless=False, in_memory=True)
    await temporal.start()
    assert temporal.ui_url

    def status(url: str) -> int:
        with urllib.request.urlopen(f"{url}/namespaces/default/workflows", timeout=10) as answer:
            return int(answer.status)

    assert await asyncio.to_thread(status, temporal.ui_url) == 200


async def test_headless_has_no_ui(sandbox: Sandbox) -> None:
    """A headless server has no address for the Web UI."""
    temporal = sandbox.temporal(sandbox.home(), in_memory=True)
    await temporal.start()
    assert temporal.ui_url is None


async def test_dynamic_config_takes_effect(sandbox: Sandbox) -> None:
    """A dynamic config value given to the server rules it."""
    temporal = sandbox.temporal(sandbox.home(), in_memory=True, limit__maxIDLength=20)
    client = await Client.connect(await temporal.start())
    with pytest.raises(RPCError, match="exceeds maximum allowed length"):
        await client.start_workflow("Nothing", id="x" * 21, task_queue="none")


async def test_a_failed_start_quotes_the_log(sandbox: Sandbox) -> None:
    """A server that refuses to start says why, in its own words."""
    home = sandbox.home()
    home.prepare()
    (home.temporal / "temporal.db").write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(StartFailedError, match="file is not a database"):
        await sandbox.temporal(home).start()


async def test_the_server_of_a_killed_parent_is_replaced(sandbox: Sandbox, keep_up: KeepUp) -> None:
    """A server whose starter was killed is ended by the next start, which has its address and all its executions."""
    home = sandbox.home()
    keeper = await keep_up(home)
    client = await Client.connect(keeper.addresses.temporal)
    await client.start_workflow("Nothing", id="kept", task_queue="none")
    await keeper.kill9()
    (left,) = processes.find("temporal", "start-dev", home.temporal)
    temporal = sandbox.temporal(home, headless=False)
    assert await temporal.start() == keeper.addresses.temporal
    assert temporal.pid != left
    assert not processes.is_alive(left)
    await (await Client.connect(temporal.address)).get_workflow_handle("kept").describe()


async def test_other_servers_are_left_alone(sandbox: Sandbox) -> None:
    """A dev server of another folder is no leftover of this one."""
    other = sandbox.temporal(sandbox.home("home-2"), in_memory=True)
    await other.start()
    await sandbox.temporal(sandbox.home("home")).end_leftover()
    assert other.pid
    assert processes.is_alive(other.pid)


async def test_a_start_finds_it_dead(sandbox: Sandbox) -> None:
    """A server that was killed from outside is started again by `start`."""
    temporal = sandbox.temporal(sandbox.home(), in_memory=True)
    await temporal.start()
    assert temporal.pid
    os.kill(temporal.pid, signal.SIGKILL)
    await (await Client.connect(await temporal.start())).count_workflows()


async def test_the_users_environment_stays_out(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """TEMPORAL_* variables of the user's shell do not reach the server."""
    monkeypatch.setenv("TEMPORAL_PROFILE", "no-such-profile")
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "/nowhere/temporal.toml")
    assert await sandbox.temporal(sandbox.home(), in_memory=True).start()


def test_no_address_before_the_start(sandbox: Sandbox) -> None:
    """A server that was not started has no address."""
    with pytest.raises(NoAddressError):
        _ = sandbox.temporal(sandbox.home()).address
