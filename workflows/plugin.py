"""The one SDK plugin of client, worker, replayer and tests, so that they cannot differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.converter import DataConverter
from temporalio.plugin import SimplePlugin
from temporalio.worker import UnsandboxedWorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from workflows.codec import RevisionCodec
from workflows.converter import TracelessFailureConverter, payload_converter
from workflows.enrollment import Enrollment
from workflows.purging import Purge

if TYPE_CHECKING:
    from workflows.codec import Revisions


class PerdurePlugin(SimplePlugin):
    """Converter, codec, sandbox and workflow in one.

    The sandbox is worth 40 % of a worker's CPU: on in tests, off in production, where the import contracts and the
    banned names have already proven what it would guard.
    """

    def __init__(self, revisions: Revisions, *, sandbox: bool = True) -> None:
        """Hand out the revisions of `revisions`; run workflow code in the sandbox or not."""
        super().__init__(
            "perdure",
            data_converter=DataConverter(
                payload_converter_class=payload_converter(revisions.known),
                payload_codec=RevisionCodec(revisions),
                failure_converter_class=TracelessFailureConverter,
            ),
            workflows=[Enrollment, Purge],
            workflow_runner=SandboxedWorkflowRunner() if sandbox else UnsandboxedWorkflowRunner(),
        )
        self.revisions = revisions
