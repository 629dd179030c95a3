from __future__ import annotations

import pytest
from temporalio.converter import DataConverter
from temporalio.worker import UnsandboxedWorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from starter.simulate import MemorySource
from tests.flows import delay, flow
from workflows.codec import Revisions
from workflows.contract import Answer
from workflows.enrollment import Enrollment
from workflows.model.revision import canonical
from workflows.plugin import PerdurePlugin
from workflows.purging import Purge

REVISION = flow("f", delay("d", "1 day"))


def converter(plugin: PerdurePlugin) -> DataConverter:
    assert isinstance(plugin.data_converter, DataConverter)
    return plugin.data_converter


async def test_what_one_process_writes_another_reads() -> None:
    """Converter and codec belong together: a payload of the client is read by a worker that had nothing loaded."""
    source = MemorySource()
    source.texts[REVISION.hash] = canonical(REVISION.flow)
    client, worker = Revisions(source), Revisions(source)
    payloads = await converter(PerdurePlugin(client)).encode([Answer(revision=REVISION)])
    [answer] = await converter(PerdurePlugin(worker)).decode(payloads, [Answer])
    assert answer.revision is worker.known[REVISION.hash]
    assert answer.revision.flow == REVISION.flow


@pytest.mark.parametrize(("sandbox", "runner"), [(True, SandboxedWorkflowRunner), (False, UnsandboxedWorkflowRunner)])
def test_the_sandbox_is_a_switch(sandbox: bool, runner: type) -> None:
    """On in tests, off in production; the workflow is the same."""
    plugin = PerdurePlugin(Revisions(MemorySource()), sandbox=sandbox)
    assert isinstance(plugin.workflow_runner, runner)
    assert plugin.workflows == [Enrollment, Purge]
